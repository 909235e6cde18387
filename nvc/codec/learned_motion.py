"""Motion of a frame as symbols where networks give the contexts: one kernel both ways.

What is coded and in which order is as in ``motion_coding``; a symbol is coded by questions, each with the odds that
its network gives (``nvc.models.contexts``, which also lists the inputs in the order they are written here).
"""

import numpy as np
from numba import njit

from nvc.codec import learned_pixels
from nvc.codec.context_networks import ask, code_count, note, think
from nvc.codec.motion_coding import MIRRORED, alone_around, choice_of, mode_of
from nvc.entropy.coder import code_raw
from nvc.models.contexts import BLOCK_MERGE, CELL_MERGE, LENGTH, MODE, SIGN
from nvc.motion.field import (
    MAX_CANDIDATES,
    SPLIT,
    VECTOR_LIMIT,
    bit_length,
    fill_unit,
    is_later,
    is_whole,
    merge_candidates,
    mirrored,
    predict_vector,
)

NOWHERE = 10


@njit(inline="always")
def signed_length(value):
    """Bit length of a number, at most 9, with its sign."""
    length = min(bit_length(value), 9)
    return length if value > 0 else -length


@njit(inline="always")
def uses(mode, reference):
    """Whether a mode uses reference 0 or 1."""
    return mode != 2 - reference


@njit(inline="always")
def far(first_mode, first, second_mode, second):
    """How far two motions lie apart: bit length of the sum over what both use, and one for different modes."""
    distance = np.int64(0)
    for r in range(2):
        if uses(first_mode, r) and uses(second_mode, r):
            distance += abs(np.int64(first[r, 0]) - second[r, 0]) + abs(np.int64(first[r, 1]) - second[r, 1])
    return bit_length(distance) + (0 if first_mode == second_mode else 1)


@njit(inline="always")
def _at(choices, row, column):
    """What a block before chose, -1 outside."""
    if row < 0 or column < 0 or column >= choices.shape[1]:
        return np.int64(-1)
    return np.int64(choices[row, column])


@njit(inline="always")
def set_frame(x, level, quality, bank, distances):
    """The five inputs that a frame's symbols share."""
    x[0], x[1], x[2], x[3], x[4] = level, quality >> 2, bank, bit_length(distances[0]), bit_length(distances[1])
    return 5


@njit(inline="always")
def _set_block(x, k, choices, counts, row, column, known):
    for dy, dx in ((0, -1), (-1, 0), (-1, 1), (-1, -1), (0, -2), (-2, 0)):
        x[k] = _at(choices, row + dy, column + dx)
        k += 1
    total = counts.sum() + 4
    for i in range(4):
        x[k] = 16 * (counts[i] + 1) // total
        k += 1
    x[k], x[k + 1], x[k + 2] = bit_length(total), known[0, row, column], known[1, row, column]
    return k + 3


@njit(cache=True, nogil=True)
def _set_unit(x, k, modes, vectors, temporal_modes, temporal_vectors, found, found_vectors, n, at, energies, shares):
    """Inputs from the candidates of a unit ``at`` (y, x, side), the field around it and the references."""
    y, left, side = at
    rows, columns = modes.shape
    r, c = y + side - 1, left + side - 1
    for i in range(1, 6):
        x[k] = far(found[0], found_vectors[0], found[i], found_vectors[i]) if i < n else -1
        k += 1
    x[k] = far(found[1], found_vectors[1], found[2], found_vectors[2]) if n > 2 else -1
    x[k + 1], x[k + 2] = found[0], found[1] if n > 1 else -1
    main = 1 if found[0] == 2 else 0
    x[k + 3] = bit_length(np.int64(found_vectors[0, main, 0])) + bit_length(np.int64(found_vectors[0, main, 1]))
    k += 4
    mode, vector = temporal_modes[r, c], temporal_vectors[r, c]
    x[k] = far(found[0], found_vectors[0], mode, vector)
    x[k + 1] = far(found[1], found_vectors[1], mode, vector) if n > 1 else -1
    right, below = min(c + 1, columns - 1), min(r + 1, rows - 1)
    x[k + 2] = far(mode, vector, temporal_modes[r, right], temporal_vectors[r, right])
    x[k + 3] = far(mode, vector, temporal_modes[below, c], temporal_vectors[below, c])
    x[k + 4] = far(mode, vector, temporal_modes[y, left], temporal_vectors[y, left])
    x[k + 5] = far(temporal_modes[r, left], temporal_vectors[r, left], temporal_modes[y, c], temporal_vectors[y, c])
    k += 6
    has_left, has_above = left > 0, y > 0
    x[k], x[k + 2] = -1, -1
    if has_left:
        other, there = temporal_modes[r, left - 1], temporal_vectors[r, left - 1]
        x[k] = far(modes[r, left - 1], vectors[r, left - 1], other, there)
        x[k + 2] = far(mode, vector, other, there)
    x[k + 1], x[k + 3] = -1, -1
    if has_above:
        other, there = temporal_modes[y - 1, c], temporal_vectors[y - 1, c]
        x[k + 1] = far(modes[y - 1, c], vectors[y - 1, c], other, there)
        x[k + 3] = far(mode, vector, other, there)
    k += 4
    x[k], x[k + 1] = -1, -1
    if has_left and has_above:
        x[k] = far(modes[r, left - 1], vectors[r, left - 1], modes[y - 1, c], vectors[y - 1, c])
        x[k + 1] = far(modes[y - 1, left - 1], vectors[y - 1, left - 1], modes[y - 1, c], vectors[y - 1, c])
    k += 2
    row, column = y >> 1, left >> 1
    for e in range(2):
        x[k + e] = energies[e, row, column]
        right, below = min(column + 1, energies.shape[2] - 1), min(row + 1, energies.shape[1] - 1)
        x[k + 2 + e] = (energies[e, row, right] + energies[e, below, column]) >> 1
        x[k + 4 + 3 * e], x[k + 5 + 3 * e], x[k + 6 + 3 * e] = shares[e, 0], shares[e, 1], shares[e, 3]
    return k + 10


