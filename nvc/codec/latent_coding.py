"""Latents of a frame as symbols with networks off: one kernel both ways, contexts from integers only.

Order: for each block which planes are coded at all (pattern), then the last diagonal of each coded plane, then the
latents frequency by frequency over all blocks, blocks of even parity (row + column) before odd. Symbols of one
frequency and parity do not depend on each other, so lanes can work side by side.
"""

import numpy as np
from numba import njit

from nvc.codec.symbols import ESCAPE, LARGEST, LAST_CHROMA, LAST_LUMA, LATENT_BASE, LUMA, PATTERN
from nvc.entropy.coder import code_number, code_symbol

_CAP = 15


@njit(inline="always")
def magnitude(latents, block, channel):
    return min(abs(np.int32(latents[block, channel])), _CAP)


@njit(inline="always")
def set_features(latents, first, second, block, row, column, rows, columns, channel, before, parity, plane, out):
    """Integer features of one latent: a constant, lower frequencies of the block, neighbours, references, luma."""
    c0, c1, c2, c3, c4 = (
        before[channel, 0],
        before[channel, 1],
        before[channel, 2],
        before[channel, 3],
        before[channel, 4],
    )
    out[0] = 16
    out[1] = (magnitude(latents, block, c0) if c0 >= 0 else 0) + (magnitude(latents, block, c1) if c1 >= 0 else 0)
    out[2] = magnitude(latents, block, c2) if c2 >= 0 else 0
    out[3] = (magnitude(latents, block, c3) if c3 >= 0 else 0) + (magnitude(latents, block, c4) if c4 >= 0 else 0)
    same, lower = 0, 0
    for k in range(4):
        if k == 0:
            if column == 0:
                continue
            other = block - 1
        elif k == 1:
            if column == columns - 1:
                continue
            other = block + 1
        elif k == 2:
            if row == 0:
                continue
            other = block - columns
        else:
            if row == rows - 1:
                continue
            other = block + columns
        if parity:
            same += magnitude(latents, other, channel)
        if c0 >= 0:
            lower += magnitude(latents, other, c0)
        if c1 >= 0:
            lower += magnitude(latents, other, c1)
    out[4] = same
    out[5] = lower
    out[6] = magnitude(first, block, channel)
    out[7] = magnitude(second, block, channel)
    out[8] = 0
    out[9] = 0
    if plane > 0:
        # The luma block has twice the chroma block's size: equal indices are equal frequencies per sample of chroma.
        inner = (channel - LUMA) & 63
        out[8] = magnitude(latents, block, (inner >> 3) * 16 + (inner & 7))
        if plane == 2:
            out[9] = magnitude(latents, block, channel - 64)


@njit(inline="always")
def expected(weights, features):
    """Expected magnitude of a latent, as fitted."""
    total = np.int32(0)
    for f in range(10):
        total += weights[f] * features[f]
    return total


@njit(inline="always")
def plane_of(channel):
    return 0 if channel < LUMA else (1 if channel < LUMA + 64 else 2)


@njit(inline="always")
def code_latent(coder, table, value):
    """Code one signed latent: 0, +1, -1, +2, ... to +-LARGEST by table, beyond it an escape with raw bits."""
    magnitude = abs(value)
    symbol = ESCAPE
    if magnitude <= LARGEST:
        symbol = 2 * magnitude - (1 if value > 0 else 0)
    symbol = code_symbol(coder, table, symbol)
    if symbol != ESCAPE:
        got = (symbol + 1) >> 1
        return np.int64(got if symbol & 1 else -got)
    beyond = code_number(coder, magnitude - LARGEST - 1)
    negative = code_symbol(coder, 1, 1 if value < 0 else 0)
    got = beyond + LARGEST + 1
    return -got if negative else got


@njit(inline="always")
def pattern_context(patterns, first_patterns, second_patterns, b, row, column, columns):
    """Which of the 36 pattern tables codes block ``b``, by the blocks before it and the references."""
    left = np.int64(patterns[b - 1]) if column > 0 else 0
    above = np.int64(patterns[b - columns]) if row > 0 else 0
    luma = (left & 1) + (above & 1)
    chroma = min(1, (left >> 1)) + min(1, (above >> 1))
    referenced = np.int64(first_patterns[b] & 1) + np.int64(second_patterns[b] & 1)
    return luma * 12 + min(chroma, 1) * 6 + referenced * 2 + (1 if chroma == 2 else 0)


