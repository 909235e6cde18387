"""Colours of the page."""

from nvc.bench.lines import LINES
from nvc.bench.report.style import COLOURS, colour_style


def test_every_line_has_a_colour() -> None:
    assert COLOURS.keys() == {line.id for line in LINES}
    css = colour_style()
    assert all(f"g.l-{line.id} path {{ stroke: #" in css for line in LINES)
