"""The charts of a run: rate and quality, rate difference over quality, bits and quality by frame."""

from collections.abc import Sequence
from html import escape

from nvc.bench.compare import METRICS, curve_points, rate_difference
from nvc.bench.lines import line_by_id
from nvc.bench.report.charts import Bar, Mark, Series, bar_chart, line_chart
from nvc.bench.report.style import PARTS, SEQUENCE_COLOURS
from nvc.bench.report.words import HEADLINES, sequences_of

# Charts of one sequence: title, lines. More curves in one chart could not be told apart.
GROUPS = (
    ("Random access", ("nvc-ra", "x265-veryslow", "x265-medium", "x265-plain", "x265-veryslow-open", "svt-av1-6",
                       "vvenc-faster")),
    ("Low delay", ("nvc-ld", "x265-veryslow-ld")),
    ("Layered", ("layered-medium", "x265-medium", "layered-veryslow", "x265-veryslow")),
)  # fmt: skip
_UNIT = {"psnr_611": "PSNR 6:1:1, dB", "psnr_y": "PSNR Y, dB", "vmaf": "VMAF", "vmaf_neg": "VMAF-NEG"}


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
        for metric in METRICS:
            series = [_rd_series(points, line, metric) for line in present]
            chart = line_chart(series, x_name="kbit/s", y_name=_UNIT[metric], log_x=True)
            entries = [(f"{s.style}{' dashed' if s.dashed else ''}", s.name) for s in series]
            parts.append(figure(title, key(entries), chart, f"by-metric {metric}"))
    return f'<div class="charts">{"".join(parts)}</div>'


def _rd_series(points: list[dict], line: str, metric: str) -> Series:
    mine = sorted((p for p in points if p["line"] == line), key=lambda p: p["kbps"])
    about = line_by_id(line)
    marks = [
        Mark(p["kbps"], p["quality"][metric], f"{about.name}, {_setting(about.family)} {p['setting']}: "
             f"{p['bytes']:,} bytes, {p['kbps']:.1f} kbit/s, {METRICS[metric]} {p['quality'][metric]:.2f}", p["id"])
        for p in mine
    ]  # fmt: skip
    return Series(about.name, f"l-{line}", tuple(marks), about.is_ours, line.endswith("open"))


def _setting(family: str) -> str:
    return {"nvc": "quality", "vvenc": "QP"}.get(family, "CRF")


def difference_figures(results: dict) -> str:
    """Rate difference over quality of each headline comparison, one curve a sequence, one set for each metric.

    Screen content is left out where there is anything else: its numbers would flatten all others.
    """
    parts, every = [], sequences_of(results)
    screen = {s["name"] for s in results["sequences"] if s["screen"]}
    names = [name for name in every if name not in screen] or every
    for test, anchor in HEADLINES:
        title = f"{line_by_id(test).name} against {line_by_id(anchor).name}"
        for metric in METRICS:
            series = []
            for k, name in enumerate(names):
                a, t = (curve_points(results["points"], name, line, metric) for line in (anchor, test))
                marks = tuple(Mark(q, percent) for q, percent in rate_difference(a, t))
                series += [Series(name, f"s-{k % len(SEQUENCE_COLOURS)}", marks)] if marks else []
            chart = line_chart(series, x_name=_UNIT[metric], y_name="bits, % more", zero=True, height=270)
            parts.append(figure(title, key([(s.style, s.name) for s in series]), chart, f"by-metric {metric}"))
    return f'<div class="charts">{"".join(parts)}</div>' if any(parts) else ""


def frame_figures(results: dict, frames: dict[str, dict], sequence: str) -> str:
    """Bits by frame of our random access line at a middle quality, and PSNR by frame beside x265's nearest point."""
    ours = sorted((p for p in results["points"] if (p["sequence"], p["line"]) == (sequence, "nvc-ra")),
                  key=lambda p: p["setting"])  # fmt: skip
    ours = [p for p in ours if frames.get(p["id"], {}).get("pictures")]
    if not ours:
        return ""
    point = ours[len(ours) // 2]
    pictures = frames[point["id"]]["pictures"]
    chart = bar_chart([_bar(picture) for picture in pictures], y_name="kbit of the frame")
    used = [part for part in PARTS if any((p["bits"].get(part) or 0) for p in pictures)]
    title = f"Bits by frame: nvc neural, quality {point['setting']} ({point['kbps']:.0f} kbit/s)"
    bits = figure(title, key([(f"block p-{part}", _share(pictures, part)) for part in used]), chart)
    return bits + _frame_psnr(results, frames, point)


def _bar(picture: dict) -> Bar:
    parts = tuple((f"p-{part}", (picture["bits"].get(part) or 0) / 1000) for part in PARTS)
    words = ", ".join(f"{part} {picture['bits'][part]:,}" for part in PARTS if picture["bits"].get(part))
    title = f"frame {picture['index']}: {picture['type']}, level {picture['level']}: {words or '0'} bits"
    return Bar(picture["type"], parts, title)


def _share(pictures: list[dict], part: str) -> str:
    total = sum(sum(b or 0 for b in p["bits"].values()) for p in pictures) or 1
    return f"{part} {sum(p['bits'].get(part) or 0 for p in pictures) / total:.0%}"


def _frame_psnr(results: dict, frames: dict[str, dict], point: dict) -> str:
    """PSNR by frame of our point and of the headline anchor's point of the nearest rate."""
    anchor = dict(HEADLINES)["nvc-ra"]
    others = [p for p in results["points"] if (p["sequence"], p["line"]) == (point["sequence"], anchor)]
    near = min(others, key=lambda p: abs(p["bytes"] / point["bytes"] - 1), default=None)
    series = []
    for one in (point, near):
        values = ((frames.get(one["id"]) or {}).get("by_frame") or {}).get("psnr_611") if one else None
        if one and values:
            about = line_by_id(one["line"])
            marks = tuple(Mark(k, value) for k, value in enumerate(values))
            name = f"{about.name}, {one['kbps']:.0f} kbit/s"
            series.append(Series(name, f"l-{about.id}", marks, about.is_ours))
    chart = line_chart(series, x_name="frame", y_name=_UNIT["psnr_611"], width=1140, height=250)
    title = "Quality by frame, beside x265's point of the nearest rate (read it as a shape: the rates differ)"
    return figure(title, key([(s.style, s.name) for s in series]), chart)
