"""``nvc bench rd``: rate and distortion of ours against x265 on any clips, one table for each."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nvc
from nvc.bench.anchors import CRFS, Anchor, Point, cache_folder, content_hash, curve, x265_point, x265_version
from nvc.bench.child import code_hash, ffmpeg_version
from nvc.bench.ours import Ours, nvc_point
from nvc.bench.planes import Picture, probe_picture
from nvc.errors import InputError, UsageError
from nvc.metrics import BdRate, bd_rate

QUALITIES = (20, 28, 36, 44, 52)
SCREEN = "screen"
_VIDEO_ENDINGS = (".mkv", ".mp4", ".y4m", ".mov", ".webm")
Emit = Callable[[dict], None]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one encoder on one source, with its BD-rate against the anchor (None for the anchor itself)."""

    name: str
    points: tuple[Point, ...]
    bd_y: BdRate | None = None
    bd_611: BdRate | None = None

    @property
    def percent_y(self) -> float | None:
        """BD-rate over PSNR Y in percent, None where there is none."""
        return self.bd_y.percent if self.bd_y else None

    @property
    def percent_611(self) -> float | None:
        """BD-rate over PSNR 6:1:1 in percent, None where there is none."""
        return self.bd_611.percent if self.bd_611 else None


@dataclass(frozen=True, slots=True)
class SourceResult:
    """All curves of one source; curves[0] is the anchor's, curves[1] is ours.

    gain  BD-rate (6:1:1) of ours against ours without the tools of ``without``, None where that was not asked
    """

    name: str
    sha256: str
    picture: Picture
    frames: int
    curves: tuple[Curve, ...]
    gain: BdRate | None = None

    @property
    def percent_gain(self) -> float | None:
        """``gain`` in percent, None where there is none."""
        return self.gain.percent if self.gain else None

    @property
    def is_screen(self) -> bool:
        """Screen content is a class of its own: it would own the mean."""
        return self.name.startswith(SCREEN)


@dataclass(frozen=True, slots=True)
class RdReport:
    """Everything that ``nvc bench rd`` measured.

    warnings           what weakens the numbers as a whole, a line each
    mean_y, mean_611   mean BD-rate in percent over the natural sources; None where one of them has none
    worst_611          largest BD-rate of a natural source, PSNR 6:1:1
    mean_gain, worst_gain   mean over the natural sources of what ``without`` compares, and the largest of all sources
    """

    sources: tuple[SourceResult, ...]
    versions: dict[str, str]
    mean_y: float | None
    mean_611: float | None
    worst_611: float | None
    warnings: tuple[str, ...] = ()
    mean_gain: float | None = None
    worst_gain: float | None = None

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        found = asdict(self)
        for source in found["sources"]:
            source["picture"]["frame_rate"] = str(source["picture"]["frame_rate"])
        return found


def run_rd(
    sources: Sequence[str | Path],
    *,
    qualities: Sequence[int] = QUALITIES,
    anchor: str = "medium",
    crfs: Sequence[int] = CRFS,
    frames: int | None = 32,
    keyint: int = 32,
    mode: str = "neural",
    structure: str = "ra",
    disable: Iterable[str] = (),
    without: Iterable[str] = (),
    extra: Sequence[str] = (),
    open_gop: bool = False,
    jobs: int | None = None,
    cache: str | Path | None = "",
    emit: Emit | None = None,
) -> RdReport:
    """Measure our curve and x265's on each source.

    sources            videos, or folders of videos; names that begin with "screen" stay out of the mean
    qualities, crfs    points of ours and of x265, at least 2 each, at least 4 for a number to rest on
    frames             so many from the start of each source, None = all
    without            measure ours without these tools too, and what they bring
    mode               "layered" has the anchor's preset as its base
    extra              further words for ``nvc encode``
    open_gop           measure x265 with open GOPs too and show it beside
    jobs               single-threaded processes at a time, None = number of cores
    cache              folder of x265's points; "" = the usual one, None = measure anew
    emit               called with one dict for each finished point, from this thread
    Raises InputError for sources that cannot be read, UsageError for options that cannot be taken.
    """
    if len(set(qualities)) < 2 or len(set(crfs)) < 2:
        raise UsageError("a curve needs at least 2 different points")
    base = ("--base-preset", anchor) if mode == "layered" else ()
    ours = Ours(mode, structure, keyint, tuple(disable), (*base, *extra))
    lesser = replace(ours, disable=(*ours.disable, *without)) if tuple(without) else None
    asked = [Anchor(anchor, keyint, structure)]
    asked += [Anchor(anchor, keyint, structure, open_gop=True)] if open_gop else []
    folder = cache_folder() if cache == "" else (Path(cache) if cache is not None else None)
    paths, code = expand_sources(sources), code_hash()
    pictures = [_checked_picture(path) for path in paths]
    work: list[tuple] = [
        (nvc_point, path, who, q, frames)
        for path in paths
        for who in (ours, lesser)
        if who
        for q in sorted(set(qualities), reverse=True)
    ]
    for one in asked:
        work += [(x265_point, path, one, crf, frames, folder) for path in paths for crf in sorted(set(crfs))]
    points = _measure(work, jobs or os.cpu_count() or 1, emit)
    results = [
        _source_result(p, picture, ours, lesser, asked, points) for p, picture in zip(paths, pictures, strict=True)
    ]
    return _report(tuple(results), code)


