"""Headerless planar video: what ``--raw 416x240@50:yuv420p`` names, and frames of fixed size from any stream."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np

from nvc.errors import CorruptError, InputError, UsageError
from nvc.io.pixels import NATIVE, Conversion, Planes, frame_of, plan_conversion, planes_of
from nvc.io.reader_base import Picture, VideoReader
from nvc.types import VideoInfo

_SPEC = re.compile(r"(\d+)x(\d+)@(\d+(?:\.\d+)?(?:/\d+)?)(?::(\w+))?")
_SHORT = {"yuv420p10": "yuv420p10le", "p010": "p010le", "yuv422p10": "yuv422p10le", "yuv444p10": "yuv444p10le"}
# Horizontal and vertical halving of chroma; None: no chroma planes.
_LAYOUTS: dict[str, tuple[int, int] | None] = {
    **dict.fromkeys(("yuv420p", "yuvj420p", "yuv420p10le", "nv12", "nv21", "p010le"), (1, 1)),
    **dict.fromkeys(("yuv422p", "yuv422p10le", "yuv422p12le"), (1, 0)),
    **dict.fromkeys(("yuv444p", "yuv444p10le", "yuv444p12le"), (0, 0)),
    **dict.fromkeys(("gray", "gray10le"), None),
    "yuv420p12le": (1, 1),
}


@dataclass(frozen=True, slots=True)
class RawFormat:
    """Size, frame rate and FFmpeg's pixel format name of headerless video."""

    width: int
    height: int
    rate: Fraction
    pix_fmt: str = "yuv420p"


def parse_raw(text: str) -> RawFormat:
    """``WxH@FPS[:FORMAT]`` as RawFormat; FPS may be 50, 29.97 or 30000/1001, FORMAT is yuv420p where left out.

    UsageError says what is wrong with it.
    """
    match = _SPEC.fullmatch(text.strip())
    if not match:
        raise UsageError(f"raw format must look like 416x240@50:yuv420p, got {text!r}")
    width, height, rate, name = match.groups()
    name = _SHORT.get(name or "yuv420p", name or "yuv420p")
    if name not in _LAYOUTS:
        raise UsageError(f"raw pixel format must be one of {', '.join(sorted(_LAYOUTS))}, got {name!r}")
    top, _, bottom = rate.partition("/")
    if not int(width) or not int(height) or not Fraction(top) or bottom and not int(bottom):
        raise UsageError(f"raw size and frame rate must be above 0, got {text!r}")
    return RawFormat(int(width), int(height), Fraction(top) / int(bottom or 1), name)


@dataclass(frozen=True, slots=True)
class PlanarFrames:
    """Frames of one planar layout as they lie in a stream, and the way to our planes."""

    pix_fmt: str
    width: int
    height: int
    conversion: Conversion

    @classmethod
    def make(cls, pix_fmt: str, width: int, height: int) -> "PlanarFrames":
        """For a format of ``_LAYOUTS``."""
        return cls(pix_fmt, width, height, plan_conversion(pix_fmt, height))

    @property
    def dtype(self) -> np.dtype:
        """Little-endian type of a sample."""
        wide = any(mark in self.pix_fmt for mark in ("10le", "12le", "p010"))
        return np.dtype("<u2") if wide else np.dtype(np.uint8)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each plane in the stream."""
        halves = _LAYOUTS[self.pix_fmt]
        luma = (self.height, self.width)
        if halves is None:
            return (luma,)
        height, width = -(-self.height >> halves[1]), -(-self.width >> halves[0])
        if self.pix_fmt in ("nv12", "nv21", "p010le"):
            return luma, (height, 2 * width)
        return luma, (height, width), (height, width)

    @property
    def size(self) -> int:
        """Bytes of a frame."""
        return sum(h * w for h, w in self.shapes) * self.dtype.itemsize

    def planes(self, data: bytes | bytearray) -> Planes:
        """Our planes of one frame's bytes (own memory)."""
        parts, offset = [], 0
        samples = np.frombuffer(data, self.dtype)
        for height, width in self.shapes:
            parts.append(samples[offset : offset + height * width].reshape(height, width))
            offset += height * width
        if len(parts) == 3 and self.pix_fmt in NATIVE:
            return tuple(p.astype(p.dtype.newbyteorder("=")) for p in parts)  # type: ignore[return-value]
        return planes_of(self._frame(parts), self.conversion)

    def _frame(self, parts: list[np.ndarray]) -> av.VideoFrame:
        return frame_of(tuple(parts), self.pix_fmt)  # type: ignore[arg-type]


def read_exactly(source: BinaryIO, size: int) -> bytes:
    """``size`` bytes, or what is left before the end of the stream (pipes give less at a time)."""
    parts, left = [], size
    while left:
        try:
            part = source.read(left)
        except OSError as error:
            raise InputError(f"cannot read the input: {error.strerror or error}") from error
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def skip_bytes(source: BinaryIO, size: int) -> int:
    """Step over ``size`` bytes by reading; returns how many there were."""
    left = size
    while left:
        got = len(read_exactly(source, min(left, 1 << 20)))
        if not got:
            break
        left -= got
    return size - left


def bytes_left(source: BinaryIO) -> int | None:
    """Bytes from here to the end of a seekable stream, None for a pipe."""
    try:
        if not source.seekable():
            return None
        here = source.tell()
        end = source.seek(0, 2)
        source.seek(here)
    except (OSError, AttributeError):
        return None
    return max(0, end - here)


class RawReader(VideoReader):
    """Reads frames of a RawFormat until the stream ends; a part of a frame at the end is damage."""

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        raw: RawFormat,
        *,
        start: int = 0,
        frames: int | None = None,
        owned: bool = True,
    ) -> None:
        super().__init__(name, start=start, frames=frames)
        self._source, self._owned = source, owned
        self._layout = PlanarFrames.make(raw.pix_fmt, raw.width, raw.height)
        conversion = self._layout.conversion
        self.notice(conversion.notice)
        left = bytes_left(source)
        self.info = VideoInfo(
            raw.width,
            raw.height,
            1 / raw.rate,
            raw.rate,
            conversion.bit_depth,
            color_range=conversion.color_range or 0,
            n_frames=None if left is None else self.clip_count(left // self._layout.size),
        )

    def _pictures(self) -> Iterator[Picture]:
        size = self._layout.size
        skipped = skip_bytes(self._source, self._start * size)
        if skipped % size:
            raise self._cut(skipped % size)
        if skipped < self._start * size:
            return
        index = self._start
        while data := read_exactly(self._source, size):
            if len(data) < size:
                raise self._cut(len(data))
            yield Picture(self._layout.planes(data), index, 1)
            index += 1

    def _cut(self, got: int) -> CorruptError:
        size = self._layout.size
        return CorruptError(f"{self.name} does not hold whole frames: {got} of the {size} bytes of a frame at its end")

    def close(self) -> None:
        """Close the file (not standard input)."""
        if self._owned and self._source is not sys.stdin.buffer:
            self._source.close()
