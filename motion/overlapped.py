"""Motion chosen again under the windows that overlap: each block in turn, all others as they are. Encoder only.

The first search compares blocks that end at their edges; the decoder blends each with its neighbours. Here a block is
judged by what the blended prediction leaves, in its own samples and in the seam that it shares (iterated estimation of
Orchard and Sullivan 1994). Vectors of blocks to the right and below can spread too.
"""

import numpy as np
from numba import njit

from nvc.motion.blended import (
    SIDE,
    aim,
    empty_unit,
    fill_difference,
    pictures_of,
    predict_unit,
    seam_error,
    share_block,
    subtract_unit,
)
from nvc.motion.cells import choose_cells
from nvc.motion.distortion import residual_bits, satd
from nvc.motion.estimate import NEAR, NEAR_BITS, MotionCosts, ResidualCost, clamp_vector
from nvc.motion.field import (
    BLOCK,
    MAX_CANDIDATES,
    SPLIT,
    MotionField,
    fill_unit,
    is_whole,
    merge_context,
    mirrored,
    temporal_candidate,
    whole_blocks,
)
from nvc.motion.proposals import (
    AROUND,
    STEPS,
    Costs,
    Motion,
    explicit_bits,
    look_around,
    no_proposals,
    offer,
    offer_around,
    offer_merges,
)
from nvc.motion.warp import MARGIN, OVERLAP

# Weight of the bits of motion, and of the squared error in the seam, against the bits of a residual and its own error.
BIT_WEIGHT, SEAM_WEIGHT = 0.4, 0.4
# Bits of what a whole block leaves in itself and its seam, from which on it may be split.
SPLIT_FLOOR = 28.0


