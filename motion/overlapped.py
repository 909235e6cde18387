"""Motion chosen again under the windows that overlap: each block in turn, all others as they are. Encoder only.

The first search compares blocks that end at their edges; the decoder blends each with its neighbours. Here a block is
judged by what the blended prediction leaves, in its own samples and in the seam that it shares (iterated estimation of
Orchard and Sullivan 1994). Vectors of blocks to the right and below can spread too.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.motion.estimate import (
    NEAR,
    NEAR_BITS,
    MotionCosts,
    ResidualCost,
    clamp_vector,
    pair_bits,
    residual_bits,
    satd,
    vector_bits,
)
from nvc.motion.field import (
    BLOCK,
    MAX_CANDIDATES,
    MotionField,
    merge_candidates,
    merge_context,
    mirrored,
    predict_vector,
    temporal_candidate,
    whole_blocks,
)
from nvc.motion.warp import MARGIN, OVERLAP, window

# Weight of the bits of motion, and of the squared error in the seam, against the bits of a residual and its own error.
BIT_WEIGHT, SEAM_WEIGHT = 0.45, 0.4
_SIDE = BLOCK + 2 * OVERLAP
_SHIFT = 8  # windows sum to 1 << _SHIFT
_STEPS = 1  # quarter samples around a vector
_AROUND = np.array([(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)], np.int64)
_MOST = 1 + MAX_CANDIDATES + len(_AROUND) * (1 + 2 * _STEPS + 1)


class _Pictures(NamedTuple):
    """What is predicted, from what: luma of the grid, quarter-sample planes, windows, their sum over all blocks."""

    current: np.ndarray
    first: np.ndarray
    second: np.ndarray
    windows: np.ndarray
    total: np.ndarray


class _Motion(NamedTuple):
    """The field, the merge symbols that were last chosen, the temporal candidate, distances."""

    modes: np.ndarray
    vectors: np.ndarray
    choices: np.ndarray
    temporal_modes: np.ndarray
    temporal_vectors: np.ndarray
    distances: np.ndarray


class _Costs(NamedTuple):
    """Tables of ``MotionCosts``, lambda, ``ResidualCost``, and which tools there are."""

    merge: np.ndarray
    modes: np.ndarray
    lengths: np.ndarray
    weight: float
    basis: np.ndarray
    bits: float
    scale: float
    use_merge: bool
    use_both: bool
    use_mirror: bool


class _Block(NamedTuple):
    """A block's predicted vectors with their contexts, merge candidates, and what its samples are compared by."""

    predicted: np.ndarray
    spreads: np.ndarray
    candidate_modes: np.ndarray
    candidate_vectors: np.ndarray
    samples: np.ndarray
    difference: np.ndarray
    target: np.ndarray
    share: np.ndarray


class _Proposals(NamedTuple):
    """Modes, merge symbols (0 = none), bits, cost so far, vectors."""

    kinds: np.ndarray
    picks: np.ndarray
    bits: np.ndarray
    rates: np.ndarray
    found: np.ndarray


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
) -> MotionField:
    """``field`` with blocks changed where that saves bits of motion and residual; arguments as of ``estimate``.

    sweeps  how often all are looked at
    """
    grid = whole_blocks(current)
    two = field.distances[1] != 0
    motion = _Motion(
        field.modes.copy(), field.vectors.copy(), np.zeros_like(field.modes),
        *temporal_candidate(field.modes.shape, field.distances, sources), np.array(field.distances, np.int64),
    )  # fmt: skip
    pictures = _Pictures(grid, quarters[0], quarters[-1], window(BLOCK, OVERLAP), np.zeros(grid.shape, np.int32))
    tools = (merge, bipred and two, mirror and bipred and two)
    prices = _Costs(
        costs.merge, costs.modes, costs.lengths, float(weight), residual.basis, residual.bits, residual.scale, *tools
    )
    _sweep(pictures, motion, prices, sweeps)
    return MotionField(motion.modes, motion.vectors, field.distances)


