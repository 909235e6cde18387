"""The curve of a training of the enhancement as one SVG: gains on validation pictures, and the loss below."""

import math
from collections.abc import Sequence
from pathlib import Path

from nvc.errors import InputError
from nvc.train.loop import read_log
from nvc.train.plot import Curve, document, panel

# Name of a curve: its key in the log, and its colour.
_GAINS = {
    "gain, QP 25 and up": ("gain", "#06c"), "x265": ("x265", "#393"), "x264": ("x264", "#c30"),
    "SVT-AV1": ("svt-av1", "#8aa"),
}  # fmt: skip
_LOSS = "training loss"
_COLOURS = {_LOSS: "#06c"} | {name: colour for name, (_, colour) in _GAINS.items()}


def enhance_curves(log: Sequence[dict]) -> dict[str, Curve]:
    """Curves over steps: gains of validation pictures in dB (PSNR 6:1:1), and the mean loss since the line before.

    Lines of a run that was killed and went on are taken once, the last of each step. Numbers that are not there or not
    finite are left out, and curves without any.
    """
    # A line that names a stage is of the neural mode, whose numbers mean something else.
    unique = {(line["step"], "loss" in line): line for line in log if "stage" not in line}
    out: dict[str, Curve] = {name: [] for name in _COLOURS}
    for (step, _), line in sorted(unique.items()):
        gains = line.get("validation") or {}
        values = {_LOSS: line.get("loss")} | {name: gains.get(key) for name, (key, _) in _GAINS.items()}
        for name, value in values.items():
            if value is not None and math.isfinite(value):
                out[name].append((float(step), float(value)))
    return {name: curve for name, curve in out.items() if curve}


def plot_enhance(run: Path, target: Path | None = None) -> Path:
    """Draw the log of a training into ``target`` (curve.svg beside the log); returns its path.

    Raises InputError where there is no log, or it holds no numbers of the enhancement.
    """
    log = run / "log.ndjson"
    if not log.is_file():
        raise InputError(f"{run} has no log.ndjson; nvc train enhance run writes one")
    found = enhance_curves(read_log(log))
    if not found:
        raise InputError(f"{log} holds no numbers of the enhancement yet")
    target = target or run / "curve.svg"
    target.write_text(enhance_svg(found), encoding="utf-8")
    return target


def enhance_svg(found: dict[str, Curve]) -> str:
    """Curves as an SVG document: gains above, from 0 or the lowest, and the loss below."""
    gains = {name: curve for name, curve in found.items() if name != _LOSS}
    losses = {name: curve for name, curve in found.items() if name == _LOSS}
    right = max(x for curve in found.values() for x, _ in curve)
    panels = []
    if gains:
        limits = _limits([*gains.values(), [(0.0, 0.0)]])
        panels.append(panel(gains, _COLOURS, limits, lambda y: f"{y:.2f} dB", _step, right))
    if losses:
        panels.append(panel(losses, _COLOURS, _limits([*losses.values()]), lambda y: f"{y:.3f}", _step, right))
    return document(panels)


def _step(x: float) -> str:
    return f"{x:,.0f}" if x else "step 0"


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    values = [y for curve in curves for _, y in curve]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low, low + 0.1)
