"""Pictures of any video file as planes, read by the ffmpeg binary: one reader for us and for every anchor.

The codec's own reader takes no part, so a fault in it cannot hide in a measurement.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, zip_longest
from pathlib import Path
from typing import IO, cast

import numpy as np

from nvc.bench.child import child_error, ffmpeg_exe, file_url, run
from nvc.errors import CorruptError, InputError
from nvc.metrics import frame_psnr, psnr_611

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
PlanePsnr = tuple[float, float, float]
# ffmpeg takes the first of these that loses least: 8 bit stays 8 bit, 10 bit stays 10 bit
_FORMATS = "yuv420p|yuv420p10le"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of the pictures of a file: size in pixels, bit depth, frames a second."""

    width: int
    height: int
    bit_depth: int
    frame_rate: Fraction

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the planes."""
        return "yuv420p" if self.bit_depth == 8 else "yuv420p10le"

    @property
    def plane_shapes(self) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of y, u, v; chroma halves round up."""
        chroma = ((self.height + 1) // 2, (self.width + 1) // 2)
        return (self.height, self.width), chroma, chroma


@dataclass(frozen=True, slots=True)
class Quality:
    """Mean over frames of each frame's PSNR in dB; psnr_611 is the mean of (6 Y + U + V) / 8."""

    frames: int
    psnr_y: float
    psnr_u: float
    psnr_v: float
    psnr_611: float


class PlaneReader:
    """Iterates over the frames of a file as (y, u, v); uint8, or uint16 for 10 bit. A context manager.

    path    any video that ffmpeg opens, also .y4m and a raw .hevc
    frames  read at most so many
    .picture is known from the start. Raises InputError if there is no frame, CorruptError if ffmpeg fails later.
    """

    def __init__(self, path: str | Path, frames: int | None = None) -> None:
        self._command = _command(path, frames)
        # a file, not a pipe: nobody reads it while frames come, and a full pipe would stop the child
        self._messages = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._messages, bufsize=1 << 20
        )
        self._output = cast(IO[bytes], self._child.stdout)
        self.count = 0
        head = self._output.readline()
        if not head.startswith(b"YUV4MPEG2 "):
            error = self._error()
            self.close()
            raise InputError(f"{path}: no pictures to read: {error}")
        self.picture = parse_y4m_head(head)

    def __enter__(self) -> "PlaneReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Planes]:
        dtype = np.dtype(np.uint8 if self.picture.bit_depth == 8 else "<u2")
        while head := self._output.readline():
            if not head.startswith(b"FRAME"):
                raise CorruptError(f"expected a frame, got {head[:20]!r}", frames=self.count)
            y, u, v = (self._plane(shape, dtype) for shape in self.picture.plane_shapes)
            yield y, u, v
            self.count += 1
        if self._child.wait():
            raise CorruptError(self._error(), frames=self.count)

    def close(self) -> None:
        """Stop the child, whether it is done or not."""
        self._child.kill()
        self._output.close()
        self._child.wait()
        self._messages.close()

    def _plane(self, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
        size = shape[0] * shape[1] * dtype.itemsize
        data = self._output.read(size)
        if len(data) != size:
            raise CorruptError(f"frame {self.count} ends early: {self._error()}", frames=self.count)
        return np.frombuffer(data, dtype).reshape(shape)

    def _error(self) -> str:
        """The child's end in one line; called when its output has ended."""
        code = self._child.wait()
        self._messages.seek(0)
        return str(child_error(self._command, code, self._messages.read()))


def write_y4m(path: str | Path, out: str | Path, frames: int | None = None) -> None:
    """Write a file's first frames, as every measure reads them, to the file ``out``."""
    run(_command(path, frames, file_url(out)), threads=1)


def _command(path: str | Path, frames: int | None, to: str = "pipe:") -> list[str]:
    """The command that writes a file's frames as y4m: every frame once, unrotated, no frame rate made up."""
    import ffmpeg

    limit = {} if frames is None else {"frames:v": frames}
    out = {"f": "yuv4mpegpipe", "strict": -1, "vf": f"format={_FORMATS}", "fps_mode": "passthrough", **limit}
    stream = ffmpeg.input(file_url(path), noautorotate=None)["v:0"].output(to, an=None, sn=None, dn=None, **out)
    stream = stream.global_args("-nostdin", "-v", "error")
    return stream.compile(cmd=ffmpeg_exe(), overwrite_output=to != "pipe:")


def parse_y4m_head(line: bytes) -> Picture:
    """First line of a y4m stream. Raises InputError for anything but 4:2:0 of 8 or 10 bit."""
    fields = {word[:1]: word[1:] for word in line.decode("ascii", "replace").split()[1:] if not word.startswith("X")}
    layout = fields.get("C", "420jpeg")
    if layout not in ("420", "420jpeg", "420mpeg2", "420paldv", "420p10"):
        raise InputError(f"pictures must be 4:2:0 with 8 or 10 bits, got {layout}")
    rate, scale = (int(part) for part in fields.get("F", "25:1").split(":"))
    depth = 10 if layout == "420p10" else 8
    return Picture(int(fields["W"]), int(fields["H"]), depth, Fraction(rate, scale) if rate and scale else Fraction(25))


def probe_picture(path: str | Path) -> Picture:
    """Size, depth and rate of a file's pictures, from its first frame."""
    with PlaneReader(path, 1) as reader:
        return reader.picture


def read_frame(path: str | Path, index: int) -> Planes:
    """Planes of one frame of a file, counted from 0. Raises InputError if it has no such frame."""
    with PlaneReader(path, index + 1) as reader:
        for planes in islice(reader, index, None):
            return planes
        raise InputError(f"{path}: no frame {index}, it has {reader.count}")


def quality_by_frame(source: str | Path, decoded: str | Path, frames: int | None = None) -> list[PlanePsnr]:
    """PSNR (y, u, v) in dB of each frame of ``decoded`` against the first ``frames`` of ``source``.

    Raises CorruptError if the counts differ, InputError if sizes or depths differ: frames are never paired by guess.
    """
    with PlaneReader(source, frames) as a, PlaneReader(decoded) as b:
        if (a.picture.plane_shapes, a.picture.bit_depth) != (b.picture.plane_shapes, b.picture.bit_depth):
            raise InputError(f"{decoded}: pictures are {_words(b.picture)}, expected {_words(a.picture)}")
        result: list[PlanePsnr] = []
        for planes, other in zip_longest(a, b):
            if planes is None or other is None:
                which = "fewer" if other is None else "more"
                raise CorruptError(f"{decoded}: {which} frames than the {a.count} of its source", frames=len(result))
            result.append(frame_psnr(planes, other, a.picture.bit_depth))
    return result


def _words(picture: Picture) -> str:
    return f"{picture.width}x{picture.height} {picture.bit_depth} bit"


def mean_quality(by_frame: list[PlanePsnr]) -> Quality:
    """Means over frames of what quality_by_frame gives."""
    table = np.array(by_frame, dtype=np.float64)
    y, u, v = table.mean(axis=0)
    weighted = np.mean([psnr_611(*row) for row in table])
    return Quality(len(table), float(y), float(u), float(v), float(weighted))
