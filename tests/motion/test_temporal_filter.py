"""Temporal filter: takes noise away and nothing else."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from nvc.motion.temporal_filter import REACH, can_filter, filtered, weigh
from nvc.types import VideoInfo

STEP = 20.0


def scene(h: int, w: int, shift: int, depth: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smooth picture moved ``shift`` samples to the left, planes of float."""
    rng = np.random.default_rng(5)
    big = cv2.resize(rng.uniform(40, 215, (h // 8, w // 4)), (2 * w, h), interpolation=cv2.INTER_CUBIC)
    y = big[:, w // 2 + shift : w // 2 + shift + w] * (1 << (depth - 8))
    return y, y[::2, ::2] * 0.5, y[1::2, 1::2] * 0.25


def noisy(planes, sigma: float, seed: int, depth: int = 8):
    rng = np.random.default_rng(seed)
    peak = (1 << depth) - 1
    dtype = np.uint8 if depth == 8 else np.uint16
    y, u, v = (np.clip(np.rint(p + rng.normal(0, sigma, p.shape)), 0, peak).astype(dtype) for p in planes)
    return y, u, v


def run(current, neighbours, step: float = STEP, depth: int = 8):
    return filtered(current, (weigh(current, other, k + 1, step, depth) for k, other in enumerate(neighbours)))[0]


def error(planes, clean) -> float:
    return float(np.mean([np.square(p - q).mean() for p, q in zip(planes, clean, strict=True)]))


@pytest.mark.parametrize("depth", [8, 10])
def test_noise_on_moving_pictures_goes_down(depth: int) -> None:
    scale = 1 << (depth - 8)
    clean = scene(96, 128, 0, depth)
    current = noisy(clean, 4 * scale, 0, depth)
    others = [noisy(scene(96, 128, 2 * k, depth), 4 * scale, k, depth) for k in range(1, REACH + 1)]
    out = run(current, others, STEP * scale, depth)
    assert all(p.dtype == q.dtype and p.shape == q.shape for p, q in zip(out, current, strict=True))
    assert error(out, clean) < 0.6 * error(current, clean)


def test_what_neighbours_do_not_show_stays() -> None:
    current = noisy(scene(96, 128, 0), 0, 0)
    other = tuple(np.minimum(p, 165) + np.uint8(90) for p in current)
    for neighbours in ([other], [], [other] * REACH):
        out = run(current, neighbours)
        assert max(np.abs(p.astype(int) - q).max() for p, q in zip(out, current, strict=True)) <= 1


def test_equal_pictures_stay_equal() -> None:
    current = noisy(scene(48, 64, 0), 3, 1)
    assert all(np.array_equal(p, q) for p, q in zip(run(current, [current] * 3), current, strict=True))


def test_fine_steps_leave_more() -> None:
    clean = scene(64, 96, 0)
    current, others = noisy(clean, 4, 0), [noisy(clean, 4, k) for k in (1, 2, 3)]
    moved = [error(run(current, others, step), current) for step in (1.0, 8.0, 40.0)]
    assert moved[0] < moved[1] < moved[2]


def test_odd_sizes_and_weights() -> None:
    clean = tuple(p[: 33 if k == 0 else 17, : 35 if k == 0 else 18] for k, p in enumerate(scene(48, 64, 0)))
    current = noisy(clean, 3, 1)
    samples, weights = weigh(current, noisy(clean, 3, 2), 1, STEP, 8)
    for sample, weight, plane in zip(samples, weights, current, strict=True):
        assert sample.shape == weight.shape == plane.shape
        assert weight.min() >= 0 and weight.max() <= 1
    far = weigh(current, noisy(clean, 3, 2), REACH, STEP, 8)[1]
    assert far[0].sum() < weights[0].sum()


@pytest.mark.parametrize(("w", "h", "want"), [(32, 32, True), (31, 64, False), (64, 31, False)])
def test_small_pictures_are_left_alone(w: int, h: int, want: bool) -> None:
    assert can_filter(VideoInfo(w, h, Fraction(1, 25))) is want


def test_agreement_is_the_share_of_weight() -> None:
    clean = scene(64, 96, 0)
    current = noisy(clean, 2, 0)
    other = tuple(np.minimum(p, 165) + np.uint8(90) for p in current)

    def of(*neighbours) -> float:
        return filtered(current, (weigh(current, o, k + 1, STEP, 8) for k, o in enumerate(neighbours)))[1]

    assert of() == 0.0
    assert of(current, current) == pytest.approx(1.0, abs=1e-3)
    assert of(other) < 0.05
    assert 0.5 < of(noisy(clean, 2, 1)) < 1
    assert of(current, other) < of(current)


@pytest.mark.parametrize("depth", [8, 10])
def test_black_and_white_do_not_turn_over(depth: int) -> None:
    """Interpolation overshoots at edges between the lowest and the highest value."""
    peak = (1 << depth) - 1
    dtype = np.uint8 if depth == 8 else np.uint16
    stripes = (np.arange(96) // 6 % 2 * peak).astype(np.float32)
    pictures = [
        np.tile(np.clip(np.interp(np.arange(96) + s, np.arange(96), stripes), 0, peak), (64, 1)) for s in (0, 0.4)
    ]
    current, other = ((p.astype(dtype), p[::2, ::2].astype(dtype), p[::2, ::2].astype(dtype)) for p in pictures)
    samples, _ = weigh(current, other, 1, 400.0, depth)
    assert all(0 <= s.min() and s.max() <= peak for s in samples)
    out = run(current, [other] * 3, 400.0, depth)
    assert max(np.abs(p.astype(int) - q).max() for p, q in zip(out, current, strict=True)) < peak / 2