@njit(inline="always")
def last_table(lasts, b, row, column, columns, plane):
    """Which table of a side bank codes the last diagonal of a plane of block ``b``, by the blocks before it."""
    left = np.int64(lasts[b - 1, plane]) if column > 0 else 0
    above = np.int64(lasts[b - columns, plane]) if row > 0 else 0
    if plane == 0:
        around = left + above
        context = 0
        for step in (0, 2, 4, 6, 8, 11, 14, 18, 22, 28, 36):
            if around > step:
                context += 1
        return LAST_LUMA + context
    context = min(5, (left + above + 1) >> 1)
    context = context * 2 + (1 if lasts[b, 0] > 4 else 0)
    return LAST_CHROMA + 12 * (plane - 1) + context


@njit(cache=True, nogil=True)
def code_side(coder, base, patterns, lasts, first_patterns, second_patterns, rows, columns):
    """Code pattern (bit 0 Y, 1 U, 2 V coded) and last diagonals of all blocks; fills them when decoding.

    patterns (B,) uint8; lasts (B, 3) uint8, 1 + last diagonal of a coded plane, else 0
    """
    for row in range(rows):
        for column in range(columns):
            b = row * columns + column
            context = pattern_context(patterns, first_patterns, second_patterns, b, row, column, columns)
            patterns[b] = code_symbol(coder, base + PATTERN + context, np.int64(patterns[b]))
    for row in range(rows):
        for column in range(columns):
            b = row * columns + column
            for plane in range(3):
                if (np.int64(patterns[b]) >> plane) & 1 == 0:
                    lasts[b, plane] = 0
                    continue
                table = base + last_table(lasts, b, row, column, columns, plane)
                lasts[b, plane] = 1 + code_symbol(coder, table, np.int64(lasts[b, plane]) - 1)


@njit(cache=True, nogil=True)
def code_latents(
    coder, latents, lasts, first, second, rows, columns, position, diagonal, zone, before, weights, level_of, index
):  # fmt: skip
    """Code the latents (B, 384) int16 of all blocks; fills them when decoding.

    first, second  latents of the references, zeros where they have none
    Returns False where a decoded value does not fit 16 bits.
    """
    blocks = latents.shape[0]
    features = np.empty(10, np.int32)
    active = np.empty(blocks, np.int32)
    for step in range(position.shape[0]):
        channel, d = position[step], diagonal[step]
        plane = plane_of(channel)
        z = zone[channel]
        count = 0
        for b in range(blocks):
            if lasts[b, plane] > d:
                active[count] = b
                count += 1
        for parity in range(2):
            w = weights[z, parity]
            for k in range(count):
                b = np.int64(active[k])
                row, column = b // columns, b % columns
                if (row + column) & 1 != parity:
                    continue
                set_features(
                    latents, first, second, b, row, column, rows, columns, channel, before, parity, plane, features
                )
                total = expected(w, features)
                level = level_of[min(max(total >> 4, 0), 1023)]
                ahead = np.int64(lasts[b, plane]) - 1 - d
                near = 0 if ahead == 0 else (1 if ahead <= 2 else 2)
                table = LATENT_BASE + np.int64(index[z, near, level])
                value = code_latent(coder, table, np.int64(latents[b, channel]))
                if value < -32768 or value > 32767:
                    return False
                latents[b, channel] = value
    return True


@njit(cache=True, nogil=True)
def collect_features(latents, lasts, first, second, rows, columns, position, diagonal, zone, before, out):
    """Rows (zone, parity, last class, features, value) int16 of every coded latent, for fits; returns their count."""
    features = np.empty(10, np.int32)
    n = 0
    for step in range(position.shape[0]):
        channel, d = position[step], diagonal[step]
        plane = plane_of(channel)
        for b in range(latents.shape[0]):
            ahead = np.int64(lasts[b, plane]) - 1 - d
            if ahead < 0:
                continue
            row, column = b // columns, b % columns
            parity = (row + column) & 1
            set_features(
                latents, first, second, b, row, column, rows, columns, channel, before, parity, plane, features
            )
            out[n, 0], out[n, 1] = zone[channel], parity
            out[n, 2] = 0 if ahead == 0 else (1 if ahead <= 2 else 2)
            for f in range(10):
                out[n, 3 + f] = features[f]
            out[n, 13] = latents[b, channel]
            n += 1
    return n
