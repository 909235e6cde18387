"""Files in, files out: joins io, codec and container. Nothing heavy is imported before a job begins."""

from nvc.pipeline.decode_file import DecodeResult, decode_file
from nvc.pipeline.encode_file import EncodeResult, encode_file
from nvc.pipeline.limits import Limits
from nvc.pipeline.probe import probe_file
from nvc.pipeline.verify import verify_file

__all__ = ["DecodeResult", "EncodeResult", "Limits", "decode_file", "encode_file", "probe_file", "verify_file"]
