"""The layered payload: what rides beside each I period of a standard stream (normative text: docs/format.md)."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from nvc.container.nal import is_slice
from nvc.container.varint import (
    TIME_LIMIT,
    Cursor,
    write_bytes,
    write_fraction,
    write_numbers,
    write_text,
    write_time,
    write_varint,
)
from nvc.errors import CorruptError, FormatError, LimitError
from nvc.types import MAX_PIXELS, MAX_SIDE

VERSION = 1
OWN_DURATIONS, HAS_WEIGHTS, HAS_PARAMETERS, HAS_LOCATION = 1, 2, 4, 8
MAX_PERIOD = 65535
MAX_PARAMETERS = 2**20


@dataclass(frozen=True, slots=True)
class LayeredPayload:
    """The payload of one I period.

    width, height  true size: the base is coded even, and 16 or more a side
    time_base      of pts and durations
    pts            of each frame in display order, strictly rising
    durations      of each frame, 0 = unknown
    key_sum        CRC-32 of the key picture's slice NAL units (see slice_sum)
    period_sum     CRC-32 of all slice NAL units of the period in decode order
    weights        id of the weights that the parameters steer, "none" for no network
    parameters     entropy-coded parameters of the enhancement, b"" for identity
    chroma_location  as VideoInfo's: readers of .mp4 and .mkv seldom tell it
    """

    width: int
    height: int
    time_base: Fraction
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    key_sum: int
    period_sum: int
    weights: str = "none"
    parameters: bytes = b""
    chroma_location: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.width <= MAX_SIDE and 0 < self.height <= MAX_SIDE and self.width * self.height <= MAX_PIXELS):
            raise LimitError(f"payload names a picture of {self.width}x{self.height}")
        if not 1 <= len(self.pts) <= MAX_PERIOD or len(self.durations) != len(self.pts):
            raise LimitError(f"payload names {len(self.pts)} times and {len(self.durations)} durations")
        if not 0 <= self.chroma_location <= 6:
            raise FormatError(f"payload names the chroma location {self.chroma_location}")
        if len(self.parameters) > MAX_PARAMETERS or len(self.weights) > 255:
            raise LimitError("payload with more than 1 MiB of parameters or 255 characters of weights id")


def slice_sum(nals: Iterable[bytes], start: int = 0) -> int:
    """CRC-32 over the slice NAL units (types below 32), each as its 4-byte big-endian length and its bytes.

    Lengths, not start codes, so that both forms of a sample give the same sum; ``start`` continues a sum.
    """
    for nal in nals:
        if is_slice(nal):
            start = zlib.crc32(nal, zlib.crc32(struct.pack(">I", len(nal)), start))
    return start


def write_payload(payload: LayeredPayload) -> bytes:
    """Bytes of a payload; a plain period at a constant rate takes some 30."""
    steps = [b - a for a, b in zip(payload.pts, payload.pts[1:], strict=False)]
    if any(step <= 0 for step in steps):
        raise FormatError("times of a payload must rise strictly")
    own = list(payload.durations[:-1]) != steps
    flags = OWN_DURATIONS * own | HAS_WEIGHTS * (payload.weights != "none") | HAS_PARAMETERS * bool(payload.parameters)
    flags |= HAS_LOCATION * bool(payload.chroma_location)
    out = bytearray([VERSION, flags])
    out += write_varint(payload.width) + write_varint(payload.height) + write_fraction(payload.time_base)
    out += write_time(payload.pts[0]) + write_varint(len(payload.pts)) + write_numbers(steps)
    out += write_numbers(payload.durations) if own else write_varint(payload.durations[-1])
    if payload.chroma_location:
        out.append(payload.chroma_location)
    if payload.weights != "none":
        out += write_text(payload.weights)
    out += struct.pack("<II", payload.key_sum, payload.period_sum)
    if payload.parameters:
        out += write_bytes(payload.parameters)
    return bytes(out) + struct.pack("<I", zlib.crc32(out))


def read_payload(data: bytes) -> LayeredPayload:
    """Read what write_payload wrote. FormatError for another version, CorruptError where a sum or length is wrong."""
    if data[:1] != bytes([VERSION]):
        raise FormatError(f"layered payload of version {data[0] if data else 'none'}, this reads {VERSION}")
    if len(data) < 6 or zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise CorruptError("the sum of a layered payload is wrong")
    cursor = Cursor(data[1:-4], "layered payload")
    flags = cursor.byte()
    width, height, time_base = cursor.varint(MAX_SIDE), cursor.varint(MAX_SIDE), cursor.fraction()
    first, count = cursor.time(), cursor.varint(MAX_PERIOD)
    if not (time_base and count):
        raise CorruptError(f"layered payload with {count} frames and time base {time_base}")
    steps = cursor.numbers(count - 1)
    pts = tuple(accumulate(steps, initial=first))
    if min(steps, default=1) < 1 or pts[-1] >= TIME_LIMIT:
        raise CorruptError("times of a layered payload do not rise")
    durations = cursor.numbers(count) if flags & OWN_DURATIONS else [*steps, cursor.varint()]
    location = cursor.byte() if flags & HAS_LOCATION else 0
    weights = cursor.text() if flags & HAS_WEIGHTS else "none"
    key_sum, period_sum = struct.unpack("<II", cursor.take(8))
    parameters = cursor.bytes() if flags & HAS_PARAMETERS else b""
    return LayeredPayload(
        width, height, time_base, pts, tuple(durations), key_sum, period_sum, weights, parameters, location
    )
