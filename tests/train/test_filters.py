"""Fit of the loop filter: known filters are found, what real frames show makes pictures closer."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.encoder import PASSES
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
def test_frames_are_observed_before_they_are_filtered(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setitem(PASSES, "medium", 1)  # latents that do not know the filter
    seen: list[list[np.ndarray]] = []
    monkeypatch.setattr(Sums, "add", lambda self, level, *planes_and_step: seen.append(list(planes_and_step[:3])))
    for filters in (load_model().filters, np.zeros_like(load_model().filters)):
        observe(frames, 30, replace(load_model(), filters=filters))
    with_filters, without = seen[:4], seen[4:]
    assert len(without) == 4 and all(p.shape == (h - h % 4, w - w % 4) for p in with_filters[0])
    # The first frame that is coded has the same references in both: its picture is the same before the filter.
    assert np.array_equal(with_filters[0][0], without[0][0])
    # The next ones refer to a filtered picture, so the filter did work.
    assert not np.array_equal(with_filters[1][1], without[1][1])
    shown = {frame.y[: h - h % 4, : w - w % 4].astype(int).tobytes() for frame in frames[1:]}
    assert {source.astype(int).tobytes() for _, _, source in with_filters} == shown
