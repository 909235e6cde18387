"""open_writer: decoded frames into .mp4, .mkv, .y4m, .yuv or a folder of PNG files."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from nvc.errors import UsageError
from nvc.io.atomic import AtomicFile, AtomicFolder, output_error
from nvc.io.y4m import frame_bytes, write_header
from nvc.types import CarriedPacket, CarriedStream, Chapter, Frame, VideoInfo

CODECS = ("x264", "x265", "ffv1")
FORMATS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".y4m": "y4m",
    ".yuv": "yuv",
    "": "png",
}
_NAMES = {"mp4": "mp4", "mov": "mov", "mkv": "matroska", "matroska": "matroska", "y4m": "y4m", "yuv": "yuv"}
_MUXED = ("mp4", "mov", "matroska")


class VideoWriter(ABC):
    """Takes frames in showing order and carried packets; context manager.

    notices  what this output cannot hold, or holds changed, each once
    Leaving the block with an error, or ``abort``, removes what was written.
    """

    def __init__(self) -> None:
        self.notices: list[str] = []

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """One frame, of the size and depth of the info that the writer was opened with. OutputError: disk full."""

    def write_carried(self, packet: CarriedPacket) -> None:  # noqa: B027
        """One packet of a carried stream; left out by outputs that hold pictures only."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left and give the output its final name."""

    @abstractmethod
    def abort(self) -> None:
        """Stop, and leave nothing under the final name."""

    def notice(self, text: str) -> None:
        """Say something once."""
        if text not in self.notices:
            self.notices.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        if kind is None:
            self.close()
        else:
            self.abort()


class Output:
    """Where bytes go: a new file that is renamed at the end, or a stream that the caller (or the shell) owns."""

    def __init__(self, dest: str | Path | BinaryIO, overwrite: bool) -> None:
        self._atomic: AtomicFile | None = None
        if isinstance(dest, str | Path) and str(dest) != "-":
            self._atomic = AtomicFile(dest, overwrite)
            self.file: BinaryIO = self._atomic.file
            self.name = str(dest)
        else:
            self.file = sys.stdout.buffer if isinstance(dest, str | Path) else dest
            self.name = "standard output" if isinstance(dest, str | Path) else "output"

    def write(self, data: bytes) -> None:
        """Write bytes; OutputError where that fails, a broken pipe passes as BrokenPipeError."""
        try:
            self.file.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise output_error(self.name, error) from error

    def close(self) -> None:
        """Finish: rename, or flush a stream that is not ours."""
        if self._atomic is not None:
            self._atomic.commit()
            return
        try:
            self.file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise output_error(self.name, error) from error

    def abort(self) -> None:
        """Remove what was written, where it is ours."""
        if self._atomic is not None:
            self._atomic.abort()


class _PlanarWriter(VideoWriter):
    """.yuv: planes one after the other, 10 bit as little-endian 16 bit."""

    def __init__(self, output: Output, info: VideoInfo) -> None:
        super().__init__()
        self._output, self._info = output, info
        self._rate: Fraction | None = info.frame_rate
        self._count, self._first = 0, 0

    def write(self, frame: Frame) -> None:
        _check_frame(frame, self._info)
        if not self._count:
            self._begin(frame)
        self._check_time(frame)
        self._output.write(self._bytes(frame))
        self._count += 1

    def close(self) -> None:
        self._output.close()

    def abort(self) -> None:
        self._output.abort()

    def _begin(self, first: Frame) -> None:
        self._first = first.pts
        if self._rate is None and first.duration:
            self._rate = 1 / (first.duration * self._info.time_base)

    def _bytes(self, frame: Frame) -> bytes:
        return frame_bytes(frame)

    def _check_time(self, frame: Frame) -> None:
        seconds = (frame.pts - self._first) * self._info.time_base
        if self._rate and abs(seconds * self._rate - self._count) > Fraction(1, 2):
            self.notice("this output has no times: the frames are written one after the other at a constant rate")


class _Y4mWriter(_PlanarWriter):
    """.y4m, at the nominal rate: it has no times."""

    def close(self) -> None:
        if not self._count:
            self._write_header()
        super().close()

    def _begin(self, first: Frame) -> None:
        super()._begin(first)
        self._write_header()

    def _bytes(self, frame: Frame) -> bytes:
        return b"FRAME\n" + frame_bytes(frame)

    def _write_header(self) -> None:
        if self._info.frame_rate is None:
            self._rate = self._rate or Fraction(25)
            self.notice(f"no frame rate is known, {self._rate} is written")
        self._output.write(write_header(self._info, self._rate or Fraction(25)))


