"""``nvc bench gop``: bits, type, level and quality of each frame of a coded file; with the source its PSNR too."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nvc.bench.ours import decode_nvc
from nvc.bench.planes import quality_by_frame
from nvc.errors import InputError
from nvc.metrics import psnr_611

PARTS = ("motion", "latents", "hyper", "base", "side")


@dataclass(frozen=True, slots=True)
class GopFrame:
    """One frame in display order.

    bits       all of the frame's bits, None where nothing is known; parts splits them as ``nvc info`` does
    quality    its quality index, None where the stream gives none (layered)
    psnr       (y, u, v, 6:1:1) in dB against the source, None without a source
    """

    index: int
    type: str
    level: int
    quality: int | None
    refs: tuple[int, ...]
    bits: int | None
    parts: dict[str, int | None]
    psnr: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class LevelSum:
    """All frames of one type and level: count, known bits, their share of all known bits (0..1), mean PSNR 6:1:1."""

    type: str
    level: int
    frames: int
    bits: int
    share: float
    psnr_611: float | None


@dataclass(frozen=True, slots=True)
class GopReport:
    """What ``nvc bench gop`` found; total_bytes is the file, video_bytes its coded video with framing."""

    name: str
    total_bytes: int
    video_bytes: int
    frames: tuple[GopFrame, ...]
    levels: tuple[LevelSum, ...]

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def run_gop(
    file: str | Path, *, source: str | Path | None = None, emit: Callable[[dict], None] | None = None
) -> GopReport:
    """Read the frames of a coded file and, with a source, measure each decoded frame.

    file     .nvc, or a layered .mp4 or .mkv
    source   the video it was made from; its first frame must be the file's first
    emit     called with one dict for each frame
    Raises what probing and decoding raise, CorruptError if the source has fewer frames than the file.
    """
    from nvc.pipeline import probe_file

    found = probe_file(str(file))
    pictures = found["pictures"]
    if not pictures:
        raise InputError(f"{file}: no frames")
    measured: Sequence[tuple | None] = [None] * len(pictures)
    if source is not None:
        measured = _measure(file, source, len(pictures))
    frames = tuple(_frame(picture, psnr) for picture, psnr in zip(pictures, measured, strict=True))
    if emit:
        for frame in frames:
            emit({"type": "progress", **asdict(frame)})
    return GopReport(Path(file).name, found["bytes"], found["video_bytes"], frames, _levels(frames))


def _frame(picture: dict, psnr: tuple | None) -> GopFrame:
    parts = {name: picture["bits"].get(name) for name in PARTS}
    known = [bits for bits in parts.values() if bits is not None]
    refs = tuple(picture.get("refs") or ())
    bits = sum(known) if known else None
    index, kind, level, quality = (picture[name] for name in ("index", "type", "level", "quality"))
    return GopFrame(index, kind, level, quality, refs, bits, parts, psnr)


def _measure(file: str | Path, source: str | Path, count: int) -> list[tuple]:
    with tempfile.TemporaryDirectory(prefix="nvc-bench-") as work:
        decoded = Path(work) / "decoded.y4m"
        decode_nvc(file, decoded)
        return [(*psnr, psnr_611(*psnr)) for psnr in quality_by_frame(source, decoded, count)]


def _levels(frames: Sequence[GopFrame]) -> tuple[LevelSum, ...]:
    total = sum(frame.bits or 0 for frame in frames) or 1
    sums = []
    for kind, level in sorted({(f.type, f.level) for f in frames}, key=lambda k: (k[1], "IPB".find(k[0]))):
        mine = [f for f in frames if (f.type, f.level) == (kind, level)]
        bits = sum(f.bits or 0 for f in mine)
        measured = [f.psnr[3] for f in mine if f.psnr]
        psnr = sum(measured) / len(measured) if measured else None
        sums.append(LevelSum(kind, level, len(mine), bits, bits / total, psnr))
    return tuple(sums)


def format_gop(report: GopReport) -> str:
    """The report as two tables, ready to print; no trailing newline."""
    with_psnr = report.frames[0].psnr is not None
    head = f"{'frame':>6} type level   q {'bits':>9}" + "".join(f"{name:>9}" for name in PARTS)
    lines = [f"{report.name}: {len(report.frames)} frames, {report.total_bytes:,} bytes, video {report.video_bytes:,}"]
    lines.append(head + ("   PSNR Y   6:1:1" if with_psnr else ""))
    lines += [_frame_row(frame) for frame in report.frames]
    lines += ["", f"type level  frames {'bits':>10}   share  bits/frame" + ("   6:1:1" if with_psnr else "")]
    for s in report.levels:
        psnr = "" if s.psnr_611 is None else f"{s.psnr_611:>8.2f}"
        lines.append(
            f"{s.type:>4}{s.level:>6}{s.frames:>8}{s.bits:>11,}{s.share:>8.1%}{s.bits / s.frames:>12,.0f}{psnr}"
        )
    return "\n".join(lines)


def _frame_row(frame: GopFrame) -> str:
    quality = "-" if frame.quality is None else frame.quality
    bits, *parts = (_bits_cell(value) for value in (frame.bits, *(frame.parts[name] for name in PARTS)))
    psnr = "" if frame.psnr is None else f"{frame.psnr[0]:>9.2f}{frame.psnr[3]:>8.2f}"
    return f"{frame.index:>6}{frame.type:>5}{frame.level:>6}{quality:>4} {bits}{''.join(parts)}{psnr}"


def _bits_cell(value: int | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:>9,}"
