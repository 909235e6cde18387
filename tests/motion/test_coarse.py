"""Block matching on small pictures: fast motion, ties, odd sizes."""

import numpy as np
import pytest

from nvc.motion.coarse import CANDIDATES, SPEED, coarse_vectors
from nvc.motion.field import VECTOR_LIMIT, grid_size


def texture(h: int, w: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (h // 8 + 1, w // 8 + 1)), np.ones((8, 8)))[:h, :w].astype(np.uint8)


@pytest.mark.parametrize(("x", "y", "scale"), [(72, 0, 4), (-48, 16, 4), (0, -64, 4), (80, -32, 8)])
def test_fast_motion_is_found(x: int, y: int, scale: int) -> None:
    """What is at (column, row) now is at (column + x, row + y) there."""
    h, w = (192, 256) if scale == 4 else (600, 1000)
    big = texture(h + 160, w + 160)
    current, reference = big[80 : 80 + h, 80 : 80 + w], big[80 - y : 80 - y + h, 80 - x : 80 - x + w]
    found = coarse_vectors(current, reference, -4)
    assert found.shape == (*grid_size(h, w), CANDIDATES, 2)
    assert found.dtype == np.int16
    inner = found[5:-5, 5:-5]
    assert np.mean(np.abs(inner - (4 * x, 4 * y)).max(-1) <= 4 * scale // 2) > 0.95


def test_it_finds_what_trying_everything_finds() -> None:
    """Against plain NumPy: every displacement in order, whole windows, edges repeated."""
    rng = np.random.default_rng(5)
    current, reference = (rng.integers(0, 256, (64, 96)).astype(np.uint8) for _ in range(2))
    small, other = (((p.reshape(16, 4, 24, 4).sum((1, 3), dtype=int) + 8) // 16) for p in (current, reference))
    padded = np.pad(other, 6, mode="edge")  # 24 samples a frame
    best, found = np.full((2, 4, 6), np.inf), np.zeros((4, 6, 2, 2), int)
    near = np.outer((1, 2, 1), (1, 2, 1))
    for dy in range(-6, 7):
        for dx in range(-6, 7):
            shifted = padded[6 + dy : 22 + dy, 6 + dx : 30 + dx]
            sums = np.pad(np.abs(small - shifted).reshape(4, 4, 6, 4).sum((1, 3)), 2, mode="edge")
            for row, column in np.ndindex(4, 6):
                area = sums[row : row + 5, column : column + 5]
                for k, cost in enumerate(((area[1:4, 1:4] * near).sum(), area.sum())):
                    if cost + abs(dy) + abs(dx) < best[k, row, column]:
                        best[k, row, column] = cost + abs(dy) + abs(dx)
                        found[row, column, k] = dx, dy
    assert np.array_equal(coarse_vectors(current, reference, 1), 16 * found)


def test_the_distance_bounds_the_search() -> None:
    rng = np.random.default_rng(1)
    current, reference = (rng.integers(0, 256, (128, 128)).astype(np.uint8) for _ in range(2))
    for distance in (1, -2):
        found = coarse_vectors(current, reference, distance)
        assert 0 < np.abs(found).max() <= 4 * SPEED * abs(distance)


def test_a_large_window_knows_which_match_is_the_true_one() -> None:
    """The same 48x48 in two places: only what is around them tells which one moved where."""
    big = np.random.default_rng(2).integers(0, 256, (256, 256)).astype(np.uint8)
    big[100:148, 40:88] = big[100:148, 120:168]
    current, reference = big[:, 8:-8], big[:, :-16]
    found = coarse_vectors(current, reference, 8)[:, :, 1]
    assert np.all(found[5:-5, 5:-5] == (32, 0))


def test_nothing_to_see_is_no_motion() -> None:
    flat = np.full((48, 80), 90, np.uint8)
    assert not coarse_vectors(flat, flat, 16).any()
    assert not coarse_vectors(flat, flat + 5, 16).any()


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (17, 33), (16, 2000)])
def test_any_size(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    current, reference = (rng.integers(0, 256, size).astype(np.uint8) for _ in range(2))
    found = coarse_vectors(current, reference, 64)
    assert found.shape == (*grid_size(*size), CANDIDATES, 2)
    assert np.abs(found).max() < VECTOR_LIMIT
