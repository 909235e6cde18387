"""Patterns and last diagonals of a frame where networks give the contexts: one kernel both ways.

A pattern is three questions, whether Y, U and V are coded; a last diagonal is counted up to. The inputs stand in
``nvc.models.contexts`` in the order they are written here.
"""

import numpy as np
from numba import njit

from nvc.codec.context_networks import ask, code_count, note, think
from nvc.codec.learned_motion import far, set_frame, uses
from nvc.codec.learned_pixels import set_residual
from nvc.models.contexts import LAST, PATTERN, SHARED
from nvc.motion.field import bit_length, is_whole

LONGEST = (30, 14, 14)  # last diagonal of each plane


@njit(cache=True, nogil=True)
def magnitudes(latents, shape):
    """(bh, bw) uint8: bit length of the sum of |latent| of each block. latents (B, 384) int16."""
    out = np.zeros(shape, np.uint8)
    for b in range(latents.shape[0]):
        total = np.int64(0)
        for k in range(latents.shape[1]):
            total += abs(np.int64(latents[b, k]))
        out[b // shape[1], b % shape[1]] = bit_length(total)
    return out


@njit(inline="always")
def pointed(vector, row, column, rows, columns):
    """The block that the middle of a block comes from, over a vector in quarter samples."""
    r = (16 * row + 8 + (np.int64(vector[1]) >> 2)) >> 4
    c = (16 * column + 8 + (np.int64(vector[0]) >> 2)) >> 4
    return min(max(r, 0), rows - 1), min(max(c, 0), columns - 1)


@njit(cache=True, nogil=True)
def set_block(x, frame, distances, modes, vectors, row, column, patterns, energies, shares, pictures):
    """Inputs of a block that its motion and the references give.

    patterns, energies  (2, bh, bw) uint8 of the references; shares (2, 2) of their blocks whose Y, U is coded, of 16
    """
    rows, columns = energies.shape[1], energies.shape[2]
    y, left = 2 * row, 2 * column
    mode, vector = modes[y, left], vectors[y, left]
    k = set_frame(x, frame[0], frame[1], frame[2], distances)
    whole = is_whole(modes, vectors, row, column)
    x[k], x[k + 1] = mode, 1 if whole else 0
    k += 2
    x[k] = far(mode, vector, modes[y, left - 1], vectors[y, left - 1]) if column > 0 else -1
    x[k + 1] = far(mode, vector, modes[y - 1, left], vectors[y - 1, left]) if row > 0 else -1
    x[k + 2], x[k + 3], x[k + 4], x[k + 5] = -1, -1, -1, -1
    if column + 1 < columns:
        x[k + 2] = far(modes[y, left + 1], vectors[y, left + 1], modes[y, left + 2], vectors[y, left + 2])
    if row + 1 < rows:
        x[k + 3] = far(modes[y + 1, left], vectors[y + 1, left], modes[y + 2, left], vectors[y + 2, left])
    if not whole:
        x[k + 4] = far(mode, vector, modes[y + 1, left + 1], vectors[y + 1, left + 1])
        x[k + 5] = far(modes[y, left + 1], vectors[y, left + 1], modes[y + 1, left], vectors[y + 1, left])
    k += 6
    size = np.int64(0)
    for r in range(2):
        if uses(mode, r):
            size += bit_length(np.int64(vector[r, 0])) + bit_length(np.int64(vector[r, 1]))
    x[k] = size
    right, below = min(column + 1, columns - 1), min(row + 1, rows - 1)
    before, above = max(column - 1, 0), max(row - 1, 0)
    for r in range(2):
        e = energies[r]
        x[k + 1 + r], x[k + 3 + r] = patterns[r, row, column], e[row, column]
        x[k + 5 + r], x[k + 7 + r] = patterns[r, row, right], patterns[r, below, column]
        around = np.int64(e[row, right]) + e[below, column] + e[row, before] + e[above, column]
        x[k + 9 + r] = around >> 1
        there = pointed(vector[r], row, column, rows, columns)
        x[k + 11 + r], x[k + 13 + r] = patterns[r, there[0], there[1]], e[there[0], there[1]]
        x[k + 15 + 2 * r], x[k + 16 + 2 * r] = shares[r, 0], shares[r, 1]
    return set_residual(x, k + 19, pictures, modes, vectors, row, column)


@njit(inline="always")
def _at(grid, row, column):
    """A value of a grid, -1 outside of it."""
    if row < 0 or column < 0 or row >= grid.shape[0] or column >= grid.shape[1]:
        return np.int64(-1)
    return np.int64(grid[row, column])


@njit(cache=True, nogil=True)
def code_side(
    coder, networks, room, frame, distances, modes, vectors, patterns, lasts, known_patterns, known_lasts, energies,
    shares, pictures,
):  # fmt: skip
    """Code pattern and last diagonals of all blocks; fills them when decoding.

    frame           (3,) int64: level, quality, side bank
    patterns        (bh, bw) uint8, bit 0 Y, 1 U, 2 V coded; lasts (bh, bw, 3) uint8, 1 + last diagonal or 0
    known_patterns  (2, bh, bw) and known_lasts (2, bh, bw, 3) uint8 of the references, energies (2, bh, bw) uint8,
                    shares (2, 2) as of ``set_block``
    pictures        ``learned_pixels.Pictures`` of the references
    """
    rows, columns = patterns.shape
    counts = np.zeros(3, np.int64)
    x = room.inputs
    shared = np.zeros((rows, columns, SHARED), np.int32)
    for row in range(rows):
        for column in range(columns):
            k = set_block(x, frame, distances, modes, vectors, row, column, known_patterns, energies, shares, pictures)
            for i in range(k):
                shared[row, column, i] = x[i]
            for dy, dx in ((0, -1), (-1, 0), (-1, 1), (-1, -1), (0, -2), (-2, 0)):
                x[k] = _at(patterns, row + dy, column + dx)
                k += 1
            total = row * columns + column + 2
            for p in range(3):
                x[k + p] = 16 * (counts[p] + 1) // total
            x[k + 3] = bit_length(total)
            patterns[row, column] = _code_pattern(coder, networks, room, np.int64(patterns[row, column]))
            for p in range(3):
                counts[p] += (np.int64(patterns[row, column]) >> p) & 1
    sums, seen = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for row in range(rows):
        for column in range(columns):
            for p in range(3):
                if (np.int64(patterns[row, column]) >> p) & 1 == 0:
                    lasts[row, column, p] = 0
                    continue
                for i in range(SHARED):
                    x[i] = shared[row, column, i]
                set_last(x, SHARED, row, column, p, patterns, lasts, known_lasts, vectors)
                x[SHARED + 14] = 2 * sums[p] // seen[p] if seen[p] > 0 else -1
                last = np.int64(lasts[row, column, p]) - 1
                last = code_count(coder, networks, room, LAST, last, LONGEST[p])
                lasts[row, column, p] = last + 1
                sums[p] += last + 1
                seen[p] += 1


@njit(inline="always")
def set_last(x, k, row, column, plane, patterns, lasts, known_lasts, vectors):
    """Inputs of a last diagonal beside those of its block; not number ``k`` + 14, the mean so far."""
    rows, columns = patterns.shape
    for dy, dx in ((0, -1), (-1, 0), (0, 1), (1, 0)):
        x[k] = _at(patterns, row + dy, column + dx)
        k += 1
    x[k], x[k + 1] = plane, patterns[row, column]
    mine = lasts[:, :, plane]
    x[k + 2], x[k + 3] = _at(mine, row, column - 1), _at(mine, row - 1, column)
    x[k + 4], x[k + 5] = _at(mine, row - 1, column + 1), _at(mine, row - 1, column - 1)
    x[k + 6], x[k + 7] = known_lasts[0, row, column, plane], known_lasts[1, row, column, plane]
    x[k + 8] = lasts[row, column, 0] if plane > 0 else -1
    x[k + 9] = lasts[row, column, 1] if plane > 1 else -1
    for r in range(2):
        there = pointed(vectors[2 * row, 2 * column, r], row, column, rows, columns)
        x[k + 11 + r] = known_lasts[r, there[0], there[1], plane]


@njit(inline="always")
def _code_pattern(coder, networks, room, pattern):
    think(networks, room, PATTERN)
    y = np.int64(ask(coder, networks, room, PATTERN, 0, pattern & 1))
    u = np.int64(ask(coder, networks, room, PATTERN, 1 + y, (pattern >> 1) & 1))
    v = np.int64(ask(coder, networks, room, PATTERN, 3 + y + 2 * u, (pattern >> 2) & 1))
    got = y | u << 1 | v << 2
    note(room, PATTERN, got)
    return got
