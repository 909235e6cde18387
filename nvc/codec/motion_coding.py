"""Motion of a frame as symbols: one kernel both ways.

A block is a merge (copy of a candidate) or a mode and, for each reference it uses, the difference to the predicted
vector: for each component the bit length from a table, the bits below and the sign raw. A mirrored block uses both
references and codes the first difference alone; the second is what linear motion makes of it (symmetric motion vector
difference, Luo and Liu, JVET-J0030).
"""

import numpy as np
from numba import njit

from nvc.codec.symbols import LENGTH, MERGE, MODE
from nvc.entropy.coder import code_raw, code_symbol
from nvc.motion.field import (
    MAX_CANDIDATES,
    VECTOR_LIMIT,
    bit_length,
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
def code_motion(coder, base, modes, vectors, temporal_modes, temporal_vectors, distances, use_merge):
    """Code the motion of all blocks in raster order; fills ``modes`` and ``vectors`` when decoding.

    base = first table of the frame's motion bank; distances as of ``MotionField``, int64. Returns False where a stream
    holds an impossible choice.
    """
    rows, columns = modes.shape
    decoding = coder.control[0] != 0
    two = distances[1] != 0
    out_modes = np.empty(MAX_CANDIDATES, np.int8)
    out_vectors = np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    predicted = np.zeros((2, 2), np.int64)
    spreads = np.zeros(2, np.int64)
    difference = np.zeros((2, 2), np.int64)
    choices = np.zeros((rows, columns), np.int8)
    for row in range(rows):
        for column in range(columns):
            choice = 0
            if use_merge:
                n = merge_candidates(
                    modes, vectors, temporal_modes, temporal_vectors, row, column, two, out_modes, out_vectors
                )
                if not decoding:
                    for k in range(n):
                        if choice == 0 and out_modes[k] == modes[row, column]:
                            if np.all(out_vectors[k] == vectors[row, column]):
                                choice = k + 1
                choice = code_symbol(coder, base + MERGE + merge_context(choices, row, column, n), choice)
                if choice > n:
                    return False
            choices[row, column] = choice
            if choice > 0:
                modes[row, column] = out_modes[choice - 1]
                vectors[row, column] = out_vectors[choice - 1]
                continue
            for r in range(2 if two else 1):
                spreads[r] = predict_vector(modes, vectors, temporal_vectors, row, column, r, predicted[r])
                for c in range(2):
                    difference[r, c] = np.int64(vectors[row, column, r, c]) - predicted[r, c]
            mode = np.int64(1)
            if two:
                context = 0
                if row > 0 and modes[row - 1, column] != 0:
                    context += 1
                if column > 0 and modes[row, column - 1] != 0:
                    context += 1
                mode = np.int64(modes[row, column])
                if not decoding and mode == 0:
                    if (
                        mirrored(difference[0, 0], distances[0], distances[1]) == difference[1, 0]
                        and mirrored(difference[0, 1], distances[0], distances[1]) == difference[1, 1]
                    ):
                        mode = np.int64(MIRRORED)
                mode = code_symbol(coder, base + MODE + context, mode)
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
                    vectors[row, column, r, 0] = 0
                    vectors[row, column, r, 1] = 0
                    continue
                for c in range(2):
                    value = difference[r, c] + predicted[r, c]
                    if value < -VECTOR_LIMIT or value >= VECTOR_LIMIT:
                        return False
                    vectors[row, column, r, c] = value
            modes[row, column] = 0 if mode == MIRRORED else mode
    return True
