import numpy as np
import pytest

from nvc.codec.base_planes import from_av_frame, to_av_frame


def noise(width: int, height: int, bit_depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(width)
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    y, u, v = (rng.integers(0, 1 << bit_depth, size, dtype) for size in sizes)
    return y, u, v


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize(("width", "height"), [(2, 2), (16, 16), (34, 18), (130, 6), (416, 240)])
def test_planes_come_back(width: int, height: int, bit_depth: int) -> None:
    planes = noise(width, height, bit_depth)
    frame = to_av_frame(planes, bit_depth)
    assert (frame.width, frame.height) == (width, height)
    for want, got in zip(planes, from_av_frame(frame, bit_depth), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype and got.flags.owndata


def test_non_contiguous_planes_are_taken() -> None:
    y, u, v = noise(64, 32, 8)
    frame = to_av_frame((y[:, ::-1], u.T.copy().T, v), 8)
    np.testing.assert_array_equal(from_av_frame(frame, 8)[0], y[:, ::-1])
