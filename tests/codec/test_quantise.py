"""Rounding of latents by rate and distortion, and the way back."""

import numpy as np
import pytest

from nvc.codec.quantise import dequantise, quantise
from nvc.codec.symbols import LATENTS, PATTERN, SIDE_TABLES, load_model, scan

STARTS = (0, 256, 320, 384)
STEPS = np.array([160, 200, 240], np.int64)


def rounded(
    scaled: np.ndarray, optimise: bool, weight: float = 0.15, rounding: float = 0.4, costs: np.ndarray | None = None
) -> tuple:
    """(latents, patterns, lasts) of coefficients (B, 384) on a grid of one row. costs: of side symbols, in bits."""
    blocks, model, s = len(scaled), load_model(), scan()
    zeros = np.zeros((blocks, LATENTS), np.int16)
    latents, patterns, lasts = zeros.copy(), np.full(blocks, 9, np.uint8), np.full((blocks, 3), 9, np.uint8)
    side = np.tile(np.linspace(1, 6, 32), (SIDE_TABLES, 1)) if costs is None else costs
    quantise(
        scaled.astype(np.float32), rounding, weight, optimise, zeros, zeros, zeros[:, 0].astype(np.uint8),
        zeros[:, 0].astype(np.uint8), 1, blocks, s.position, s.diagonal, s.zone, s.before, model.weights,
        model.level_of, model.index, model.recon, model.tables.costs, side, latents, patterns, lasts,
    )  # fmt: skip
    return latents, patterns, lasts


def sparse(blocks: int, seed: int, scale: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    decay = np.empty(LATENTS)
    decay[scan().position] = np.exp(-scan().diagonal / 4)
    return rng.laplace(0, scale, (blocks, LATENTS)) * decay


def check_agreement(latents: np.ndarray, patterns: np.ndarray, lasts: np.ndarray) -> None:
    """Last diagonals are those of the last latent that is not zero, patterns those of the planes that have one."""
    s = scan()
    for plane, (low, high) in enumerate(zip(STARTS, STARTS[1:], strict=False)):
        values = latents[:, s.position[low:high]] != 0
        want = np.where(values, 1 + s.diagonal[low:high], 0).max(1)
        assert np.array_equal(lasts[:, plane], want)
        assert np.array_equal(patterns >> plane & 1, want > 0)
    assert patterns.max() < 8


@pytest.mark.parametrize("optimise", [True, False])
@pytest.mark.parametrize("blocks", [1, 2, 30])
@pytest.mark.parametrize("scale", [0.01, 1.0, 20.0, 500.0])
def test_what_is_chosen_agrees_with_itself(optimise: bool, blocks: int, scale: float) -> None:
    check_agreement(*rounded(sparse(blocks, blocks, scale), optimise))


def test_plain_rounding_is_the_deadzone() -> None:
    scaled = sparse(5, 1, 10.0)
    latents = rounded(scaled, False, rounding=0.33)[0]
    assert np.array_equal(latents, np.sign(scaled) * np.floor(np.abs(scaled.astype(np.float32)) + np.float32(0.33)))


def test_optimised_latents_are_never_larger_and_fewer_with_dearer_bits() -> None:
    scaled = sparse(30, 2, 4.0)
    plain = np.abs(rounded(scaled, False)[0].astype(int))
    counts = []
    for weight in (0.0, 0.1, 0.5, 1e9):
        best = np.abs(rounded(scaled, True, weight)[0].astype(int))
        assert np.all(best <= plain)
        counts.append(int(np.count_nonzero(best)))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2] > counts[3] == 0


def test_a_pattern_is_coded_where_its_planes_are_worth_it() -> None:
    """One coefficient of each plane, of a fair size: dear patterns stay away, of a whole block and of single planes."""
    scaled = np.zeros((3, LATENTS))
    scaled[1, [0, 256, 320]] = 3.0
    costs = np.zeros((SIDE_TABLES, 32))
    assert rounded(scaled, True, costs=costs)[1].tolist() == [0, 7, 0]
    costs[PATTERN : PATTERN + 36, 1:8] = 1000.0
    latents, patterns, lasts = rounded(scaled, True, costs=costs)
    assert not latents.any() and not patterns.any() and not lasts.any()
    costs[PATTERN : PATTERN + 36, 5] = 0.0
    latents, patterns, lasts = rounded(scaled, True, costs=costs)
    assert patterns.tolist() == [0, 5, 0] and lasts[1].tolist() == [1, 0, 1]
    assert np.flatnonzero(latents[1]).tolist() == [0, 320]


def test_the_pattern_before_is_its_context() -> None:
    """After a coded block another one costs nothing, after an empty one far too much."""
    scaled = np.zeros((4, LATENTS))
    scaled[1:, 0] = 3.0
    scaled[1, 0] = 100.0
    costs = np.zeros((SIDE_TABLES, 32))
    costs[PATTERN : PATTERN + 12, 1:8] = 200.0  # neither left nor above has luma
    assert rounded(scaled, True, costs=costs)[1].tolist() == [0, 1, 1, 1]
    scaled[1, 0] = 3.0
    assert not rounded(scaled, True, costs=costs)[1].any()


def test_signs_are_kept() -> None:
    scaled = sparse(10, 3, 5.0)
    for optimise in (True, False):
        latents = rounded(scaled, optimise)[0]
        assert np.all(latents * np.sign(scaled) >= 0)
        assert np.array_equal(latents, -rounded(-scaled, optimise)[0])


def restored(latents: np.ndarray, recon: np.ndarray) -> np.ndarray:
    out = np.full(latents.shape, 77, np.int32)
    dequantise(latents, scan().zone, STEPS, recon, out)
    return out


def test_dequantised_values_are_multiples_less_the_pull() -> None:
    latents = np.zeros((7, LATENTS), np.int16)
    latents[1:] = np.array([1, -1, 2, -2, 5, -300], np.int16)[:, None]
    recon = np.zeros((16, 3), np.int32)
    recon[:] = 8, 4, 2
    out = restored(latents, recon)
    steps = np.repeat(STEPS, (256, 64, 64))
    for row, (v, pull) in enumerate(((0, 0), (1, 8), (1, 8), (2, 4), (2, 4), (5, 2), (300, 2))):
        want = ((v * 64 - pull) * steps + 32) >> 6
        assert np.array_equal(np.abs(out[row]), want if v else 0 * steps)
    assert np.array_equal(np.sign(out), np.sign(latents))
    assert np.array_equal(restored(latents, recon), -restored(-latents, recon))


def test_largest_latents_at_the_coarsest_step_stay_in_range() -> None:
    latents = np.array([[32767] * LATENTS, [-32768] * LATENTS], np.int16)
    out = np.empty(latents.shape, np.int32)
    dequantise(latents, scan().zone, np.array([60000] * 3, np.int64), load_model().recon, out)
    assert np.all(out[0] == 1 << 20)
    assert np.all(out[1] == -(1 << 20))
