"""Frames that later frames refer to."""

import numpy as np
import pytest

from nvc.codec.references import Reference, to_8_bit
from nvc.motion.warp import MARGIN


def planes(depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(depth)
    y, u, v = (rng.integers(0, 1 << depth, s).astype(np.uint16) for s in ((32, 48), (16, 24), (16, 24)))
    return y, u, v


@pytest.mark.parametrize("depth", [8, 10])
def test_padding_is_made_once_and_holds_the_planes(depth: int) -> None:
    reference = Reference(planes(depth), None, depth)
    assert reference.padded is reference.padded
    for padded, plane in zip(reference.padded, reference.planes, strict=True):
        assert padded.dtype == np.uint16
        assert np.array_equal(padded[MARGIN:-MARGIN, MARGIN:-MARGIN], plane)
    assert reference.quarters is reference.quarters
    assert reference.quarters.shape == (4, 4, 32 + 2 * MARGIN, 48 + 2 * MARGIN)
    inner = reference.quarters[0, 0, MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert np.abs(inner.astype(int) - reference.luma8()).max() <= 1


@pytest.mark.parametrize(("depth", "value", "want"), [(8, 255, 255), (8, 0, 0), (10, 1023, 255), (10, 7, 1)])
def test_eight_bits_are_the_upper_ones(depth: int, value: int, want: int) -> None:
    out = to_8_bit(np.full((1, 1), value, np.uint16), depth)
    assert (out.dtype, int(out[0, 0])) == (np.uint8, want)
