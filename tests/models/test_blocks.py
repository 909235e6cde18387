import numpy as np
import pytest
import torch

from nvc.color import to_tensor
from nvc.models.blocks import (
    LATENTS,
    BlockDct,
    Modulation,
    PictureInput,
    ResidualBlock,
    count_macs,
    dct_basis,
    dense,
    pointwise,
    squash,
    to_fine,
    without_local_mean,
)


def numbered_planes(height=32, width=48):
    rng = np.random.default_rng(5)
    half = (height // 2, width // 2)
    return tuple(rng.integers(0, 256, s, dtype=np.uint8) for s in ((height, width), half, half))


def test_dct_has_the_latent_layout():
    y, u, v = numbered_planes()
    coefficients = BlockDct()(to_tensor((y, u, v), 8) + 0.5)
    assert coefficients.shape == (1, LATENTS, 2, 3)
    for plane, n, base in ((y, 16, 0), (u, 8, 256), (v, 8, 320)):
        basis = dct_basis(n)
        block = plane[n : 2 * n, 2 * n : 3 * n] / 256
        want = (basis @ block @ basis.T).ravel()  # channel n * row frequency + column frequency
        np.testing.assert_allclose(coefficients[0, base : base + n * n, 1, 2].numpy(), want, atol=2e-5)


def test_dct_comes_back_in_float32_under_autocast():
    picture = torch.randn(2, 6, 24, 16)
    dct = BlockDct()
    with torch.autocast("cpu", torch.bfloat16):
        back = dct.inverse(dct(picture))
    assert back.dtype == torch.float32
    torch.testing.assert_close(back, picture, rtol=0, atol=1e-5)


def test_brightness_does_not_reach_the_networks():
    picture = torch.rand(1, 6, 24, 40) - 0.5
    shifted = picture + torch.tensor([0.2, 0.2, 0.2, 0.2, -0.1, 0.3])[None, :, None, None]
    for function in (PictureInput(), lambda x: without_local_mean(to_fine(x))):
        assert function(picture).shape == (1, 96, 6, 10)
        torch.testing.assert_close(function(picture), function(shifted), rtol=0, atol=1e-4)
        assert function(picture).std() > 0.1


def test_modulation_starts_as_identity_and_interpolates():
    modulation = Modulation(4)
    x = torch.randn(3, 4, 5, 6)
    quality, level = torch.tensor([0, 37, 63]), torch.tensor([0, 2, 5])
    assert torch.equal(modulation(x, quality, level), x)
    with torch.no_grad():
        modulation.table[2, 4] = 1.0  # quality 32
        modulation.table[2, 5] = 2.0  # quality 40
    out = modulation(x, quality, level)
    assert torch.equal(out[[0, 2]], x[[0, 2]])
    torch.testing.assert_close(out[1], x[1] * (1 + 1.625) + 1.625)


def test_every_quality_and_level_has_its_own_vectors():
    modulation = Modulation(3)
    torch.nn.init.normal_(modulation.table, generator=torch.Generator().manual_seed(1))
    quality, level = torch.arange(64).repeat(6), torch.arange(6).repeat_interleave(64)
    out = modulation(torch.ones(384, 3, 1, 1), quality, level).flatten(1)
    assert len(torch.unique(out, dim=0)) == 384


@pytest.mark.parametrize("shape", [(1, 16, 1, 1), (2, 16, 3, 5)])
def test_residual_block_keeps_the_shape(shape):
    x = torch.randn(shape)
    out = ResidualBlock(16)(x)
    assert out.shape == x.shape and not torch.equal(out, x)


def test_zero_gain_starts_at_zero():
    assert not pointwise(4, 8, gain=0.0).weight.any() and pointwise(4, 8).weight.any()


def test_squash_is_odd_and_steep_at_zero():
    x = torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0], requires_grad=True)
    y = squash(x)
    y.sum().backward()
    assert torch.equal(y.detach(), -y.detach().flip(0)) and x.grad is not None
    assert x.grad[2] == 1 and 10 < y[4] < 20


def test_count_macs_by_hand():
    layer = dense(16, 32)
    depthwise = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
    x = torch.randn(1, 16, 6, 7)
    assert count_macs(lambda: layer(x)) == 9 * 16 * 32 * 42
    assert count_macs(lambda: depthwise(x)) == 9 * 16 * 42
    assert count_macs(lambda: torch.matmul(torch.ones(8, 16), x.flatten(2))) == 8 * 16 * 42
