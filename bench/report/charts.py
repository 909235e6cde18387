"""Charts as inline SVG: no script draws them, so they are there on paper and without JavaScript too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 560, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 40


@dataclass(frozen=True, slots=True)
class Mark:
    """One point of a series: x, y, what a pointer over it says, and the id of its job (or "")."""

    x: float
    y: float
    title: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve. style: CSS class that gives its colour; strong: ours, drawn thicker."""

    name: str
    style: str
    marks: tuple[Mark, ...]
    strong: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """Where data lie in a drawing, in its units: low and high of both axes; log_x for rates."""

    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool = False
    width: int = WIDTH
    height: int = HEIGHT
    ticks_x: Sequence[float] = field(default=())

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place of a value, from the upper left corner."""
        low, high = (math.log(v) for v in self.x) if self.log_x else self.x
        along = ((math.log(x) if self.log_x else x) - low) / (high - low)
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            _LEFT + along * (self.width - _LEFT - _RIGHT),
            self.height - _BOTTOM - up * (self.height - _TOP - _BOTTOM),
        )


def nice_ticks(low: float, high: float, count: int = 8) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from low to high, about so many."""
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9) / count))
    step *= next((m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= count), 10)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within the range; more where these are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples in ((1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [round(m * 10.0**p, 9) for p in powers for m in multiples if low <= m * 10.0**p <= high]
        if len(found) > 3:
            break
    return found


def line_chart(
    series: Sequence[Series],
    *,
    x_name: str,
    y_name: str,
    log_x: bool = False,
    zero: bool = False,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Curves over one pair of axes; "" where there is nothing to draw.

    zero   draw the line y = 0 and keep it in sight
    """
    marks = [mark for one in series for mark in one.marks]
    if not marks:
        return ""
    ys = [m.y for m in marks] + ([0.0] if zero else [])
    axes = Axes(_range([m.x for m in marks], log_x), _range(ys, False), log_x, width, height)
    parts = [_grid(axes, x_name, y_name)]
    if zero:
        parts.append(_line(axes, (axes.x[0], 0.0), (axes.x[1], 0.0), "zero"))
    for one in sorted(series, key=lambda s: s.strong):
        parts.append(_curve(axes, one))
    label = escape(f"{y_name} over {x_name}: {', '.join(s.name for s in series)}")
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _range(values: Sequence[float], log: bool) -> tuple[float, float]:
    """A range that leaves a little room around the values."""
    low, high = min(values), max(values)
    if log:
        room = max(high / low, 1.2) ** 0.05
        return low / room, high * room
    room = max(high - low, 0.5) * 0.06
    return low - room, high + room


def _grid(axes: Axes, x_name: str, y_name: str) -> str:
    parts = []
    for value in log_ticks(*axes.x) if axes.log_x else nice_ticks(*axes.x):
        x, _ = axes.at(value, axes.y[0])
        parts.append(_line(axes, (value, axes.y[0]), (value, axes.y[1]), "grid"))
        parts.append(f'<text class="tick" x="{x:.1f}" y="{axes.height - 24}" text-anchor="middle">{value:g}</text>')
    for value in nice_ticks(*axes.y):
        _, y = axes.at(axes.x[0], value)
        parts.append(_line(axes, (axes.x[0], value), (axes.x[1], value), "grid"))
        words = f"{value:g}".replace("-", "−")
        parts.append(f'<text class="tick" x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    middle = (_LEFT + axes.width - _RIGHT) / 2
    parts.append(f'<text class="axis" x="{middle}" y="{axes.height - 6}" text-anchor="middle">{escape(x_name)}</text>')
    parts.append(_y_name(axes, y_name))
    return "".join(parts)


def _y_name(axes: Axes, name: str) -> str:
    middle = f"{(axes.height - _BOTTOM) / 2:.0f}"
    turn = f'text-anchor="middle" transform="rotate(-90 12 {middle})"'
    return f'<text class="axis" x="12" y="{middle}" {turn}>{escape(name)}</text>'


def _line(axes: Axes, a: tuple[float, float], b: tuple[float, float], style: str) -> str:
    (x1, y1), (x2, y2) = axes.at(*a), axes.at(*b)
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _curve(axes: Axes, one: Series) -> str:
    places = [axes.at(m.x, m.y) for m in one.marks]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    style = f"{one.style}{' strong' if one.strong else ''}{' dashed' if one.dashed else ''}"
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if one.strong else 3}" data-job="{escape(mark.job)}">'
        f"<title>{escape(mark.title)}</title></circle>"
        for mark, (x, y) in zip(one.marks, places, strict=True)
        if mark.title
    ]
    return f'<g class="{style}"><path d="{path}"/>{"".join(dots)}</g>'


@dataclass(frozen=True, slots=True)
class Bar:
    """Bits of one frame: its type letter, parts as (style, bits) from the bottom, and what a pointer says.

    beside   the same frame of another coder, drawn to its right
    """

    letter: str
    parts: tuple[tuple[str, float], ...]
    title: str
    beside: "Bar | None" = None

    @property
    def total(self) -> float:
        """All bits of the frame."""
        return sum(bits for _, bits in self.parts)

    @property
    def all(self) -> "tuple[Bar, ...]":
        """This bar, and the one beside it."""
        return (self,) if self.beside is None else (self, self.beside)


def bar_chart(bars: Sequence[Bar], *, y_name: str, width: int = 1140, height: int = 250) -> str:
    """Stacked bars in display order, I frames cut off at the top of the others' range, with the type under each."""
    if not bars:
        return ""
    every = [one for bar in bars for one in bar.all]
    others = [bar.total for bar in every if bar.letter != "I"] or [bar.total for bar in every]
    top = max(others) * 1.12 or 1.0
    axes = Axes((0, len(bars)), (0, top), width=width, height=height)
    parts = []
    for value in nice_ticks(0, top, 5):
        _, y = axes.at(0, value)
        parts.append(_line(axes, (0, value), (len(bars), value), "grid"))
        parts.append(f'<text class="tick" x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for index, bar in enumerate(bars):
        parts.append(_bar(axes, index, bar, top, len(bars)))
    parts.append(_y_name(axes, y_name))
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(y_name)}">{"".join(parts)}</svg>'


def _bar(axes: Axes, index: int, bar: Bar, top: float, count: int) -> str:
    """All that stands at one frame: its bar or two, their letters and sizes where cut, its number."""
    parts, room = [], 0.76 / len(bar.all)
    for k, one in enumerate(bar.all):
        left, _ = axes.at(index + 0.12 + k * room, 0)
        right, base = axes.at(index + 0.12 + (k + 1) * room, 0)
        drawn = [_stack(axes, one, top, left, right)]
        if one.total > top:
            drawn.append(_cut_size(axes, index, k, one.total))
        if count * len(bar.all) <= 70:
            drawn.append(_under(f"{one.letter}", (left + right) / 2, base + 15))
        parts.append(f'<g class="bar">{"".join(drawn)}<title>{escape(one.title)}</title></g>')
    if index % max(1, -(-count // 16)) == 0:
        parts.append(_under(str(index), axes.at(index + 0.5, 0)[0], axes.at(0, 0)[1] + 31))
    return "".join(parts)


def _cut_size(axes: Axes, index: int, k: int, total: float) -> str:
    """Size of the k-th bar of a frame where it is cut: right of all the frame's bars, or left at the right edge."""
    right, left = axes.at(index + 0.88, 0)[0] + 4, axes.at(index + 0.12, 0)[0] - 4
    x, anchor = (right, "start") if right + 45 < axes.width else (left, "end")
    return f'<text class="cut" x="{x:.1f}" y="{_TOP + 11 + 13 * k}" text-anchor="{anchor}">{total:,.1f}</text>'


def _stack(axes: Axes, bar: Bar, top: float, left: float, right: float) -> str:
    parts, height = [], 0.0
    for style, bits in bar.parts:
        low, height = min(height, top), height + bits
        (_, y1), (_, y2) = axes.at(0, low), axes.at(0, min(height, top))
        if y1 - y2 > 0.05:
            parts.append(
                f'<rect class="{style}" x="{left:.1f}" y="{y2:.1f}" width="{right - left:.1f}" height="{y1 - y2:.1f}"/>'
            )
    return "".join(parts)


def _under(words: str, x: float, y: float) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{words}</text>'
