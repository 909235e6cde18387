"""What a block or cell may be, with the bits of each, as the choice under overlapped windows sees it. Encoder only."""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.motion.estimate import pair_bits, vector_bits
from nvc.motion.field import MAX_CANDIDATES, merge_candidates, mirrored, predict_vector

AROUND = np.array([(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)], np.int64)
STEPS = 1  # quarter samples around a vector
MOST = 1 + MAX_CANDIDATES + len(AROUND) * (1 + 2 * STEPS + 1)


class Motion(NamedTuple):
    """The field, the merge symbols of blocks that were last chosen, the temporal candidate, distances."""

    modes: np.ndarray
    vectors: np.ndarray
    choices: np.ndarray
    temporal_modes: np.ndarray
    temporal_vectors: np.ndarray
    distances: np.ndarray


class Costs(NamedTuple):
    """Tables of ``MotionCosts``, lambda, ``ResidualCost``, and which tools there are."""

    merge: np.ndarray
    cells: np.ndarray
    modes: np.ndarray
    lengths: np.ndarray
    weight: float
    basis: np.ndarray
    bits: float
    scale: float
    use_merge: bool
    use_both: bool
    use_mirror: bool
    use_split: bool


class Proposals(NamedTuple):
    """Modes, merge symbols (0 = none), bits, cost so far, vectors."""

    kinds: np.ndarray
    picks: np.ndarray
    bits: np.ndarray
    rates: np.ndarray
    found: np.ndarray


def no_proposals() -> Proposals:
    """Room for all that a unit may be."""
    return Proposals(
        np.zeros(MOST, np.int64), np.zeros(MOST, np.int64), np.zeros(MOST, np.float64), np.zeros(MOST, np.float64),
        np.zeros((MOST, 2, 2), np.int64),
    )  # fmt: skip


@njit(inline="always")
def look_around(motion, unit, y, x, side):
    """Fill the unit's predicted vectors, their contexts and its merge candidates; returns the number of these."""
    two = motion.distances[1] != 0
    for r in range(2 if two else 1):
        unit.spreads[r] = predict_vector(
            motion.modes, motion.vectors, motion.temporal_vectors, y, x, side, r, unit.predicted[r]
        )
    return merge_candidates(
        motion.modes, motion.vectors, motion.temporal_modes, motion.temporal_vectors, y, x, side, two,
        unit.candidate_modes, unit.candidate_vectors,
    )  # fmt: skip


@njit(inline="never")
def explicit_bits(mode, v, unit, costs, distances, base):
    """Bits of a unit that copies no other, mirrored where its vectors allow that and it is cheaper."""
    two = distances[1] != 0
    p = unit.predicted
    if mode != 0:
        r = mode - 1
        bits = vector_bits(costs.lengths, unit.spreads[r], -1, v[r, 0] - p[r, 0], v[r, 1] - p[r, 1])
        return base + bits + (costs.modes[mode] if two else 0.0)
    x0, y0, x1, y1 = v[0, 0] - p[0, 0], v[0, 1] - p[0, 1], v[1, 0] - p[1, 0], v[1, 1] - p[1, 1]
    bits = costs.modes[0] + pair_bits(costs.lengths, unit.spreads, x0, y0, x1, y1)
    if costs.use_mirror:
        if x1 == mirrored(x0, distances[0], distances[1]) and y1 == mirrored(y0, distances[0], distances[1]):
            bits = min(bits, costs.modes[3] + vector_bits(costs.lengths, unit.spreads[0], -1, x0, y0))
    return base + bits


@njit(inline="never")
def offer(proposals, m, mode, pick, bits, v):
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
def offer_merges(proposals, m, unit, count, costs, bits):
    """Offer the unit's first ``count`` merge candidates, ``bits`` by merge symbol; returns the number of all."""
    v = np.empty((2, 2), np.int64)
    for k in range(count):
        if unit.candidate_modes[k] != 0 or costs.use_both:
            v[:] = unit.candidate_vectors[k]
            m = offer(proposals, m, np.int64(unit.candidate_modes[k]), k + 1, bits[k + 1], v)
    return m


@njit(inline="never")
def offer_around(proposals, m, motion, unit, costs, base, y, x, side):
    """Offer the motion of the cells that touch the unit, as its own; returns the number of all."""
    v = np.empty((2, 2), np.int64)
    for k in range(len(AROUND)):
        r = y + (side if AROUND[k, 1] > 0 else AROUND[k, 1])
        c = x + (side if AROUND[k, 0] > 0 else AROUND[k, 0])
        if 0 <= r < motion.modes.shape[0] and 0 <= c < motion.modes.shape[1]:
            v[:] = motion.vectors[r, c]
            mode = np.int64(motion.modes[r, c])
            m = offer(proposals, m, mode, 0, explicit_bits(mode, v, unit, costs, motion.distances, base), v)
    return m
