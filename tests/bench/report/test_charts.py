"""Charts: values land where they must."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from nvc.bench.report.charts import Axes, Bar, Mark, Series, bar_chart, line_chart, log_ticks, nice_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (31.2, 38.9, [32, 33, 34, 35, 36, 37, 38]), (-0.3, 0.1, [-0.3, -0.25, -0.2, -0.15,
     -0.1, -0.05, 0, 0.05, 0.1])],
)  # fmt: skip
def test_round_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_ticks_of_rates() -> None:
    assert log_ticks(90, 2500) == [100, 200, 500, 1000, 2000]
    assert log_ticks(90, 240) == [100, 150, 200]


def test_places_on_axes() -> None:
    axes = Axes((10, 1000), (0, 1), log_x=True)
    left, middle, right = (axes.at(x, 0)[0] for x in (10, 100, 1000))
    assert middle == pytest.approx((left + right) / 2)
    assert axes.at(10, 1)[1] < axes.at(10, 0)[1]


def test_lines_are_whole_svg() -> None:
    marks = (Mark(10, 30, "first <one>", "a/b/1"), Mark(100, 35, "second", "a/b/2"))
    chart = line_chart([Series("ours & theirs", "l-a", marks, strong=True)], x_name="kbit/s", y_name="dB", log_x=True)
    tree = ElementTree.fromstring(chart)
    dots = tree.findall(".//circle")
    assert [dot.get("data-job") for dot in dots] == ["a/b/1", "a/b/2"]
    assert dots[0].find("title").text == "first <one>"
    assert float(dots[0].get("cx")) < float(dots[1].get("cx")) and float(dots[0].get("cy")) > float(dots[1].get("cy"))


def test_zero_is_kept_in_sight() -> None:
    series = [Series("a", "s-0", (Mark(30, -20), Mark(40, -10)))]
    assert 'class="zero"' in line_chart(series, x_name="dB", y_name="%", zero=True)
    assert line_chart([], x_name="dB", y_name="%") == bar_chart([], y_name="bits") == ""


def test_bars_are_as_high_as_their_bits_and_large_ones_are_cut() -> None:
    bars = [Bar("I", (("p-base", 90.0),), "frame 0"), Bar("B", (("p-motion", 1.0), ("p-latents", 3.0)), "frame 1")]
    tree = ElementTree.fromstring(bar_chart(bars, y_name="kbit"))
    base, motion, latents = (float(r.get("height")) for r in tree.findall(".//rect"))
    assert latents == pytest.approx(3 * motion, rel=0.01) and base > latents + motion
    assert [t.text for t in tree.findall(".//text[@class='cut']")] == ["90.0"]
    assert re.findall(r">([IB])<", bar_chart(bars, y_name="kbit")) == ["I", "B"]


def test_two_coders_beside_each_other() -> None:
    other = [Bar("I", (("l-a", 50.0),), "x 0"), Bar("P", (("l-a", 8.0),), "x 1"), Bar("I", (("l-a", 60.0),), "x 2")]
    mine = [Bar("I", (("p-base", 90.0),), "0"), Bar("B", (("p-base", 4.0),), "1"), Bar("I", (("p-base", 70.0),), "2")]
    pairs = [Bar(bar.letter, bar.parts, bar.title, one) for bar, one in zip(mine, other, strict=True)]
    tree = ElementTree.fromstring(f"<div>{bar_chart(pairs, y_name='kbit', width=400)}</div>")
    rects = tree.findall(".//rect")
    edges = [(float(r.get("x")), float(r.get("x")) + float(r.get("width"))) for r in rects]
    assert all(a[1] <= b[0] + 0.11 for a, b in zip(edges, edges[1:], strict=False))
    assert float(rects[3].get("height")) == pytest.approx(2 * float(rects[2].get("height")), rel=0.01)
    cut = tree.findall(".//text[@class='cut']")
    assert [t.text for t in cut] == ["90.0", "50.0", "70.0", "60.0"]
    # beside both bars, never on them: right of the first frame, left of the last, which ends at the edge
    assert [t.get("text-anchor") for t in cut] == ["start", "start", "end", "end"]
    assert all(edges[1][1] < float(t.get("x")) for t in cut[:2]) and float(cut[2].get("x")) < edges[4][0]
