"""Measures of a difference against what they are by definition."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from nvc.codec.transform import basis
from nvc.motion.distortion import empty_scratch, residual_bits, satd
from nvc.motion.field import BLOCK


def difference(seed: int) -> np.ndarray:
    """(16, 16) int16; the first one as large as it can be."""
    rng = np.random.default_rng(seed)
    found = rng.integers(-255, 256, (BLOCK, BLOCK)) if seed else rng.choice([-255, 255], (BLOCK, BLOCK))
    return found.astype(np.int16)


@pytest.mark.parametrize("seed", range(4))
def test_satd_is_the_sum_over_8x8_hadamard_transforms(seed: int) -> None:
    d, scratch, turn = difference(seed), empty_scratch(), hadamard(8)
    scratch.difference[:] = d.ravel()
    blocks = d.astype(int).reshape(2, 8, 2, 8).transpose(0, 2, 1, 3)
    assert satd(scratch.difference, scratch.turned) == np.abs(turn @ blocks @ turn).sum() // 4


@pytest.mark.parametrize("value", [-255, 255])
def test_satd_of_a_flat_difference_fits(value: int) -> None:
    scratch = empty_scratch()
    scratch.difference[:] = value
    assert satd(scratch.difference, scratch.turned) == 4 * 64 * 255 // 4


@pytest.mark.parametrize("scale", [1e-4, 0.03, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_residual_bits_are_those_of_the_dct(seed: int, scale: float) -> None:
    d, scratch, turn = difference(seed), empty_scratch(), basis(BLOCK).astype(np.float32)
    scratch.difference[:] = d.ravel()
    exact = turn.astype(float) @ d @ turn.T.astype(float)
    assert residual_bits(scratch, turn, 1.5, scale) == pytest.approx(
        1.5 * np.log2(1 + scale * exact**2).sum(), rel=1e-4
    )
    assert np.array_equal(scratch.difference, d.ravel())
