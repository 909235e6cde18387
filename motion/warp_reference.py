"""Overlapped block prediction of one plane in NumPy int64: the obvious twin that fast ones are tested against."""

import numpy as np

from nvc.motion.field import BOTH


def predict_plane(
    first: np.ndarray, second: np.ndarray, modes: np.ndarray, vectors: np.ndarray, taps: np.ndarray,
    windows: np.ndarray, block: int, overlap: int, height: int, width: int, bit_depth: int,
) -> np.ndarray:  # fmt: skip
    """Same arguments and result as ``warp_numba.predict_plane``; every block as its four cells."""
    (rows, columns), cell = modes.shape, block // 2
    margin = (first.shape[0] - height) // 2
    inner = [p[margin : margin + height, margin : margin + width].astype(np.int64) for p in (first, second)]
    total = np.zeros((rows * cell, columns * cell), np.int64)
    for row in range(rows):
        for column in range(columns):
            mode = modes[row, column]
            y, x = _span(row, rows, cell, overlap), _span(column, columns, cell, overlap)
            for r in range(2):
                if mode in (BOTH, r + 1):
                    sample = _sample(inner[r], y, x, vectors[row, column, r].astype(int), taps, bit_depth)
                    gain = 1 if mode == BOTH else 2
                    wy = windows[(row == 0) + 2 * (row == rows - 1)].astype(np.int64)
                    wx = windows[(column == 0) + 2 * (column == columns - 1)].astype(np.int64)
                    weights = np.outer(wy[y - row * cell + overlap], wx[x - column * cell + overlap])
                    total[np.ix_(y, x)] += gain * weights * sample
    full = (4 * overlap) ** 2 if overlap else 1
    shift = 15 - bit_depth + int(np.log2(full))
    return np.clip((total + (1 << (shift - 1))) >> shift, 0, (1 << bit_depth) - 1).astype(np.uint16)


def _span(index: int, count: int, cell: int, overlap: int) -> np.ndarray:
    """Sample positions that a cell's window covers, within the grid."""
    low = index * cell - (overlap if index else 0)
    return np.arange(low, (index + 1) * cell + (overlap if index < count - 1 else 0))


def _sample(plane: np.ndarray, y: np.ndarray, x: np.ndarray, vector: np.ndarray, taps: np.ndarray, depth: int):
    """Interpolated samples (len(y), len(x)) with 14 bits, edge repeated without end."""
    units, n = len(taps), taps.shape[1]
    back = n // 2 - 1
    rows = y[:, None] + vector[1] // units - back + np.arange(n)
    columns = x[:, None] + vector[0] // units - back + np.arange(n)
    rows, columns = rows.clip(0, plane.shape[0] - 1), columns.clip(0, plane.shape[1] - 1)
    mid = (plane[:, columns] * taps[vector[0] % units]).sum(-1) >> (depth - 8)
    return (mid[rows] * taps[vector[1] % units][None, :, None]).sum(1) >> 6
