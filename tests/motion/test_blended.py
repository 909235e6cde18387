"""The sum of shares: what is put in and taken out, and that it is the decoder's blend."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.motion.blended import (
    SHIFT,
    SIDE,
    aim,
    empty_unit,
    fill_difference,
    left_over,
    pictures_of,
    predict_unit,
    seam_error,
    share_block,
)
from nvc.motion.estimate import quarter_planes
from nvc.motion.field import BLOCK, whole_blocks
from nvc.motion.proposals import Motion
from nvc.motion.warp import OVERLAP, pad_plane, predict
from tests.motion.test_overlapped import smooth

SIZE = (48, 64)


def made(motion: Callable, seed: int = 0, reach: int = 40) -> tuple:
    """(pictures with all shares in, motion, field, references) of smooth pictures and random motion."""
    current, first, second = (smooth(3 * seed + k, *SIZE) for k in range(3))
    field = motion(np.random.default_rng(seed), SIZE, reach, True)
    pictures = pictures_of(whole_blocks(current), *(quarter_planes(pad_plane(p), 8) for p in (first, second)))
    blocks = np.zeros((SIZE[0] // BLOCK, SIZE[1] // BLOCK), np.int8)
    still = np.zeros_like(field.modes), np.zeros_like(field.vectors)
    moved = Motion(field.modes, field.vectors, blocks, *still, np.array(field.distances))
    for at in np.ndindex(blocks.shape):
        share_block(pictures, moved, *at, empty_unit().samples, 1)
    return pictures, moved, field, (first, second)


def test_the_sum_is_what_the_decoder_blends(motion: Callable) -> None:
    pictures, _, field, references = made(motion)
    grey = pad_plane(np.zeros((SIZE[0] // 2, SIZE[1] // 2), np.uint8))
    exact = predict(tuple((pad_plane(r), grey, grey) for r in references), field, SIZE, 8)[0].astype(int)
    ours = (pictures.total + (1 << (SHIFT - 1))) >> SHIFT
    assert np.abs(ours - exact).max() <= 2  # averages of two are rounded here before they are weighed


def test_what_is_put_in_can_be_taken_out(motion: Callable) -> None:
    pictures, moved, _, _ = made(motion)
    for at in np.ndindex(moved.choices.shape):
        share_block(pictures, moved, *at, empty_unit().samples, -1)
    assert not pictures.total.any()


@pytest.mark.parametrize("at", [(0, 0), (1, 2), (2, 3)])
def test_what_is_left_is_the_same_from_both_sides(at: tuple[int, int], motion: Callable) -> None:
    """Of a whole block: from the sum of all, and from what the others leave it."""
    pictures, moved, field, _ = made(motion, seed=1)
    row, column = at
    unit, again = empty_unit(), empty_unit()
    share_block(pictures, moved, row, column, unit.samples, -1)
    y, x = 2 * row, 2 * column
    field.modes[y : y + 2, x : x + 2], field.vectors[y : y + 2, x : x + 2] = field.modes[y, x], field.vectors[y, x]
    aim(pictures, row, column, BLOCK, unit)
    corner = row * BLOCK - OVERLAP, column * BLOCK - OVERLAP
    predict_unit(pictures, field.modes[y, x], field.vectors[y, x], row, column, *corner, SIDE, unit.samples)
    fill_difference(unit)
    seam = seam_error(unit)
    share_block(pictures, moved, row, column, again.samples, 1)
    assert left_over(pictures, row, column, again) == pytest.approx(seam, rel=1e-5)
    assert np.array_equal(again.scratch.difference, unit.scratch.difference)
