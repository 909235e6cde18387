"""How the pictures of a stream were coded: slice types and quantisers, as far as they can be read.

HEVC: from slice headers. H.264: libavcodec's own account of each macroblock. Others tell the type of a picture only.
"""

import struct
from typing import Any, Protocol

import av
import numpy as np
from av.codec.context import Flags

from nvc.types import CodedAs

_TYPES = {1: "I", 2: "P", 3: "B"}
_ENC_PARAMS = "VIDEO_ENC_PARAMS"
# struct AVVideoEncParams: number, offset and size of the blocks, type, quantiser of the picture.
_HEAD = struct.Struct("<I4xQQii")
_H264 = 1
_BLOCK_QP = 16  # where a block's own difference lies in it


class HeaderReader(Protocol):
    """Reads HEVC headers; nvc.container.hevc_headers.HevcHeaders does."""

    def setup(self, extradata: bytes) -> None:
        """Take the parameter sets of a file's head."""

    def sample(self, data: bytes, extradata: bytes) -> CodedAs | None:
        """Take a packet; how its picture was coded."""


class CodingReader:
    """Reads how pictures were coded while they are decoded.

    context  of a decoder that is not open yet: how packets are passed on is set here
    headers  for HEVC
    Call ``note`` with each packet before it is decoded, and ``coded_as`` with each frame that comes out.
    """

    def __init__(self, context: Any, headers: HeaderReader) -> None:
        name = context.codec.canonical_name
        self._headers = headers if name == "hevc" else None
        self._extradata = bytes(context.extradata or b"")
        if self._headers is not None:
            context.flags |= Flags.copy_opaque
            self._headers.setup(self._extradata)
        elif name == "h264":
            context.options = {**context.options, "export_side_data": "venc_params"}

    def note(self, packet: av.Packet) -> None:
        """Take note of a packet; what its headers say travels with it to its frame."""
        if self._headers is not None:
            packet.opaque = self._headers.sample(bytes(packet), self._extradata)

    def coded_as(self, frame: av.VideoFrame) -> CodedAs:
        """How a decoded frame was coded."""
        told = frame.opaque if self._headers is not None else None
        return told or CodedAs(_TYPES.get(int(frame.pict_type), ""), _macroblock_qp(frame))


def _macroblock_qp(frame: av.VideoFrame) -> float | None:
    """Mean quantiser of an H.264 picture's macroblocks, None where the decoder does not tell."""
    for data in frame.side_data:
        if data.type.name != _ENC_PARAMS:
            continue
        raw = bytes(data)
        count, start, size, kind, qp = _HEAD.unpack_from(raw)
        if kind != _H264 or not count or start + count * size > len(raw):
            return None
        blocks = np.frombuffer(raw, np.uint8, count * size, start).reshape(count, size)
        differences = np.ascontiguousarray(blocks[:, _BLOCK_QP : _BLOCK_QP + 4]).view("<i4")
        return float(qp + differences.mean())
    return None
