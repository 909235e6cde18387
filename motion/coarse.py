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
    places = np.zeros((CANDIDATES, rows, columns), np.int32)
    side = BLOCK // scale
    _scan(_by_phase(small, side), _by_phase(padded, side), down, across, costs, places)
    y, x = np.divmod(places, 2 * across + 1)
    return (np.stack((x - across, y - down), -1) * (4 * scale)).transpose(1, 2, 0, 3).astype(np.int16)


def _shrunk(plane: np.ndarray, scale: int) -> np.ndarray:
    """Means over ``scale`` x ``scale`` samples of a plane made whole blocks, int16."""
    grid = whole_blocks(plane)
    squares = grid.reshape(grid.shape[0] // scale, scale, grid.shape[1] // scale, scale)
    return ((squares.sum((1, 3), dtype=np.int32) + scale * scale // 2) // (scale * scale)).astype(np.int16)


def _by_phase(plane: np.ndarray, side: int) -> np.ndarray:
    """(H, side, n) with every ``side``-th sample of a row beside each other; the last ones are repeated."""
    h, w = plane.shape
    whole = np.pad(plane, ((0, 0), (0, -w % side)), mode="edge")
    return np.ascontiguousarray(whole.reshape(h, -1, side).transpose(0, 2, 1))


@njit(cache=True, nogil=True)
def _scan(current, padded, down, across, costs, places):
    """Fill ``costs`` and ``places`` (2, bh, bw) with the best displacement of each block and window.

    current, padded  ``_by_phase``; the reference with ``down`` rows and ``across`` columns more on each side
    places           (down + dy) * (2 * across + 1) + across + dx
    """
    rows, columns = costs.shape[1], costs.shape[2]
    side = current.shape[1]
    sums = np.zeros((rows + 4, columns + 4), np.int32)
    total = np.zeros(columns, np.int16)  # a block has at most 16 samples here
    for dy in range(2 * down + 1):
        for dx in range(2 * across + 1):
            for row in range(rows):
                total[:] = 0
                for i in range(row * side, row * side + side):
                    for phase in range(side):
                        at = (phase + dx) // side
                        a, b = current[i, phase], padded[i + dy, (phase + dx) % side, at : at + columns]
                        for column in range(columns):
                            total[column] += abs(a[column] - b[column])
                sums[row + 2, 2 : columns + 2] = total
            _repeat_edges(sums)
            # So that the shortest of equal ones is taken.
            length = np.int32(abs(dy - down) + abs(dx - across))
            _compare(sums, length, np.int32(dy * (2 * across + 1) + dx), costs, places)


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
def _compare(sums, length, place, costs, places):
    """Keep a displacement where a block's window, of 3x3 weighted or of 5x5 blocks, costs less than before."""
    rows, columns = costs.shape[1], costs.shape[2]
    for row in range(rows):
        a, b, c, d, e = sums[row], sums[row + 1], sums[row + 2], sums[row + 3], sums[row + 4]
        near, far, at_near, at_far = costs[0, row], costs[1, row], places[0, row], places[1, row]
        for column in range(columns):
            large = length
            for x in range(column, column + 5):
                large += a[x] + b[x] + c[x] + d[x] + e[x]
            x = column + 2
            small = b[x - 1] + b[x + 1] + d[x - 1] + d[x + 1] + 2 * (b[x] + d[x] + c[x - 1] + c[x + 1]) + 4 * c[x]
            small += length
            at_near[column] = place if small < near[column] else at_near[column]
            near[column] = min(small, near[column])
            at_far[column] = place if large < far[column] else at_far[column]
            far[column] = min(large, far[column])
