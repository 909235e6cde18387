from fractions import Fraction

import numpy as np
import pytest

from nvc.train.vary import vary
from nvc.types import Frame, VideoInfo


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Three frames of 64x48, a wave that moves."""
    info = VideoInfo(64, 48, Fraction(1, 25))
    rows, columns = np.mgrid[0:48, 0:64]
    found = []
    for k in range(3):
        y = (128 + 60 * np.sin((columns - 2 * k) / 3) * np.cos(rows / 9)).astype(np.uint8)
        found.append(Frame(y, y[::2, ::2].copy(), y[1::2, ::2].copy(), k, info, 1))
    return found


def test_harder_clips_keep_their_shape(frames):
    found = vary(frames, np.random.default_rng(1))
    assert [f.pts for f in found] == [f.pts for f in frames]
    for before, after in zip(frames, found, strict=True):
        assert all(a.shape == b.shape and a.dtype == b.dtype for a, b in zip(before.planes, after.planes, strict=True))


def test_the_seed_decides(frames):
    a, b, c = (vary(frames, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(x.y, y.y) for x, y in zip(a, b, strict=True))
    assert not all(np.array_equal(x.y, y.y) for x, y in zip(a, c, strict=True))


@pytest.mark.parametrize("name", ["_FINE", "_SHARP", "_NOISY"])
def test_each_change_does_what_it_says(frames, monkeypatch, name):
    for other in ("_FINE", "_SHARP", "_NOISY"):
        monkeypatch.setattr(f"nvc.train.vary.{other}", 1.0 if other == name else 0.0)
    found = vary(frames, np.random.default_rng(0))
    first, second = (f.y.astype(float) for f in found[:2])
    if name == "_FINE":
        assert np.array_equal(first[:, 32:], first[:, 31::-1]) and np.array_equal(first[24:], first[23::-1])
    elif name == "_SHARP":
        assert np.abs(np.diff(first, axis=1)).sum() > 1.01 * np.abs(np.diff(frames[0].y.astype(float), axis=1)).sum()
    else:
        noise = [a - b.y.astype(float) for a, b in zip((first, second), frames, strict=False)]
        assert 0.5 < noise[0].std() < 4.5 and abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.2
