"""MS-SSIM: bounds, order, and its definition at one scale."""

import numpy as np
import pytest

from nvc.errors import FormatError
from nvc.metrics import ms_ssim


def picture(height: int, width: int) -> np.ndarray:
    """A smooth texture with some noise."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    return np.clip(128 + 60 * np.sin(x / 7) * np.cos(y / 11) + rng.normal(0, 8, (height, width)), 0, 255)


@pytest.mark.parametrize("shape", [(16, 16), (17, 33), (181, 200), (240, 416)])
def test_equal_planes_give_one(shape: tuple[int, int]) -> None:
    a = picture(*shape).astype(np.uint8)
    assert ms_ssim(a, a) == pytest.approx(1)


def test_more_noise_is_less_alike() -> None:
    a, rng = picture(192, 208), np.random.default_rng(5)
    noise = rng.normal(0, 1, a.shape)
    values = [ms_ssim(a, a + s * noise) for s in (1, 4, 16, 64)]
    assert values == sorted(values, reverse=True)
    assert 0 < values[-1] < values[0] < 1


def test_one_scale_is_ssim_by_its_definition() -> None:
    a, b = picture(16, 16), picture(16, 16)[:, ::-1]
    at = np.arange(11) - 5
    w = np.exp(-(at**2) / 4.5)
    w = np.outer(w, w) / w.sum() ** 2
    total = []
    for i in range(6):
        for j in range(6):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq, c = (w * p * p).sum() - mp**2, (w * q * q).sum() - mq**2, (w * p * q).sum() - mp * mq
            top = (2 * mp * mq + 6.5025) * (2 * c + 58.5225)
            total.append(top / ((mp**2 + mq**2 + 6.5025) * (vp + vq + 58.5225)))
    assert ms_ssim(a, b) == pytest.approx(np.mean(total))


@pytest.mark.parametrize(("a", "b"), [((15, 40), (15, 40)), ((20, 20), (20, 21)), ((3, 20, 20), (3, 20, 20))])
def test_refusals(a: tuple, b: tuple) -> None:
    with pytest.raises(FormatError):
        ms_ssim(np.zeros(a), np.zeros(b))
