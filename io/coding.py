"""How the pictures of a stream were coded: slice types and quantisers, as far as they can be read.

HEVC: from slice headers. H.264: libavcodec's own account of each macroblock. Others tell the type of a picture only.
"""

import struct
from typing import Any, Protocol

import av
import numpy as np

from nvc.types import CodedAs

_TYPES = {1: "I", 2: "P", 3: "B"}
_ENC_PARAMS = "VIDEO_ENC_PARAMS"
# struct AVVideoEncParams: number, offset and size of the blocks, type, quantiser of the picture.
_HEAD = struct.Struct("<I4xQQii")
_H264 = 1
_KEPT = 512  # packets noted whose frames have not come: more than any decoder holds
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
        # By time, not as the packet's opaque: decoder threads would need the interpreter's lock to free that, and
        # closing a decoder holds it while it waits for them.
        self._told: dict[int, CodedAs] = {}
        if self._headers is not None:
            self._headers.setup(self._extradata)
        elif name == "h264":
            context.options = {**context.options, "export_side_data": "venc_params"}

    def note(self, packet: av.Packet) -> None:
        """Take note of a packet; what its headers say is found again by its time."""
        if self._headers is None:
            return
        told = self._headers.sample(bytes(packet), self._extradata)
        if told is not None and packet.pts is not None:
            self._told[packet.pts] = told
            if len(self._told) > _KEPT:
                del self._told[next(iter(self._told))]

    def coded_as(self, frame: av.VideoFrame) -> CodedAs:
        """How a decoded frame was coded."""
        told = None if frame.pts is None else self._told.pop(frame.pts, None)
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
