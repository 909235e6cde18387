"""Motion of a frame as symbols: one kernel both ways.

A block is a merge (copy of a candidate) or a mode and, for each reference it uses, the difference to the predicted
vector: for each component the bit length from a table, the bits below and the sign raw.
"""

import numpy as np
from numba import njit

from nvc.codec.symbols import LENGTH, MERGE, MODE
from nvc.entropy.coder import code_raw, code_symbol
from nvc.motion.field import MAX_CANDIDATES, VECTOR_LIMIT, merge_candidates, predict_vector


@njit(cache=True, nogil=True)
def code_difference(coder, table, value):
    """Code a signed whole number |value| < 2**14: bit length by ``table``, then bits and sign raw."""
    length, magnitude = 0, abs(value)
    while magnitude >> length > 0:
        length += 1
    length = code_symbol(coder, table, length)
    if length == 0:
        return np.int64(0)
    got = code_raw(coder, magnitude, length - 1) | np.int64(1) << (length - 1)
    sign = code_symbol(coder, 1, 1 if value < 0 else 0)
    return -got if sign else got


@njit(cache=True, nogil=True)
def code_motion(coder, base, modes, vectors, temporal_modes, temporal_vectors, two, use_merge):
    """Code the motion of all blocks in raster order; fills ``modes`` and ``vectors`` when decoding.

    base = first table of the frame's motion bank. Returns False where a stream holds an impossible choice.
    """
    rows, columns = modes.shape
    decoding = coder.control[0] != 0
    out_modes = np.empty(MAX_CANDIDATES, np.int8)
    out_vectors = np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    predicted = np.zeros(2, np.int64)
    merged = np.zeros((rows, columns), np.int8)
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
                context = 0
                if row > 0:
                    context += merged[row - 1, column]
                if column > 0:
                    context += merged[row, column - 1]
                choice = code_symbol(coder, base + MERGE + context, choice)
                if choice > n:
                    return False
            if choice > 0:
                merged[row, column] = 1
                modes[row, column] = out_modes[choice - 1]
                vectors[row, column] = out_vectors[choice - 1]
                continue
            mode = np.int64(1)
            if two:
                context = 0
                if row > 0 and modes[row - 1, column] != 0:
                    context += 1
                if column > 0 and modes[row, column - 1] != 0:
                    context += 1
                mode = code_symbol(coder, base + MODE + context, np.int64(modes[row, column]))
            modes[row, column] = mode
            for r in range(2):
                if mode != 0 and mode != r + 1:
                    vectors[row, column, r, 0] = 0
                    vectors[row, column, r, 1] = 0
                    continue
                spread = predict_vector(modes, vectors, temporal_vectors, row, column, r, predicted)
                for c in range(2):
                    value = np.int64(vectors[row, column, r, c]) - predicted[c]
                    value = code_difference(coder, base + LENGTH + 2 * spread + c, value) + predicted[c]
                    if value < -VECTOR_LIMIT or value >= VECTOR_LIMIT:
                        return False
                    vectors[row, column, r, c] = value
    return True
