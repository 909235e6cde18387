"""The report of ``nvc bench rd`` as text: one table for each source, then the means, then how it was measured."""

from nvc.bench.anchors import Point
from nvc.bench.rd import Curve, RdReport, SourceResult
from nvc.metrics import BdRate

_HEAD = f"  {'encoder':<28}{'setting':>8}{'bytes':>11}{'kbit/s':>10}{'PSNR Y':>9}{'6:1:1':>8}"


def format_rd(report: RdReport) -> str:
    """All of a report, ready to print; no trailing newline."""
    parts = [format_source(source) for source in report.sources]
    parts += [f"warning: {warning}" for warning in report.warnings]
    return "\n\n".join([*parts, _summary(report), _method(report)])


def format_source(source: SourceResult) -> str:
    """Table of one source: every point of every encoder, then the BD-rates."""
    picture = source.picture
    lines = [
        f"{source.name}: {picture.width}x{picture.height}, {picture.bit_depth} bit, "
        f"{float(picture.frame_rate):.6g} fps, {source.frames} frames",
        _HEAD,
    ]
    seconds = source.frames / float(picture.frame_rate)
    for curve in source.curves:
        lines += [_row(curve.name, point, seconds) for point in curve.points]
    anchor = source.curves[0].name
    for curve in source.curves[1:]:
        lines.append(f"  BD-rate of {curve.name} against {anchor}:")
        lines += [f"    PSNR 6:1:1  {_bd_words(curve.bd_611)}", f"    PSNR Y      {_bd_words(curve.bd_y)}"]
    if source.gain:
        lines.append(f"  BD-rate of {source.curves[1].name} against {source.curves[2].name}:")
        lines.append(f"    PSNR 6:1:1  {_bd_words(source.gain)}")
    return "\n".join(lines)


def _row(name: str, point: Point, seconds: float) -> str:
    quality = point.quality
    rate = point.bytes * 8 / 1000 / seconds
    return (
        f"  {name:<28}{point.setting:>8}{point.bytes:>11,}{rate:>10.1f}{quality.psnr_y:>9.2f}{quality.psnr_611:>8.2f}"
    )


def _bd_words(result: BdRate | None) -> str:
    if result is None:
        return "none"
    if result.percent is None:
        return f"none: {result.reason}"
    note = f", {result.warning}" if result.warning else ""
    where = f"{result.low:.2f} to {result.high:.2f} dB, overlap {result.overlap:.0%}{note}"
    return f"{result.percent:+7.2f} %   ({where})"


def _summary(report: RdReport) -> str:
    natural = [s for s in report.sources if not s.is_screen]
    screens = [s for s in report.sources if s.is_screen]
    lines = []
    if natural:
        ours, anchor = natural[0].curves[1].name, natural[0].curves[0].name
        clips = "1 natural clip" if len(natural) == 1 else f"{len(natural)} natural clips"
        lines.append(f"BD-rate of {ours} against {anchor}, {clips} (negative: needs fewer bits)")
        mean = f"PSNR 6:1:1 {_percent(report.mean_611)}, PSNR Y {_percent(report.mean_y)}"
        lines.append(f"  mean: {mean}; worst: {_percent(report.worst_611)} (6:1:1)")
    if any(source.gain for source in report.sources):
        lesser = report.sources[0].curves[2].name
        gains = f"mean {_percent(report.mean_gain)}, worst of all {_percent(report.worst_gain)} (6:1:1)"
        lines.append(f"  against {lesser}: {gains}")
    lines += [f"  apart, screen content: {s.name} {_own(s.curves[1])}" for s in screens]
    return "\n".join(lines)


def _own(curve: Curve) -> str:
    return f"PSNR 6:1:1 {_percent(curve.percent_611)}, PSNR Y {_percent(curve.percent_y)}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:+.2f} %"


def _method(report: RdReport) -> str:
    """Command lines of the first point of each encoder, versions, and what the numbers are."""
    lines = [
        "How it was measured: every file is written, decoded by a process of its own, and compared frame by frame.",
        "  bytes: the whole coded file; PSNR: mean over frames; 6:1:1: (6 Y + U + V) / 8; BD-rate: pchip over log rate",
    ]
    for curve in report.sources[0].curves if report.sources else ():
        lines.append(f"  {curve.name}: {curve.points[0].command}")
    lines.append("  " + ", ".join(f"{name} {version}" for name, version in report.versions.items()))
    return "\n".join(lines)
