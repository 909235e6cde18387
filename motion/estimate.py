"""Block motion search by rate and distortion: candidates, refinement, both references together, merge.

Encoder only. Distortion against quarter-sample planes of the references: the sum of absolute differences (SAD) for
candidates and whole samples, of Hadamard transformed differences (SATD) for the last steps. Rate is the bits of the
tables that will code the motion; the cost is distortion + lambda * bits (Sullivan and Wiegand 1998). Among what is left
for a block, each mode and each merge, the bits of motion and residual choose, the latter estimated from its DCT.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from nvc.motion.distortion import empty_scratch, residual_bits, satd
from nvc.motion.field import (
    BLOCK,
    MAX_CANDIDATES,
    VECTOR_LIMIT,
    MotionField,
    bit_length,
    cell_grid,
    fill_unit,
    length_context,
    merge_candidates,
    merge_context,
    mirrored,
    predict_vector,
    temporal_candidate,
    whole_blocks,
)
from nvc.motion.warp import LUMA_TAPS, MARGIN

# Weight of the bits of motion against those of a residual in the last choice: what a block leaves, frames that refer to
# it pay again.
BIT_WEIGHT = 0.5
# Proposals that are looked at in the last choice: those up to this factor over the cheapest, plus bits.
NEAR, NEAR_BITS = 1.1, 4.0


@dataclass(frozen=True, slots=True)
class MotionCosts:
    """Bits as the search sees them, float32.

    merge    (112, 9) by ``merge_context`` and merge symbol
    cells    (21, 8) by ``cell_context`` and merge symbol of a cell
    modes    (4,) both, first, second, mirrored
    lengths  (12, 16) by ``length_context`` and bit length of a component, raw bits and all
    """

    merge: np.ndarray
    cells: np.ndarray
    modes: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, slots=True)
class ResidualCost:
    """What a block's difference costs in bits, error included: ``bits`` log2(1 + ``scale`` x^2) summed over its DCT.

    basis  (16, 16) float32 orthonormal DCT-II, rows are frequencies; x is in code values of 8 bit
    """

    basis: np.ndarray
    bits: float
    scale: float


def quarter_planes(padded: np.ndarray, bit_depth: int) -> np.ndarray:
    """All quarter-sample planes (4, 4, H, W) uint8 [vertical, horizontal phase] of a padded luma plane, at 8 bit."""
    return _quarter_planes(padded, LUMA_TAPS, bit_depth)


def estimate(
    current: np.ndarray,
    quarters: tuple[np.ndarray, ...],
    flows: tuple[np.ndarray, ...],
    distances: tuple[int, int],
    sources: tuple[MotionField | None, ...],
    costs: MotionCosts,
    weight: float,
    residual: ResidualCost,
    *,
    merge: bool = True,
    bipred: bool = True,
    mirror: bool = True,
) -> MotionField:
    """Motion of ``current`` (H, W) uint8 luma against one or two references, in whole blocks.

    quarters         ``quarter_planes`` of each reference
    flows            of each reference vectors (bh, bw, K, 2) int16 to start from: ``block_flow``, ``coarse_vectors``
    sources          motion of the references (None for I frames), for the temporal candidate
    weight           lambda: SAD per bit
    residual         for the last choice of a block
    mirror           try mirrored differences; tools merge and bipred likewise
    """
    cells, grid = cell_grid(*current.shape), whole_blocks(current)
    temporal_modes, temporal_vectors = temporal_candidate(cells, distances, sources)
    modes, vectors = np.zeros(cells, np.int8), np.zeros((*cells, 2, 2), np.int16)
    _search(
        grid, quarters[0], quarters[-1], flows[0], flows[-1], temporal_modes, temporal_vectors,
        np.array(distances, np.int64), costs.merge, costs.modes, costs.lengths, weight, merge, bipred,
        mirror and bipred, residual.basis, residual.bits, residual.scale, empty_scratch(), modes, vectors,
    )  # fmt: skip
    return MotionField(modes, vectors, distances)


@njit(cache=True, nogil=True)
def _quarter_planes(padded, taps, bit_depth):
    h, w = padded.shape
    out = np.empty((4, 4, h, w), np.uint8)
    rows = np.empty((4, h, w), np.int32)
    for f in range(4):
        t = taps[f]
        for y in range(h):
            s = padded[y]
            for x in range(3, w - 4):
                rows[f, y, x] = (
                    t[0] * s[x - 3] + t[1] * s[x - 2] + t[2] * s[x - 1] + t[3] * s[x]
                    + t[4] * s[x + 1] + t[5] * s[x + 2] + t[6] * s[x + 3] + t[7] * s[x + 4]
                )  # fmt: skip
            for x in range(3):
                rows[f, y, x] = 64 * np.int32(s[x])
            for x in range(w - 4, w):
                rows[f, y, x] = 64 * np.int32(s[x])
    shift = 12 + bit_depth - 8
    half = 1 << (shift - 1)
    for g in range(4):
        t = taps[g]
        for f in range(4):
            r = rows[f]
            for y in range(h):
                a = min(max(y - 3, 0), h - 8)
                for x in range(w):
                    v = (
                        t[0] * r[a, x] + t[1] * r[a + 1, x] + t[2] * r[a + 2, x] + t[3] * r[a + 3, x]
                        + t[4] * r[a + 4, x] + t[5] * r[a + 5, x] + t[6] * r[a + 6, x] + t[7] * r[a + 7, x]
                    )  # fmt: skip
                    out[g, f, y, x] = min(max((v + half) >> shift, 0), 255)
    return out


@njit(inline="always")
def clamp_vector(v, row, column, h, w):
    """Keep a block within the padded area, further out nothing changes, and the vector within what a stream holds."""
    x = min(max(v[0], (-BLOCK * (column + 1) - 20) * 4, -VECTOR_LIMIT), (w - BLOCK * column + 20) * 4, VECTOR_LIMIT - 1)
    y = min(max(v[1], (-BLOCK * (row + 1) - 20) * 4, -VECTOR_LIMIT), (h - BLOCK * row + 20) * 4, VECTOR_LIMIT - 1)
    return x, y


@njit(inline="always")
def _sad(current, quarters, top, left, x, y):
    plane = quarters[y & 3, x & 3]
    r, c = top + (y >> 2) + MARGIN, left + (x >> 2) + MARGIN
    total = np.int32(0)
    for i in range(BLOCK):
        a, b = current[top + i], plane[r + i]
        for j in range(BLOCK):
            total += abs(np.int32(a[left + j]) - np.int32(b[c + j]))
    return total


@njit(inline="never")
def _satd_one(current, quarters, top, left, x, y, d, turned):
    _subtract(current, quarters, top, left, x, y, d)
    return satd(d, turned)


@njit(inline="never")
def _satd_pair(current, first, second, top, left, v, d, turned):
    _subtract_mean(current, first, second, top, left, v, d)
    return satd(d, turned)


@njit(inline="always")
def _subtract(current, quarters, top, left, x, y, d):
    """Fill ``d`` (256,) with the block less its prediction from one reference."""
    plane = quarters[y & 3, x & 3]
    r, c = top + (y >> 2) + MARGIN, left + (x >> 2) + MARGIN
    for i in range(BLOCK):
        a, b = current[top + i, left : left + BLOCK], plane[r + i, c : c + BLOCK]
        for j in range(BLOCK):
            d[BLOCK * i + j] = np.int32(a[j]) - np.int32(b[j])


@njit(inline="always")
def _subtract_mean(current, first, second, top, left, v, d):
    """Fill ``d`` (256,) with the block less the mean of its predictions, vectors v (2, 2)."""
    x0, y0, x1, y1 = v[0, 0], v[0, 1], v[1, 0], v[1, 1]
    p, q = first[y0 & 3, x0 & 3], second[y1 & 3, x1 & 3]
    r0, c0 = top + (y0 >> 2) + MARGIN, left + (x0 >> 2) + MARGIN
    r1, c1 = top + (y1 >> 2) + MARGIN, left + (x1 >> 2) + MARGIN
    for i in range(BLOCK):
        a = current[top + i, left : left + BLOCK]
        b, e = p[r0 + i, c0 : c0 + BLOCK], q[r1 + i, c1 : c1 + BLOCK]
        for j in range(BLOCK):
            d[BLOCK * i + j] = np.int32(a[j]) - ((np.int32(b[j]) + np.int32(e[j]) + 1) >> 1)


@njit(inline="always")
def vector_bits(lengths, spread, longest, dx, dy):
    """Bits of a difference (dx, dy); longest = bit length of the components before it, -1 where none."""
    x = bit_length(dx)
    bits = lengths[length_context(spread, longest), x]
    return bits + lengths[length_context(spread, max(longest, x)), bit_length(dy)]


@njit(inline="always")
def pair_bits(lengths, spreads, x0, y0, x1, y1):
    """Bits of both differences."""
    longest = max(bit_length(x0), bit_length(y0))
    return vector_bits(lengths, spreads[0], -1, x0, y0) + vector_bits(lengths, spreads[1], longest, x1, y1)


@njit(inline="never")
def _refine(current, quarters, top, left, start, predicted, spread, lengths, weight, h, w, row, column, best, scratch):
    """Walk from ``start`` (x, y) downhill: whole samples, halves, quarters. Writes x, y; returns the cost."""
    d, turned = scratch.difference, scratch.turned
    x, y, cost = start[0], start[1], best
    low_x = max((-BLOCK * (column + 1) - 20) * 4, -VECTOR_LIMIT)
    low_y = max((-BLOCK * (row + 1) - 20) * 4, -VECTOR_LIMIT)
    high_x = min((w - BLOCK * column + 20) * 4, VECTOR_LIMIT - 1)
    high_y = min((h - BLOCK * row + 20) * 4, VECTOR_LIMIT - 1)
    for step, rounds in ((8, 3), (4, 6), (2, 1), (1, 1)):
        if step == 2:
            cost = np.float64(_satd_one(current, quarters, top, left, x, y, d, turned))
            cost += weight * vector_bits(lengths, spread, -1, x - predicted[0], y - predicted[1])
        for _ in range(rounds):
            bx, by = x, y
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    if dx == 0 and dy == 0 or (step > 2 and dx != 0 and dy != 0):
                        continue
                    cx, cy = x + dx * step, y + dy * step
                    if cx < low_x or cy < low_y or cx > high_x or cy > high_y:
                        continue
                    if step > 2:
                        c = np.float64(_sad(current, quarters, top, left, cx, cy))
                    else:
                        c = np.float64(_satd_one(current, quarters, top, left, cx, cy, d, turned))
                    c += weight * vector_bits(lengths, spread, -1, cx - predicted[0], cy - predicted[1])
                    if c < cost:
                        cost, bx, by = c, cx, cy
            if bx == x and by == y:
                break
            x, y = bx, by
    start[0], start[1] = x, y
    return cost


@njit(inline="never")
def _refine_pair(
    current, first, second, top, left, pair, predicted, spreads, lengths, weight, h, w, row, column, scratch
):  # fmt: skip
    """Refine both vectors in turn, one quarter or half sample at a time, on the average's own error."""
    d, turned = scratch.difference, scratch.turned
    cost = np.float64(_satd_pair(current, first, second, top, left, pair, d, turned))
    cost += weight * pair_bits(
        lengths, spreads, pair[0, 0] - predicted[0, 0], pair[0, 1] - predicted[0, 1],
        pair[1, 0] - predicted[1, 0], pair[1, 1] - predicted[1, 1],
    )  # fmt: skip
    trial = np.empty((2, 2), np.int64)
    for turn in range(4):
        r = turn & 1
        step = 2 if turn < 2 else 1
        best0, best1 = pair[r, 0], pair[r, 1]
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if dx == 0 and dy == 0:
                    continue
                trial[:] = pair
                trial[r, 0] += dx * step
                trial[r, 1] += dy * step
                cx, cy = clamp_vector(trial[r], row, column, h, w)
                if cx != trial[r, 0] or cy != trial[r, 1]:
                    continue
                c = np.float64(_satd_pair(current, first, second, top, left, trial, d, turned))
                c += weight * pair_bits(
                    lengths, spreads, trial[0, 0] - predicted[0, 0], trial[0, 1] - predicted[0, 1],
                    trial[1, 0] - predicted[1, 0], trial[1, 1] - predicted[1, 1],
                )  # fmt: skip
                if c < cost:
                    cost, best0, best1 = c, trial[r, 0], trial[r, 1]
        pair[r, 0], pair[r, 1] = best0, best1
    return cost


