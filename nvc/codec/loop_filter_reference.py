"""Adaptive loop filter in NumPy int64: the obvious twin of ``loop_filter.corrections``, and what its fit looks at."""

import numpy as np

from nvc.codec.loop_filter import ACTIVITY, DIRECTIONS, OFFSETS, RESIDUAL, SQUARE


def corrections(picture: np.ndarray, prediction: np.ndarray, step: int, filters: np.ndarray) -> np.ndarray:
    """Same arguments and result as ``loop_filter.corrections``."""
    of = np.repeat(np.repeat(classes(picture, prediction, step), SQUARE, 0), SQUARE, 1)
    each = filters.astype(np.int64)[of]
    return (each * taps(picture, prediction)).sum(-1).astype(np.int32)


def taps(picture: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(h, w, TAPS) int64: what each tap multiplies."""
    at = _shifted(picture, (0, 0))
    pairs = [_shifted(picture, (dy, dx)) + _shifted(picture, (-dy, -dx)) - 2 * at for dy, dx in OFFSETS]
    return np.stack([*pairs, prediction.astype(np.int64) - at], -1)


def classes(picture: np.ndarray, prediction: np.ndarray, step: int) -> np.ndarray:
    """(h / 4, w / 4) int64 class of each square."""
    double = 2 * _shifted(picture, (0, 0))
    laplacians = [
        _window(np.abs(double - _shifted(picture, d) - _shifted(picture, (-d[0], -d[1])))) for d in OFFSETS[:4]
    ]
    row, column, falling, rising = laplacians
    residual = _window(np.abs(_shifted(picture, (0, 0)) - _shifted(prediction, (0, 0))))
    activity = sum((25 * (row + column) >= t * step).astype(np.int64) for t in ACTIVITY)
    coded = sum((100 * residual >= t * step).astype(np.int64) for t in RESIDUAL)
    upright, slanted = _ratio(row, column, step), _ratio(falling, rising, step)
    straight = upright[0] * slanted[1] > slanted[0] * upright[1]
    direction = np.where(straight, np.where(row > column, 1, 2), np.where(falling > rising, 3, 4))
    clear = np.where(straight, 10 * upright[0] >= 17 * upright[1], 10 * slanted[0] >= 17 * slanted[1])
    return (activity * DIRECTIONS + np.where(clear, direction, 0)) * (len(RESIDUAL) + 1) + coded


def _ratio(a: np.ndarray, b: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The larger and the smaller, the latter with a twentieth of a step more: both times 20."""
    return 20 * np.maximum(a, b), 20 * np.minimum(a, b) + step


def _shifted(plane: np.ndarray, offset: tuple[int, int]) -> np.ndarray:
    """The plane's samples at an offset of at most 2 from each, edges repeated, int64."""
    h, w = plane.shape
    padded = np.pad(plane.astype(np.int64), 2, mode="edge")
    return padded[2 + offset[0] :, 2 + offset[1] :][:h, :w]


def _window(values: np.ndarray) -> np.ndarray:
    """(h / 4, w / 4): sums over the 4x4 even positions from 2 before to 4 after a square's first, the last repeated."""
    even = np.pad(values[::2, ::2], 1, mode="edge")
    h, w = values.shape[0] // 2, values.shape[1] // 2
    rows = np.add.reduce([even[k : k + h : 2] for k in range(4)])
    return np.add.reduce([rows[:, k : k + w : 2] for k in range(4)])