class _PngWriter(VideoWriter):
    """A folder of 000000.png, 000001.png, ...: RGB, 8 bit, or 16 bit from 10-bit frames."""

    def __init__(self, path: str | Path, info: VideoInfo, overwrite: bool) -> None:
        super().__init__()
        self._folder, self._info, self._count = AtomicFolder(path, overwrite, stale=r"\d{6,}\.png"), info, 0

    def write(self, frame: Frame) -> None:
        from nvc.io.png import encode_png

        _check_frame(frame, self._info)
        self._folder.write_file(f"{self._count:06d}.png", encode_png(frame))
        self._count += 1

    def close(self) -> None:
        self._folder.commit()

    def abort(self) -> None:
        self._folder.abort()


def open_writer(
    dest: str | Path | BinaryIO,
    info: VideoInfo,
    *,
    codec: str | None = None,
    crf: float | None = None,
    carried: Sequence[CarriedStream] = (),
    chapters: Sequence[Chapter] = (),
    threads: int = 0,
    format: str | None = None,
    overwrite: bool = False,
) -> VideoWriter:
    """A VideoWriter for what ``dest`` ends with: .mp4 .mkv .y4m .yuv, a folder (no ending) for PNG, "-" for y4m.

    codec      None or "x264" (crf 12 by default), "x265", "ffv1" (exact, .mkv only); for .mp4 and .mkv
    carried    streams that ``write_carried`` brings packets of, chapters likewise
    threads    of the encoder, 0 = automatic
    format     "mp4", "mkv", "y4m" or "yuv", needed for a binary stream as ``dest``
    overwrite  replace a file that exists; else UsageError
    Raises UsageError for endings and options that do not fit, OutputError for a place that cannot be written.
    """
    kind = _kind(dest, format)
    if kind not in _MUXED:
        if codec is not None or crf is not None:
            raise UsageError(f"codec and crf are for .mp4 and .mkv, got {kind} output")
        writer = _plain_writer(kind, dest, info, overwrite)
        if carried:
            writer.notice(f"{len(carried)} carried stream(s) (sound, subtitles) cannot go into {kind} output")
        if lost := _unsaid(info):
            writer.notice(f"{kind} output cannot say {lost}: left out")
        return writer
    from nvc.io.av_writer import AvWriter, check_options

    check_options(kind, codec, crf)
    return AvWriter(Output(dest, overwrite), kind, info, codec or "x264", crf, carried, chapters, threads)


def _unsaid(info: VideoInfo) -> str:
    """What bare pictures cannot tell of how they are to be shown, "" where nothing is lost."""
    hdr = info.mastering is not None or info.content_light is not None
    rotation = f"that the picture is to be turned by {info.rotation} degrees" if info.rotation else ""
    return " and ".join(filter(None, (rotation, "HDR10 data" if hdr else "")))


def _plain_writer(kind: str, dest: str | Path | BinaryIO, info: VideoInfo, overwrite: bool) -> VideoWriter:
    if kind == "png":
        return _PngWriter(dest, info, overwrite)  # type: ignore[arg-type]
    output = Output(dest, overwrite)
    return _Y4mWriter(output, info) if kind == "y4m" else _PlanarWriter(output, info)


def _kind(dest: str | Path | BinaryIO, format: str | None) -> str:
    if format is not None:
        if format not in _NAMES:
            raise UsageError(f"output format must be one of {', '.join(_NAMES)}, got {format!r}")
        return _NAMES[format]
    if not isinstance(dest, str | Path):
        raise UsageError("output into a stream needs a format: mp4, mkv, y4m or yuv")
    text = str(dest)
    if text == "-":
        return "y4m"
    suffix = "" if text.endswith("/") else Path(text).suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"output must end in {' '.join(s for s in FORMATS if s)} or be a folder, got {text!r}")
    return FORMATS[suffix]


def _check_frame(frame: Frame, info: VideoInfo) -> None:
    """Frames check their planes against their own info; here that info is compared with the output's."""
    got, want = frame.info, info
    if (got.width, got.height, got.bit_depth) != (want.width, want.height, want.bit_depth):
        raise UsageError(
            f"frames must be {want.width}x{want.height} with {want.bit_depth} bit, "
            f"got {got.width}x{got.height} with {got.bit_depth}"
        )
