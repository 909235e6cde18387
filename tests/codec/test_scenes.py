"""Scene cuts."""

import numpy as np
import pytest

from nvc.codec.scenes import is_cut, thumbnail


@pytest.mark.parametrize(
    ("size", "cells"), [((1, 1), (1, 1)), ((3, 5), (1, 1)), ((16, 16), (1, 1)), ((17, 33), (1, 2)), ((48, 64), (3, 4))]
)
@pytest.mark.parametrize("depth", [8, 10])
def test_thumbnails_are_means_at_8_bit_scale(size: tuple[int, int], cells: tuple[int, int], depth: int) -> None:
    small = thumbnail(np.full(size, 100 << (depth - 8), np.uint16 if depth == 10 else np.uint8), depth)
    assert small.shape == cells
    assert small.dtype == np.float32
    assert np.all(small == 100)


def test_another_picture_is_a_cut_and_a_change_of_light_is_not() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (6, 8)).astype(np.float32) for _ in range(2))
    assert is_cut(a, b)
    assert not is_cut(a, a)
    assert not is_cut(a, a + 60)
    assert not is_cut(a, a + rng.integers(-5, 6, a.shape).astype(np.float32))


def test_a_flat_picture_is_another_scene() -> None:
    texture = np.random.default_rng(1).integers(0, 256, (6, 8)).astype(np.float32)
    for flat in (0.0, 255.0):
        assert is_cut(texture, np.full_like(texture, flat))
        assert is_cut(np.full_like(texture, flat), texture)
    assert is_cut(np.zeros((1, 1), np.float32), np.full((1, 1), 255, np.float32))
