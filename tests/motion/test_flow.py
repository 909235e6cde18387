"""Dense flow as a source of candidates."""

import numpy as np
import pytest

from nvc.motion.field import grid_size
from nvc.motion.flow import block_flow


def smooth(h: int, w: int) -> np.ndarray:
    y, x = np.mgrid[:h, :w]
    return (128 + 60 * np.sin(x / 5) + 60 * np.cos(y / 7 + x / 11)).astype(np.uint8)


@pytest.mark.parametrize("size", [(33, 64), (48, 49), (100, 80)])
def test_flow_is_found_in_quarter_samples(size: tuple[int, int]) -> None:
    h, w = size
    big = smooth(h + 8, w + 8)
    flow = block_flow(big[4 : 4 + h, 4 : 4 + w], big[2 : 2 + h, 1 : 1 + w])
    assert flow.shape == (*grid_size(h, w), 2)
    assert flow.dtype == np.int16
    # what is at (x, y) now is at (x + 3, y + 2) there
    assert np.abs(np.median(flow.reshape(-1, 2), 0) - [12, 8]).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (16, 400), (31, 31), (400, 31)])
def test_small_pictures_give_zero_flow(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    current, reference = (rng.integers(0, 256, size).astype(np.uint8) for _ in range(2))
    flow = block_flow(current, reference)
    assert flow.shape == (*grid_size(*size), 2)
    assert not flow.any()


@pytest.mark.parametrize("values", [(0, 0), (0, 255), (255, 255)])
def test_flat_pictures_give_flow_in_range(values: tuple[int, int]) -> None:
    current, reference = (np.full((64, 64), v, np.uint8) for v in values)
    assert np.abs(block_flow(current, reference)).max() <= 4000
