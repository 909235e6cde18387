"""The blend of overlapped blocks and cells as a sum of shares that can be taken out and put back. Encoder only."""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.motion.distortion import Scratch, empty_scratch
from nvc.motion.estimate import clamp_vector
from nvc.motion.field import BLOCK, CELL, MAX_CANDIDATES, is_whole
from nvc.motion.warp import MARGIN, OVERLAP, window

SIDE, CELL_SIDE = BLOCK + 2 * OVERLAP, CELL + 2 * OVERLAP  # of what a window reaches
SHIFT = 8  # windows sum to 1 << SHIFT


class Pictures(NamedTuple):
    """What is predicted, from what: luma of the grid, quarter-sample planes, windows of both sizes, sum of shares."""

    current: np.ndarray
    first: np.ndarray
    second: np.ndarray
    windows: np.ndarray
    cell_windows: np.ndarray
    total: np.ndarray


class Unit(NamedTuple):
    """Room for one block or cell: predicted vectors with their contexts, merge candidates, and its samples.

    samples  prediction
    target   what the others leave to the unit's share, times 1 << SHIFT
    share    its window
    scratch  what is left of the current picture, to be measured
    """

    predicted: np.ndarray
    spreads: np.ndarray
    candidate_modes: np.ndarray
    candidate_vectors: np.ndarray
    samples: np.ndarray
    target: np.ndarray
    share: np.ndarray
    scratch: Scratch


def empty_unit() -> Unit:
    """Room for any unit."""
    return Unit(
        np.zeros((2, 2), np.int64), np.zeros(2, np.int64), np.empty(MAX_CANDIDATES, np.int8),
        np.empty((MAX_CANDIDATES, 2, 2), np.int16), np.zeros((SIDE, SIDE), np.int32),
        np.zeros((SIDE, SIDE), np.int32), np.zeros((SIDE, SIDE), np.int32), empty_scratch(),
    )  # fmt: skip


def pictures_of(grid: np.ndarray, first: np.ndarray, second: np.ndarray) -> Pictures:
    """Pictures with an empty sum. grid: luma of whole blocks; first, second: ``quarter_planes`` of the references."""
    return Pictures(grid, first, second, window(BLOCK, OVERLAP), window(CELL, OVERLAP), np.zeros(grid.shape, np.int32))


@njit(inline="always")
def _sources(pictures, v, row, column, top, left):
    """Planes of both references that v (2, 2), as a block clamps it, points to, and where in them (top, left) is."""
    first, second = pictures.first, pictures.second
    h, w = first.shape[2] - 2 * MARGIN, first.shape[3] - 2 * MARGIN
    x0, y0 = clamp_vector(v[0], row, column, h, w)
    x1, y1 = clamp_vector(v[1], row, column, h, w)
    top, left = top + MARGIN, left + MARGIN
    return (
        first[y0 & 3, x0 & 3], second[y1 & 3, x1 & 3],
        top + (y0 >> 2), left + (x0 >> 2), top + (y1 >> 2), left + (x1 >> 2),
    )  # fmt: skip


@njit(inline="never")
def predict_unit(pictures, mode, v, row, column, top, left, side, samples):
    """Write the prediction of (side, side) samples at (top, left), in or around a block that clamps v (2, 2)."""
    p, q, r0, c0, r1, c1 = _sources(pictures, v, row, column, top, left)
    if mode == 0:
        for i in range(side):
            out, a, b = samples[i, :side], p[r0 + i, c0 : c0 + side], q[r1 + i, c1 : c1 + side]
            for j in range(side):
                out[j] = (np.int32(a[j]) + np.int32(b[j]) + 1) >> 1
        return
    plane, r, c = (p, r0, c0) if mode == 1 else (q, r1, c1)
    for i in range(side):
        out, a = samples[i, :side], plane[r + i, c : c + side]
        for j in range(side):
            out[j] = a[j]


@njit(inline="never")
def subtract_unit(pictures, mode, v, row, column, top, left, inner, unit):
    """Fill the unit's difference with what a prediction of 16x16 samples at (top, left) leaves of the target.

    inner  where in the target that is, each way: OVERLAP for a block's own samples, 0 for all a cell's window reaches
    """
    p, q, r0, c0, r1, c1 = _sources(pictures, v, row, column, top, left)
    d, targets, shares, half = unit.scratch.difference, unit.target, unit.share, np.int32(1 << (SHIFT - 1))
    if mode == 0:
        for i in range(BLOCK):
            target, share = targets[i + inner, inner : inner + BLOCK], shares[i + inner, inner : inner + BLOCK]
            a, b = p[r0 + i, c0 : c0 + BLOCK], q[r1 + i, c1 : c1 + BLOCK]
            for j in range(BLOCK):
                mean = (np.int32(a[j]) + np.int32(b[j]) + 1) >> 1
                d[BLOCK * i + j] = (target[j] - share[j] * mean + half) >> SHIFT
        return
    plane, r, c = (p, r0, c0) if mode == 1 else (q, r1, c1)
    for i in range(BLOCK):
        target, share = targets[i + inner, inner : inner + BLOCK], shares[i + inner, inner : inner + BLOCK]
        a = plane[r + i, c : c + BLOCK]
        for j in range(BLOCK):
            d[BLOCK * i + j] = (target[j] - share[j] * np.int32(a[j]) + half) >> SHIFT


