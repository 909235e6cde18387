"""Random references and motion shared by the tests of the motion room."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.motion.field import BOTH, FIRST, SECOND, MotionField, cell_grid


def random_motion(rng: np.random.Generator, size: tuple[int, int], reach: int, two: bool) -> MotionField:
    """Motion of a picture (height, width) as a stream may hold it, half of the blocks whole."""
    shape = cell_grid(*size)
    modes = rng.integers(0, 3, shape).astype(np.int8) if two else np.full(shape, FIRST, np.int8)
    vectors = rng.integers(-reach, reach, (*shape, 2, 2)).astype(np.int16)
    for row, column in np.argwhere(rng.random((shape[0] // 2, shape[1] // 2)) < 0.5):
        for cells in (modes, vectors):
            cells[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = cells[2 * row, 2 * column]
    vectors[modes == FIRST, 1] = 0
    vectors[modes == SECOND, 0] = 0
    assert BOTH == 0
    return MotionField(modes, vectors, (-1, 2 if two else 0))


@pytest.fixture(scope="session")
def motion() -> Callable[[np.random.Generator, tuple[int, int], int, bool], MotionField]:
    return random_motion
