"""The loop filter: twins of the same sums, classes as written, strengths that never make a picture worse."""

import numpy as np
import pytest

from nvc.codec import loop_filter, loop_filter_numba, loop_filter_reference
from nvc.codec.symbols import load_model

Picture = tuple[np.ndarray, np.ndarray]


def pictures(rng: np.random.Generator, depth: int) -> Picture:
    """A picture and a prediction near it: noise, or ramps with edges."""
    h, w = (4 * int(n) for n in rng.integers(1, 9, 2))
    peak = (1 << depth) - 1
    if rng.random() < 0.5:
        picture = rng.integers(0, peak + 1, (h, w))
    else:
        y, x = np.mgrid[:h, :w]
        picture = (x * rng.integers(-9, 10) + y * rng.integers(-9, 10)) % (peak + 1)
    prediction = np.clip(picture + rng.integers(-12, 13, (h, w)), 0, peak)
    return picture.astype(np.uint16), prediction.astype(np.uint16)


@pytest.mark.parametrize("seed", range(24))
def test_twins_give_the_same_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture, prediction = pictures(rng, 8 if seed % 2 else 10)
    filters = rng.integers(-128, 128, (loop_filter.CLASSES, loop_filter.TAPS)).astype(np.int32)
    step = int(rng.integers(1, 4000))
    got = loop_filter_numba.corrections(picture, prediction, step, filters)
    assert got.dtype == np.int32
    assert np.array_equal(got, loop_filter_reference.corrections(picture, prediction, step, filters))


def test_the_largest_sums_fit_32_bits() -> None:
    rng = np.random.default_rng(1)
    picture, prediction = (rng.choice([0, 1023], (16, 16)).astype(np.uint16) for _ in range(2))
    filters = np.full((loop_filter.CLASSES, loop_filter.TAPS), -128, np.int32)
    sums = loop_filter_reference.corrections(picture, prediction, 16, filters).astype(np.int64)
    assert np.array_equal(sums, loop_filter_numba.corrections(picture, prediction, 16, filters))
    for strength in range(loop_filter.STRENGTHS):
        wide = np.clip(picture + ((sums * strength + 512) >> 10), 0, 1023)
        assert np.array_equal(loop_filter.add(picture, sums.astype(np.int32), strength, 1023), wide)


def test_classes_say_activity_direction_and_residual() -> None:
    """A flat picture, stripes along each direction, and a residual of half a step."""
    y, x = np.mgrid[:16, :16]
    flat = np.full((16, 16), 100, np.uint16)
    known = loop_filter_reference.classes(flat, flat, 160)
    assert np.all(known == 0)
    assert np.all(loop_filter_reference.classes(flat, flat + 5, 160) == 2)
    assert np.all(loop_filter_reference.classes(flat, flat + 1, 160) == 1)
    directions = []
    for phase in (x, y, x + y, x - y):
        stripes = (100 + 80 * (phase // 2 % 2)).astype(np.uint16)
        classes = loop_filter_reference.classes(stripes, stripes, 160)
        assert np.all(classes // 3 // 5 == 5)  # the most active
        directions.append(set((classes // 3 % 5)[1:-1, 1:-1].ravel().tolist()))
    assert [len(d) for d in directions] == [1] * 4 and set.union(*directions) == {1, 2, 3, 4}


def test_a_strength_is_chosen_that_helps_or_none() -> None:
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:48, :64]
    source = (128 + 60 * np.sin(x / 9) * np.cos(y / 11)).astype(np.uint16)
    noisy = np.clip(source + rng.normal(0, 6, source.shape), 0, 255).astype(np.uint16)
    filters = np.zeros((loop_filter.CLASSES, loop_filter.TAPS), np.int32)
    filters[:, :4] = 12
    correction = loop_filter.corrections(noisy, noisy, 64, filters)
    strength = loop_filter.best_strength(noisy, correction, source, 255)
    filtered = loop_filter.add(noisy, correction, strength, 255)
    error = [float(np.square(p.astype(float) - source).sum()) for p in (noisy, filtered)]
    assert 0 < strength < loop_filter.STRENGTHS and error[1] < 0.8 * error[0]
    assert loop_filter.best_strength(noisy, -correction, source, 255) == 0
    assert loop_filter.best_strength(source, correction, source, 255) == 0
    assert np.array_equal(loop_filter.add(noisy, correction, 0, 255), noisy)
    part = loop_filter.best_strength(noisy, correction, source[:40, :50], 255)
    assert abs(part - strength) <= 2


def test_the_filters_that_ship_smooth_what_was_coded() -> None:
    """Gentle ones: no tap but the prediction's takes more than a half."""
    filters = load_model().filters
    assert filters.shape == (loop_filter.GROUPS, loop_filter.CLASSES, loop_filter.TAPS)
    assert np.abs(filters[..., :-1]).max() <= 64 and np.abs(filters).sum() > 0


@pytest.mark.parametrize(("level", "group"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (9, 3)])
def test_levels_share_filters(level: int, group: int) -> None:
    assert loop_filter.group_of(level) == group


def test_the_environment_chooses_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loop_filter.backend_use().backend == "numba"
    monkeypatch.setenv("NVC_BACKEND", "reference")
    assert loop_filter.backend_use().backend == "reference"
