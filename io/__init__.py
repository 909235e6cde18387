"""Video in and out: files, pipes and raw planes; what travels beside the pictures; output that appears when whole."""

from nvc.io.atomic import AtomicFile
from nvc.io.mux import open_demuxer, open_muxer
from nvc.io.raw import RawFormat, parse_raw
from nvc.io.reader import open_video
from nvc.io.reader_base import VideoReader
from nvc.io.writer import VideoWriter, open_writer

__all__ = [
    "AtomicFile", "RawFormat", "VideoReader", "VideoWriter", "open_demuxer", "open_muxer", "open_video", "open_writer",
    "parse_raw",
]  # fmt: skip
