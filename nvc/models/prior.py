"""The priors in float: hyper latents z at 1/64, and the means of the latents in checkerboard steps.

Means only move what is coded, they never choose how (contract 2); table indices come from ``integer``.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nvc.models.blocks import CHROMA, LATENTS, LUMA, Modulation, ResidualBlock, activate, dense, pointwise, squash

STEPS = 2
HYPER_LIMIT = 127
HYPER_CELL = 4


def hyper_size(h: int, w: int) -> tuple[int, int]:
    """(rows, columns) of z for a latent grid of (h, w)."""
    return -(-h // HYPER_CELL), -(-w // HYPER_CELL)


def step_masks(h: int, w: int) -> np.ndarray:
    """(2, 384, h, w) bool: which latents each step codes; every latent in exactly one.

    A checkerboard over rows and columns that flips with the parity of the frequency: in step 1 a latent knows its four
    neighbours of the same frequency, and half of its own block (the neighbours in frequency among them).
    """
    luma, chroma = np.arange(LUMA), np.arange(CHROMA)
    parities = np.concatenate([luma // 16 + luma % 16, *[chroma // 8 + chroma % 8] * 2])
    place = np.arange(h)[:, None] + np.arange(w)[None, :]
    odd = (parities[:, None, None] + place) % 2 == 1
    return np.stack([~odd, odd])


class RoundThrough(torch.autograd.Function):
    """round(x) with the gradient passed: for hyper latents and latents while training."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


class HyperAnalysis(nn.Module):
    """Latents -> z before rounding (encoder only); 0 at the start, where z costs next to nothing."""

    def __init__(self, context: int, width: int, hyper: int) -> None:
        super().__init__()
        self.enter = pointwise(LATENTS + context + 1, width)
        self.modulation = Modulation(width)
        self.down = dense(width, width, stride=2)
        self.leave = dense(width, hyper, gain=0.0, stride=2)

    def forward(self, latents: Tensor, features: Tensor, sizes: Tensor, quality: Tensor, level: Tensor) -> Tensor:
        """latents (N, 384, h, w), features (N, context, h, w) -> (N, hyper, ceil(h/4), ceil(w/4)) float32."""
        x = self.enter(torch.cat([squash(latents), features.float(), sizes], 1))
        x = activate(self.modulation(x, quality, level))
        h, w = latents.shape[2:]
        rows, columns = hyper_size(h, w)
        x = F.pad(x, (0, HYPER_CELL * columns - w, 0, HYPER_CELL * rows - h), mode="replicate")
        return self.leave(activate(self.down(x))).float()


class HyperSynthesis(nn.Module):
    """z and context -> features of the means (N, width, h, w)."""

    def __init__(self, context: int, width: int, hyper: int, inner: int) -> None:
        super().__init__()
        self.enter = dense(hyper, inner)
        self.up = pointwise(inner, inner * HYPER_CELL**2)
        self.join = pointwise(inner + context + 1, width)
        self.modulation = Modulation(width)
        self.block = ResidualBlock(width)

    def forward(self, z: Tensor, features: Tensor, sizes: Tensor, quality: Tensor, level: Tensor) -> Tensor:
        """z (N, hyper, ceil(h/4), ceil(w/4)) whole numbers, features (N, context, h, w)."""
        h, w = features.shape[2:]
        x = self.up(activate(self.enter(squash(z))))
        x = F.pixel_shuffle(x, HYPER_CELL)[:, :, :h, :w]
        x = self.join(torch.cat([x, features.to(x.dtype), sizes.to(x.dtype)], 1))
        return self.block(self.modulation(x, quality, level))


class MeanStep(nn.Module):
    """Means of one step; 0 at the start.

    earlier  whether decoded latents of steps before are an input
    """

    def __init__(self, width: int, earlier: bool) -> None:
        super().__init__()
        self.modulation = Modulation(width)
        self.head = pointwise(width, LATENTS, gain=0.0)
        self.enter: nn.Conv2d | None = None
        if earlier:
            self.enter = pointwise(LATENTS, width)
            self.mix = dense(width, width)
            self.neighbours = nn.Conv2d(LATENTS, LATENTS, 3, padding=1, groups=LATENTS, bias=False)
            nn.init.zeros_(self.neighbours.weight)

    def forward(self, features: Tensor, earlier: Tensor | None, quality: Tensor, level: Tensor) -> Tensor:
        """features of HyperSynthesis, earlier (N, 384, h, w) or None -> (N, 384, h, w) float32, in steps."""
        if self.enter is None:
            return self.head(self.modulation(activate(features), quality, level)).float()
        if earlier is None:
            raise ValueError("this step needs the latents of the steps before, got None")
        x = self.mix(activate(features + self.enter(squash(earlier))))
        means = self.head(self.modulation(activate(x), quality, level)).float()
        with torch.autocast(earlier.device.type, enabled=False):
            return means + self.neighbours(earlier.float())