@njit(inline="always")
def _mirrored_pair(pair, x, y, predicted, distances, row, column, h, w):
    """Write the vectors of a mirrored block with first difference (x, y); False where the stream cannot hold them."""
    pair[0, 0], pair[0, 1] = predicted[0, 0] + x, predicted[0, 1] + y
    pair[1, 0] = predicted[1, 0] + mirrored(x, distances[0], distances[1])
    pair[1, 1] = predicted[1, 1] + mirrored(y, distances[0], distances[1])
    for r in range(2):
        cx, cy = clamp_vector(pair[r], row, column, h, w)
        if cx != pair[r, 0] or cy != pair[r, 1]:
            return False
    return True


@njit(inline="never")
def _refine_mirrored(
    current, first, second, top, left, starts, pair, predicted, distances, spread, lengths, weight, h, w, row, column,
    scratch,
):  # fmt: skip
    """Best mirrored difference from the best of ``starts`` (n, 2) on. Writes ``pair``; returns the cost."""
    d, turned = scratch.difference, scratch.turned
    trial = np.empty((2, 2), np.int64)
    cost, x, y = 1e30, np.int64(0), np.int64(0)
    for k in range(starts.shape[0]):
        if not _mirrored_pair(trial, starts[k, 0], starts[k, 1], predicted, distances, row, column, h, w):
            continue
        c = np.float64(_satd_pair(current, first, second, top, left, trial, d, turned))
        c += weight * vector_bits(lengths, spread, -1, starts[k, 0], starts[k, 1])
        if c < cost:
            cost, x, y = c, starts[k, 0], starts[k, 1]
            pair[:] = trial
    # Quarter samples are left to the choice under overlapped windows.
    for step in (4, 2):
        bx, by = x, y
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if dx == 0 and dy == 0 or (step > 2 and dx != 0 and dy != 0):
                    continue
                cx, cy = x + dx * step, y + dy * step
                if not _mirrored_pair(trial, cx, cy, predicted, distances, row, column, h, w):
                    continue
                c = np.float64(_satd_pair(current, first, second, top, left, trial, d, turned))
                c += weight * vector_bits(lengths, spread, -1, cx, cy)
                if c < cost:
                    cost, bx, by = c, cx, cy
                    pair[:] = trial
        x, y = bx, by
    return cost