@njit(inline="never")
def _predict(pictures, mode, v, row, column, seam, samples):
    """Write a block's prediction with ``seam`` samples around it; v (2, 2), clamped here as the search does."""
    first, second = pictures.first, pictures.second
    h, w = first.shape[2] - 2 * MARGIN, first.shape[3] - 2 * MARGIN
    top, left, side = row * BLOCK - seam + MARGIN, column * BLOCK - seam + MARGIN, BLOCK + 2 * seam
    x0, y0 = clamp_vector(v[0], row, column, h, w)
    x1, y1 = clamp_vector(v[1], row, column, h, w)
    p, q = first[y0 & 3, x0 & 3], second[y1 & 3, x1 & 3]
    r0, c0, r1, c1 = top + (y0 >> 2), left + (x0 >> 2), top + (y1 >> 2), left + (x1 >> 2)
    for i in range(side):
        out = samples[i]
        if mode == 0:
            a, b = p[r0 + i], q[r1 + i]
            for j in range(side):
                out[j] = (np.int32(a[c0 + j]) + np.int32(b[c1 + j]) + 1) >> 1
        else:
            a, c = (p[r0 + i], c0) if mode == 1 else (q[r1 + i], c1)
            for j in range(side):
                out[j] = a[c + j]


@njit(inline="always")
def _window_of(pictures, row, column):
    """Weights of a block's rows and columns, 0 past the picture."""
    rows, columns = pictures.total.shape[0] // BLOCK, pictures.total.shape[1] // BLOCK
    down = pictures.windows[(1 if row == 0 else 0) + (2 if row == rows - 1 else 0)]
    across = pictures.windows[(1 if column == 0 else 0) + (2 if column == columns - 1 else 0)]
    return down, across


@njit(inline="never")
def _add(pictures, row, column, samples, sign):
    """Add a block's share to the sum of all, or with sign -1 take it out."""
    down, across = _window_of(pictures, row, column)
    top, left = row * BLOCK - OVERLAP, column * BLOCK - OVERLAP
    for i in range(_SIDE):
        if down[i] == 0:
            continue
        weight, line = sign * down[i], pictures.total[top + i]
        for j in range(_SIDE):
            if across[j] != 0:
                line[left + j] += weight * across[j] * samples[i, j]


@njit(inline="never")
def _aim(pictures, row, column, block):
    """Note what the others leave to a block whose share is not in the sum, and its window; both 0 past the picture."""
    down, across = _window_of(pictures, row, column)
    top, left = row * BLOCK - OVERLAP, column * BLOCK - OVERLAP
    for i in range(_SIDE):
        for j in range(_SIDE):
            block.share[i, j] = down[i] * across[j]
            block.target[i, j] = 0
            if block.share[i, j] != 0:
                current = np.int32(pictures.current[top + i, left + j])
                block.target[i, j] = (current << _SHIFT) - pictures.total[top + i, left + j]


@njit(inline="never")
def _own_difference(block, seam):
    """Fill the block's difference with what is left in its own samples; its prediction has ``seam`` samples around."""
    half = np.int32(1 << (_SHIFT - 1))
    for i in range(BLOCK):
        target, share, samples = block.target[i + OVERLAP], block.share[i + OVERLAP], block.samples[i + seam]
        d = block.difference[i]
        for j in range(BLOCK):
            d[j] = (target[j + OVERLAP] - share[j + OVERLAP] * samples[j + seam] + half) >> _SHIFT


@njit(inline="never")
def _seam_error(block):
    """Squared error around the block where its window reaches."""
    error = np.float32(0)
    for i in range(_SIDE):
        target, share, samples = block.target[i], block.share[i], block.samples[i]
        if i < OVERLAP or i >= OVERLAP + BLOCK:
            for j in range(_SIDE):
                error += np.float32(target[j] - share[j] * samples[j]) ** 2
        else:
            for j in range(OVERLAP):
                error += np.float32(target[j] - share[j] * samples[j]) ** 2
            for j in range(OVERLAP + BLOCK, _SIDE):
                error += np.float32(target[j] - share[j] * samples[j]) ** 2
    return np.float64(error) / (1 << 2 * _SHIFT)


@njit(inline="never")
def _explicit_bits(mode, v, block, costs, distances, base):
    """Bits of a block that copies no other, mirrored where its vectors allow that and it is cheaper."""
    two = distances[1] != 0
    p = block.predicted
    if mode != 0:
        r = mode - 1
        bits = vector_bits(costs.lengths, block.spreads[r], -1, v[r, 0] - p[r, 0], v[r, 1] - p[r, 1])
        return base + bits + (costs.modes[mode] if two else 0.0)
    x0, y0, x1, y1 = v[0, 0] - p[0, 0], v[0, 1] - p[0, 1], v[1, 0] - p[1, 0], v[1, 1] - p[1, 1]
    bits = costs.modes[0] + pair_bits(costs.lengths, block.spreads, x0, y0, x1, y1)
    if costs.use_mirror:
        if x1 == mirrored(x0, distances[0], distances[1]) and y1 == mirrored(y0, distances[0], distances[1]):
            bits = min(bits, costs.modes[3] + vector_bits(costs.lengths, block.spreads[0], -1, x0, y0))
    return base + bits


