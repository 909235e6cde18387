"""Motion of a frame on the grid of 8x8 cells, and what predicts it: integers only, the same on both sides.

A block of 16x16 is coded as one unit, its four cells alike, or split into them. Vectors are in quarter luma samples,
(x, y). Modes: BOTH references averaged, FIRST or SECOND alone.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

BLOCK, CELL = 16, 8
BOTH, FIRST, SECOND = 0, 1, 2
MAX_CANDIDATES = 7
SPLIT = MAX_CANDIDATES + 1  # merge symbol of a block whose cells are coded one by one
VECTOR_LIMIT = 1 << 13


@dataclass(frozen=True, slots=True)
class MotionField:
    """Motion of one coded frame.

    modes      (2 bh, 2 bw) int8 of the cells: BOTH, FIRST or SECOND
    vectors    (2 bh, 2 bw, 2, 2) int16: [reference][x, y], zero where the mode does not use the reference
    distances  (2,) display distance of each reference, reference index minus own index; 0 = no such reference
    """

    modes: np.ndarray
    vectors: np.ndarray
    distances: tuple[int, int]


def grid_size(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of 16x16 blocks that cover a picture."""
    return -(-height // BLOCK), -(-width // BLOCK)


def cell_grid(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of 8x8 cells: two by two a block."""
    rows, columns = grid_size(height, width)
    return 2 * rows, 2 * columns


def whole_blocks(plane: np.ndarray) -> np.ndarray:
    """A luma plane (H, W) with its edge repeated up to the grid of blocks, (16 bh, 16 bw)."""
    rows, columns = grid_size(*plane.shape)
    return np.pad(plane, ((0, rows * BLOCK - plane.shape[0]), (0, columns * BLOCK - plane.shape[1])), mode="edge")


def temporal_candidate(
    shape: tuple[int, int], distances: tuple[int, int], sources: tuple[MotionField | None, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """(modes int8 of ``shape``, vectors (*shape, 2, 2) int16) scaled from the co-located cells of the references.

    The last source that has motion is used (the future reference of a B frame); without any, zero motion.
    Linear motion is assumed: a vector v over distance s becomes v * d / s, rounded half up in integers.
    """
    two = distances[1] != 0
    modes = np.full(shape, BOTH if two else FIRST, np.int8)
    vectors = np.zeros((*shape, 2, 2), np.int16)
    found = [s for s in sources if s is not None]
    if not found:
        return modes, vectors
    source = found[-1]
    use = (source.modes == SECOND).astype(np.intp)
    picked = np.take_along_axis(source.vectors, use[:, :, None, None], 2)[:, :, 0]
    span = np.where(use == 1, source.distances[1], source.distances[0])[:, :, None]
    for r in range(2 if two else 1):
        vectors[:, :, r] = scale_vectors(picked, span, distances[r])
    return modes, vectors


@njit(inline="always")
def mirrored(difference, first_distance, second_distance):
    """A component over ``first_distance`` (not 0) at ``second_distance``: as ``scale_vectors``, not clipped."""
    size = abs(first_distance)
    turned = difference * second_distance
    if first_distance < 0:
        turned = -turned
    return (2 * turned + size) // (2 * size)


def scale_vectors(vectors: np.ndarray, span: np.ndarray | int, distance: int) -> np.ndarray:
    """Vectors over a display distance ``span`` (not 0), scaled to ``distance``: linear motion, rounded half up."""
    size = np.abs(span)
    scaled = (2 * vectors.astype(np.int64) * distance * np.sign(span) + size) // (2 * size)
    return np.clip(scaled, -VECTOR_LIMIT, VECTOR_LIMIT - 1)


@njit(inline="always")
def _same(modes, vectors, i, mode, vector):
    if modes[i] != mode:
        return False
    for r in range(2):
        for c in range(2):
            if vectors[i, r, c] != vector[r, c]:
                return False
    return True


@njit(inline="always")
def _append(out_modes, out_vectors, count, mode, vector):
    """Write a candidate behind ``count`` others unless it is one of them; returns their number."""
    for i in range(count):
        if _same(out_modes, out_vectors, i, mode, vector):
            return count
    out_modes[count] = mode
    out_vectors[count] = vector
    return count + 1


@njit(cache=True, nogil=True)
def merge_candidates(modes, vectors, temporal_modes, temporal_vectors, y, x, side, two, out_modes, out_vectors):
    """Fill up to MAX_CANDIDATES distinct (mode, vectors) that a unit may copy; returns their number.

    y, x  first cell of the unit of ``side`` x ``side`` cells (2: a block, 1: a cell of a split one)
    Order: left (of its last row), above (of its last column), above right, above left, temporal (of its last cell), the
    first reference of one of these with the second of another, zero (BOTH with two references, else FIRST).
    """
    count = 0
    columns = modes.shape[1]
    for k in range(4):
        r = y + side - 1 if k == 0 else y - 1
        c = x - 1 if k == 0 or k == 3 else (x + side - 1 if k == 1 else x + side)
        if r < 0 or c < 0 or c >= columns or (k == 2 and is_later(y, x, side)):
            continue
        count = _append(out_modes, out_vectors, count, modes[r, c], vectors[r, c])
    r, c = y + side - 1, x + side - 1
    count = _append(out_modes, out_vectors, count, temporal_modes[r, c], temporal_vectors[r, c])
    mixed = np.zeros((2, 2), np.int16)
    if two:
        single = count
        for i in range(single):
            for j in range(single):
                if count == single and i != j and out_modes[i] != SECOND and out_modes[j] != FIRST:
                    mixed[0], mixed[1] = out_vectors[i, 0], out_vectors[j, 1]
                    count = _append(out_modes, out_vectors, count, BOTH, mixed)
    mixed[:] = 0
    return _append(out_modes, out_vectors, count, BOTH if two else FIRST, mixed)


@njit(inline="always")
def is_later(y, x, side):
    """Whether what is above and right of a unit is coded after it: so for the last cell of a split block."""
    return side == 1 and y & 1 == 1 and x & 1 == 1


@njit(inline="always")
def _median(a, b, c):
    return max(min(a, b), min(max(a, b), c))


@njit(cache=True, nogil=True)
def predict_vector(modes, vectors, temporal_vectors, y, x, side, reference, out):
    """Write the predicted vector (x, y) of a unit for ``reference`` to ``out``; returns how much neighbours differ.

    Median of left, above and above right where two or three of them use the reference, the one that does where only
    one, else the temporal candidate. The spread (0, 1, 2) is a context for the difference that is coded.
    """
    count = 0
    found = np.zeros((3, 2), np.int32)
    for k in range(3):
        r = y + side - 1 if k == 0 else y - 1
        c = x - 1 if k == 0 else (x + side - 1 if k == 1 else x + side)
        if r < 0 or c < 0 or c >= modes.shape[1] or (k == 2 and is_later(y, x, side)):
            continue
        mode = modes[r, c]
        if mode == 0 or mode == reference + 1:
            found[count, 0] = vectors[r, c, reference, 0]
            found[count, 1] = vectors[r, c, reference, 1]
            count += 1
    for d in range(2):
        if count == 0:
            out[d] = temporal_vectors[y + side - 1, x + side - 1, reference, d]
        elif count == 1:
            out[d] = found[0, d]
        elif count == 2:
            out[d] = _median(found[0, d], found[1, d], temporal_vectors[y + side - 1, x + side - 1, reference, d])
        else:
            out[d] = _median(found[0, d], found[1, d], found[2, d])
    if count < 2:
        return 1
    spread = abs(found[0, 0] - found[1, 0]) + abs(found[0, 1] - found[1, 1])
    return 0 if spread <= 1 else (1 if spread <= 8 else 2)


@njit(inline="always")
def merge_context(choices, row, column, candidates):
    """Context (0 to 111) of a block's merge symbol: what left and above chose, number of candidates (1 to 7).

    choices  merge symbols of blocks so far, (bh, bw)
    """
    left = _kind(choices[row, column - 1]) if column > 0 else 0
    above = _kind(choices[row - 1, column]) if row > 0 else 0
    return (4 * above + left) * 7 + min(candidates, 7) - 1


@njit(inline="always")
def _kind(choice):
    """0 own motion, 1 the first candidate, 2 another, 3 split."""
    return 3 if choice == SPLIT else min(np.int64(choice), 2)


@njit(inline="always")
def cell_context(cell, before, candidates):
    """Context (0 to 20) of the merge symbol of a split block's cell (0 to 3); ``before``: symbol of the one before."""
    return (0 if cell == 0 else (1 if before > 0 else 2)) * 7 + min(candidates, 7) - 1


@njit(inline="always")
def fill_unit(modes, vectors, y, x, side, mode, vector):
    """Give the cells of a unit one mode and one pair of vectors (2, 2)."""
    for r in range(y, y + side):
        for c in range(x, x + side):
            modes[r, c] = mode
            for k in range(2):
                vectors[r, c, k, 0], vectors[r, c, k, 1] = vector[k, 0], vector[k, 1]


@njit(inline="always")
def is_whole(modes, vectors, row, column):
    """Whether the four cells of a block move alike."""
    y, x = 2 * row, 2 * column
    same = True
    for k in range(1, 4):
        r, c = y + (k >> 1), x + (k & 1)
        same = same and modes[r, c] == modes[y, x]
        for i in range(2):
            for d in range(2):
                same = same and vectors[r, c, i, d] == vectors[y, x, i, d]
    return same


@njit(inline="always")
def bit_length(value):
    """Bits of |value|: 0 for 0, 1 for 1, 2 for 2 and 3, ..."""
    length, magnitude = 0, abs(value)
    while magnitude >> length > 0:
        length += 1
    return length


@njit(inline="always")
def length_context(spread, longest):
    """Context (0 to 11) of a bit length; longest = of the unit's components so far, -1 before the first."""
    return 4 * spread + (0 if longest < 0 else (1 if longest < 2 else (2 if longest < 4 else 3)))
