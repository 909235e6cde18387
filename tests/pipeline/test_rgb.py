"""RGB of planes against values worked out by hand from ITU-T H.273."""

from fractions import Fraction

import numpy as np
import pytest

from nvc.pipeline.rgb import BT601, BT709, matrix_of, to_rgb
from nvc.types import Frame, VideoInfo


def flat(y: int, u: int, v: int, **fields) -> Frame:
    info = VideoInfo(3, 5, Fraction(1, 25), **fields)
    luma = np.full((5, 3), y, info.dtype)
    return Frame(luma, np.full((3, 2), u, info.dtype), np.full((3, 2), v, info.dtype), 0, info)


@pytest.mark.parametrize(
    ("planes", "fields", "want"),
    [
        ((16, 128, 128), {}, (0, 0, 0)),
        ((235, 128, 128), {}, (255, 255, 255)),
        ((0, 128, 128), {"color_range": 2}, (0, 0, 0)),
        ((200, 128, 128), {"color_range": 2}, (200, 200, 200)),
        ((64, 512, 512), {"bit_depth": 10}, (0, 0, 0)),
        ((940, 512, 512), {"bit_depth": 10, "matrix": 9}, (255, 255, 255)),
        ((81, 90, 240), {"matrix": 6}, (255, 0, 0)),
        ((63, 102, 240), {"matrix": 1}, (255, 0, 0)),
        ((32, 240, 118), {"matrix": 1}, (0, 0, 255)),
    ],
)
def test_colours(planes: tuple, fields: dict, want: tuple) -> None:
    got = to_rgb(flat(*planes, **fields))
    assert got.shape == (5, 3, 3) and got.dtype == np.uint8
    assert np.abs(got.astype(int) - want).max() <= 2


@pytest.mark.parametrize(
    ("matrix", "height", "want"), [(2, 480, BT601), (2, 1080, BT709), (0, 720, BT709), (9, 480, 9)]
)
def test_a_matrix_that_is_not_named(matrix: int, height: int, want: int) -> None:
    info = VideoInfo(2, height, Fraction(1, 25), matrix=matrix)
    luma, chroma = np.zeros((height, 2), np.uint8), np.zeros((height // 2, 1), np.uint8)
    assert matrix_of(Frame(luma, chroma, chroma, 0, info)) == want
