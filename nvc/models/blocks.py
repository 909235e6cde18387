"""Parts that the networks share: convolutions, modulation by quality and level, fixed transforms, a MAC counter.

Grids are named by luma samples a cell: half (2), quarter (4), fine (8), latent (16). The layout is DESIGN's: pictures
of 6 channels at half size, latents of 256 + 64 + 64 channels in the order of a 16x16 (8x8 chroma) DCT.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

LUMA, CHROMA = 256, 64
LATENTS = LUMA + 2 * CHROMA
QUALITIES, LEVELS = 64, 6
# Modulation is stored at every eighth quality and interpolated between: few samples of each quality teach all.
ANCHOR_STEP = 8
ANCHORS = QUALITIES // ANCHOR_STEP + 1
SLOPE = 0.1
PICTURE = 6
FINE_PICTURE = PICTURE * 16


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU: a plain one dies at these widths."""
    return F.leaky_relu(x, SLOPE)


def pointwise(inputs: int, outputs: int, gain: float = 1.0) -> nn.Conv2d:
    """1x1 convolution, initialised for ``activate`` times ``gain``; gain 0 gives zeros."""
    return _initialised(nn.Conv2d(inputs, outputs, 1), gain)


def dense(inputs: int, outputs: int, gain: float = 1.0, stride: int = 1) -> nn.Conv2d:
    """3x3 convolution over all channels, zero padding of 1, initialised as ``pointwise``."""
    return _initialised(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), gain)


