"""MS-SSIM of files and its value in dB."""

from collections.abc import Callable

import pytest

from nvc.bench.planes import PlaneReader
from nvc.bench.structure import ms_ssim_by_frame, ms_ssim_db
from nvc.metrics import ms_ssim


def test_each_frame_is_measured(y4m: Callable) -> None:
    a, b = y4m("a.y4m", 64, 48, 3, 10), y4m("b.y4m", 64, 48, 4, 10)
    assert ms_ssim_by_frame(a, b, 3) == pytest.approx([1, 1, 1])
    (first, second), (third, _) = (list(PlaneReader(y4m(f"{d}.y4m", 64, 48, 2, d))) for d in (8, 10))
    shifted = y4m("c.y4m", 64, 48, 2)
    data = shifted.read_bytes()
    shifted.write_bytes(data[: data.index(b"FRAME")] + b"FRAME\n" + second[0].tobytes() + bytes(2 * 32 * 24))
    assert ms_ssim_by_frame(y4m("8.y4m", 64, 48, 1), shifted, 1) == pytest.approx([ms_ssim(first[0], second[0])])
    assert third[0].max() > 255


def test_small_pictures_have_none(y4m: Callable) -> None:
    assert ms_ssim_by_frame(y4m("a.y4m", 64, 14, 1), y4m("b.y4m", 64, 14, 1), 1) is None


def test_decibels() -> None:
    assert ms_ssim_db(0.99) == pytest.approx(20) and ms_ssim_db(0.0) == 0
    assert ms_ssim_db(1.0) == ms_ssim_db(1 + 1e-12) == 100
