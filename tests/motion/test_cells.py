"""Split blocks: found where parts of a block move each on their own, and nowhere else."""

import numpy as np
import pytest

from nvc.motion.field import MotionField, is_whole
from tests.motion.test_overlapped import both, left_over, smooth


def split(field: MotionField) -> np.ndarray:
    """(bh, bw) bool: which blocks are split."""
    grid = field.modes.shape[0] // 2, field.modes.shape[1] // 2
    return ~np.array([is_whole(field.modes, field.vectors, *at) for at in np.ndindex(grid)]).reshape(grid)


def bar(t: int) -> np.ndarray:
    """A bar that ends in the middle of blocks and moves over a picture that stands still."""
    back, front = smooth(1, 128, 160), smooth(2, 128, 320)
    picture = back.copy()
    picture[40:88] = front[40:88, 80 + 3 * t : 240 + 3 * t]
    return picture


@pytest.mark.parametrize("two", [False, True])
def test_blocks_split_along_an_edge_of_motion(two: bool) -> None:
    references = [bar(-1), bar(1)] if two else [bar(-1)]
    found = [both(bar(0), references, split=on)[1] for on in (True, False)]
    rows = split(found[0]).mean(1)
    assert rows[[2, 5]].min() > 0.5  # cells of 40 to 47 and 80 to 87 belong to the bar, those around do not
    assert rows[[0, 1, 3, 4, 6, 7]].max() < 0.3
    assert not split(found[1]).any()
    assert left_over(bar(0), references, found[0]) < 0.8 * left_over(bar(0), references, found[1])


def test_a_picture_that_moves_as_a_whole_is_not_split() -> None:
    big = smooth(3, 128, 200)
    field = both(big[:, 20:180], [big[:, 14:174]])[1]
    assert not split(field)[:, :-1].any()  # what came in at the right was not there