@njit(inline="never")
def _difference(current, first, second, top, left, mode, v, d):
    """Fill ``d`` (256,) with the block less its prediction, vectors v (2, 2) clamped."""
    if mode == 0:
        _subtract_mean(current, first, second, top, left, v, d)
    elif mode == 1:
        _subtract(current, first, top, left, v[0, 0], v[0, 1], d)
    else:
        _subtract(current, second, top, left, v[1, 0], v[1, 1], d)


@njit(inline="never")
def _propose_merges(
    current, first, second, top, left, row, column, h, w, out_modes, out_vectors, n, use_both, costs, weight, m,
    kinds, picks, bits, rates, found, scratch,
):  # fmt: skip
    """Write the merge candidates as proposals from ``m`` on; returns the number of all."""
    d, turned = scratch.difference, scratch.turned
    for k in range(n):
        if out_modes[k] == 0 and not use_both:
            continue
        kinds[m], picks[m], bits[m] = out_modes[k], k + 1, costs[k + 1]
        for r in range(2):
            found[m, r, 0], found[m, r, 1] = clamp_vector(out_vectors[k, r], row, column, h, w)
        _difference(current, first, second, top, left, kinds[m], found[m], d)
        rates[m] = satd(d, turned) + weight * bits[m]
        m += 1
    return m


