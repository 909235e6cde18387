"""From points to numbers: BD-rates by sequence, comparison and metric, and their means by class."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nvc.bench.jobs import SCHEMA
from nvc.bench.lines import comparisons, line_by_id
from nvc.bench.rd import mean_of
from nvc.bench.sequences import SCREEN
from nvc.errors import FormatError, UsageError
from nvc.metrics import bd_rate, interpolate_log_rate

METRICS = {"psnr_611": "PSNR 6:1:1", "psnr_y": "PSNR Y", "ms_ssim_db": "MS-SSIM", "xpsnr": "XPSNR", "vmaf": "VMAF",
           "vmaf_neg": "VMAF-NEG"}  # fmt: skip
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """BD-rate of one line against another on one sequence.

    percent, overlap, low, high, reason, warning   as in nvc.metrics.BdRate
    akima                    the same by Akima's curve, None without the package bjontegaard or without a number
    monotone                 whether both curves rise
    test_points, anchor_points   how many there are
    """

    sequence: str
    test: str
    anchor: str
    metric: str
    percent: float | None
    overlap: float
    low: float
    high: float
    reason: str
    warning: str
    monotone: bool
    test_points: int
    anchor_points: int
    akima: float | None = None


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean BD-rate over the natural sequences; None where one of them has no number. screen: those apart."""

    test: str
    anchor: str
    metric: str
    sequences: int
    percent: float | None
    worst: float | None
    worst_sequence: str | None
    best: float | None
    best_sequence: str | None
    screen: tuple[tuple[str, float | None], ...]


def curve_points(results: Iterable[dict], sequence: str, line: str, metric: str) -> Points:
    """(bytes, quality) of one curve by rising rate; points without this quality are left out."""
    mine = [r for r in results if (r["sequence"], r["line"]) == (sequence, line)]
    return sorted((r["bytes"], r["quality"][metric]) for r in mine if r["quality"].get(metric) is not None)


def metrics_of(points: Iterable[dict]) -> tuple[str, ...]:
    """The metrics that any point of a run has, in the order of METRICS: some ffmpeg binaries cannot measure XPSNR."""
    found = {name for point in points for name, value in point["quality"].items() if value is not None}
    return tuple(metric for metric in METRICS if metric in found)


def compare_results(results: Sequence[dict]) -> tuple[Comparison, ...]:
    """Every comparison that the results allow, sequence by sequence."""
    found, metrics = [], metrics_of(results)
    for sequence in dict.fromkeys(r["sequence"] for r in results):
        at_hand = {r["line"] for r in results if r["sequence"] == sequence}
        for test, anchor in comparisons(tuple(at_hand)):
            for metric in metrics:
                a = curve_points(results, sequence, anchor.id, metric)
                t = curve_points(results, sequence, test.id, metric)
                found.append(compare_curves(sequence, test.id, anchor.id, metric, a, t))
    return tuple(found)


def compare_curves(sequence: str, test: str, anchor: str, metric: str, a: Points, t: Points) -> Comparison:
    """BD-rate of curve ``t`` against curve ``a``; where there can be none, the reason."""
    counts: dict[str, Any] = {"test_points": len(t), "anchor_points": len(a)}
    names: dict[str, Any] = {"sequence": sequence, "test": test, "anchor": anchor, "metric": metric}
    monotone = _rises(a) and _rises(t)
    try:
        found = bd_rate(a, t)
    except FormatError as error:
        return Comparison(**names, percent=None, overlap=0.0, low=0.0, high=0.0, reason=str(error), warning="",
                          monotone=monotone, **counts)  # fmt: skip
    akima = None if found.percent is None else _akima(a, t)
    return Comparison(**names, **asdict(found), monotone=monotone, **counts, akima=akima)


def _rises(points: Points) -> bool:
    return all(x[1] < y[1] for x, y in zip(points, points[1:], strict=False))


def _akima(a: Points, t: Points) -> float | None:
    """BD-rate by the package bjontegaard with Akima's curve; None where the package or a number is missing."""
    try:
        import bjontegaard
    except ImportError:
        return None
    sides = [axis for points in (a, t) for axis in zip(*points, strict=True)]
    try:
        value = bjontegaard.bd_rate(*sides, method="akima", require_matching_points=False, min_overlap=0)
    except ValueError:
        return None
    return None if value != value else float(value)


def means_of(found: Iterable[Comparison]) -> tuple[Mean, ...]:
    """Means over the natural sequences of each comparison and metric, in the order they come."""
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for one in found:
        groups.setdefault((one.test, one.anchor, one.metric), []).append(one)
    return tuple(_mean(key, group) for key, group in groups.items())