@njit(inline="always")
def _windows_of(pictures, y, x, size):
    """Weights of the rows and columns of a unit of ``size`` samples a side, and the bounds of those in the picture."""
    rows, columns = pictures.total.shape[0] // size, pictures.total.shape[1] // size
    windows = pictures.windows if size == BLOCK else pictures.cell_windows
    down = windows[(1 if y == 0 else 0) + (2 if y == rows - 1 else 0)]
    across = windows[(1 if x == 0 else 0) + (2 if x == columns - 1 else 0)]
    top, left = (OVERLAP if y == 0 else 0), (OVERLAP if x == 0 else 0)
    bottom = size + (OVERLAP if y == rows - 1 else 2 * OVERLAP)
    right = size + (OVERLAP if x == columns - 1 else 2 * OVERLAP)
    return down, across, top, bottom, left, right


@njit(inline="never")
def _add_share(pictures, y, x, size, samples, sign):
    """Add a unit's share to the sum of all, or with sign -1 take it out."""
    down, across, top, bottom, left, right = _windows_of(pictures, y, x, size)
    row, column, total = y * size - OVERLAP, x * size - OVERLAP, pictures.total
    for i in range(top, bottom):
        weight, line = sign * down[i], total[row + i, column + left : column + right]
        own, beside = samples[i, left:right], across[left:right]
        for j in range(right - left):
            line[j] += weight * beside[j] * own[j]


@njit(inline="never")
def aim(pictures, y, x, size, unit):
    """Note what the shares in the sum leave, and the unit's window; both 0 past the picture.

    That is what the others leave to the unit where its own share was taken out.
    """
    down, across, top, bottom, left, right = _windows_of(pictures, y, x, size)
    row, column, side = y * size - OVERLAP, x * size - OVERLAP, size + 2 * OVERLAP
    shares, targets, grid, total = unit.share, unit.target, pictures.current, pictures.total
    shares[:side, :side] = 0
    targets[:side, :side] = 0
    for i in range(top, bottom):
        current = grid[row + i, column + left : column + right]
        line, beside = total[row + i, column + left : column + right], across[left:right]
        share, target, weight = shares[i, left:right], targets[i, left:right], down[i]
        for j in range(right - left):
            share[j] = weight * beside[j]
            target[j] = (np.int32(current[j]) << SHIFT) - line[j]


@njit(inline="never")
def fill_difference(block):
    """Fill the block's difference with what its samples leave of the target in its own 16x16."""
    targets, shares, predicted, d = block.target, block.share, block.samples, block.scratch.difference
    inner, end, half = OVERLAP, OVERLAP + BLOCK, np.int32(1 << (SHIFT - 1))
    for i in range(BLOCK):
        target, share = targets[i + inner, inner:end], shares[i + inner, inner:end]
        samples = predicted[i + inner, inner:end]
        for j in range(BLOCK):
            d[BLOCK * i + j] = (target[j] - share[j] * samples[j] + half) >> SHIFT


@njit(inline="never")
def seam_error(block):
    """Squared error around the block where its window reaches."""
    targets, shares, predicted, error = block.target, block.share, block.samples, np.float32(0)
    for i in range(SIDE):
        target, share, samples = targets[i], shares[i], predicted[i]
        if i < OVERLAP or i >= OVERLAP + BLOCK:
            for j in range(SIDE):
                error += np.float32(target[j] - share[j] * samples[j]) ** 2
        else:
            for j in range(OVERLAP):
                error += np.float32(target[j] - share[j] * samples[j]) ** 2
            for j in range(OVERLAP + BLOCK, SIDE):
                error += np.float32(target[j] - share[j] * samples[j]) ** 2
    return np.float64(error) / (1 << 2 * SHIFT)


@njit(inline="never")
def left_over(pictures, row, column, block):
    """Fill the block's difference with what the sum of all leaves in it; returns the squared error around it."""
    aim(pictures, row, column, BLOCK, block)
    block.samples[:] = 0
    fill_difference(block)
    return seam_error(block)


@njit(inline="never")
def share_cell(pictures, mode, v, y, x, samples, sign):
    """Add the share of a cell that moves so, or take it out; the samples are overwritten."""
    predict_unit(pictures, mode, v, y >> 1, x >> 1, y * CELL - OVERLAP, x * CELL - OVERLAP, CELL_SIDE, samples)
    _add_share(pictures, y, x, CELL, samples, sign)


@njit(inline="never")
def share_block(pictures, motion, row, column, samples, sign):
    """Add the share of a block as its cells move, or take it out; the samples are overwritten."""
    y, x = 2 * row, 2 * column
    if is_whole(motion.modes, motion.vectors, row, column):
        mode, v, top, left = motion.modes[y, x], motion.vectors[y, x], row * BLOCK - OVERLAP, column * BLOCK - OVERLAP
        predict_unit(pictures, mode, v, row, column, top, left, SIDE, samples)
        _add_share(pictures, row, column, BLOCK, samples, sign)
        return
    for k in range(4):
        r, c = y + (k >> 1), x + (k & 1)
        share_cell(pictures, motion.modes[r, c], motion.vectors[r, c], r, c, samples, sign)
