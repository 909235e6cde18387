"""What context networks see of the shadows of a frame's references (``nvc.codec.shadows``).

Where both references agree over a motion it is likely the right one: bilateral matching, at whole samples and 64 of
them a unit, costs little. Where a picture is flat, no motion is wrong and no residual large.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.motion.field import BLOCK, bit_length, mirrored
from nvc.motion.warp import MARGIN

_SAMPLES = 8  # a side, of a block every second one, of a cell each
UNIT_INPUTS, AROUND_INPUTS, BLOCK_INPUTS = 12, 4, 4
_STEPS = 4  # of 1, 2, 4 and 8 samples


class Pictures(NamedTuple):
    """Shadows of both references as kernels take them; of a single one twice.

    first, second  padded lumas uint16
    distances      display distances, the second 0 where there is one reference
    size           height, width, bits a sample beyond 8
    """

    first: np.ndarray
    second: np.ndarray
    distances: tuple[int, int]
    size: tuple[int, int, int]


@njit(inline="always")
def half_octaves(total):
    """Twice the binary logarithm of a whole number and one, about, at most 31."""
    length = bit_length(total + 1)
    half = ((total + 1) >> (length - 2)) & 1 if length > 1 else 0
    return min(2 * (length - 1) + half, 31)


@njit(inline="always")
def _place(at, vector, limit):
    """Where a unit ``at`` comes from, in a padded plane: the nearest whole sample, no further out than it shows."""
    return min(max(at + ((vector + 2) >> 2), 8 - MARGIN), limit + MARGIN - 24) + MARGIN


@njit(cache=True, nogil=True)
def _apart(pictures, y, x, side, x0, y0, x1, y1):
    """Sum of absolute differences between the references over 64 samples of a unit, 8-bit values."""
    height, width, down = pictures.size
    top, left = _place(y, y0, height), _place(x, x0, width)
    low, right = _place(y, y1, height), _place(x, x1, width)
    step = side // _SAMPLES
    total = np.int64(0)
    for i in range(0, side, step):
        one, two = pictures.first[top + i], pictures.second[low + i]
        for j in range(0, side, step):
            total += abs(np.int64(one[left + j]) - np.int64(two[right + j]))
    return total >> down


@njit(cache=True, nogil=True)
def disagreement(pictures, y, x, side, mode, vector, dx, dy):
    """``_apart`` over a motion, ``dx`` and ``dy`` quarter samples beside it.

    Where it uses one reference, the other is looked for by linear motion; the shift is scaled by distance there.
    """
    d0, d1 = pictures.distances
    if mode == 2:
        x1, y1 = np.int64(vector[1, 0]) + dx, np.int64(vector[1, 1]) + dy
        return _apart(pictures, y, x, side, mirrored(x1, d1, d0), mirrored(y1, d1, d0), x1, y1)
    x0, y0 = np.int64(vector[0, 0]) + dx, np.int64(vector[0, 1]) + dy
    if mode == 1:
        return _apart(pictures, y, x, side, x0, y0, mirrored(x0, d0, d1), mirrored(y0, d0, d1))
    x1 = np.int64(vector[1, 0]) + mirrored(np.int64(dx), d0, d1)
    y1 = np.int64(vector[1, 1]) + mirrored(np.int64(dy), d0, d1)
    return _apart(pictures, y, x, side, x0, y0, x1, y1)


@njit(cache=True, nogil=True)
def set_texture(x, k, pictures, top, left, side, mode, vector):
    """Two inputs: differences from sample to sample, across and down, where a motion points in its main reference."""
    height, width, down = pictures.size
    r = 1 if mode == 2 else 0
    source = pictures.second if r else pictures.first
    y, column = _place(top, np.int64(vector[r, 1]), height), _place(left, np.int64(vector[r, 0]), width)
    step = side // _SAMPLES
    across, along = np.int64(0), np.int64(0)
    for i in range(0, side, step):
        line, below = source[y + i], source[y + i + 1]
        for j in range(0, side, step):
            here = np.int64(line[column + j])
            across += abs(np.int64(line[column + j + 1]) - here)
            along += abs(np.int64(below[column + j]) - here)
    x[k], x[k + 1] = half_octaves(across >> down), half_octaves(along >> down)


@njit(cache=True, nogil=True)
def set_unit(x, k, pictures, at, temporal_modes, temporal_vectors, found, found_vectors, n):
    """The ``UNIT_INPUTS`` of a unit ``at`` (row and column of its first cell, cells a side) and its candidates."""
    row, column, cells = at
    y, left, side = 8 * row, 8 * column, 8 * cells
    mode, vector = found[0], found_vectors[0]
    set_texture(x, k, pictures, y, left, side, mode, vector)
    k += 2
    for i in range(UNIT_INPUTS - 2):
        x[k + i] = 0
    x[k], x[k + 7] = -1, -1
    if pictures.distances[1] == 0:
        return k + UNIT_INPUTS - 2
    least = disagreement(pictures, y, left, side, mode, vector, 0, 0)
    first = half_octaves(least)
    x[k], x[k + 1], x[k + 2], x[k + 3] = first, 15, 15, 15
    others = np.int64(1) << 40
    for i in range(1, n):
        cost = disagreement(pictures, y, left, side, found[i], found_vectors[i], 0, 0)
        if i < 3:
            x[k + i] = half_octaves(cost) - first
        others = min(others, cost)
        x[k + 3] = half_octaves(others) - first
        if cost < least:
            least, x[k + 4] = cost, i
    r, c = row + cells - 1, column + cells - 1
    cost = disagreement(pictures, y, left, side, temporal_modes[r, c], temporal_vectors[r, c], 0, 0)
    x[k + 5] = half_octaves(cost) - first
    if cells == 2:
        low, high, alone = np.int64(1) << 40, np.int64(0), np.int64(0)
        for cell in range(4):
            r, c = row + (cell >> 1), column + (cell & 1)
            cost = disagreement(pictures, 8 * r, 8 * c, 8, mode, vector, 0, 0)
            low, high = min(low, cost), max(high, cost)
            alone += disagreement(pictures, 8 * r, 8 * c, 8, temporal_modes[r, c], temporal_vectors[r, c], 0, 0)
        x[k + 6], x[k + 7] = half_octaves(high) - half_octaves(low), half_octaves(high)
        x[k + 8] = half_octaves(alone >> 2) - first
    around = np.int64(1) << 40
    for d in (-8, -4, 4, 8):
        around = min(around, disagreement(pictures, y, left, side, mode, vector, d, 0))
        around = min(around, disagreement(pictures, y, left, side, mode, vector, 0, d))
    x[k + 9] = half_octaves(around) - first
    return k + UNIT_INPUTS - 2


@njit(cache=True, nogil=True)
def set_around(x, k, pictures, at, r, component, mode, predicted, difference, first_vector):
    """The ``AROUND_INPUTS`` of a component of a difference: where around the predicted vector the references agree.

    predicted, difference  (2, 2) of both references, difference[r, 0] known for the vertical component
    first_vector           of reference 0, which is known where both have a difference
    """
    x[k], x[k + 1], x[k + 2], x[k + 3] = 5, -1, 0, 0
    if pictures.distances[1] == 0:
        return
    y, left, side = 8 * at[0], 8 * at[1], 8 * at[2]
    d0, d1 = pictures.distances
    mine = np.empty(2, np.int64)
    other = np.empty(2, np.int64)
    costs = np.empty(2 * _STEPS + 1, np.int64)
    for step in range(-_STEPS, _STEPS + 1):
        size = (np.int64(2) << abs(step)) if step != 0 else np.int64(0)
        for i in range(2):
            shift = (size if step > 0 else -size) if i == component else np.int64(0)
            if component == 1 and i == 0:
                shift = difference[r, 0]
            mine[i] = predicted[r, i] + shift
            if mode == 0 and r == 1:
                other[i] = first_vector[i]
            elif r == 1:
                other[i] = mirrored(mine[i], d1, d0)
            elif mode == 1:
                other[i] = mirrored(mine[i], d0, d1)
            else:
                other[i] = predicted[1, i] + mirrored(shift, d0, d1)
        if r == 0:
            costs[step + _STEPS] = _apart(pictures, y, left, side, mine[0], mine[1], other[0], other[1])
        else:
            costs[step + _STEPS] = _apart(pictures, y, left, side, other[0], other[1], mine[0], mine[1])
    best = 0
    for step in (-1, 1, -2, 2, -3, 3, -4, 4):
        if costs[_STEPS + step] < costs[_STEPS + best]:
            best = step
    x[k], x[k + 1] = best, half_octaves(costs[_STEPS])
    for i in range(2):
        x[k + 2 + i] = half_octaves(costs[_STEPS - 1 - i]) - half_octaves(costs[_STEPS + 1 + i])


@njit(cache=True, nogil=True)
def set_residual(x, k, pictures, modes, vectors, row, column):
    """The ``BLOCK_INPUTS`` of a block that its motion gives: texture, disagreement, and how that differs by cell."""
    y, left = 2 * row, 2 * column
    set_texture(x, k, pictures, 8 * y, 8 * left, BLOCK, modes[y, left], vectors[y, left])
    x[k + 2], x[k + 3] = -1, 0
    if pictures.distances[1] != 0:
        low, high, total = np.int64(1) << 40, np.int64(0), np.int64(0)
        for cell in range(4):
            r, c = y + (cell >> 1), left + (cell & 1)
            cost = disagreement(pictures, 8 * r, 8 * c, 8, modes[r, c], vectors[r, c], 0, 0)
            low, high, total = min(low, cost), max(high, cost), total + cost
        x[k + 2], x[k + 3] = half_octaves(total >> 2), half_octaves(high) - half_octaves(low)
    return k + BLOCK_INPUTS
