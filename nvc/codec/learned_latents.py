"""Latents of a frame where a network gives the contexts: one kernel both ways.

Order as in ``latent_coding``. A magnitude is counted up to by questions, 16 and more with the rest as a raw number;
signs are raw. What the latents of a plane of a block share goes into the sums of the first layer once.
"""

import numpy as np
from numba import njit

from nvc.codec.context_networks import add_inputs, ask, note, think_on
from nvc.codec.latent_coding import expected, magnitude, plane_of, set_features
from nvc.codec.learned_side import pointed, set_block, set_last
from nvc.codec.symbols import FEATURES
from nvc.entropy.coder import OVERRUN, RAW_BIT, code_number, code_symbol
from nvc.models.contexts import LATENT, LATENT_SHARED, QUESTIONS
from nvc.motion.field import bit_length

_MOST = QUESTIONS[LATENT]


@njit(cache=True, nogil=True)
def share_inputs(
    networks, room, frame, distances, modes, vectors, patterns, lasts, known_patterns, known_lasts, energies, shares,
    pictures,
):  # fmt: skip
    """(inputs (3, B, LATENT_SHARED) int16, sums (3, B, H) int32) of each plane of each block; no inputs without notes.

    Arguments as of ``learned_side.code_side``.
    """
    rows, columns = patterns.shape
    noting = room.kinds.shape[0] > 0
    inputs = np.zeros((3, rows * columns if noting else 0, LATENT_SHARED), np.int16)
    sums = np.zeros((3, rows * columns, room.first.shape[0]), np.int32)
    x = room.inputs
    for row in range(rows):
        for column in range(columns):
            for p in range(3):
                if lasts[row, column, p] == 0:
                    continue
                b = row * columns + column
                k = set_block(
                    x, frame, distances, modes, vectors, row, column, known_patterns, energies, shares, pictures
                )
                set_last(x, k, row, column, p, patterns, lasts, known_lasts, vectors)
                x[k + 14] = lasts[row, column, p]
                right = np.int64(lasts[row, column + 1, p]) if column + 1 < columns else 0
                x[k + 17] = right + (np.int64(lasts[row + 1, column, p]) if row + 1 < rows else 0)
                sums[p, b] = networks.bias[LATENT]
                add_inputs(networks, room, LATENT, 0, LATENT_SHARED, sums[p, b])
                if noting:
                    for i in range(LATENT_SHARED):
                        inputs[p, b, i] = x[i]
    return inputs, sums


@njit(cache=True, nogil=True)
def sources(vectors, rows, columns):
    """(B, 2) int32: the block of each reference that the middle of a block comes from."""
    out = np.zeros((rows * columns, 2), np.int32)
    for b in range(rows * columns):
        row, column = b // columns, b % columns
        for r in range(2):
            there = pointed(vectors[2 * row, 2 * column, r], row, column, rows, columns)
            out[b, r] = there[0] * columns + there[1]
    return out


@njit(inline="always")
def _octave_quarters(total):
    """Four times the binary logarithm of a positive number, about: piecewise linear."""
    if total <= 0:
        return 0
    length = bit_length(total)
    return 4 * length + ((total << 2) >> (length - 1)) - 8


@njit(inline="always")
def _set_latent(x, k, f, total, latents, first, second, b, there, channel, before, parity, plane):
    """Inputs that a latent has beside those of its block, but the three counts of what came before."""
    x[k] = channel
    for i in range(5):
        x[k + 1 + i] = magnitude(latents, b, before[channel, i]) if before[channel, i] >= 0 else -1
    x[k + 6] = f[4] if parity else -1
    x[k + 7], x[k + 8], x[k + 9] = f[5], f[6], f[7]
    x[k + 10] = f[8] if plane > 0 else -1
    x[k + 11] = f[9] if plane == 2 else -1
    x[k + 12], x[k + 13] = magnitude(first, there[0], channel), magnitude(second, there[1], channel)
    known = np.int32(0)
    for i in range(2):
        other = before[channel, i]
        if other >= 0:
            known += magnitude(first, b, other) + magnitude(second, b, other)
    x[k + 17] = known
    x[k + 18] = _octave_quarters(np.int64(total))


@njit(inline="always")
def _code_magnitude(coder, networks, room, value):
    got = np.int64(0)
    while got < _MOST and ask(coder, networks, room, LATENT, got, 1 if value == got else 0) == 0:
        got += 1
    return got


@njit(cache=True, nogil=True)
def code_latents(
    coder, networks, room, shared, sums, latents, lasts, first, second, there, columns, position, diagonal, zone,
    before, weights,
):  # fmt: skip
    """Code the latents (B, 384) int16 of all blocks; fills them when decoding. shared, sums: of ``share_inputs``.

    first, second  latents of the references, zeros where they have none; there: of ``sources``
    Returns False where a decoded value does not fit 16 bits or the payload has ended.
    """
    blocks = latents.shape[0]
    rows = blocks // columns
    features = np.empty(FEATURES, np.int32)
    counts, totals = np.zeros((blocks, 3), np.int32), np.zeros((blocks, 3), np.int32)
    x = room.inputs
    k = LATENT_SHARED
    for step in range(position.shape[0]):
        channel, d = position[step], diagonal[step]
        plane = plane_of(channel)
        if coder.control[OVERRUN]:
            return False
        for parity in range(2):
            w = weights[zone[channel], parity]
            for b in range(blocks):
                row, column = b // columns, b % columns
                if lasts[b, plane] <= d or (row + column) & 1 != parity:
                    continue
                set_features(
                    latents, first, second, b, row, column, rows, columns, channel, before, parity, plane, features
                )
                total = expected(w, features)
                _set_latent(x, k, features, total, latents, first, second, b, there[b], channel, before, parity, plane)
                x[k + 14], x[k + 15] = np.int64(lasts[b, plane]) - 1 - d, counts[b, plane]
                x[k + 16] = bit_length(np.int64(totals[b, plane]))
                x[k + 19] = 0
                if row > 0:
                    if column > 0:
                        x[k + 19] += magnitude(latents, b - columns - 1, channel)
                    if column + 1 < columns:
                        x[k + 19] += magnitude(latents, b - columns + 1, channel)
                room.first[:] = sums[plane, b]
                add_inputs(networks, room, LATENT, k, k + 20, room.first)
                think_on(networks, room, LATENT)
                value = np.int64(latents[b, channel])
                size = _code_magnitude(coder, networks, room, abs(value))
                if room.kinds.shape[0] > 0:
                    for i in range(k):
                        x[i] = shared[plane, b, i]
                    note(room, LATENT, size)
                if size == _MOST:
                    size += code_number(coder, abs(value) - _MOST)
                if size > 0:
                    negative = code_symbol(coder, RAW_BIT, 1 if value < 0 else 0)
                    value = -size if negative else size
                else:
                    value = np.int64(0)
                if value < -32768 or value > 32767:
                    return False
                latents[b, channel] = value
                counts[b, plane] += 1 if size > 0 else 0
                totals[b, plane] += size
    return True
