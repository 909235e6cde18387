"""The motion of a split block's cells, each in turn under the overlapped windows. Encoder only."""

import numpy as np
from numba import njit

from nvc.motion.blended import aim, left_over, share_cell, subtract_unit
from nvc.motion.distortion import satd
from nvc.motion.estimate import clamp_vector
from nvc.motion.field import CELL, cell_context, fill_unit
from nvc.motion.proposals import AROUND, explicit_bits, look_around, offer, offer_around, offer_merges
from nvc.motion.warp import OVERLAP

# Weight of what is left where a cell's window reaches, against lambda times bits.
CELL_WEIGHT = 0.65
# Quarter samples of each step downhill, and how often it may be taken.
_WALK = ((4, 2), (2, 1), (1, 1))


@njit(inline="never")
def choose_cells(pictures, motion, unit, proposals, costs, modes, vectors, row, column, h, w):
    """Choose the cells of a block whose share is not in the sum, from ``modes`` (4,) and ``vectors`` (4, 2, 2) on.

    Writes them there and in ``motion``. Returns their bits and the squared error around the block; what they leave in
    it is in the unit's difference.
    """
    top, left, bits = 2 * row, 2 * column, 0.0
    for k in range(4):
        y, x = top + (k >> 1), left + (k & 1)
        fill_unit(motion.modes, motion.vectors, y, x, 1, modes[k], vectors[k])
        share_cell(pictures, modes[k], vectors[k], y, x, unit.samples, 1)
    choice = 0
    for k in range(4):
        y, x = top + (k >> 1), left + (k & 1)
        share_cell(pictures, modes[k], vectors[k], y, x, unit.samples, -1)
        modes[k], choice, own = _choose_cell(
            pictures, motion, unit, proposals, costs, modes[k], vectors[k], k, choice, row, column, h, w
        )
        bits += own
        fill_unit(motion.modes, motion.vectors, y, x, 1, modes[k], vectors[k])
        share_cell(pictures, modes[k], vectors[k], y, x, unit.samples, 1)
    error = left_over(pictures, row, column, unit)
    for k in range(4):
        share_cell(pictures, modes[k], vectors[k], top + (k >> 1), left + (k & 1), unit.samples, -1)
    return bits, error


@njit(inline="never")
def _choose_cell(pictures, motion, unit, proposals, costs, mode, v, k, before, row, column, h, w):
    """(mode, merge symbol, bits) of cell ``k`` from motion (mode, v) on; writes v. before: merge symbol of cell k - 1.

    Looked at are its own motion, merge candidates, the cells around, and what lies downhill from the best of them.
    """
    distances = motion.distances
    y, x = 2 * row + (k >> 1), 2 * column + (k & 1)
    aim(pictures, y, x, CELL, unit)
    n = look_around(motion, unit, y, x, 1)
    m, base = 0, 0.0
    if costs.use_merge:
        merge = costs.cells[cell_context(k, before, n)]
        base = merge[0]
        m = offer_merges(proposals, 0, unit, n, costs, merge)
    m = offer(proposals, m, mode, 0, explicit_bits(mode, v, unit, costs, distances, base), v)
    m = offer_around(proposals, m, motion, unit, costs, base, y, x, 1)
    best, at = 1e30, 0
    for i in range(m):
        if costs.weight * proposals.bits[i] < best:
            found = proposals.found[i]
            cost = _cell_cost(pictures, proposals.kinds[i], found, y, x, unit, costs, proposals.bits[i])
            if cost < best:
                best, at = cost, i
    mode, choice, bits = proposals.kinds[at], proposals.picks[at], proposals.bits[at]
    v[:] = proposals.found[at]
    walked = _walk_cell(pictures, mode, v, best, y, x, unit, costs, distances, base, h, w)
    if walked >= 0:
        choice, bits = 0, walked
    for r in range(2):
        if mode != 0 and mode != r + 1:
            v[r, 0], v[r, 1] = 0, 0
    return mode, choice, bits


@njit(inline="never")
def _cell_cost(pictures, mode, v, y, x, unit, costs, bits):
    """SATD of all that a cell's window reaches, with lambda times bits."""
    subtract_unit(pictures, mode, v, y >> 1, x >> 1, y * CELL - OVERLAP, x * CELL - OVERLAP, 0, unit)
    return CELL_WEIGHT * satd(unit.scratch.difference, unit.scratch.turned) + costs.weight * bits


@njit(inline="never")
def _walk_cell(pictures, mode, v, cost, y, x, unit, costs, distances, base, h, w):
    """Walk downhill from ``v`` with explicit bits; writes v; returns the bits, below 0 where nothing is better."""
    bits = -1.0
    trial, best = np.empty((2, 2), np.int64), np.empty((2, 2), np.int64)
    for step, rounds in _WALK:
        for _ in range(rounds):
            found = False
            for r in range(2):
                if mode != 0 and mode != r + 1:
                    continue
                for k in range(len(AROUND)):
                    if step > 2 and AROUND[k, 0] != 0 and AROUND[k, 1] != 0:
                        continue
                    trial[:] = v
                    trial[r, 0] += step * AROUND[k, 0]
                    trial[r, 1] += step * AROUND[k, 1]
                    inside = clamp_vector(trial[r], y >> 1, x >> 1, h, w)
                    if inside[0] != trial[r, 0] or inside[1] != trial[r, 1]:
                        continue
                    own = explicit_bits(mode, trial, unit, costs, distances, base)
                    if costs.weight * own >= cost:
                        continue
                    c = _cell_cost(pictures, mode, trial, y, x, unit, costs, own)
                    if c < cost:
                        cost, bits, found = c, own, True
                        best[:] = trial
            if not found:
                break
            v[:] = best
    return bits