def choose_overlapped(
    current: np.ndarray,
    quarters: tuple[np.ndarray, ...],
    field: MotionField,
    sources: tuple[MotionField | None, ...],
    costs: MotionCosts,
    weight: float,
    residual: ResidualCost,
    *,
    sweeps: int,
    merge: bool = True,
    bipred: bool = True,
    mirror: bool = True,
    split: bool = True,
) -> MotionField:
    """``field`` with blocks changed where that saves bits of motion and residual; arguments as of ``estimate``.

    sweeps  how often all are looked at
    """
    grid = whole_blocks(current)
    two = field.distances[1] != 0
    motion = Motion(
        field.modes.copy(), field.vectors.copy(), np.zeros([n // BLOCK for n in grid.shape], np.int8),
        *temporal_candidate(field.modes.shape, field.distances, sources), np.array(field.distances, np.int64),
    )  # fmt: skip
    tools = (merge, bipred and two, mirror and bipred and two, split)
    prices = Costs(
        costs.merge, costs.cells, costs.modes, costs.lengths, float(weight),
        residual.basis, residual.bits, residual.scale, *tools,
    )  # fmt: skip
    pictures = pictures_of(grid, quarters[0], quarters[-1])
    _sweep(pictures, motion, prices, empty_unit(), no_proposals(), sweeps)
    return MotionField(motion.modes, motion.vectors, field.distances)


@njit(inline="never")
def _offer_moved(proposals, m, motion, block, costs, base, row, column, h, w):
    """Offer the motion of the block's first cell moved by a few quarter samples, and mirrored pairs around it."""
    y, x, distances = 2 * row, 2 * column, motion.distances
    mode, own = np.int64(motion.modes[y, x]), motion.vectors[y, x]
    trial = np.empty((2, 2), np.int64)
    for k in range(len(AROUND)):
        for r in range(2):
            if mode != 0 and mode != r + 1:
                continue
            for step in range(1, STEPS + 1):
                trial[:] = own
                trial[r, 0] += step * AROUND[k, 0]
                trial[r, 1] += step * AROUND[k, 1]
                inside = clamp_vector(trial[r], row, column, h, w)
                if inside[0] == trial[r, 0] and inside[1] == trial[r, 1]:
                    bits = explicit_bits(mode, trial, block, costs, distances, base)
                    m = offer(proposals, m, mode, 0, bits, trial)
        if mode == 0 and costs.use_mirror:
            for c in range(2):
                difference = own[0, c] + AROUND[k, c] - block.predicted[0, c]
                trial[0, c] = block.predicted[0, c] + difference
                trial[1, c] = block.predicted[1, c] + mirrored(difference, distances[0], distances[1])
            x0, y0 = clamp_vector(trial[0], row, column, h, w)
            x1, y1 = clamp_vector(trial[1], row, column, h, w)
            if x0 == trial[0, 0] and y0 == trial[0, 1] and x1 == trial[1, 0] and y1 == trial[1, 1]:
                bits = explicit_bits(mode, trial, block, costs, distances, base)
                m = offer(proposals, m, mode, 0, bits, trial)
    return m


@njit(inline="never")
def _propose(proposals, motion, block, costs, row, column, h, w):
    """Write what a whole block may be, the motion of its first cell first; returns the number, and a split's bits."""
    y, x = 2 * row, 2 * column
    n = look_around(motion, block, y, x, 2)
    merge = costs.merge[merge_context(motion.choices, row, column, n if costs.use_merge else MAX_CANDIDATES)]
    base = merge[0] if costs.use_merge or costs.use_split else 0.0
    own = np.empty((2, 2), np.int64)
    own[:] = motion.vectors[y, x]
    mode = np.int64(motion.modes[y, x])
    m = offer(proposals, 0, mode, 0, explicit_bits(mode, own, block, costs, motion.distances, base), own)
    if costs.use_merge:
        m = offer_merges(proposals, m, block, n, costs, merge)
    m = offer_around(proposals, m, motion, block, costs, base, y, x, 2)
    return _offer_moved(proposals, m, motion, block, costs, base, row, column, h, w), np.float64(merge[SPLIT])


@njit(inline="always")
def _cost(block, costs, bits, error):
    """Bits of motion and of the residual in the block's difference, and what the squared error in the seam counts."""
    # Of small errors the residual's cost is bits * scale * x^2 / ln 2: what the seam's is counted by.
    seam = SEAM_WEIGHT * costs.bits * costs.scale / np.log(2.0)
    return BIT_WEIGHT * bits + seam * error + residual_bits(block.scratch, costs.basis, costs.bits, costs.scale)


@njit(inline="never")
def _best(pictures, proposals, m, block, costs, row, column):
    """(index, cost) of the proposal that costs the fewest bits."""
    rates = proposals.rates
    aim(pictures, row, column, BLOCK, block)
    top, left = row * BLOCK, column * BLOCK
    for k in range(m):
        subtract_unit(pictures, proposals.kinds[k], proposals.found[k], row, column, top, left, OVERLAP, block)
        rates[k] = satd(block.scratch.difference, block.scratch.turned) + costs.weight * proposals.bits[k]
    limit = NEAR * rates[:m].min() + NEAR_BITS * costs.weight
    top, left = top - OVERLAP, left - OVERLAP
    best, at = 1e30, 0
    for k in range(m):
        if k > 0 and rates[k] > limit:
            continue
        predict_unit(pictures, proposals.kinds[k], proposals.found[k], row, column, top, left, SIDE, block.samples)
        fill_difference(block)
        j = _cost(block, costs, proposals.bits[k], seam_error(block))
        if j < best:
            best, at = j, k
    return at, best


@njit(inline="always")
def _note(motion, row, column, modes, vectors):
    """Write the motion of a block's cells to ``modes`` (4,) and ``vectors`` (4, 2, 2)."""
    for k in range(4):
        y, x = 2 * row + (k >> 1), 2 * column + (k & 1)
        modes[k] = motion.modes[y, x]
        vectors[k] = motion.vectors[y, x]


@njit(inline="always")
def _changed(motion, row, column, modes, vectors):
    """Whether a block moves otherwise than was noted."""
    changed = False
    for k in range(4):
        y, x = 2 * row + (k >> 1), 2 * column + (k & 1)
        changed = changed or motion.modes[y, x] != modes[k]
        for r in range(2):
            for c in range(2):
                changed = changed or motion.vectors[y, x, r, c] != vectors[k, r, c]
    return changed


@njit(cache=True, nogil=True)
def _sweep(pictures, motion, costs, unit, proposals, sweeps):
    """Choose blocks again, ``sweeps`` times, in raster order; writes modes and vectors.

    After the first time only blocks near one that changed since they were looked at.
    """
    rows, columns = motion.choices.shape
    h, w = pictures.first.shape[2] - 2 * MARGIN, pictures.first.shape[3] - 2 * MARGIN
    old_modes, old_vectors = np.zeros(4, np.int64), np.zeros((4, 2, 2), np.int64)
    modes, vectors = np.zeros(4, np.int64), np.zeros((4, 2, 2), np.int64)
    stale = np.ones((rows + 2, columns + 2), np.bool_)
    for row in range(rows):
        for column in range(columns):
            share_block(pictures, motion, row, column, unit.samples, 1)
    for _ in range(sweeps):
        for row in range(rows):
            for column in range(columns):
                if not stale[row + 1, column + 1]:
                    continue
                share_block(pictures, motion, row, column, unit.samples, -1)
                _note(motion, row, column, old_modes, old_vectors)
                was_whole = is_whole(motion.modes, motion.vectors, row, column)
                m, split_bits = _propose(proposals, motion, unit, costs, row, column, h, w)
                at, cost = _best(pictures, proposals, m, unit, costs, row, column)
                mode, choice, v, bits = proposals.kinds[at], proposals.picks[at], vectors[0], proposals.bits[at]
                for r in range(2):
                    for c in range(2):
                        v[r, c] = proposals.found[at, r, c] if mode == 0 or mode == r + 1 else 0
                fill_unit(motion.modes, motion.vectors, 2 * row, 2 * column, 2, mode, v)
                motion.choices[row, column] = choice
                if costs.use_split and cost - BIT_WEIGHT * bits > SPLIT_FLOOR:
                    own = v.copy()
                    _note(motion, row, column, modes, vectors)
                    if not was_whole:
                        modes[:], vectors[:] = old_modes, old_vectors
                    bits, error = choose_cells(
                        pictures, motion, unit, proposals, costs, modes, vectors, row, column, h, w
                    )
                    if (
                        not is_whole(motion.modes, motion.vectors, row, column)
                        and _cost(unit, costs, split_bits + bits, error) < cost
                    ):
                        motion.choices[row, column] = SPLIT
                    else:
                        fill_unit(motion.modes, motion.vectors, 2 * row, 2 * column, 2, mode, own)
                if _changed(motion, row, column, old_modes, old_vectors):
                    stale[row : row + 3, column : column + 3] = True
                stale[row + 1, column + 1] = False
                share_block(pictures, motion, row, column, unit.samples, 1)