def expand_sources(sources: Sequence[str | Path]) -> list[Path]:
    """Files as they are, folders as their videos by name. Raises InputError for what is not there."""
    paths = []
    for source in map(Path, sources):
        found = sorted(p for p in source.iterdir() if p.suffix in _VIDEO_ENDINGS) if source.is_dir() else [source]
        if not found or not all(path.is_file() for path in found):
            raise InputError(f"no video at {source}")
        paths += found
    return list(dict.fromkeys(paths))


def _checked_picture(path: Path) -> Picture:
    picture = probe_picture(path)
    if picture.width % 2 or picture.height % 2:
        size = f"{picture.width}x{picture.height}"
        raise UsageError(f"{path}: x265 takes even sizes only, so {size} cannot be compared with it")
    return picture


def _measure(work: list[tuple], jobs: int, emit: Emit | None) -> dict[tuple, Point]:
    """Points by (path, encoder, setting). The first failure ends the run: what still waits is not started."""
    found: dict[tuple, Point] = {}
    with ThreadPoolExecutor(jobs) as pool:
        names = {pool.submit(function, *arguments): tuple(arguments[:3]) for function, *arguments in work}
        try:
            for future in as_completed(names):
                found[names[future]] = future.result()
                if emit:
                    emit(_progress(names[future], future.result(), len(found), len(names)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _progress(key: tuple, point: Point, done: int, total: int) -> dict:
    path, who, setting = key
    return {
        "type": "progress",
        "done": done,
        "total": total,
        "source": path.stem,
        "encoder": who.name,
        "setting": setting,
        "bytes": point.bytes,
        "psnr_y": point.quality.psnr_y,
        "psnr_611": point.quality.psnr_611,
    }


def _source_result(
    path: Path, picture: Picture, ours: Ours, lesser: Ours | None, asked: list[Anchor], points: dict[tuple, Point]
) -> SourceResult:
    others = ([lesser] if lesser else []) + asked[1:]
    curves = curves_of(path, ours, [asked[0], *others], points)
    gain = None
    if lesser:
        gain = bd_rate(*(curve(found.points, "psnr_611") for found in (curves[2], curves[1])))
    return SourceResult(path.stem, content_hash(path), picture, curves[0].points[0].quality.frames, curves, gain)


def curves_of(path: Path, ours: Ours, others: Sequence[Ours | Anchor], points: dict[tuple, Point]) -> tuple[Curve, ...]:
    """Curves of one source, each by rising rate: the anchor's, which is the first of the others, ours, the others'.

    points   by (path, encoder, setting), of any sources
    """
    encoders: list[Ours | Anchor] = [others[0], ours, *others[1:]]
    found: dict[Ours | Anchor, list[Point]] = {who: [] for who in encoders}
    for (at, who, _), point in sorted(points.items(), key=lambda item: item[1].bytes):
        if at == path:
            found[who].append(point)
    base = found[others[0]]
    curves = [Curve(others[0].name, tuple(base))]
    for who in encoders[1:]:
        compared = [bd_rate(curve(base, name), curve(found[who], name)) for name in ("psnr_y", "psnr_611")]
        curves.append(Curve(who.name, tuple(found[who]), *compared))
    return tuple(curves)


def _report(sources: tuple[SourceResult, ...], code: str) -> RdReport:
    """The report; ``code`` is the code's hash at the start, since every point runs the files as they lie on disk."""
    natural = [s.curves[1] for s in sources if not s.is_screen]
    y, weighted = [c.percent_y for c in natural], [c.percent_611 for c in natural]
    worst = None if mean_of(weighted) is None else max(value for value in weighted if value is not None)
    versions = {"nvc": f"{nvc.__version__} (code {code})", "x265": x265_version(), "ffmpeg": ffmpeg_version(),
                "python": platform.python_version(), "machine": platform.machine()}  # fmt: skip
    changed = "the codec's files changed while it was measured: points are of different codecs, measure again"
    warnings = (changed,) if code_hash() != code else ()
    gains = [s.percent_gain for s in sources if s.percent_gain is not None]
    mean_gain = mean_of([s.percent_gain for s in sources if not s.is_screen])
    return RdReport(
        sources, versions, mean_of(y), mean_of(weighted), worst, warnings, mean_gain, max(gains, default=None)
    )


def mean_of(values: list[float | None]) -> float | None:
    """Mean, or None where there is nothing or any value is None: a mean must not hide a clip without a number."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
