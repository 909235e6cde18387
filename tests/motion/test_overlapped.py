"""Motion chosen again under overlapped windows: less is left, vectors spread, what comes out is codable."""

import cv2
import numpy as np
import pytest

from nvc.motion.estimate import estimate, quarter_planes
from nvc.motion.field import FIRST, SECOND, VECTOR_LIMIT, MotionField, cell_grid, grid_size
from nvc.motion.overlapped import choose_overlapped
from nvc.motion.warp import pad_plane, predict
from tests.motion.test_estimate import COSTS, RESIDUAL

TOOLS = ("merge", "bipred", "mirror")


def both(current, references, weight: float = 4.0, *, split: bool = True, **tools) -> tuple[MotionField, MotionField]:
    """The motion of a first search from zero, and chosen again."""
    grid = grid_size(*current.shape)
    quarters = tuple(quarter_planes(pad_plane(r), 8) for r in references)
    starts = tuple(np.zeros((*grid, 1, 2), np.int16) for _ in references)
    distances, sources = (-1, 1 if len(references) == 2 else 0), (None,) * len(references)
    first = estimate(current, quarters, starts, distances, sources, COSTS, weight, RESIDUAL, **tools)
    again = choose_overlapped(
        current, quarters, first, sources, COSTS, weight, RESIDUAL, sweeps=2, split=split, **tools
    )
    return first, again


def left_over(current, references, field: MotionField) -> float:
    """Squared error of what the decoder predicts."""
    grey = pad_plane(np.zeros((current.shape[0] // 2, current.shape[1] // 2), np.uint8))
    padded = tuple((pad_plane(r), grey, grey) for r in references)
    return float(np.square(predict(padded, field, current.shape, 8)[0].astype(float) - current).sum())


def smooth(seed: int, h: int, w: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (h // 6, w // 6)).astype(np.uint8)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("two", [False, True])
def test_less_is_left_than_after_the_first_search(two: bool) -> None:
    """A round thing that moves over a background that moves too: edges lie inside blocks."""
    back, front = smooth(1, 160, 192), smooth(2, 160, 192)
    y, x = np.mgrid[:128, :160]

    def frame(t: int) -> np.ndarray:
        disc = (y - 60) ** 2 + (x - 70 - 3 * t) ** 2 < 40**2
        return np.where(disc, front[16:144, 16 - 3 * t : 176 - 3 * t], back[16 + t : 144 + t, 16:176])

    references = [frame(-1), frame(1)] if two else [frame(-1)]
    first, second = both(frame(0), references, split=False)
    assert left_over(frame(0), references, second) < 0.99 * left_over(frame(0), references, first)


def test_vectors_spread_against_the_order_of_coding() -> None:
    """Noise moved by 40 samples, and one block that knows."""
    big = np.random.default_rng(3).integers(0, 256, (64, 200)).astype(np.uint8)
    current, reference = big[:, 40:], big[:, :-40]
    vectors = np.zeros((8, 20, 2, 2), np.int16)
    vectors[6:, 12:14, 0] = (160, 0)
    field = MotionField(np.full((8, 20), FIRST, np.int8), vectors, (-1, 0))
    quarters = (quarter_planes(pad_plane(reference), 8),)
    found = []
    for sweeps in (0, 1, 8):
        again = choose_overlapped(current, quarters, field, (None,), COSTS, 4.0, RESIDUAL, sweeps=sweeps, split=False)
        found.append((again.vectors[::2, :14:2, 0] == (160, 0)).all(-1))
    assert found[0].sum() == 1
    assert found[1][2:, 5:].all()
    assert not found[1][:2].any()
    assert found[2].all()
    assert np.count_nonzero(vectors) == 4  # what was given is as it was


@pytest.mark.parametrize("size", [(16, 16), (5, 3), (17, 33), (2, 50)])
@pytest.mark.parametrize("off", [(), ("merge",), ("mirror",), TOOLS])
@pytest.mark.parametrize("two", [True, False])
@pytest.mark.parametrize("weight", [4.0, 0.1])
def test_motion_is_codable_on_odd_sizes(size: tuple[int, int], off: tuple[str, ...], two: bool, weight: float) -> None:
    rng = np.random.default_rng(5)
    current, first, second = (rng.integers(0, 256, size).astype(np.uint8) for _ in range(3))
    tools = {name: name not in off for name in TOOLS}
    field = both(current, [first, second] if two else [first], weight, **tools)[1]
    assert field.modes.shape == cell_grid(*size)
    assert np.abs(field.vectors.astype(int)).max() < VECTOR_LIMIT
    assert not field.vectors[field.modes == FIRST, 1].any()
    assert not field.vectors[field.modes == SECOND, 0].any()
    assert two or np.all(field.modes == FIRST)
    assert "bipred" not in off or np.all(field.modes != 0)