@njit(inline="never")
def _best(current, first, second, top, left, m, kinds, bits, rates, found, weight, basis, cost, scale, scratch):
    """Index of the proposal that costs the fewest bits for motion and residual."""
    limit = NEAR * rates[:m].min() + NEAR_BITS * weight
    best, at = 1e30, 0
    for k in range(m):
        if rates[k] > limit:
            continue
        _difference(current, first, second, top, left, kinds[k], found[k], scratch.difference)
        j = residual_bits(scratch, basis, cost, scale) + BIT_WEIGHT * bits[k]
        if j < best:
            best, at = j, k
    return at


@njit(inline="never")
def _propose_pairs(
    current, first, second, top, left, row, column, h, w, pair, predicted, spreads, distances, lengths, weight,
    base_bits, mode_costs, use_both, use_mirror, m, kinds, picks, bits, rates, found, scratch,
):  # fmt: skip
    """Write what uses both references as proposals from ``m`` on, from ``pair`` on; returns the number of all."""
    starts = np.zeros((4, 2), np.int64)
    for k in range(2):
        starts[1, k] = pair[0, k] - predicted[0, k]
        starts[2, k] = mirrored(pair[1, k] - predicted[1, k], distances[1], distances[0])
    if use_both:
        c = _refine_pair(
            current, first, second, top, left, pair, predicted, spreads, lengths, weight, h, w, row, column, scratch
        )
        kinds[m], picks[m], rates[m] = 0, 0, c + weight * (base_bits + mode_costs[0])
        bits[m] = base_bits + mode_costs[0] + pair_bits(
            lengths, spreads, pair[0, 0] - predicted[0, 0], pair[0, 1] - predicted[0, 1],
            pair[1, 0] - predicted[1, 0], pair[1, 1] - predicted[1, 1],
        )  # fmt: skip
        found[m] = pair
        m += 1
    if use_mirror:
        starts[3, 0], starts[3, 1] = pair[0, 0] - predicted[0, 0], pair[0, 1] - predicted[0, 1]
        c = _refine_mirrored(
            current, first, second, top, left, starts, pair, predicted, distances, spreads[0], lengths, weight, h, w,
            row, column, scratch,
        )  # fmt: skip
        x, y = pair[0, 0] - predicted[0, 0], pair[0, 1] - predicted[0, 1]
        kinds[m], picks[m], rates[m] = 0, 0, c + weight * (base_bits + mode_costs[3])
        bits[m] = base_bits + mode_costs[3] + vector_bits(lengths, spreads[0], -1, x, y)
        found[m] = pair
        m += 1
    return m


