"""The text of a report holds every number, and says where there is none."""

from fractions import Fraction

from nvc.bench.anchors import Point
from nvc.bench.planes import Picture, Quality
from nvc.bench.rd import Curve, RdReport, SourceResult
from nvc.bench.rd_text import format_rd
from nvc.metrics import BdRate


def source(name: str, percent: float | None) -> SourceResult:
    """A result with one point each."""
    point = Point(28, 12345, Quality(25, 33.333, 40, 41, 35.125), 1.5, "ffmpeg -i SOURCE OUT")
    found = BdRate(percent, 0.9, 30, 40, "" if percent is not None else "the curves overlap by 10%", "only 3 points")
    curves = (Curve("x265 medium", (point,)), Curve("nvc neural", (point,), found, found))
    return SourceResult(name, "0" * 64, Picture(352, 288, 8, Fraction(25)), 25, curves)


def test_numbers_and_method_are_there() -> None:
    report = RdReport((source("walk", -12.345), source("screen", 50.0)), {"x265": "4.1"}, -12.345, -12.345, -12.345)
    text = format_rd(report)
    for piece in ("walk: 352x288", "12,345", "98.8", "33.33", "35.12", "-12.35 %", "only 3 points", "overlap 90%",
                  "apart, screen content: screen PSNR 6:1:1 +50.00 %", "ffmpeg -i SOURCE OUT", "x265 4.1",
                  "1 natural clip "):  # fmt: skip
        assert piece in text
    assert max(map(len, text.splitlines())) < 130


def test_no_number_says_why() -> None:
    text = format_rd(RdReport((source("walk", None),), {}, None, None, None))
    assert "none: the curves overlap by 10%" in text
    assert "mean: PSNR 6:1:1 none" in text
