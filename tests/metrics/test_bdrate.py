"""BD-rate against scipy, against the package bjontegaard, and its refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvc.errors import FormatError
from nvc.metrics import bd_rate, interpolate_log_rate

ANCHOR = [(90000, 42.1), (51000, 39.6), (27500, 36.9), (15100, 34.2), (8600, 31.7), (5200, 29.4)]


def shifted(rate: float, quality: float) -> list[tuple[float, float]]:
    """ANCHOR with all rates and qualities moved."""
    return [(r * rate, q + quality) for r, q in ANCHOR]


@st.composite
def curves(draw: st.DrawFn) -> list[tuple[float, float]]:
    """A monotone curve over about 30 to 40 dB."""
    n = draw(st.integers(4, 7))
    steps = draw(st.lists(st.floats(0.5, 3), min_size=n, max_size=n))
    growth = draw(st.lists(st.floats(1.1, 2.5), min_size=n, max_size=n))
    return list(zip(1000 * np.cumprod(growth), 29 + np.cumsum(steps), strict=True))


def test_known_rate_factor() -> None:
    assert bd_rate(ANCHOR, shifted(0.8, 0)).percent == pytest.approx(-20)
    assert bd_rate(ANCHOR, shifted(1.25, 0)).percent == pytest.approx(25)
    assert bd_rate(ANCHOR, ANCHOR[::-1]).percent == pytest.approx(0)


@settings(deadline=None, max_examples=60)
@given(curves(), curves())
def test_agrees_with_scipy_and_bjontegaard(anchor: list, test: list) -> None:
    scipy = pytest.importorskip("scipy.interpolate")
    package = pytest.importorskip("bjontegaard")
    ours = bd_rate(anchor, test)
    if ours.percent is None:
        assert ours.overlap < 0.6
        return
    fit = [scipy.PchipInterpolator(*np.array([(q, np.log(r)) for r, q in c]).T) for c in (anchor, test)]
    mean = (fit[1].integrate(ours.low, ours.high) - fit[0].integrate(ours.low, ours.high)) / (ours.high - ours.low)
    assert ours.percent == pytest.approx((np.exp(mean) - 1) * 100, abs=1e-8)
    (ra, qa), (rt, qt) = np.array(anchor).T, np.array(test).T
    theirs = package.bd_rate(ra, qa, rt, qt, method="pchip", require_matching_points=False, min_overlap=0)
    assert ours.percent == pytest.approx(theirs, abs=1e-6)


def test_small_overlap_gives_no_number() -> None:
    result = bd_rate(ANCHOR, shifted(1, 8))
    assert result.percent is None
    assert result.overlap == pytest.approx((12.7 - 8) / 12.7)
    assert "overlap" in result.reason
    assert bd_rate(ANCHOR, shifted(1, 40)).overlap == 0


@pytest.mark.parametrize("bad", [[(100, 30), (200, 31), (300, 31)], [(100, 30), (90, 33), (300, 40)]])
def test_curves_that_are_not_monotone_give_no_number(bad: list) -> None:
    assert "does not rise" in bd_rate(ANCHOR, bad, min_overlap=0).reason
    assert bd_rate(bad, ANCHOR, min_overlap=0).percent is None


@pytest.mark.parametrize("bad", [[], [(100, 30)], [(0, 30), (10, 31)], [(10, float("nan")), (20, 30)]])
def test_what_is_no_curve_is_refused(bad: list) -> None:
    with pytest.raises(FormatError):
        bd_rate(ANCHOR, bad)


def test_few_points_warn() -> None:
    assert "3 points" in bd_rate(ANCHOR, ANCHOR[:3]).warning
    assert bd_rate(ANCHOR, ANCHOR[:4]).warning == ""


def test_interpolated_rate_meets_the_points_and_never_extrapolates() -> None:
    for rate, quality in ANCHOR:
        assert interpolate_log_rate(ANCHOR, quality) == pytest.approx(rate)
    assert 15100 < interpolate_log_rate(ANCHOR, 35) < 27500
    assert interpolate_log_rate(ANCHOR, 29.3) is None
    assert interpolate_log_rate(ANCHOR[:2], 43) is None
