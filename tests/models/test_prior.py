import numpy as np
import pytest
import torch

from nvc.models.blocks import LATENTS
from nvc.models.prior import (
    HyperAnalysis,
    HyperSynthesis,
    MeanStep,
    RoundThrough,
    hyper_size,
    step_masks,
)

QUALITY, LEVEL = torch.tensor([10, 60]), torch.tensor([0, 3])


def tensors(h, w, wide=32):
    """latents, features, sizes for a batch of two."""
    return torch.randn(2, LATENTS, h, w) * 5, torch.randn(2, wide, h, w), torch.zeros(2, 1, h, w)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8)])
def test_masks_share_out_all_latents(size):
    masks = step_masks(*size)
    assert masks.shape == (2, LATENTS, *size) and masks.dtype == bool
    assert (masks.sum(0) == 1).all()


def test_a_late_latent_knows_its_neighbours_and_half_its_block():
    early, late = step_masks(3, 3)
    channels = np.flatnonzero(late[:, 1, 1])
    for i, j in ((0, 1), (1, 0), (1, 2), (2, 1)):
        assert early[channels, i, j].all()
    assert len(channels) == LATENTS // 2
    frequency = 5 * 16 + 4
    assert late[frequency, 1, 1] != late[frequency + 1, 1, 1] != late[frequency + 17, 1, 1]


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 9)])
def test_hyper_sizes(size):
    latents, features, sizes = tensors(*size)
    analysis, synthesis = HyperAnalysis(32, 32, 16), HyperSynthesis(32, 32, 16, 16)
    z = analysis(latents, features, sizes, QUALITY, LEVEL)
    assert z.shape == (2, 16, *hyper_size(*size)) and not z.any()
    assert synthesis(z, features, sizes, QUALITY, LEVEL).shape == (2, 32, *size)


def test_hyper_synthesis_hears_z():
    _, features, sizes = tensors(5, 9)
    synthesis = HyperSynthesis(32, 32, 16, 16)
    z = torch.zeros(2, 16, 2, 3)
    before = synthesis(z, features, sizes, QUALITY, LEVEL)
    z[0, 3, 1, 2] = 4
    after = synthesis(z, features, sizes, QUALITY, LEVEL)
    assert not torch.equal(before[0, :, 4, 8], after[0, :, 4, 8])
    assert torch.equal(before[1], after[1])


def test_means_start_at_zero_in_float32():
    latents, features, _ = tensors(3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        for step, earlier in ((MeanStep(32, False), None), (MeanStep(32, True), latents)):
            means = step(features, earlier, QUALITY, LEVEL)
            assert means.shape == latents.shape and means.dtype == torch.float32 and not means.any()


def test_a_mean_may_follow_its_neighbours():
    latents, features, _ = tensors(3, 5)
    step = MeanStep(32, True)
    with torch.no_grad():
        step.neighbours.weight[7, 0, 0, 1] = 0.5  # the latent above
    means = step(features, latents, QUALITY, LEVEL)
    torch.testing.assert_close(means[:, 7, 1:], latents[:, 7, :-1] / 2)
    assert not means[:, 8].any()


def test_a_late_step_needs_the_earlier_latents():
    _, features, _ = tensors(3, 5)
    with pytest.raises(ValueError, match="steps before"):
        MeanStep(32, True)(features, None, QUALITY, LEVEL)


def test_rounding_is_half_up_and_passes_gradients():
    x = torch.tensor([-1.5, -0.5, 0.49, 0.5], requires_grad=True)
    y = RoundThrough.apply(x)
    (y * torch.arange(4)).sum().backward()
    assert y.tolist() == [-1, 0, 0, 1] and x.grad is not None and x.grad.tolist() == [0, 1, 2, 3]