@njit(cache=True, nogil=True)
def _code_merge(coder, networks, room, kind, choice, n):
    """Code a merge symbol: is it the first candidate? for a block, is it split? is it of its own? the second? ..."""
    think(networks, room, kind)
    first = 1 if kind == BLOCK_MERGE else 0
    got = np.int64(n)
    for k in range(first + 1 + n):
        value = np.int64(k - first)
        if k == 0:
            value = np.int64(1)
        elif k == first:
            value = np.int64(SPLIT)
        elif k == first + 1:
            value = np.int64(0)
        if k == first + n:
            got = value
            break
        if ask(coder, networks, room, kind, k, 1 if choice == value else 0):
            got = value
            break
    note(room, kind, got)
    return got


@njit(cache=True, nogil=True)
def code_motion(
    coder, networks, room, frame, modes, vectors, choices, temporal_modes, temporal_vectors, distances, known, shares,
    energies, pictures,
):  # fmt: skip
    """Code the motion of all blocks in raster order; fills ``modes`` and ``vectors`` when decoding, ``choices`` always.

    frame     (3,) int64: level, quality, motion bank
    choices   (bh, bw) int8: 0 own motion, 1 the first candidate, 2 another, 3 split
    known     (2, bh, bw) int8, the choices of the references, -1 without motion; shares (2, 4) of each choice, of 16
    energies  (2, bh, bw) uint8, bit lengths of the magnitudes of their latents
    pictures  ``learned_pixels.Pictures`` of the references
    Returns False where a stream holds an impossible choice.
    """
    rows, columns = modes.shape[0] // 2, modes.shape[1] // 2
    decoding = coder.control[0] != 0
    two = distances[1] != 0
    found = np.empty(MAX_CANDIDATES, np.int8)
    found_vectors = np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    counts = np.zeros(4, np.int64)
    x = room.inputs
    for row in range(rows):
        for column in range(columns):
            split, before, second = False, np.int64(-1), np.int64(-1)
            for cell in range(-1, 4):
                if cell >= 0 and not split:
                    break
                side = 2 if cell < 0 else 1
                at = (2 * row, 2 * column, side) if cell < 0 else (2 * row + (cell >> 1), 2 * column + (cell & 1), 1)
                y, left = at[0], at[1]
                n = merge_candidates(
                    modes, vectors, temporal_modes, temporal_vectors, y, left, side, two, found, found_vectors
                )
                k = set_frame(x, frame[0], frame[1], frame[2], distances)
                x[k] = n
                k = _set_block(x, k + 1, choices, counts, row, column, known)
                k = _set_unit(
                    x,
                    k,
                    modes,
                    vectors,
                    temporal_modes,
                    temporal_vectors,
                    found,
                    found_vectors,
                    n,
                    at,
                    energies,
                    shares,
                )
                k = learned_pixels.set_unit(
                    x, k, pictures, at, temporal_modes, temporal_vectors, found, found_vectors, n
                )
                x[k], x[k + 1], x[k + 2] = cell, before, second
                choice = np.int64(0)
                if not decoding:
                    if cell < 0 and not is_whole(modes, vectors, row, column):
                        choice = np.int64(SPLIT)
                    else:
                        choice = choice_of(modes[y, left], vectors[y, left], found, found_vectors, n)
                choice = _code_merge(coder, networks, room, BLOCK_MERGE if cell < 0 else CELL_MERGE, choice, n)
                if cell < 0:
                    split = choice == SPLIT
                    kept = np.int64(3) if split else min(choice, np.int64(2))
                    choices[row, column] = kept
                    counts[kept] += 1
                    if split:
                        continue
                else:
                    second, before = before, choice
                if choice > 0:
                    fill_unit(modes, vectors, y, left, side, found[choice - 1], found_vectors[choice - 1])
                elif not _code_own(
                    coder, networks, room, k + 3, modes, vectors, temporal_vectors, at, distances, pictures
                ):
                    return False
    return True


