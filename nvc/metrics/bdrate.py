"""Bjontegaard delta rate: the mean rate difference of two curves at equal quality.

Bjontegaard, VCEG-M33, "Calculation of average PSNR differences between RD-curves"; here with piecewise cubic Hermite
interpolation of log rate over quality (Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984, with the three-point
end slopes of Moler, "Numerical Computing with MATLAB", chapter 3), which does not swing between points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nvc.errors import FormatError

MIN_OVERLAP = 0.6
GOOD_POINTS = 4
_SAME_QUALITY = 1e-6
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class BdRate:
    """Result of a comparison of two curves.

    percent   rate change of test against anchor at equal quality; negative = test needs less; None where there is none
    overlap   share of the shorter quality range that both curves cover, 0..1
    low, high quality range in dB over which the mean is taken
    reason    why there is no percent, or "" where there is one
    warning   what weakens the number, or ""
    """

    percent: float | None
    overlap: float
    low: float
    high: float
    reason: str = ""
    warning: str = ""


class _Pchip:
    """Piecewise cubic Hermite curve through rising x; keeps its integral from x[0] to each knot."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y
        self.h = np.diff(x)
        self.slope = _slopes(self.h, np.diff(y) / self.h)
        whole = self.h * (y[:-1] + y[1:]) / 2 + self.h**2 * (self.slope[:-1] - self.slope[1:]) / 12
        self.area = np.concatenate(([0.0], np.cumsum(whole)))

    def _coefficients(self, x: float) -> tuple[int, float, tuple[float, float, float, float]]:
        """(interval, distance from its start, coefficients of powers 0..3 of the distance)."""
        k = int(np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self.h) - 1))
        h, d0, d1 = self.h[k], self.slope[k], self.slope[k + 1]
        secant = (self.y[k + 1] - self.y[k]) / h
        return k, x - self.x[k], (self.y[k], d0, (3 * secant - 2 * d0 - d1) / h, (d0 + d1 - 2 * secant) / h**2)

    def __call__(self, x: float) -> float:
        _, t, (c0, c1, c2, c3) = self._coefficients(x)
        return float(c0 + t * (c1 + t * (c2 + t * c3)))

    def integral(self, low: float, high: float) -> float:
        """Integral from low to high, both within the knots."""
        return self._area(high) - self._area(low)

    def _area(self, x: float) -> float:
        k, t, (c0, c1, c2, c3) = self._coefficients(x)
        return float(self.area[k] + t * (c0 + t * (c1 / 2 + t * (c2 / 3 + t * c3 / 4))))


def _slopes(h: np.ndarray, secant: np.ndarray) -> np.ndarray:
    """Slopes at the knots: weighted harmonic mean of the secants, 0 where they differ in sign."""
    if len(h) == 1:
        return np.array([secant[0], secant[0]])
    before, after = secant[:-1], secant[1:]
    w_before, w_after = h[:-1] + 2 * h[1:], 2 * h[:-1] + h[1:]
    same = before * after > 0
    # each secant is weighted by the other side's step, so the one over the shorter step counts for more
    total = np.where(same, w_before / np.where(same, before, 1) + w_after / np.where(same, after, 1), 1)
    inner = np.where(same, (w_before + w_after) / total, 0.0)
    first = _end_slope(h[0], h[1], secant[0], secant[1])
    last = _end_slope(h[-1], h[-2], secant[-1], secant[-2])
    return np.concatenate(([first], inner, [last]))


def _end_slope(h0: float, h1: float, near: float, far: float) -> float:
    """Three-point slope at an end, held to the sign and to three times the size of the near secant."""
    slope = ((2 * h0 + h1) * near - h0 * far) / (h0 + h1)
    if np.sign(slope) != np.sign(near):
        return 0.0
    if np.sign(near) != np.sign(far) and abs(slope) > 3 * abs(near):
        return 3 * near
    return slope


def _sorted_points(points: Points, name: str) -> np.ndarray:
    """Points as (N, 2) by rising quality; FormatError for what is no curve at all."""
    table = np.array(sorted(points, key=lambda p: (p[1], p[0])), dtype=np.float64).reshape(-1, 2)
    if len(table) < 2:
        raise FormatError(f"a curve needs at least 2 points, {name} has {len(table)}")
    if not np.isfinite(table).all() or (table[:, 0] <= 0).any():
        raise FormatError(f"a curve needs finite qualities and rates above 0, {name} has {table.tolist()}")
    return table


def _is_monotone(table: np.ndarray) -> bool:
    return bool((np.diff(table[:, 1]) > _SAME_QUALITY).all() and (np.diff(table[:, 0]) > 0).all())


def bd_rate(anchor: Points, test: Points, *, min_overlap: float = MIN_OVERLAP) -> BdRate:
    """Mean rate change of ``test`` against ``anchor`` at equal quality, in percent.

    anchor, test   (rate, quality) pairs in any order: rate in bytes or bits above 0, quality in dB; at least 2 each
    min_overlap    least share of the shorter quality range that both must cover
    No number is given (percent None, with a reason) where a curve is not monotone or the overlap is too small.
    Raises FormatError for fewer than 2 points, NaN or a rate that is not positive.
    """
    a, t = _sorted_points(anchor, "the anchor"), _sorted_points(test, "the test")
    low, high = max(a[0, 1], t[0, 1]), min(a[-1, 1], t[-1, 1])
    shorter = min(a[-1, 1] - a[0, 1], t[-1, 1] - t[0, 1])
    overlap = float(np.clip((high - low) / shorter, 0, 1)) if shorter > 0 else 0.0
    reason = ""
    for table, name in ((a, "anchor"), (t, "test")):
        if not _is_monotone(table):
            reason = f"the {name}'s quality does not rise with its rate"
    if not reason and overlap < min_overlap:
        reason = f"the curves overlap by {overlap:.0%}, less than {min_overlap:.0%}"
    if reason:
        return BdRate(None, overlap, low, high, reason)
    difference = _curve(t).integral(low, high) - _curve(a).integral(low, high)
    fewest = min(len(a), len(t))
    warning = f"only {fewest} points" if fewest < GOOD_POINTS else ""
    return BdRate(float(np.expm1(difference / (high - low)) * 100), overlap, float(low), float(high), "", warning)


def interpolate_log_rate(points: Points, quality: float) -> float | None:
    """Rate that a curve needs for a quality: pchip over log rate, as in bd_rate.

    points    (rate, quality in dB) in any order, at least 2
    Returns None where the quality lies outside the points or the curve is not monotone: nothing is extrapolated.
    """
    table = _sorted_points(points, "the curve")
    if not _is_monotone(table) or not table[0, 1] <= quality <= table[-1, 1]:
        return None
    return float(np.exp(_curve(table)(quality)))


def _curve(table: np.ndarray) -> _Pchip:
    return _Pchip(table[:, 1], np.log(table[:, 0]))