def _initialised(layer: nn.Conv2d, gain: float) -> nn.Conv2d:
    fan_in = layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
    deviation = gain * math.sqrt(2 / ((1 + SLOPE**2) * fan_in))
    nn.init.normal_(layer.weight, std=deviation) if gain else nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), both 3x3 and dense; starts close to the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = dense(channels, channels)
        self.second = dense(channels, channels, gain=0.2)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W); returns the same shape."""
        return x + self.second(activate(self.first(activate(x))))


class Modulation(nn.Module):
    """Feature modulation: scale and shift of each channel by quality and level, the identity at the start.

    Vectors for 9 qualities of each level are learned; the 64 qualities interpolate between them.
    """

    def __init__(self, channels: int, levels: int = LEVELS) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(levels, ANCHORS, 2 * channels))

    def forward(self, x: Tensor, quality: Tensor, level: Tensor) -> Tensor:
        """x (N, C, H, W); quality (N,) int64 0..63; level (N,) int64 below ``levels``. Returns (N, C, H, W)."""
        low = quality // ANCHOR_STEP
        part = (quality % ANCHOR_STEP).to(self.table.dtype)[:, None] / ANCHOR_STEP
        vectors = torch.lerp(self.table[level, low], self.table[level, low + 1], part)
        scale, shift = vectors[:, :, None, None].chunk(2, 1)
        return torch.addcmul(x + shift.to(x.dtype), x, scale.to(x.dtype))


def squash(x: Tensor) -> Tensor:
    """x / sqrt(1 + |x| / 2): keeps the sign and small values (slope 1 at 0), compresses large coefficients; float32."""
    x = x.float()
    return x * torch.rsqrt(1 + 0.5 * x.abs())


def to_fine(picture: Tensor) -> Tensor:
    """(N, 6, H/2, W/2) -> (N, 96, H/8, W/8): 16 phases of each channel."""
    return F.pixel_unshuffle(picture, 4)


def without_local_mean(fine: Tensor) -> Tensor:
    """Take the mean over 3x3 cells of Y, U and V out of (N, 96, h, w) from ``to_fine``; same shape.

    Networks that see absolute brightness learn the training clips by heart and harm others.
    """
    n, _, h, w = fine.shape
    channels = fine.view(n, PICTURE, 16, h, w).mean(2)
    means = torch.cat([channels[:, :4].mean(1, keepdim=True), channels[:, 4:]], 1)
    means = F.avg_pool2d(means, 3, stride=1, padding=1, count_include_pad=False)
    spread = torch.cat([means[:, :1].expand(n, 64, h, w), means[:, 1:].repeat_interleave(16, 1)], 1)
    return fine - spread


def dct_basis(n: int) -> np.ndarray:
    """Orthonormal DCT-II basis (n, n) float64; row k is frequency k."""
    k, x = np.arange(n)[:, None], np.arange(n)[None, :]
    rows = np.sqrt(2 / n) * np.cos(np.pi * (2 * x + 1) * k / (2 * n))
    rows[0] /= np.sqrt(2)
    return rows


def _block_dct(n: int, positions: list[tuple[int, int]]) -> np.ndarray:
    """(n * n, len(positions)) matrix of the n x n DCT over samples at (row, column)."""
    basis = dct_basis(n)
    columns = [np.outer(basis[:, i], basis[:, j]).ravel() for i, j in positions]
    return np.stack(columns, 1)


def _luma_positions(side: int) -> list[tuple[int, int]]:
    """Places of the channels of pixel_unshuffle(luma phases, side) in a block of 2 * side."""
    return [(2 * i + p, 2 * j + q) for p in (0, 1) for q in (0, 1) for i in range(side) for j in range(side)]


class BlockDct(nn.Module):
    """Float DCT of pictures to the latent layout and back; fixed, without parameters.

    Orthonormal: a picture of scale 1 gives coefficients of scale 1 a sample. Always float32.
    """

    luma: Tensor
    chroma: Tensor

    def __init__(self) -> None:
        super().__init__()
        places = [(i, j) for i in range(8) for j in range(8)]
        self.register_buffer("luma", torch.from_numpy(_block_dct(16, _luma_positions(8))).float(), persistent=False)
        self.register_buffer("chroma", torch.from_numpy(_block_dct(8, places)).float(), persistent=False)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 6, 8h, 8w) -> coefficients (N, 384, h, w): luma c = 16 * row frequency + column frequency, U, V."""
        with torch.autocast(picture.device.type, enabled=False):
            cells = F.pixel_unshuffle(picture.float(), 8)
            y, u, v = cells.split([LUMA, CHROMA, CHROMA], 1)
            parts = (self._times(self.luma, y), self._times(self.chroma, u), self._times(self.chroma, v))
            return torch.cat(parts, 1)

    def inverse(self, coefficients: Tensor) -> Tensor:
        """(N, 384, h, w) -> picture (N, 6, 8h, 8w)."""
        with torch.autocast(coefficients.device.type, enabled=False):
            y, u, v = coefficients.float().split([LUMA, CHROMA, CHROMA], 1)
            parts = (self._times(self.luma.T, y), self._times(self.chroma.T, u), self._times(self.chroma.T, v))
            return F.pixel_shuffle(torch.cat(parts, 1), 8)

    @staticmethod
    def _times(matrix: Tensor, x: Tensor) -> Tensor:
        return F.conv2d(x, matrix[:, :, None, None])


class PictureInput(nn.Module):
    """Fixed first layer for pictures: 8x8 (4x4 chroma) DCT without the local mean, high frequencies raised.

    Pictures have little energy at high frequencies; raised, all inputs are of one size and learning starts sooner.
    """

    matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        luma = _block_dct(8, _luma_positions(4)) * self._gains(8)[:, None]
        chroma = _block_dct(4, [(i, j) for i in range(4) for j in range(4)]) * self._gains(4)[:, None] * 2
        matrix = np.zeros((FINE_PICTURE, FINE_PICTURE))
        matrix[:64, :64], matrix[64:80, 64:80], matrix[80:, 80:] = luma, chroma, chroma
        self.register_buffer("matrix", torch.from_numpy(matrix).float()[:, :, None, None], persistent=False)

    @staticmethod
    def _gains(n: int) -> np.ndarray:
        u, v = np.divmod(np.arange(n * n), n)
        return 2.0 * (1 + u + v) * 8 / n

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 6, H/2, W/2) -> (N, 96, H/8, W/8)."""
        return F.conv2d(without_local_mean(to_fine(picture.float())), self.matrix)


def count_macs(function: Callable[[], object]) -> int:
    """Multiply-adds of all convolutions and matrix products that ``function`` runs (element-wise work not counted)."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        function()
    return counter.get_total_flops() // 2
