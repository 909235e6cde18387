"""YUV4MPEG2: a strict reader that knows when a stream is cut, and a writer; 8 and 10 bit, any size, pipes."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from nvc.errors import CorruptError, InputError
from nvc.io.color_tags import Y4M_LOCATIONS, y4m_tag
from nvc.io.raw import PlanarFrames, bytes_left, read_exactly, skip_bytes
from nvc.io.reader_base import Picture, VideoReader
from nvc.types import Frame, VideoInfo

MAGIC = b"YUV4MPEG2"
_MAX_HEADER, _MAX_FRAME_LINE = 4096, 256
_FORMATS = {
    **dict.fromkeys(("420", "420jpeg", "420mpeg2", "420paldv"), "yuv420p"),
    **{"420p10": "yuv420p10le", "420p12": "yuv420p12le", "422": "yuv422p", "444": "yuv444p", "mono": "gray"},
    **{"422p10": "yuv422p10le", "444p10": "yuv444p10le", "422p12": "yuv422p12le", "444p12": "yuv444p12le"},
    "mono10": "gray10le",
}
_RANGES = {"FULL": 2, "LIMITED": 1}


@dataclass(frozen=True, slots=True)
class Y4mHeader:
    """The first line: size, rate (None where it says 0:0), pixel format, and what it says of the picture."""

    width: int
    height: int
    rate: Fraction | None
    pix_fmt: str
    interlaced: bool = False
    sample_aspect: Fraction = Fraction(0)
    color_range: int = 0
    chroma_location: int = 0


def parse_header(line: bytes, name: str = "input") -> Y4mHeader:
    """A header line without its newline. InputError says what is not understood."""
    words = line.decode("latin-1").split(" ")
    if words[0] != MAGIC.decode():
        raise InputError(f"{name} is not a y4m stream: it begins with {line[:16]!r}")
    values = {word[0]: word[1:] for word in words[1:] if word and word[0] != "X"}
    extras = dict(word[1:].partition("=")[::2] for word in words[1:] if word.startswith("X"))
    space = values.get("C", "420")
    if space not in _FORMATS:
        raise InputError(f"{name}: y4m colour space must be one of {', '.join(_FORMATS)}, got {space!r}")
    try:
        width, height = int(values["W"]), int(values["H"])
        rate = _ratio(values.get("F", "0:0"))
        aspect = _ratio(values.get("A", "0:0"))
    except (KeyError, ValueError) as error:
        raise InputError(f"{name}: y4m header without a usable size, rate or aspect: {line[:80]!r}") from error
    return Y4mHeader(
        width,
        height,
        rate,
        _FORMATS[space],
        values.get("I", "p") not in ("p", "?"),
        aspect or Fraction(0),
        _RANGES.get(extras.get("COLORRANGE", ""), 0),
        Y4M_LOCATIONS.get(space, 0),
    )


class Y4mReader(VideoReader):
    """Reads a y4m stream from a file or a pipe."""

    def __init__(
        self, source: BinaryIO, name: str, *, start: int = 0, frames: int | None = None, owned: bool = True
    ) -> None:
        super().__init__(name, start=start, frames=frames)
        self._source, self._owned = source, owned
        line = _read_line(source, _MAX_HEADER)
        if not line.endswith(b"\n"):
            if line.startswith(MAGIC) and len(line) < _MAX_HEADER:
                raise CorruptError(f"{name} is cut short in its y4m header; 0 whole frames were read", frames=0)
            raise InputError(f"{name} is not a y4m stream" if line else f"{name} is empty")
        header = parse_header(line[:-1], name)
        if header.rate is None:
            self.notice("the y4m header names no frame rate, 25 is taken")
        if header.interlaced:
            self.notice("interlaced material is coded as progressive frames")
        rate = header.rate or Fraction(25)
        conversion = PlanarFrames.make(header.pix_fmt, header.width, header.height).conversion
        self.notice(conversion.notice)
        self.info = VideoInfo(
            header.width,
            header.height,
            1 / rate,
            rate,
            conversion.bit_depth,
            color_range=header.color_range,
            chroma_location=header.chroma_location,
            sample_aspect=header.sample_aspect,
        )
        self._layout = PlanarFrames(header.pix_fmt, header.width, header.height, conversion)
        left = bytes_left(source)
        if left is not None:
            self.info = self.info.with_frames(self.clip_count(left // (self._layout.size + len(b"FRAME\n"))))

    def _pictures(self) -> Iterator[Picture]:
        size, index = self._layout.size, 0
        while self._frame_line(index):
            if index < self._start:
                got = skip_bytes(self._source, size)
            else:
                data = read_exactly(self._source, size)
                got = len(data)
            if got < size:
                raise CorruptError(f"{self.name} is cut short: frame {index} has {got} of its {size} bytes")
            if index >= self._start:
                yield Picture(self._layout.planes(data), index, 1)
            index += 1

    def _frame_line(self, index: int) -> bool:
        """Read the line before a frame; False at a clean end."""
        line = _read_line(self._source, _MAX_FRAME_LINE)
        if not line:
            return False
        if not line.endswith(b"\n") and b"FRAME".startswith(line[:5]):
            raise CorruptError(f"{self.name} is cut short in the head of frame {index}")
        if not line.startswith((b"FRAME\n", b"FRAME ")):
            raise CorruptError(f"{self.name} is damaged: frame {index} begins with {line[:12]!r}, not FRAME")
        return True

    def close(self) -> None:
        """Close the file (not standard input)."""
        if self._owned and self._source is not sys.stdin.buffer:
            self._source.close()


def write_header(info: VideoInfo, rate: Fraction) -> bytes:
    """The header line for frames of ``info`` at ``rate`` frames a second."""
    aspect = info.sample_aspect
    words = [
        MAGIC.decode(),
        f"W{info.width}",
        f"H{info.height}",
        f"F{rate.numerator}:{rate.denominator}",
        "Ip",
        f"A{aspect.numerator}:{aspect.denominator if aspect else 0}",
        f"C{y4m_tag(info.chroma_location, info.bit_depth)}",
    ]
    if info.bit_depth == 10:
        words.append("XYSCSS=420P10")
    words += [f"XCOLORRANGE={text}" for text, value in _RANGES.items() if value == info.color_range]
    return " ".join(words).encode() + b"\n"


def frame_bytes(frame: Frame) -> bytes:
    """The planes of a frame one after the other, little endian."""
    return b"".join(p.astype(p.dtype.newbyteorder("<"), copy=False).tobytes() for p in frame.planes)


def _ratio(text: str) -> Fraction | None:
    top, _, bottom = text.partition(":")
    return Fraction(int(top), int(bottom)) if int(top) > 0 and int(bottom) > 0 else None


def _read_line(source: BinaryIO, limit: int) -> bytes:
    """Bytes up to and with a newline, or up to the limit or the end."""
    line = bytearray()
    while len(line) < limit and (byte := read_exactly(source, 1)):
        line += byte
        if byte == b"\n":
            break
    return bytes(line)
