"""Motion of a frame as symbols: one kernel both ways.

A block is one unit or split into four cells. A unit is a merge (copy of a candidate) or a mode and, for each reference
it uses, the difference to the predicted vector: for each component the bit length from a table, the bits below and the
sign raw. A mirrored unit uses both references and codes the first difference alone; the second is what linear motion
makes of it (symmetric motion vector difference, Luo and Liu, JVET-J0030).
"""

import numpy as np
from numba import njit

from nvc.codec.symbols import CELL_MERGE, LENGTH, MERGE, MODE
from nvc.entropy.coder import code_raw, code_symbol
from nvc.motion.field import (
    MAX_CANDIDATES,
    SPLIT,
    VECTOR_LIMIT,
    bit_length,
    cell_context,
    fill_unit,
    is_whole,
    length_context,
    merge_candidates,
    merge_context,
    mirrored,
    predict_vector,
)

MIRRORED = 3


@njit(cache=True, nogil=True)
def code_difference(coder, table, value):
    """Code a signed whole number |value| < 2**14: bit length by ``table``, then bits and sign raw."""
    magnitude = abs(value)
    length = code_symbol(coder, table, bit_length(value))
    if length == 0:
        return np.int64(0)
    got = code_raw(coder, magnitude, length - 1) | np.int64(1) << (length - 1)
    sign = code_symbol(coder, 1, 1 if value < 0 else 0)
    return -got if sign else got


@njit(cache=True, nogil=True)
def code_motion(coder, base, modes, vectors, temporal_modes, temporal_vectors, distances, use_merge, use_split):
    """Code the motion of all blocks in raster order; fills ``modes`` and ``vectors`` when decoding.

    base = first table of the frame's motion bank; distances as of ``MotionField``, int64. Returns False where a stream
    holds an impossible choice.
    """
    rows, columns = modes.shape[0] // 2, modes.shape[1] // 2
    decoding = coder.control[0] != 0
    two = distances[1] != 0
    out_modes = np.empty(MAX_CANDIDATES, np.int8)
    out_vectors = np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    choices = np.zeros((rows, columns), np.int8)
    for row in range(rows):
        for column in range(columns):
            y, x = 2 * row, 2 * column
            # Without candidates of its own a symbol takes the contexts of as many as there can be.
            n, choice = 0, 0
            if use_merge:
                n = merge_candidates(
                    modes, vectors, temporal_modes, temporal_vectors, y, x, 2, two, out_modes, out_vectors
                )
            if not decoding:
                if not is_whole(modes, vectors, row, column):
                    if not use_split:
                        return False
                    choice = SPLIT
                else:
                    choice = choice_of(modes[y, x], vectors[y, x], out_modes, out_vectors, n)
            if use_merge or use_split:
                choice = code_symbol(
                    coder,
                    base + MERGE + merge_context(choices, row, column, n if use_merge else MAX_CANDIDATES),
                    choice,
                )
                if (choice > n and choice != SPLIT) or (choice == SPLIT and not use_split):
                    return False
            choices[row, column] = choice
            if choice != SPLIT:
                if choice > 0:
                    fill_unit(modes, vectors, y, x, 2, out_modes[choice - 1], out_vectors[choice - 1])
                elif not _code_own(coder, base, modes, vectors, temporal_vectors, y, x, 2, distances):
                    return False
                continue
            before = 0
            for cell in range(4):
                r, c = y + (cell >> 1), x + (cell & 1)
                choice = 0
                if use_merge:
                    n = merge_candidates(
                        modes, vectors, temporal_modes, temporal_vectors, r, c, 1, two, out_modes, out_vectors
                    )
                    if not decoding:
                        choice = choice_of(modes[r, c], vectors[r, c], out_modes, out_vectors, n)
                    choice = code_symbol(coder, base + CELL_MERGE + cell_context(cell, before, n), choice)
                    if choice > n:
                        return False
                before = choice
                if choice > 0:
                    fill_unit(modes, vectors, r, c, 1, out_modes[choice - 1], out_vectors[choice - 1])
                elif not _code_own(coder, base, modes, vectors, temporal_vectors, r, c, 1, distances):
                    return False
    return True


@njit(inline="always")
def choice_of(mode, vectors, candidate_modes, candidate_vectors, count):
    """The merge symbol of the first candidate that moves like a unit, 0 where none does."""
    for k in range(count):
        if candidate_modes[k] == mode and np.all(candidate_vectors[k] == vectors):
            return k + 1
    return 0


@njit(inline="always")
def alone_around(modes, y, x, side):
    """How many of left and above use one reference alone."""
    count = 0
    if y > 0 and modes[y - 1, x + side - 1] != 0:
        count += 1
    if x > 0 and modes[y + side - 1, x - 1] != 0:
        count += 1
    return count


@njit(inline="always")
def mode_of(mode, difference, distances):
    """A unit's mode as it is coded: MIRRORED where linear motion makes the second difference of the first."""
    if (
        mode == 0
        and mirrored(difference[0, 0], distances[0], distances[1]) == difference[1, 0]
        and mirrored(difference[0, 1], distances[0], distances[1]) == difference[1, 1]
    ):
        return np.int64(MIRRORED)
    return np.int64(mode)


@njit(cache=True, nogil=True)
def _code_own(coder, base, modes, vectors, temporal_vectors, y, x, side, distances):
    """Code a unit that copies no other: mode and differences. Returns False for an impossible vector."""
    decoding = coder.control[0] != 0
    two = distances[1] != 0
    predicted = np.zeros((2, 2), np.int64)
    spreads = np.zeros(2, np.int64)
    difference = np.zeros((2, 2), np.int64)
    found = np.zeros((2, 2), np.int64)
    for r in range(2 if two else 1):
        spreads[r] = predict_vector(modes, vectors, temporal_vectors, y, x, side, r, predicted[r])
        for c in range(2):
            difference[r, c] = np.int64(vectors[y, x, r, c]) - predicted[r, c]
    mode = np.int64(1)
    if two:
        mode = np.int64(0) if decoding else mode_of(modes[y, x], difference, distances)
        mode = code_symbol(coder, base + MODE + alone_around(modes, y, x, side), mode)
    longest = -1
    for r in range(2):
        if mode == MIRRORED and r == 1:
            for c in range(2):
                difference[1, c] = mirrored(difference[0, c], distances[0], distances[1])
        elif mode == 0 or mode == MIRRORED or mode == r + 1:
            for c in range(2):
                table = base + LENGTH + length_context(spreads[r], longest)
                difference[r, c] = code_difference(coder, table, difference[r, c])
                longest = max(longest, bit_length(difference[r, c]))
        else:
            continue
        for c in range(2):
            found[r, c] = difference[r, c] + predicted[r, c]
            if found[r, c] < -VECTOR_LIMIT or found[r, c] >= VECTOR_LIMIT:
                return False
    fill_unit(modes, vectors, y, x, side, 0 if mode == MIRRORED else mode, found)
    return True
