"""PSNR against its definition, caps and refusals."""

from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import FormatError
from nvc.metrics import frame_psnr, psnr, psnr_611
from nvc.types import Frame, VideoInfo


@pytest.mark.parametrize(("peak", "dtype"), [(255, np.uint8), (1023, np.uint16)])
def test_psnr_of_one_step_everywhere(peak: int, dtype: type) -> None:
    a = np.full((17, 33), 100, dtype)
    assert psnr(a, a + 1, peak) == pytest.approx(20 * np.log10(peak))


def test_psnr_is_symmetric_and_unsigned_safe() -> None:
    a, b = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    assert psnr(a, b) == psnr(b, a) == 0.0


def test_psnr_caps_equal_and_nearly_equal() -> None:
    a = np.zeros((3, 5), np.uint8)
    assert psnr(a, a) == 100.0
    assert psnr(a.astype(float), a + 1e-9) == 100.0


@pytest.mark.parametrize(("a", "b"), [((2, 3), (3, 2)), ((0, 4), (0, 4))])
def test_psnr_refuses(a: tuple, b: tuple) -> None:
    with pytest.raises(FormatError):
        psnr(np.zeros(a), np.zeros(b))


def test_frame_psnr_takes_frames_and_planes() -> None:
    info = VideoInfo(5, 3, Fraction(1, 25), bit_depth=10)
    planes = [np.full(s, 512, np.uint16) for s in ((3, 5), (2, 3), (2, 3))]
    other = [planes[0] + np.uint16(1), planes[1] + np.uint16(2), planes[2]]
    want = (20 * np.log10(1023), 20 * np.log10(1023 / 2), 100.0)
    assert frame_psnr(planes, other) == pytest.approx(want)
    assert frame_psnr(Frame(*planes, 0, info), Frame(*other, 0, info)) == pytest.approx(want)


def test_frame_psnr_refuses_two_depths() -> None:
    a, b = [np.zeros((2, 2), np.uint8)] * 3, [np.zeros((2, 2), np.uint16)] * 3
    with pytest.raises(FormatError, match="bit depth"):
        frame_psnr(a, b)


def test_psnr_611_weights() -> None:
    assert psnr_611(40, 44, 36) == 40.0
    assert psnr_611(32, 40, 48) == 35.0
