"""The charts of a run: rate and quality, rate difference over quality, bits and quality by frame."""

from collections.abc import Sequence
from html import escape

from nvc.bench.compare import METRICS, curve_points, metrics_of, rate_difference
from nvc.bench.lines import line_by_id
from nvc.bench.match import CLOSE
from nvc.bench.report.charts import Bar, Mark, Series, bar_chart, line_chart
from nvc.bench.report.crops import matched_point, point_by_id, setting_word
from nvc.bench.report.style import PARTS, SEQUENCE_COLOURS
from nvc.bench.report.words import HEADLINES, sequences_of

# Charts of one sequence: title, lines. More curves in one chart could not be told apart.
GROUPS = (
    ("Random access", ("nvc-ra", "x265-veryslow", "x265-medium", "x265-plain", "x265-veryslow-open", "svt-av1-6",
                       "vvenc-faster")),
    ("Low delay", ("nvc-ld", "x265-veryslow-ld")),
    ("Layered", ("layered-medium", "x265-medium", "layered-veryslow", "x265-veryslow")),
)  # fmt: skip
_UNIT = {**METRICS, **{m: f"{METRICS[m]}, dB" for m in ("psnr_611", "psnr_y", "ms_ssim_db", "xpsnr")}}


def figure(title: str, keys: str, chart: str, style: str = "") -> str:
    """A chart with its title and key; "" without a chart."""
    if not chart:
        return ""
    return f'<figure class="{style}"><figcaption>{escape(title)}</figcaption>{keys}{chart}</figure>'


def key(entries: Sequence[tuple[str, str]]) -> str:
    """The key of a chart: (CSS classes of the sample, words)."""
    spans = "".join(f'<span><i class="{style}"></i>{escape(words)}</span>' for style, words in entries)
    return f'<div class="key">{spans}</div>'


def rd_figures(results: dict, sequence: str) -> str:
    """All rate-distortion charts of one sequence, one set for each metric."""
    points = [p for p in results["points"] if p["sequence"] == sequence]
    parts = []
    for title, lines in GROUPS:
        present = [line for line in lines if any(p["line"] == line for p in points)]
        if not any(line_by_id(line).is_ours for line in present) and len(present) < 2:
            continue
        for metric in metrics_of(points):
            series = [_rd_series(points, line, metric) for line in present]
            chart = line_chart(series, x_name="kbit/s", y_name=_UNIT[metric], log_x=True)
            entries = [(f"{s.style}{' dashed' if s.dashed else ''}", s.name) for s in series]
            parts.append(figure(title, key(entries), chart, f"by-metric {metric}"))
    return f'<div class="charts">{"".join(parts)}</div>'


def _rd_series(points: list[dict], line: str, metric: str) -> Series:
    mine = [p for p in points if p["line"] == line and p["quality"].get(metric) is not None]
    mine.sort(key=lambda p: p["kbps"])
    about = line_by_id(line)
    marks = [
        Mark(p["kbps"], p["quality"][metric], f"{about.name}, {setting_word(about.family)} {p['setting']}: "
             f"{p['bytes']:,} bytes, {p['kbps']:.1f} kbit/s, {METRICS[metric]} {p['quality'][metric]:.2f}", p["id"])
        for p in mine
    ]  # fmt: skip
    return Series(about.name, f"l-{line}", tuple(marks), about.is_ours, line.endswith("open"))


def difference_figures(results: dict) -> str:
    """Rate difference over quality of each headline comparison, one curve a sequence, one set for each metric.

    Screen content is left out where there is anything else: its numbers would flatten all others.
    """
    parts, every = [], sequences_of(results)
    screen = {s["name"] for s in results["sequences"] if s["screen"]}
    names = [name for name in every if name not in screen] or every
    for test, anchor in HEADLINES:
        title = f"{line_by_id(test).name} against {line_by_id(anchor).name}"
        for metric in metrics_of(results["points"]):
            series = []
            for k, name in enumerate(names):
                a, t = (curve_points(results["points"], name, line, metric) for line in (anchor, test))
                marks = tuple(Mark(q, percent) for q, percent in rate_difference(a, t))
                series += [Series(name, f"s-{k % len(SEQUENCE_COLOURS)}", marks)] if marks else []
            chart = line_chart(series, x_name=_UNIT[metric], y_name="bits, % more", zero=True, height=270)
            parts.append(figure(title, key([(s.style, s.name) for s in series]), chart, f"by-metric {metric}"))
    return f'<div class="charts">{"".join(parts)}</div>' if any(parts) else ""


