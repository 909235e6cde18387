"""Block matching on small pictures as a source of candidates, for motion that is too fast for the flow. Encoder only.

Every displacement within reach is tried, so what is found does not depend on a start. What a block is compared by
reaches into its neighbours, twice: a small window follows detail, a large one knows which of many matches is the true
one (multi-resolution block matching, Nam et al. 1995; here with two windows in place of two candidates a level).
"""

import numpy as np
from numba import njit

from nvc.motion.field import BLOCK, grid_size, whole_blocks

# Reach: samples a frame of distance, and at most rows and columns of the small picture, which bind from some frames on.
SPEED = 24
REACH = (24, 40)
CANDIDATES = 2
_SCALES = (4, 8, 16)
_AREA = 1 << 15  # of the small picture, unless the last scale is too little for it


def coarse_vectors(current: np.ndarray, reference: np.ndarray, distance: int) -> np.ndarray:
    """Vectors (bh, bw, 2, 2) int16 of each 16x16 block: [window, small or large][x, y], quarter samples.

    current, reference  (H, W) uint8 luma of one size
    distance            display distance of the reference, which bounds the search
    """
    rows, columns = grid_size(*current.shape)
    scale = next((s for s in _SCALES if rows * columns * BLOCK * BLOCK <= _AREA * s * s), _SCALES[-1])
    fastest = SPEED * abs(distance) // scale
    down, across = min(REACH[0], fastest), min(REACH[1], fastest)
    small, other = _shrunk(current, scale), _shrunk(reference, scale)
    padded = np.pad(other, ((down, down), (across, across)), mode="edge")
    costs = np.full((CANDIDATES, rows, columns), np.iinfo(np.int32).max, np.int32)
    found = np.zeros((rows, columns, CANDIDATES, 2), np.int16)
    _scan(small, padded, down, across, BLOCK // scale, costs, found)
    return found * np.int16(4 * scale)


def _shrunk(plane: np.ndarray, scale: int) -> np.ndarray:
    """Means over ``scale`` x ``scale`` samples of a plane made whole blocks, int16."""
    grid = whole_blocks(plane)
    squares = grid.reshape(grid.shape[0] // scale, scale, grid.shape[1] // scale, scale)
    return ((squares.sum((1, 3), dtype=np.int32) + scale * scale // 2) // (scale * scale)).astype(np.int16)


@njit(cache=True, nogil=True)
def _scan(current, padded, down, across, side, costs, found):
    """Fill ``costs`` (2, bh, bw) and ``found`` (bh, bw, 2, 2) with the best displacement of each block and window.

    padded  the reference with ``down`` rows and ``across`` columns more on each side; side: samples a block's side
    """
    rows, columns = found.shape[0], found.shape[1]
    sums = np.zeros((rows + 4, columns + 4), np.int32)
    strip = np.zeros(columns * side, np.int32)
    for dy in range(-down, down + 1):
        for dx in range(-across, across + 1):
            for row in range(rows):
                strip[:] = 0
                for i in range(row * side, row * side + side):
                    a, b = current[i], padded[i + down + dy]
                    for x in range(strip.shape[0]):
                        strip[x] += abs(np.int32(a[x]) - np.int32(b[x + across + dx]))
                for column in range(columns):
                    total = np.int32(0)
                    for x in range(column * side, column * side + side):
                        total += strip[x]
                    sums[row + 2, column + 2] = total
            _repeat_edges(sums)
            # So that the shortest of equal ones is taken.
            _compare(sums, np.int32(abs(dy) + abs(dx)), dx, dy, costs, found)


@njit(inline="always")
def _repeat_edges(sums):
    h, w = sums.shape
    for y in range(2, h - 2):
        sums[y, 0], sums[y, 1] = sums[y, 2], sums[y, 2]
        sums[y, w - 2], sums[y, w - 1] = sums[y, w - 3], sums[y, w - 3]
    for x in range(w):
        sums[0, x], sums[1, x] = sums[2, x], sums[2, x]
        sums[h - 2, x], sums[h - 1, x] = sums[h - 3, x], sums[h - 3, x]


@njit(inline="always")
def _compare(sums, length, dx, dy, costs, found):
    """Keep a displacement where a block's window, of 3x3 weighted or of 5x5 blocks, costs less than before."""
    rows, columns = found.shape[0], found.shape[1]
    for row in range(rows):
        a, b, c, d, e = sums[row], sums[row + 1], sums[row + 2], sums[row + 3], sums[row + 4]
        for column in range(columns):
            large = length
            for x in range(column, column + 5):
                large += a[x] + b[x] + c[x] + d[x] + e[x]
            x = column + 2
            near = b[x - 1] + b[x + 1] + d[x - 1] + d[x + 1] + 2 * (b[x] + d[x] + c[x - 1] + c[x + 1]) + 4 * c[x]
            small = near + length
            if small < costs[0, row, column]:
                costs[0, row, column] = small
                found[row, column, 0, 0], found[row, column, 0, 1] = dx, dy
            if large < costs[1, row, column]:
                costs[1, row, column] = large
                found[row, column, 1, 0], found[row, column, 1, 1] = dx, dy
