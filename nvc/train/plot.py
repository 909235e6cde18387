"""The curve of a run as one SVG without any library: cost against networks off, and BD-rates of validation clips."""

from collections.abc import Sequence
from pathlib import Path

from nvc.errors import InputError
from nvc.train.loop import read_log

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 860, 420, 70, 50, 30
_COLOURS = {"training cost": "#8aa", "validation cost": "#06c", "BD-rate off": "#c30", "BD-rate x265": "#393"}
Curve = list[tuple[float, float]]


def curves(log: Sequence[dict]) -> dict[str, Curve]:
    """Curves over hours of training, in percent of change against networks off (or x265): below 0 is better.

    Lines of a run that was killed and went on are taken once, the last of each stage and step.
    """
    unique = {(line["stage"], line["event"], line.get("step")): line for line in log}
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
    points = [point for curve in found.values() for point in curve]
    right = max(x for x, _ in points) or 1.0
    values = sorted(y for _, y in points)
    low, high = min(values[0], -5.0), max(0.0, min(values[-1], values[len(values) // 2] + 30))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="13"><rect width="100%" height="100%" fill="white"/>'
    ]

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x / right) * (_WIDTH - _LEFT - 20)
        down = _TOP + (high - min(y, high)) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    parts += _grid(place, right, low, high)
    for k, (name, curve) in enumerate(found.items()):
        colour = _COLOURS[name]
        line = " ".join(f"{x},{y}" for x, y in (place(*point) for point in curve))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [
            f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
            for x, y in (place(*point) for point in curve)
            if len(curve) < 30
        ]
        parts.append(f'<text x="{_LEFT + 10 + 170 * k}" y="{_TOP - 10}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _grid(place, right: float, low: float, high: float) -> list[str]:
    """Axes with labels."""
    parts = []
    for k in range(6):
        value = low + (high - low) * k / 5
        _, y = place(0, value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{value:.1f} %</text>')
        x, _ = place(right * k / 5, low)
        parts.append(f'<text x="{x}" y="{_HEIGHT - 25}" text-anchor="middle">{right * k / 5:.2f} h</text>')
    return parts
