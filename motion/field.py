"""Motion of a frame on the grid of 16x16 blocks, and what predicts it: integers only, the same on both sides.

Vectors are in quarter luma samples, (x, y). Modes: BOTH references averaged, FIRST or SECOND alone.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

BLOCK = 16
BOTH, FIRST, SECOND = 0, 1, 2
MAX_CANDIDATES = 5
VECTOR_LIMIT = 1 << 13


@dataclass(frozen=True, slots=True)
class MotionField:
    """Motion of one coded frame.

    modes      (bh, bw) int8, BOTH, FIRST or SECOND
    vectors    (bh, bw, 2, 2) int16: [reference][x, y], zero where the mode does not use the reference
    distances  (2,) display distance of each reference, reference index minus own index; 0 = no such reference
    """

    modes: np.ndarray
    vectors: np.ndarray
    distances: tuple[int, int]


def grid_size(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of 16x16 blocks that cover a picture."""
    return -(-height // BLOCK), -(-width // BLOCK)


def temporal_candidate(
    shape: tuple[int, int], distances: tuple[int, int], sources: tuple[MotionField | None, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """(modes (bh, bw) int8, vectors (bh, bw, 2, 2) int16) scaled from the co-located motion of the references.

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


@njit(cache=True, nogil=True)
def merge_candidates(modes, vectors, temporal_modes, temporal_vectors, row, column, two, out_modes, out_vectors):
    """Fill up to MAX_CANDIDATES distinct (mode, vectors) that a block may copy; returns their number.

    Order: left, above, above right, temporal, zero (BOTH with two references, else FIRST).
    """
    count = 0
    zero = np.zeros((2, 2), np.int16)
    columns = modes.shape[1]
    for k in range(5):
        r, c = row, column
        if k == 0:
            c -= 1
        elif k == 1:
            r -= 1
        elif k == 2:
            r -= 1
            c += 1
        if k < 3:
            if r < 0 or c < 0 or c >= columns:
                continue
            mode, vector = modes[r, c], vectors[r, c]
        elif k == 3:
            mode, vector = temporal_modes[row, column], temporal_vectors[row, column]
        else:
            mode, vector = np.int8(0 if two else 1), zero
        known = False
        for i in range(count):
            known = known or _same(out_modes, out_vectors, i, mode, vector)
        if not known:
            out_modes[count] = mode
            out_vectors[count] = vector
            count += 1
    return count


@njit(inline="always")
def _median(a, b, c):
    return max(min(a, b), min(max(a, b), c))


@njit(cache=True, nogil=True)
def predict_vector(modes, vectors, temporal_vectors, row, column, reference, out):
    """Write the predicted vector (x, y) of a block for ``reference`` to ``out``; returns how much neighbours differ.

    Median of left, above and above right where two or three of them use the reference, the one that does where only
    one, else the temporal candidate. The spread (0, 1, 2) is a context for the difference that is coded.
    """
    count = 0
    found = np.zeros((3, 2), np.int32)
    for k in range(3):
        r = row if k == 0 else row - 1
        c = column - 1 if k == 0 else (column if k == 1 else column + 1)
        if r < 0 or c < 0 or c >= modes.shape[1]:
            continue
        mode = modes[r, c]
        if mode == 0 or mode == reference + 1:
            found[count, 0] = vectors[r, c, reference, 0]
            found[count, 1] = vectors[r, c, reference, 1]
            count += 1
    for d in range(2):
        if count == 0:
            out[d] = temporal_vectors[row, column, reference, d]
        elif count == 1:
            out[d] = found[0, d]
        elif count == 2:
            out[d] = _median(found[0, d], found[1, d], temporal_vectors[row, column, reference, d])
        else:
            out[d] = _median(found[0, d], found[1, d], found[2, d])
    if count < 2:
        return 1
    spread = abs(found[0, 0] - found[1, 0]) + abs(found[0, 1] - found[1, 1])
    return 0 if spread <= 1 else (1 if spread <= 8 else 2)