@njit(cache=True, nogil=True)
def _code_own(coder, networks, room, k, modes, vectors, temporal_vectors, at, distances, pictures):
    """Code a unit that copies no other: mode and differences. Returns False for an impossible vector."""
    y, left, side = at
    decoding = coder.control[0] != 0
    two = distances[1] != 0
    x = room.inputs
    predicted = np.zeros((2, 2), np.int64)
    spreads = np.zeros(2, np.int64)
    difference = np.zeros((2, 2), np.int64)
    vector = np.zeros((2, 2), np.int64)
    for r in range(2 if two else 1):
        spreads[r] = predict_vector(modes, vectors, temporal_vectors, y, left, side, r, predicted[r])
        for c in range(2):
            difference[r, c] = np.int64(vectors[y, left, r, c]) - predicted[r, c]
    mode = np.int64(1)
    if two:
        x[k] = alone_around(modes, y, left, side)
        mode = np.int64(0) if decoding else mode_of(modes[y, left], difference, distances)
        mode = code_count(coder, networks, room, MODE, mode, MIRRORED)
    longest = np.int64(-1)
    for r in range(2):
        if mode == MIRRORED and r == 1:
            for c in range(2):
                difference[1, c] = mirrored(difference[0, c], distances[0], distances[1])
        elif mode == 0 or mode == MIRRORED or mode == r + 1:
            for c in range(2):
                x[k], x[k + 1], x[k + 2], x[k + 3] = spreads[r], longest, mode, c + 2 * r
                _set_difference(
                    x, k + 4, modes, vectors, temporal_vectors, at, r, c, predicted, difference, distances, mode
                )
                learned_pixels.set_around(x, k + 12, pictures, at, r, c, mode, predicted, difference, vector[0])
                difference[r, c] = _code_difference(coder, networks, room, k + 16, difference[r, c])
                longest = max(longest, bit_length(difference[r, c]))
        else:
            continue
        for c in range(2):
            vector[r, c] = difference[r, c] + predicted[r, c]
            if vector[r, c] < -VECTOR_LIMIT or vector[r, c] >= VECTOR_LIMIT:
                return False
        if mode == 0 and r == 0:
            # The second vector's inputs look at the first.
            vectors[y, left, 0, 0], vectors[y, left, 0, 1] = vector[0, 0], vector[0, 1]
    fill_unit(modes, vectors, y, left, side, 0 if mode == MIRRORED else mode, vector)
    return True


@njit(inline="always")
def _set_difference(x, k, modes, vectors, temporal_vectors, at, r, c, predicted, difference, distances, mode):
    """Inputs of component ``c`` of the difference of reference ``r``."""
    y, left, side = at
    p = predicted[r, c]
    low, right = y + side - 1, left + side - 1
    x[k] = signed_length(np.int64(temporal_vectors[low, right, r, c]) - p)
    for i in range(3):
        row = low if i == 0 else y - 1
        column = left - 1 if i == 0 else (right if i == 1 else right + 1)
        there = row >= 0 and column >= 0 and column < modes.shape[1] and not (i == 2 and is_later(y, left, side))
        x[k + 1 + i] = NOWHERE
        if there and uses(modes[row, column], r):
            x[k + 1 + i] = signed_length(np.int64(vectors[row, column, r, c]) - p)
    second = r == 1 and mode == 0
    x[k + 4] = signed_length(mirrored(difference[0, c], distances[0], distances[1])) if second else NOWHERE
    x[k + 5] = signed_length(p)
    x[k + 6] = signed_length(difference[r, 0]) if c == 1 else NOWHERE
    x[k + 7] = NOWHERE
    if second:
        x[k + 7] = signed_length(p - mirrored(np.int64(vectors[y, left, 0, c]), distances[0], distances[1]))


@njit(inline="always")
def _code_difference(coder, networks, room, k, value):
    """Code a signed whole number |value| < 2**14: bit length, the bits below it raw, sign."""
    length = code_count(coder, networks, room, LENGTH, bit_length(value), 14)
    if length == 0:
        return np.int64(0)
    got = code_raw(coder, abs(value), length - 1) | np.int64(1) << (length - 1)
    room.inputs[k] = length
    negative = code_count(coder, networks, room, SIGN, 1 if value < 0 else 0, 1)
    return -got if negative else got
