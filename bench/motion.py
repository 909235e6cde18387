"""``nvc bench motion``: how well the codec's own search predicts a frame, and what its motion costs, over distance.

References are frames of the source itself, so that nothing but motion is measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nvc.bench.planes import PlaneReader
from nvc.bench.rd import expand_sources
from nvc.errors import InputError, UsageError
from nvc.metrics import psnr

DISTANCES = (1, 2, 4, 8)
FRAMES = 33
Emit = Callable[[dict], None]
Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class MotionRow:
    """One kind of prediction at one distance, mean over frames.

    kind             P: from the frame ``distance`` before; B: from that and the one as far behind
    copy             PSNR Y in dB of the earlier reference as it is, without any motion
    psnr             PSNR Y in dB of the prediction
    bits_per_pixel   of modes and vectors
    """

    distance: int
    kind: str
    frames: int
    copy: float
    psnr: float
    bits_per_pixel: float


@dataclass(frozen=True, slots=True)
class SourceMotion:
    """All rows of one source."""

    name: str
    width: int
    height: int
    rows: tuple[MotionRow, ...]


@dataclass(frozen=True, slots=True)
class MotionReport:
    """What ``nvc bench motion`` measured; quality is the index that weighs bits against error in the search."""

    quality: int
    sources: tuple[SourceMotion, ...]

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def run_motion(
    sources: Sequence[str | Path],
    *,
    distances: Sequence[int] = DISTANCES,
    frames: int = FRAMES,
    quality: int = 32,
    disable: Sequence[str] = (),
    emit: Emit | None = None,
) -> MotionReport:
    """Predict frames of each source from others at each distance.

    sources     videos, or folders of videos
    distances   of the references, in frames; measured are the frames at multiples of the largest one that have a
                reference on both sides within the first ``frames``
    quality     0..63
    disable     tools of the codec that are off: merge, obmc, bipred, mirror, split
    emit        called with one dict for each finished source
    Raises UsageError if no frame has room for the references, InputError for sources that cannot be read.
    """
    if not distances or min(distances) < 1 or frames <= 2 * max(distances):
        raise UsageError(f"distances must be from 1 to less than half of {frames} frames, got {list(distances)}")
    if not 0 <= quality <= 63:
        raise UsageError(f"quality must be from 0 to 63, got {quality}")
    paths, found = expand_sources(sources), []
    for path in paths:
        found.append(_measure(path, sorted(set(distances)), frames, quality, frozenset(disable)))
        if emit:
            emit({"type": "progress", "done": len(found), "total": len(paths), "source": path.stem})
    return MotionReport(quality, tuple(found))


def _measure(path: Path, distances: list[int], frames: int, quality: int, disable: frozenset[str]) -> SourceMotion:
    with PlaneReader(path, frames) as reader:
        picture, planes = reader.picture, list(reader)
    furthest = distances[-1]
    targets = range(furthest, len(planes) - furthest, furthest)
    if not targets:
        raise InputError(f"{path}: {len(planes)} frames, more than {2 * furthest} are needed")
    rows = []
    for distance in distances:
        for kind in ("P", "B"):
            values = [_predict(planes, t, distance, kind, picture.bit_depth, quality, disable) for t in targets]
            rows.append(MotionRow(distance, kind, len(values), *(float(v) for v in np.mean(values, axis=0))))
    return SourceMotion(path.stem, picture.width, picture.height, tuple(rows))


def _predict(
    planes: list[Planes], target: int, distance: int, kind: str, depth: int, quality: int, disable: frozenset[str]
) -> tuple[float, float, float]:
    """(PSNR Y of a copy, PSNR Y of the prediction, motion bits per pixel) of one frame."""
    from nvc.codec.encoder import PASSES
    from nvc.codec.frame_coder import FrameSetup, choose, code_symbols, symbol_capacity
    from nvc.codec.mini_gop import frame_bits
    from nvc.codec.references import Reference
    from nvc.codec.stages import Stages
    from nvc.codec.symbols import load_model
    from nvc.entropy.coder import encoding_coder, queued
    from nvc.types import FrameTask

    at = (target - distance,) if kind == "P" else (target - distance, target + distance)
    references = tuple(Reference(even_planes(planes[k]), None, depth) for k in at)
    source, model = even_planes(planes[target]), load_model()
    setup = FrameSetup(FrameTask(target, kind, 0, at), source[0].shape, depth, "ra", quality, disable)  # type: ignore
    choices = choose(setup, references, source, model, Stages(), passes=PASSES["medium"])
    coder, marks = encoding_coder(model.tables, symbol_capacity(setup)), []  # type: ignore[var-annotated]
    code_symbols(setup, (None,) * len(at), coder, choices.symbols, model, marks)
    luma = planes[target][0]
    height, width = luma.shape
    peak = (1 << depth) - 1
    predicted = choices.prediction[0][:height, :width]
    bits = frame_bits(queued(coder), marks, model.tables)["motion"]
    return psnr(luma, planes[at[0]][0], peak), psnr(luma, predicted, peak), bits / luma.size


def even_planes(planes: Planes) -> Planes:
    """Planes at the size the codec codes: the edge repeated, uint16."""
    from nvc.codec.intra_hevc import coded_size

    height, width = planes[0].shape
    w, h = coded_size(width, height)
    out = []
    for plane, (rows, columns) in zip(planes, ((h, w), (h // 2, w // 2), (h // 2, w // 2)), strict=True):
        pad = ((0, rows - plane.shape[0]), (0, columns - plane.shape[1]))
        out.append(np.pad(plane, pad, mode="edge").astype(np.uint16))
    return out[0], out[1], out[2]


def format_motion(report: MotionReport) -> str:
    """The report as text, one table for each source; no trailing newline."""
    blocks = []
    for source in report.sources:
        lines = [f"{source.name}: {source.width}x{source.height}"]
        lines.append(
            f"  {'distance':>8} kind{'frames':>8}{'copy dB':>10}{'predicted dB':>14}{'gain dB':>9}{'bits/pixel':>12}"
        )
        for r in source.rows:
            numbers = f"{r.copy:>10.2f}{r.psnr:>14.2f}{r.psnr - r.copy:>9.2f}{r.bits_per_pixel:>12.4f}"
            lines.append(f"  {r.distance:>8}{r.kind:>5}{r.frames:>8}{numbers}")
        blocks.append("\n".join(lines))
    note = (
        f"PSNR Y, mean over frames, predicted from frames of the source by the codec's own search at quality "
        f"{report.quality}; P from one frame before, B also from one as far behind; bits of modes and vectors"
    )
    return "\n\n".join([*blocks, note])
