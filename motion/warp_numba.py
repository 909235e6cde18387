"""Overlapped block prediction of one plane, numba twin of ``warp_reference``."""

import numpy as np
from numba import njit

from nvc.motion.field import is_whole
from nvc.motion.warp import MARGIN


@njit(inline="always")
def _filter_8(source, top, left, fx, fy, n, down, mid, out):
    a0, a1, a2, a3, a4, a5, a6, a7 = fx[0], fx[1], fx[2], fx[3], fx[4], fx[5], fx[6], fx[7]
    for i in range(n + 7):
        s = source[top - 3 + i]
        for j in range(n):
            x = left + j
            mid[i, j] = (
                a0 * s[x - 3] + a1 * s[x - 2] + a2 * s[x - 1] + a3 * s[x]
                + a4 * s[x + 1] + a5 * s[x + 2] + a6 * s[x + 3] + a7 * s[x + 4]
            ) >> down  # fmt: skip
    b0, b1, b2, b3, b4, b5, b6, b7 = fy[0], fy[1], fy[2], fy[3], fy[4], fy[5], fy[6], fy[7]
    for i in range(n):
        for j in range(n):
            out[i, j] = (
                b0 * mid[i, j] + b1 * mid[i + 1, j] + b2 * mid[i + 2, j] + b3 * mid[i + 3, j]
                + b4 * mid[i + 4, j] + b5 * mid[i + 5, j] + b6 * mid[i + 6, j] + b7 * mid[i + 7, j]
            ) >> 6  # fmt: skip


@njit(inline="always")
def _filter_4(source, top, left, fx, fy, n, down, mid, out):
    a0, a1, a2, a3 = fx[0], fx[1], fx[2], fx[3]
    for i in range(n + 3):
        s = source[top - 1 + i]
        for j in range(n):
            x = left + j
            mid[i, j] = (a0 * s[x - 1] + a1 * s[x] + a2 * s[x + 1] + a3 * s[x + 2]) >> down
    b0, b1, b2, b3 = fy[0], fy[1], fy[2], fy[3]
    for i in range(n):
        for j in range(n):
            out[i, j] = (b0 * mid[i, j] + b1 * mid[i + 1, j] + b2 * mid[i + 2, j] + b3 * mid[i + 3, j]) >> 6


@njit(inline="always")
def _add_unit(
    source, vector, gain, taps, windows, y, x, rows, columns, unit, overlap, height, width, down, mid, sample, total
):  # fmt: skip
    """Add one reference's share of the unit (y, x) of ``rows`` by ``columns`` units of ``unit`` samples."""
    n = unit + 2 * overlap
    bits = 2 if taps.shape[0] == 4 else 3
    vx, vy = vector[0], vector[1]
    left = x * unit - overlap + (np.int64(vx) >> bits)
    top = y * unit - overlap + (np.int64(vy) >> bits)
    # Wholly outside, every sample equals the edge: nearer positions give the same values.
    left = min(max(left, -n - 8), width + 8) + MARGIN
    top = min(max(top, -n - 8), height + 8) + MARGIN
    fx, fy = taps[vx & ((1 << bits) - 1)], taps[vy & ((1 << bits) - 1)]
    if bits == 2:
        _filter_8(source, top, left, fx, fy, n, down, mid, sample)
    else:
        _filter_4(source, top, left, fx, fy, n, down, mid, sample)
    wy = windows[(1 if y == 0 else 0) + (2 if y == rows - 1 else 0)]
    wx = windows[(1 if x == 0 else 0) + (2 if x == columns - 1 else 0)]
    for i in range(n):
        w = wy[i] * gain
        if w == 0:
            continue
        line = total[y * unit - overlap + i]
        for j in range(overlap if x == 0 else 0, n - (overlap if x == columns - 1 else 0)):
            line[x * unit - overlap + j] += w * wx[j] * sample[i, j]


@njit(cache=True, nogil=True)
def _joined(windows, size):
    """Windows of two units side by side, (4, 2 * size + 2 * overlap), from those of ``size`` samples."""
    out = np.zeros((4, windows.shape[1] + size), np.int32)
    for place in range(4):
        first, last = windows[place & 1], windows[place & 2]
        for k in range(windows.shape[1]):
            out[place, k] += first[k]
            out[place, k + size] += last[k]
    return out


@njit(cache=True, nogil=True)
def predict_plane(first, second, modes, vectors, taps, windows, block, overlap, height, width, bit_depth):
    """Prediction (rows * block, columns * block) uint16 of one plane.

    first, second  padded references uint16; taps (F, 8 or 4) int32; windows (4, block / 2 + 2 overlap) int32 of cells
    """
    rows, columns = modes.shape[0] // 2, modes.shape[1] // 2
    n = block + 2 * overlap
    out = np.empty((rows * block, columns * block), np.uint16)
    total = np.zeros((rows * block, columns * block), np.int32)
    mid = np.empty((n + 7, n), np.int32)
    sample = np.empty((n, n), np.int32)
    down = bit_depth - 8
    block_windows = _joined(windows, block // 2)
    full = 4 * overlap if overlap else 1
    for row in range(rows):
        for column in range(columns):
            # Windows of cells sum to their block's: four that move alike are one.
            whole = is_whole(modes, vectors, row, column)
            for cell in range(1 if whole else 4):
                y, x = 2 * row + (cell >> 1), 2 * column + (cell & 1)
                mode = modes[y, x]
                gain = 1 if mode == 0 else 2
                for r in range(2):
                    if mode != 0 and mode != r + 1:
                        continue
                    source = first if r == 0 else second
                    if whole:
                        _add_unit(
                            source, vectors[y, x, r], gain, taps, block_windows, row, column, rows, columns, block,
                            overlap, height, width, down, mid, sample, total,
                        )  # fmt: skip
                    else:
                        _add_unit(
                            source, vectors[y, x, r], gain, taps, windows, y, x, 2 * rows, 2 * columns, block // 2,
                            overlap, height, width, down, mid, sample, total,
                        )  # fmt: skip
    shift = 15 - bit_depth
    f = full * full
    while f > 1:
        shift += 1
        f >>= 1
    half = 1 << (shift - 1)
    peak = (1 << bit_depth) - 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = min(max((total[y, x] + half) >> shift, 0), peak)
    return out