@njit(inline="never")
def _offer(proposals, m, mode, pick, bits, v):
    """Write a proposal unless the same motion is there; then the fewer bits count. Returns the number of all."""
    for k in range(m):
        f = proposals.found[k]
        same = proposals.kinds[k] == mode
        for r in range(2):
            if mode == 0 or mode == r + 1:
                same = same and f[r, 0] == v[r, 0] and f[r, 1] == v[r, 1]
        if same:
            if bits < proposals.bits[k]:
                proposals.bits[k], proposals.picks[k] = bits, pick
            return m
    proposals.kinds[m], proposals.picks[m], proposals.bits[m] = mode, pick, bits
    proposals.found[m] = v
    return m + 1


@njit(inline="never")
def _offer_moved(proposals, m, motion, block, costs, base, row, column, h, w):
    """Offer the block's own motion moved by a few quarter samples, and mirrored pairs around it."""
    mode, own, distances = np.int64(motion.modes[row, column]), motion.vectors[row, column], motion.distances
    trial = np.empty((2, 2), np.int64)
    for k in range(len(_AROUND)):
        for r in range(2):
            if mode != 0 and mode != r + 1:
                continue
            for step in range(1, _STEPS + 1):
                trial[:] = own
                trial[r, 0] += step * _AROUND[k, 0]
                trial[r, 1] += step * _AROUND[k, 1]
                x, y = clamp_vector(trial[r], row, column, h, w)
                if x == trial[r, 0] and y == trial[r, 1]:
                    bits = _explicit_bits(mode, trial, block, costs, distances, base)
                    m = _offer(proposals, m, mode, 0, bits, trial)
        if mode == 0 and costs.use_mirror:
            for c in range(2):
                difference = own[0, c] + _AROUND[k, c] - block.predicted[0, c]
                trial[0, c] = block.predicted[0, c] + difference
                trial[1, c] = block.predicted[1, c] + mirrored(difference, distances[0], distances[1])
            x0, y0 = clamp_vector(trial[0], row, column, h, w)
            x1, y1 = clamp_vector(trial[1], row, column, h, w)
            if x0 == trial[0, 0] and y0 == trial[0, 1] and x1 == trial[1, 0] and y1 == trial[1, 1]:
                bits = _explicit_bits(mode, trial, block, costs, distances, base)
                m = _offer(proposals, m, mode, 0, bits, trial)
    return m


@njit(inline="never")
def _propose(proposals, motion, block, costs, row, column, h, w):
    """Write what a block may be, its present motion first; returns the number."""
    rows, columns = motion.modes.shape
    distances = motion.distances
    two = distances[1] != 0
    n = merge_candidates(
        motion.modes, motion.vectors, motion.temporal_modes, motion.temporal_vectors, row, column, two,
        block.candidate_modes, block.candidate_vectors,
    )  # fmt: skip
    merge = costs.merge[merge_context(motion.choices, row, column, n)]
    base = merge[0] if costs.use_merge else 0.0
    for r in range(2 if two else 1):
        block.spreads[r] = predict_vector(
            motion.modes, motion.vectors, motion.temporal_vectors, row, column, r, block.predicted[r]
        )
    own = np.empty((2, 2), np.int64)
    own[:] = motion.vectors[row, column]
    mode = np.int64(motion.modes[row, column])
    m = _offer(proposals, 0, mode, 0, _explicit_bits(mode, own, block, costs, distances, base), own)
    if costs.use_merge:
        for k in range(n):
            if block.candidate_modes[k] != 0 or costs.use_both:
                own[:] = block.candidate_vectors[k]
                m = _offer(proposals, m, np.int64(block.candidate_modes[k]), k + 1, merge[k + 1], own)
    for k in range(len(_AROUND)):
        y, x = row + _AROUND[k, 1], column + _AROUND[k, 0]
        if 0 <= y < rows and 0 <= x < columns:
            own[:] = motion.vectors[y, x]
            mode = np.int64(motion.modes[y, x])
            m = _offer(proposals, m, mode, 0, _explicit_bits(mode, own, block, costs, distances, base), own)
    return _offer_moved(proposals, m, motion, block, costs, base, row, column, h, w)


