"""Adaptive loop filter, numba twin of ``loop_filter_reference``."""

import numpy as np
from numba import njit

from nvc.codec.loop_filter import ACTIVITY, DIRECTIONS, RESIDUAL, SQUARE

_ACTIVITY = np.array(ACTIVITY, np.int64)
_RESIDUAL = np.array(RESIDUAL, np.int64)


def corrections(picture: np.ndarray, prediction: np.ndarray, step: int, filters: np.ndarray) -> np.ndarray:
    """Same arguments and result as ``loop_filter.corrections``."""
    padded = np.pad(picture, 2, mode="edge")
    out = np.empty(picture.shape, np.int32)
    _filter(padded, prediction, _measured(padded, prediction), np.int64(step), filters.astype(np.int32), out)
    return out


@njit(cache=True, nogil=True)
def _measured(padded, prediction):
    """(5, h / 2, w / 2) int32 at even positions: Laplacians along the row, column, both diagonals; the residual."""
    h, w = prediction.shape
    out = np.empty((5, h // 2, w // 2), np.int32)
    for i in range(h // 2):
        above, here, below = padded[2 * i + 1], padded[2 * i + 2], padded[2 * i + 3]
        for j in range(w // 2):
            x = 2 * j + 2
            at = np.int32(here[x])
            out[0, i, j] = abs(2 * at - here[x - 1] - here[x + 1])
            out[1, i, j] = abs(2 * at - above[x] - below[x])
            out[2, i, j] = abs(2 * at - above[x - 1] - below[x + 1])
            out[3, i, j] = abs(2 * at - above[x + 1] - below[x - 1])
            out[4, i, j] = abs(at - np.int32(prediction[2 * i, 2 * j]))
    return out


@njit(inline="always")
def _class(sums, step):
    activity, coded = 0, 0
    for t in _ACTIVITY:
        activity += 25 * (sums[0] + sums[1]) >= t * step
    for t in _RESIDUAL:
        coded += 100 * sums[4] >= t * step
    upright, upright_less = 20 * max(sums[0], sums[1]), 20 * min(sums[0], sums[1]) + step
    slanted, slanted_less = 20 * max(sums[2], sums[3]), 20 * min(sums[2], sums[3]) + step
    direction = 0
    if upright * slanted_less > slanted * upright_less:
        if 10 * upright >= 17 * upright_less:
            direction = 1 if sums[0] > sums[1] else 2
    elif 10 * slanted >= 17 * slanted_less:
        direction = 3 if sums[2] > sums[3] else 4
    return (activity * DIRECTIONS + direction) * (len(_RESIDUAL) + 1) + coded


@njit(cache=True, nogil=True)
def _filter(padded, prediction, measured, step, filters, out):
    h, w = prediction.shape
    sums = np.empty(5, np.int64)
    last_row, last_column = h // 2 - 1, w // 2 - 1
    for top in range(0, h, SQUARE):
        for left in range(0, w, SQUARE):
            sums[:] = 0
            for k in range(-1, 3):
                i = min(max(top // 2 + k, 0), last_row)
                for m in range(-1, 3):
                    j = min(max(left // 2 + m, 0), last_column)
                    for c in range(5):
                        sums[c] += measured[c, i, j]
            f = filters[_class(sums, step)]
            f0, f1, f2, f3, f4, f5, f6 = f[0], f[1], f[2], f[3], f[4], f[5], f[6]
            for y in range(top, top + SQUARE):
                a, b, s, d, e = padded[y], padded[y + 1], padded[y + 2], padded[y + 3], padded[y + 4]
                for x in range(left, left + SQUARE):
                    at = np.int32(s[x + 2])
                    out[y, x] = (
                        f0 * (np.int32(s[x + 1]) + s[x + 3] - 2 * at)
                        + f1 * (np.int32(b[x + 2]) + d[x + 2] - 2 * at)
                        + f2 * (np.int32(b[x + 1]) + d[x + 3] - 2 * at)
                        + f3 * (np.int32(b[x + 3]) + d[x + 1] - 2 * at)
                        + f4 * (np.int32(s[x]) + s[x + 4] - 2 * at)
                        + f5 * (np.int32(a[x + 2]) + e[x + 2] - 2 * at)
                        + f6 * (np.int32(prediction[y, x]) - at)
                    )