def _mean(key: tuple[str, str, str], group: list[Comparison]) -> Mean:
    natural = [one for one in group if not one.sequence.startswith(SCREEN)]
    screen = tuple((one.sequence, one.percent) for one in group if one.sequence.startswith(SCREEN))
    known = sorted((one.percent, one.sequence) for one in natural if one.percent is not None)
    best, worst = (known[0], known[-1]) if known else ((None, None), (None, None))
    test, anchor, metric = key
    return Mean(
        test, anchor, metric, len(natural), mean_of([one.percent for one in natural]), worst[0], worst[1], best[0],
        best[1], screen,
    )  # fmt: skip


def rate_difference(a: Points, t: Points, steps: int = 24) -> list[tuple[float, float]]:
    """(quality, percent of bits that ``t`` needs more than ``a``) over the range both cover; [] where there is none."""
    if len(a) < 2 or len(t) < 2 or not (_rises(a) and _rises(t)):
        return []
    low, high = max(a[0][1], t[0][1]), min(a[-1][1], t[-1][1])
    found = []
    for k in range(steps + 1):
        # the ends are taken as they are: adding steps may leave the range by a rounding
        quality = low if k == 0 else high if k == steps else low + (high - low) * k / steps
        rates = [interpolate_log_rate(points, quality) for points in (a, t)]
        if high > low and rates[0] and rates[1]:
            found.append((quality, (rates[1] / rates[0] - 1) * 100))
    return found


def compare_runs(before: dict, after: dict) -> tuple[Comparison, ...]:
    """BD-rate of each line of one run against the same line of another, on the sequences that both measured alike.

    before, after   what results.json of two runs holds
    Raises UsageError if they share nothing, or a source's content differs.
    """
    for one in (before, after):
        if one.get("schema") != SCHEMA:
            raise UsageError(f"results must be of schema {SCHEMA}, got {one.get('schema')}")
    hashes = [{s["name"]: s["sha256"] for s in run["sequences"]} for run in (before, after)]
    shared = [name for name in hashes[0] if name in hashes[1]]
    measured = [metrics_of(run["points"]) for run in (before, after)]
    for name in shared:
        if hashes[0][name] != hashes[1][name]:
            raise UsageError(f"{name} is not the same clip in both runs")
    found = []
    for name in shared:
        lines = [{r["line"] for r in run["points"] if r["sequence"] == name} for run in (before, after)]
        for line in sorted(lines[0] & lines[1], key=lambda i: (not line_by_id(i).is_ours, i)):
            for metric in (m for m in measured[0] if m in measured[1]):
                a, t = (curve_points(run["points"], name, line, metric) for run in (before, after))
                found.append(compare_curves(name, line, line, metric, a, t))
    if not found:
        raise UsageError("the two runs share no sequence and line")
    return tuple(found)


def format_comparisons(found: Iterable[Comparison]) -> str:
    """Means and sequences as text, one block for each comparison; no trailing newline."""
    found = tuple(found)
    metrics = [metric for metric in METRICS if any(one.metric == metric for one in found)]
    blocks: dict[tuple[str, str], list[str]] = {}
    for one in found:
        title = f"{line_by_id(one.test).name} against {line_by_id(one.anchor).name}"
        if one.test == one.anchor:
            title = f"{line_by_id(one.test).name}, second run against first"
        blocks.setdefault((one.test, one.anchor), [f"BD-rate of {title}", _row("", [METRICS[m] for m in metrics])])
    for key, lines in blocks.items():
        mine = [one for one in found if (one.test, one.anchor) == key]
        for sequence in dict.fromkeys(one.sequence for one in mine):
            cells = {one.metric: one.percent for one in mine if one.sequence == sequence}
            lines.append(_row(sequence, [percent_words(cells.get(m)) for m in metrics]))
        means = {m.metric: m for m in means_of(mine)}
        if any(m.sequences > 1 for m in means.values()):
            lines.append(_row("mean, natural", [percent_words(means[m].percent) for m in metrics]))
    return "\n\n".join("\n".join(lines) for lines in blocks.values())


def _row(name: str, cells: Sequence[str]) -> str:
    return f"  {name:<26}" + "".join(f"{cell:>12}" for cell in cells)


def percent_words(value: float | None) -> str:
    """A BD-rate for tables."""
    return "none" if value is None else f"{value:+.1f} %"