@njit(inline="never")
def _best(pictures, proposals, m, block, costs, row, column):
    """Index of the proposal that costs the fewest bits for motion, residual and seam."""
    rates = proposals.rates
    _aim(pictures, row, column, block)
    for k in range(m):
        _predict(pictures, proposals.kinds[k], proposals.found[k], row, column, 0, block.samples)
        _own_difference(block, 0)
        rates[k] = satd(block.difference) + costs.weight * proposals.bits[k]
    limit = NEAR * rates[:m].min() + NEAR_BITS * costs.weight
    # Of small errors the residual's cost is bits * scale * x^2 / ln 2: what the seam's is counted by.
    seam = SEAM_WEIGHT * costs.bits * costs.scale / np.log(2.0)
    best, at = 1e30, 0
    for k in range(m):
        if k > 0 and rates[k] > limit:
            continue
        _predict(pictures, proposals.kinds[k], proposals.found[k], row, column, OVERLAP, block.samples)
        _own_difference(block, OVERLAP)
        j = BIT_WEIGHT * proposals.bits[k] + seam * _seam_error(block)
        j += residual_bits(block.difference, costs.basis, costs.bits, costs.scale)
        if j < best:
            best, at = j, k
    return at


@njit(inline="always")
def _share(pictures, motion, row, column, samples, sign):
    """Add the share of a block as it is, or take it out."""
    _predict(pictures, motion.modes[row, column], motion.vectors[row, column], row, column, OVERLAP, samples)
    _add(pictures, row, column, samples, sign)


@njit(inline="always")
def _write(motion, row, column, mode, choice, v):
    """Give a block its motion; returns whether that is another one."""
    changed = motion.modes[row, column] != mode
    motion.modes[row, column], motion.choices[row, column] = mode, choice
    for r in range(2):
        for c in range(2):
            value = v[r, c] if mode == 0 or mode == r + 1 else 0
            changed = changed or motion.vectors[row, column, r, c] != value
            motion.vectors[row, column, r, c] = value
    return changed


@njit(cache=True, nogil=True)
def _sweep(pictures, motion, costs, sweeps):
    """Choose blocks again, ``sweeps`` times, in raster order; writes modes and vectors.

    After the first time only blocks near one that changed since they were looked at.
    """
    rows, columns = motion.modes.shape
    h, w = pictures.first.shape[2] - 2 * MARGIN, pictures.first.shape[3] - 2 * MARGIN
    block = _Block(
        np.zeros((2, 2), np.int64), np.zeros(2, np.int64), np.empty(MAX_CANDIDATES, np.int8),
        np.empty((MAX_CANDIDATES, 2, 2), np.int16), np.empty((_SIDE, _SIDE), np.int32),
        np.empty((BLOCK, BLOCK), np.int32), np.empty((_SIDE, _SIDE), np.int32), np.empty((_SIDE, _SIDE), np.int32),
    )  # fmt: skip
    proposals = _Proposals(
        np.zeros(_MOST, np.int64), np.zeros(_MOST, np.int64), np.zeros(_MOST, np.float64),
        np.zeros(_MOST, np.float64), np.zeros((_MOST, 2, 2), np.int64),
    )  # fmt: skip
    stale = np.ones((rows + 2, columns + 2), np.bool_)
    for row in range(rows):
        for column in range(columns):
            _share(pictures, motion, row, column, block.samples, 1)
    for _ in range(sweeps):
        for row in range(rows):
            for column in range(columns):
                if not stale[row + 1, column + 1]:
                    continue
                _share(pictures, motion, row, column, block.samples, -1)
                m = _propose(proposals, motion, block, costs, row, column, h, w)
                at = _best(pictures, proposals, m, block, costs, row, column)
                found, choice = proposals.found[at], proposals.picks[at]
                if _write(motion, row, column, proposals.kinds[at], choice, found):
                    stale[row : row + 3, column : column + 3] = True
                stale[row + 1, column + 1] = False
                _share(pictures, motion, row, column, block.samples, 1)
