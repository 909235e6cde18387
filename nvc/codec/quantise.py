"""Rate-distortion optimised rounding of latents (encoder): values, last diagonals and coded planes together.

Bits come from the tables that will code the symbols, with contexts of the tentative neighbours; the choice of one
latent ignores what it does to later contexts (as in Karczewicz et al., VCEG-AH21).
"""

import numpy as np
from numba import njit

from nvc.codec.latent_coding import last_table, pattern_context, plane_of, set_features
from nvc.codec.symbols import ESCAPE, LARGEST, LATENT_BASE, PATTERN


@njit(inline="always")
def _latent_bits(costs, table, magnitude, negative):
    if magnitude == 0:
        return costs[table, 0]
    if magnitude <= LARGEST:
        return costs[table, 2 * magnitude - 1]
    beyond, bits = magnitude - LARGEST - 1, 0
    while beyond >> bits > 0:
        bits += 1
    return costs[table, ESCAPE] + 5.0 + bits


@njit(inline="always")
def _restored(magnitude, recon, zone):
    if magnitude == 0:
        return 0.0
    return magnitude - recon[zone, min(magnitude, 3) - 1] / 64.0


@njit(inline="always")
def _best_pattern(coded, gains, weight, costs):
    """Of the planes that have something to code (bits of ``coded``), those whose gains are worth the pattern's bits."""
    best, least = 0, weight * costs[0]
    for pattern in range(1, 8):
        if pattern & coded != pattern:
            continue
        j = weight * costs[pattern]
        for plane in range(3):
            if pattern >> plane & 1:
                j += gains[plane]
        if j < least:
            best, least = pattern, j
    return best


@njit(cache=True, nogil=True)
def quantise(
    scaled, rounding, weight, optimise, first, second, first_patterns, second_patterns, rows, columns,
    position, diagonal, zone, before, weights, level_of, index, recon, costs, side_costs, latents, patterns, lasts,
):  # fmt: skip
    """Choose latents (B, 384) int16, patterns (B,) and lasts (B, 3) for coefficients ``scaled`` (in steps).

    weight         lambda in squared steps per bit
    optimise       False: plain rounding
    side_costs     (SIDE_TABLES, 32) bits of patterns and last diagonals
    """
    blocks = scaled.shape[0]
    for b in range(blocks):
        for c in range(scaled.shape[1]):
            v = np.int32(abs(scaled[b, c]) + rounding)
            latents[b, c] = -v if scaled[b, c] < 0 else v
    features = np.empty(10, np.int32)
    starts = (0, 256, 320, 384)
    saved = np.empty(32, np.float64)
    gains = np.empty(3, np.float64)
    for b in range(blocks):
        row, column = b // columns, b % columns
        parity = (row + column) & 1
        patterns[b] = 0
        coded = 0
        for plane in range(3):
            low, high = starts[plane], starts[plane + 1]
            end = low - 1
            for s in range(low, high):
                if latents[b, position[s]] != 0:
                    end = s
            lasts[b, plane] = 0
            gains[plane] = 0.0
            if end < low:
                continue
            if not optimise:
                lasts[b, plane] = 1 + diagonal[end]
                patterns[b] |= 1 << plane
                continue
            last = last_table(lasts, b, row, column, columns, plane)
            # Gain of coding each diagonal against leaving it zero, then the best place to stop.
            top = diagonal[end]
            for d in range(top + 1):
                saved[d] = 0.0
            for s in range(low, high):
                d = diagonal[s]
                if d > top:
                    break
                channel = position[s]
                z = zone[channel]
                set_features(
                    latents, first, second, b, row, column, rows, columns, channel, before, parity, plane, features
                )
                total = np.int32(0)
                for f in range(10):
                    total += weights[z, parity, f] * features[f]
                level = level_of[min(max(total >> 4, 0), 1023)]
                table = LATENT_BASE + np.int64(index[z, 2, level])
                x = abs(np.float64(scaled[b, channel]))
                v = np.int64(abs(np.int32(latents[b, channel])))
                best_v, best = np.int64(0), x * x + weight * costs[table, 0]
                for less in range(2):
                    m = v - less
                    if m < 1:
                        continue
                    e = x - _restored(m, recon, z)
                    j = e * e + weight * _latent_bits(costs, table, m, scaled[b, channel] < 0)
                    if j < best:
                        best_v, best = m, j
                latents[b, channel] = -best_v if scaled[b, channel] < 0 else best_v
                saved[d] += best - x * x
            best_last, best_sum, running = 0, 0.0, 0.0
            for d in range(top + 1):
                running += saved[d]
                j = running + weight * side_costs[last, d]
                if j < best_sum:
                    best_last, best_sum = d + 1, j
            stop = -1
            for s in range(low, high):
                channel = position[s]
                if diagonal[s] >= best_last:
                    latents[b, channel] = 0
                elif latents[b, channel] != 0:
                    stop = diagonal[s]
            lasts[b, plane] = stop + 1
            if stop >= 0:
                coded |= 1 << plane
                gains[plane] = best_sum
        if not optimise:
            continue
        table = PATTERN + pattern_context(patterns, first_patterns, second_patterns, b, row, column, columns)
        patterns[b] = _best_pattern(coded, gains, weight, side_costs[table])
        for plane in range(3):
            if patterns[b] >> plane & 1 == 0:
                lasts[b, plane] = 0
                for s in range(starts[plane], starts[plane + 1]):
                    latents[b, position[s]] = 0
    return 0


@njit(cache=True, nogil=True)
def dequantise(latents, zone, steps, recon, out):
    """out (B, 384) int32 = latents times their plane's step, magnitudes pulled in by ``recon`` / 64 of a step."""
    for b in range(latents.shape[0]):
        for c in range(latents.shape[1]):
            v = np.int64(latents[b, c])
            if v == 0:
                out[b, c] = 0
                continue
            m = abs(v)
            s = np.int64(steps[plane_of(c)])
            d = ((m * 64 - recon[zone[c], min(m, 3) - 1]) * s + 32) >> 6
            d = min(d, 1 << 20)
            out[b, c] = -d if v < 0 else d