def frame_figures(results: dict, frames: dict[str, dict], sequence: str) -> str:
    """Bits and PSNR by frame of a point of ours, with x265 at our bytes beside, or its nearest point where the run has
    none at our bytes."""
    ours, theirs = _shown_points(results, frames, sequence)
    if ours is None:
        return ""
    pictures = frames[ours["id"]]["pictures"]
    beside = (frames.get(theirs["id"]) or {}).get("pictures") if theirs else None
    if beside is None or len(beside) != len(pictures):
        beside = [None] * len(pictures)
    bars = [_bar(ours, theirs, *pair) for pair in zip(pictures, beside, strict=True)]
    used = [part for part in PARTS if any((p["bits"].get(part) or 0) for p in pictures)]
    entries = [(f"block p-{part}", f"{_short(ours)}: {_share(pictures, part)}") for part in used]
    entries += [(f"block l-{theirs['line']}", _words(theirs))] if theirs and beside[0] else []
    title = f"Bits by frame: {_words(ours)}" + (f", beside {_short(theirs)}" if theirs and beside[0] else "")
    bits = figure(title, key(entries), bar_chart(bars, y_name="kbit of the frame"))
    return bits + _frame_psnr(frames, ours, theirs)


def _shown_points(results: dict, frames: dict[str, dict], sequence: str) -> tuple[dict | None, dict | None]:
    """(ours, x265's) of the charts by frame."""
    theirs = matched_point(results, sequence)
    ours = point_by_id(results, theirs["ours"]) if theirs else None
    if ours is not None and (frames.get(ours["id"]) or {}).get("pictures"):
        return ours, theirs
    for line, anchor in HEADLINES:
        mine = [p for p in results["points"] if (p["sequence"], p["line"]) == (sequence, line)]
        mine = sorted((p for p in mine if frames.get(p["id"], {}).get("pictures")), key=lambda p: p["setting"])
        if mine:
            ours = mine[len(mine) // 2]
            others = [p for p in results["points"] if (p["sequence"], p["line"]) == (sequence, anchor)]
            return ours, min(others, key=lambda p: abs(p["bytes"] / mine[len(mine) // 2]["bytes"] - 1), default=None)
    return None, None


def _bar(ours: dict, theirs: dict | None, picture: dict, other: dict | None) -> Bar:
    parts = tuple((f"p-{part}", (picture["bits"].get(part) or 0) / 1000) for part in PARTS)
    words = ", ".join(f"{part} {picture['bits'][part]:,}" for part in PARTS if picture["bits"].get(part))
    title = (
        f"frame {picture['index']}, {_short(ours)}: {picture['type']}, level {picture['level']}: {words or '0'} bits"
    )
    beside = None if theirs is None or other is None else _other_bar(theirs, other)
    return Bar(picture["type"], parts, title, beside)


def _other_bar(theirs: dict, picture: dict) -> Bar:
    bits = picture["bits"]["base"]
    title = f"frame {picture['index']}, {_short(theirs)}: {picture['type']}: {bits:,} bits"
    return Bar(picture["type"], ((f"l-{theirs['line']}", bits / 1000),), title)


def _share(pictures: list[dict], part: str) -> str:
    total = sum(sum(b or 0 for b in p["bits"].values()) for p in pictures) or 1
    return f"{part} {sum(p['bits'].get(part) or 0 for p in pictures) / total:.0%}"


def _short(point: dict) -> str:
    return line_by_id(point["line"]).name


def _words(point: dict) -> str:
    """Line, setting and rate of a point."""
    setting = f"{setting_word(line_by_id(point['line']).family)} {point['setting']}"
    return f"{_short(point)}, {setting} ({point['kbps']:.0f} kbit/s)"


def _frame_psnr(frames: dict[str, dict], ours: dict, theirs: dict | None) -> str:
    """PSNR by frame of the two points."""
    series = []
    for one in (ours, theirs):
        values = ((frames.get(one["id"]) or {}).get("by_frame") or {}).get("psnr_611") if one else None
        if one and values:
            about = line_by_id(one["line"])
            marks = tuple(Mark(k, value) for k, value in enumerate(values))
            series.append(Series(_words(one), f"l-{about.id}", marks, about.is_ours))
    chart = line_chart(series, x_name="frame", y_name=_UNIT["psnr_611"], width=1140, height=250)
    near = theirs is None or abs(theirs["bytes"] / ours["bytes"] - 1) <= CLOSE
    title = (
        "Quality by frame, at about equal bytes"
        if near
        else ("Quality by frame, beside x265's point of the nearest rate (read it as a shape: the rates differ)")
    )
    return figure(title, key([(s.style, s.name) for s in series]), chart)