@njit(cache=True, nogil=True)
def _search(
    current, first, second, flow0, flow1, temporal_modes, temporal_vectors, distances,
    merge_table, mode_costs, lengths, weight, use_merge, use_both, use_mirror,
    basis, cost, scale, scratch, modes, vectors,
):  # fmt: skip
    rows, columns = modes.shape[0] // 2, modes.shape[1] // 2
    two = distances[1] != 0
    h, w = first.shape[2] - 2 * MARGIN, first.shape[3] - 2 * MARGIN
    out_modes = np.empty(MAX_CANDIDATES, np.int8)
    out_vectors = np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    predicted = np.zeros((2, 2), np.int64)
    pair = np.zeros((2, 2), np.int64)
    tried = np.zeros(2, np.int64)
    alone = np.zeros(2, np.float64)
    most = MAX_CANDIDATES + 4
    kinds, picks = np.zeros(most, np.int64), np.zeros(most, np.int64)
    bits, rates = np.zeros(most, np.float64), np.zeros(most, np.float64)
    found = np.zeros((most, 2, 2), np.int64)
    spreads = np.zeros(2, np.int64)
    choices = np.zeros((rows, columns), np.int8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * BLOCK, column * BLOCK
            n = merge_candidates(
                modes, vectors, temporal_modes, temporal_vectors, 2 * row, 2 * column, 2, two, out_modes, out_vectors
            )
            merge_costs = merge_table[merge_context(choices, row, column, n)]
            base_bits = merge_costs[0] if use_merge else 0.0
            for r in range(2 if two else 1):
                quarters = first if r == 0 else second
                flow = flow0 if r == 0 else flow1
                spreads[r] = predict_vector(modes, vectors, temporal_vectors, 2 * row, 2 * column, 2, r, predicted[r])
                best = 1e30
                for k in range(n + 2 + flow0.shape[2]):
                    if k < n:
                        if out_modes[k] != 0 and out_modes[k] != r + 1:
                            continue
                        tried[0], tried[1] = out_vectors[k, r, 0], out_vectors[k, r, 1]
                    elif k == n:
                        tried[0], tried[1] = predicted[r, 0], predicted[r, 1]
                    elif k < n + 1 + flow0.shape[2]:
                        tried[0], tried[1] = flow[row, column, k - n - 1, 0], flow[row, column, k - n - 1, 1]
                    else:
                        tried[0], tried[1] = 0, 0
                    x, y = clamp_vector(tried, row, column, h, w)
                    c = _sad(current, quarters, top, left, x, y)
                    c += weight * vector_bits(lengths, spreads[r], -1, x - predicted[r, 0], y - predicted[r, 1])
                    if c < best:
                        best, pair[r, 0], pair[r, 1] = c, x, y
                alone[r] = _refine(
                    current, quarters, top, left, pair[r], predicted[r], spreads[r], lengths, weight, h, w, row, column,
                    best, scratch,
                )  # fmt: skip
            m = 2 if two else 1
            for r in range(m):
                kinds[r], picks[r] = r + 1, 0
                bits[r] = base_bits + (mode_costs[r + 1] if two else 0.0)
                rates[r] = alone[r] + weight * bits[r]
                x, y = pair[r, 0] - predicted[r, 0], pair[r, 1] - predicted[r, 1]
                bits[r] += vector_bits(lengths, spreads[r], -1, x, y)
                found[r] = pair
            if two:
                m = _propose_pairs(
                    current, first, second, top, left, row, column, h, w, pair, predicted, spreads, distances, lengths,
                    weight, base_bits, mode_costs, use_both, use_mirror, m, kinds, picks, bits, rates, found, scratch,
                )  # fmt: skip
            if use_merge:
                m = _propose_merges(
                    current, first, second, top, left, row, column, h, w, out_modes, out_vectors, n, use_both,
                    merge_costs, weight, m, kinds, picks, bits, rates, found, scratch,
                )  # fmt: skip
            at = _best(
                current, first, second, top, left, m, kinds, bits, rates, found, weight, basis, cost, scale, scratch
            )
            mode, choice = kinds[at], picks[at]
            if choice > 0:
                found[at] = out_vectors[choice - 1]
            choices[row, column] = choice
            for r in range(2):
                if mode != 0 and mode != r + 1:
                    found[at, r, 0], found[at, r, 1] = 0, 0
            fill_unit(modes, vectors, 2 * row, 2 * column, 2, mode, found[at])
