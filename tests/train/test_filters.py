"""Fit of the loop filter: known filters are found, what real frames show makes pictures closer."""

from fractions import Fraction

import numpy as np
import pytest

from nvc.codec import loop_filter
from nvc.codec.symbols import load_model
from nvc.train.filters import Sums, fit_filters, observe
from nvc.types import Frame, VideoInfo


def test_a_known_filter_is_found() -> None:
    """Source = picture and a quarter of the way to the prediction."""
    rng = np.random.default_rng(0)
    sums = Sums()
    for _ in range(3):
        picture = rng.integers(0, 200, (64, 64)).astype(np.uint16)
        prediction = picture + 4 * rng.integers(0, 9, picture.shape).astype(np.uint16)
        sums.add(2, picture, prediction, picture + (prediction - picture) // 4, 160)
    filters = sums.filters()
    assert filters.dtype == np.int8
    assert np.all(np.abs(filters[1, :, -1].astype(int) - 32) <= 1) and np.abs(filters[1, :, :-1]).max() <= 1
    assert not filters[0].any() and not filters[2:].any()  # levels that were not seen


def test_sums_add_up() -> None:
    rng = np.random.default_rng(1)
    parts = [[rng.integers(0, 256, (32, 32)).astype(np.uint16) for _ in range(3)] for _ in range(2)]
    whole, halves = Sums(), [Sums(), Sums()]
    for half, (picture, prediction, source) in zip(halves, parts, strict=True):
        half.add(1, picture, prediction, source, 80)
        whole.add(1, picture, prediction, source, 80)
    assert np.array_equal(fit_filters(halves), whole.filters())
    assert whole.count.sum() == 2 * 32 * 32


@pytest.mark.parametrize("size", [(64, 48), (50, 38)])
def test_frames_are_observed_before_they_are_filtered(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    w, h = size
    info = VideoInfo(w, h, Fraction(25))
    y, x = np.mgrid[: h + 8, : w + 8]
    big = 128 + 60 * np.sin(x / 4) * np.cos(y / 5)
    shapes = ((h, w), info.chroma_size, info.chroma_size)
    frames = [
        Frame(
            *((big[k : k + a, k : k + b] + rng.normal(0, 3, (a, b))).clip(0, 255).astype(np.uint8) for a, b in shapes),
            k, info, 1,
        )
        for k in range(5)
    ]  # fmt: skip
    sums = observe(frames, 30, load_model())
    assert sums.count.sum() == 4 * (h - h % 4) * (w - w % 4)
    filters = sums.filters().astype(np.float64)
    # What is fitted lowers the error: 2 f·p - f·S·f over all filters.
    f = filters / 128
    gain = 2 * (f * sums.product).sum() - np.einsum("gkt,gktu,gku->", f, sums.square, f)
    assert gain > 0 and np.any(filters[loop_filter.group_of(0)])
