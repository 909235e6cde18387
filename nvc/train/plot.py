"""The curve of a run as one SVG without any library: cost against networks off, and BD-rates of validation clips."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nvc.errors import InputError
from nvc.train.loop import read_log

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 860, 420, 70, 50, 30
_COLOURS = {"training cost": "#8aa", "validation cost": "#06c", "BD-rate off": "#c30", "BD-rate x265": "#393"}
Curve = list[tuple[float, float]]
Label = Callable[[float], str]


def curves(log: Sequence[dict]) -> dict[str, Curve]:
    """Curves over hours of training, in percent of change against networks off (or x265): below 0 is better.

    Lines of a run that was killed and went on are taken once, the last of each stage and step.
    """
    # Lines of the enhancement name no stage; nvc.train.enhance_plot draws those.
    unique = {(line["stage"], line["event"], line.get("step")): line for line in log if "stage" in line}
    ended: dict[str, float] = {}
    out: dict[str, Curve] = {name: [] for name in _COLOURS}
    hours = 0.0
    for line in unique.values():
        stage = line["stage"]
        before = sum(value for name, value in ended.items() if name != stage)
        if line["event"] == "step":
            ended[stage] = line["elapsed"] / 3600
            hours = before + ended[stage]
            if "change" in line:
                out["training cost"].append((hours, line["change"]))
        elif line["event"] == "cost":
            out["validation cost"].append((hours, line["change"]))
        elif line["event"] == "evaluation":
            for key in ("off", "x265"):
                if line.get(key) is not None:
                    out[f"BD-rate {key}"].append((hours, line[key]))
    return {name: curve for name, curve in out.items() if curve}


def plot(run: Path, target: Path | None = None) -> Path:
    """Draw the log of a run into ``target`` (curve.svg beside the log); returns its path."""
    log = run / "log.ndjson"
    if not log.is_file():
        raise InputError(f"{run} has no log.ndjson; nvc train run writes one")
    found = curves(read_log(log))
    if not found:
        raise InputError(f"{log} holds no numbers yet")
    target = target or run / "curve.svg"
    target.write_text(svg(found), encoding="utf-8")
    return target


def svg(found: dict[str, Curve]) -> str:
    """Curves as an SVG document; the vertical range leaves the first minutes out where they are far off."""
    values = sorted(y for curve in found.values() for _, y in curve)
    low, high = min(values[0], -5.0), max(0.0, min(values[-1], values[len(values) // 2] + 30))
    return document([panel(found, _COLOURS, (low, high), lambda y: f"{y:.1f} %", lambda x: f"{x:.2f} h")])


def document(panels: Sequence[Sequence[str]]) -> str:
    """Panels, one below the other, as one SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT * len(panels)}" '
        'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>'
    ]
    for k, panel_parts in enumerate(panels):
        parts += [f'<g transform="translate(0 {_HEIGHT * k})">', *panel_parts, "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def panel(
    found: Mapping[str, Curve], colours: Mapping[str, str], limits: tuple[float, float], label: Label, across: Label,
    right: float | None = None,
) -> list[str]:  # fmt: skip
    """Elements of one picture with axes and curves.

    limits  lowest and highest value shown, of which the second is the larger; values above lie on the upper edge
    label, across  words beside a value, and below a place
    right   place of the right edge (the last of the curves)
    """
    low, high = limits
    right = right or max(x for curve in found.values() for x, _ in curve) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        along = _LEFT + (x / right) * (_WIDTH - _LEFT - 20)
        down = _TOP + (high - min(y, high)) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return round(along, 1), round(down, 1)

    parts = _grid(place, right, limits, label, across)
    for k, (name, curve) in enumerate(found.items()):
        colour = colours[name]
        line = " ".join(f"{x},{y}" for x, y in (place(*point) for point in curve))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [
            f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
            for x, y in (place(*point) for point in curve)
            if len(curve) < 30
        ]
        parts.append(f'<text x="{_LEFT + 10 + 170 * k}" y="{_TOP - 10}" fill="{colour}">{name}</text>')
    return parts


def _grid(place, right: float, limits: tuple[float, float], label: Label, across: Label) -> list[str]:
    """Axes with labels."""
    parts, (low, high) = [], limits
    for k in range(6):
        value = low + (high - low) * k / 5
        _, y = place(0, value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{label(value)}</text>')
        x, _ = place(right * k / 5, low)
        parts.append(f'<text x="{x}" y="{_HEIGHT - 25}" text-anchor="middle">{across(right * k / 5)}</text>')
    return parts
