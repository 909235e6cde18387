import numpy as np
import pytest
import torch

from nvc.color import crop_planes, pad_planes, padded_size, shuffle, to_planes, to_tensor, unshuffle
from nvc.errors import FormatError

SIZES = [(16, 16), (17, 33), (1, 1), (181, 321), (32, 30)]


def random_planes(height, width, bit_depth, batch=()):
    rng = np.random.default_rng(height * 1000 + width)
    half = ((height + 1) // 2, (width + 1) // 2)
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    y, u, v = (rng.integers(0, 1 << bit_depth, (*batch, *s), dtype=dtype) for s in ((height, width), half, half))
    return y, u, v


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("size", SIZES)
def test_there_and_back_is_exact(size, bit_depth):
    planes = random_planes(*size, bit_depth)
    picture = to_tensor(planes, bit_depth)
    height, width = padded_size(*size)
    assert picture.shape == (1, 6, height // 2, width // 2) and picture.dtype == torch.float32
    for before, after in zip(planes, to_planes(picture, *size, bit_depth), strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


def test_batches_keep_their_order():
    planes = random_planes(18, 34, 8, batch=(3,))
    picture = to_tensor(planes, 8)
    assert picture.shape == (3, 6, 16, 24)
    torch.testing.assert_close(picture[1:2], to_tensor(tuple(p[1] for p in planes), 8), rtol=0, atol=0)
    for before, after in zip(planes, to_planes(picture, 18, 34, 8), strict=True):
        np.testing.assert_array_equal(after, before)


def test_both_depths_of_a_scene_give_one_tensor():
    planes = random_planes(16, 32, 8)
    deep = tuple(p.astype(np.uint16) << 2 for p in planes)
    assert torch.equal(to_tensor(planes, 8), to_tensor(deep, 10))


def test_channels_are_luma_phases_then_chroma():
    y = np.arange(256, dtype=np.uint8).reshape(16, 16)
    u, v = np.full((8, 8), 7, np.uint8), np.full((8, 8), 9, np.uint8)
    stacked = unshuffle((y, u, v))
    assert stacked[:, 0, 0].tolist() == [0, 1, 16, 17, 7, 9]
    np.testing.assert_array_equal(shuffle(stacked)[0], y)
    picture = to_tensor((y, u, v), 8)
    assert picture[0, 3, 0, 0] == 17 / 256 - 0.5
    same = torch.nn.functional.pixel_unshuffle(torch.from_numpy(y[None, None].astype(np.float32)), 2)
    np.testing.assert_array_equal(stacked[:4], same[0].numpy())


def test_padding_repeats_the_edge():
    y, u, v = pad_planes(random_planes(17, 33, 8), 32, 48)
    assert (y[17:] == y[16]).all() and (u[:, 17:] == u[:, 16:17]).all() and v.shape == (16, 24)
    assert [p.shape for p in crop_planes((y, u, v), 17, 33)] == [(17, 33), (9, 17), (9, 17)]


def test_values_are_rounded_half_up_and_clipped():
    codes = torch.tensor([-3.0, 10.5, 10.49, 300.0])
    picture = (codes / 256 - 0.5).repeat(1, 6, 4, 1)
    assert to_planes(picture, 8, 8, 8)[1][0].tolist() == [0, 11, 10, 255]
    deep = (torch.tensor([-3.0, 10.5, 10.49, 1300.0]) / 1024 - 0.5).repeat(1, 6, 4, 1)
    assert to_planes(deep, 8, 8, 10)[2][0].tolist() == [0, 11, 10, 1023]


def test_wrong_shapes_are_refused():
    y, u, v = random_planes(16, 16, 8)
    with pytest.raises(FormatError, match="half size"):
        to_tensor((y, u[:4], v), 8)
    with pytest.raises(FormatError, match="padded"):
        pad_planes((y, u, v), 8, 16)
    with pytest.raises(FormatError, match="cannot be cut"):
        to_planes(to_tensor((y, u, v), 8), 17, 16, 8)


def test_padding_of_an_odd_picture() -> None:
    y, u, v = np.zeros((33, 17), np.uint8), np.zeros((17, 9), np.uint8), np.ones((17, 9), np.uint8)
    padded = pad_planes((y, u, v), 34, 18)
    assert [p.shape for p in padded] == [(34, 18), (17, 9), (17, 9)]
    assert padded[1] is u
