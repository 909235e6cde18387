"""The enhancement network: what a decoded picture lacks, at a quarter of the resolution in native 4:2:0.

Input is the current picture in cells of 4x4 luma and 2x2 of each chroma, and how two aligned neighbours differ from
it; output is a residual. It is told slice type and quantiser, or estimates the latter from the picture.
"""

import json
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nvc.errors import ModelError
from nvc.models.blocks import activate, dct_basis, dense

CELL = 4  # luma samples a side
PACKED = 24  # channels of a cell: 16 luma, 4 of each chroma
TYPES = ("", "I", "P", "B")
# Code values of 8 bit (in picture scale) that one unit of a network's output stands for.
UNIT = 4 / 256
QP_SCALE = 51.0
DIFFERENCE_GAIN = 32.0  # of neighbours: 8 code values are 1
# Of the gate against text: its area (half-resolution samples a side), what is steep and what an edge (code values),
# and the shares from which on a place counts as text and up to which as natural.
_GATE_WINDOW, _STEEP, _EDGE = 64, 48, 6
_TEXT, _NATURAL = 0.5, 0.3
_WEAK = 0.1  # whitened size at which a frequency counts half to the estimator
_CONDITIONS = 3 + len(TYPES)
_HIDDEN = 32


@dataclass(frozen=True, slots=True)
class EnhanceConfig:
    """Widths, stored with the weights.

    channels    of the body, a multiple of 16
    blocks      residual blocks of two 3x3 convolutions
    neighbours  aligned pictures beside the current one: 2 (before and after) or 0
    """

    channels: int = 64
    blocks: int = 4
    neighbours: int = 2

    def __post_init__(self) -> None:
        if not (0 < self.channels <= 512 and 0 < self.blocks <= 64 and self.neighbours in (0, 2)):
            raise ModelError(f"enhancement of impossible size: {self}")


PRESETS = {"fast": EnhanceConfig()}


def config_to_json(config: EnhanceConfig) -> str:
    """The widths as JSON."""
    return json.dumps(asdict(config), sort_keys=True)


def config_from_json(text: str) -> EnhanceConfig:
    """Read ``config_to_json``. Raises ModelError for anything else."""
    names = {field.name for field in fields(EnhanceConfig)}
    try:
        values = json.loads(text)
        if set(values) != names or not all(isinstance(value, int) for value in values.values()):
            raise ValueError(f"wanted {sorted(names)}")
    except (ValueError, TypeError) as error:
        raise ModelError(f"enhancement widths cannot be read: {error}") from error
    return EnhanceConfig(**values)


def pack(picture: Tensor) -> Tensor:
    """Picture (N, 6, 2h, 2w) as cells (N, 24, h, w): channels 0..15 luma, 16..19 U, 20..23 V."""
    return F.pixel_unshuffle(picture, 2)


def unpack(cells: Tensor) -> Tensor:
    """The inverse of ``pack``."""
    return F.pixel_shuffle(cells, 2)


class Whitening(nn.Module):
    """Fixed 24x24 transform of cells: 4x4 (2x2) DCT, high frequencies raised so that all inputs are of one size."""

    matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        matrix = torch.zeros(PACKED, PACKED)
        matrix[:16, :16] = torch.from_numpy(_luma_dct()).float()
        chroma = torch.from_numpy(_chroma_dct()).float()
        matrix[16:20, 16:20], matrix[20:, 20:] = chroma, chroma
        self.register_buffer("matrix", matrix[:, :, None, None], persistent=False)

    def forward(self, cells: Tensor) -> Tensor:
        """(N, 24, h, w) in picture scale -> (N, 24, h, w) of size about 1."""
        return F.conv2d(cells, self.matrix)


class Body(nn.Module):
    """x + conv(act(conv(act(x)) * (1 + scale) + shift)), both convolutions 3x3 and dense."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = dense(channels, channels)
        self.second = dense(channels, channels, gain=0.3)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """x (N, C, h, w); scale, shift (N, C, 1, 1)."""
        y = self.first(activate(x))
        y = torch.addcmul(y + shift.to(y.dtype), y, scale.to(y.dtype))
        return x + self.second(activate(y))


class QpEstimator(nn.Module):
    """Quantiser of a picture that does not tell it, from the statistics of two small layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = dense(PACKED, 16, stride=2)
        self.second = dense(16, 16, stride=2)
        self.third = nn.Linear(32, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Whitened cells (N, 24, h, w) -> (N,) quantisers, about 0..51."""
        # How much of each frequency is there at all, not how strong it is: coding takes the weak ones away.
        there = 4 * x.abs() / (x.abs() + _WEAK) - 2
        y = activate(self.second(activate(self.first(there)))).float()
        mean = y.mean((2, 3))
        spread = (y.square().mean((2, 3)) - mean.square()).clamp(min=0).add(1e-4).sqrt()
        pooled = torch.cat([mean, spread], 1)
        with torch.autocast(x.device.type, enabled=False):
            return 26 + 10 * self.out(activate(self.third(pooled)))[:, 0]


class EnhanceModel(nn.Module):
    """Residual of a decoded picture. At the start it is zero everywhere."""

    def __init__(self, config: EnhanceConfig | None = None) -> None:
        super().__init__()
        self.config = config or EnhanceConfig()
        channels = self.config.channels
        self.whitening = Whitening()
        self.enter = dense(PACKED * (1 + self.config.neighbours), channels)
        self.body = nn.ModuleList(Body(channels) for _ in range(self.config.blocks))
        self.leave = dense(channels, PACKED, gain=0)
        self.estimator = QpEstimator()
        self.condition = nn.Sequential(nn.Linear(_CONDITIONS, _HIDDEN), nn.LeakyReLU(0.1))
        self.modulation = nn.Linear(_HIDDEN, 2 * channels * self.config.blocks)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def whitened(self, picture: Tensor) -> Tensor:
        """Whitened cells (N, 24, h/4, w/4) of a picture without its local mean."""
        return self.whitening(without_local_mean(pack(picture.float())))

    def estimate_qp(self, picture: Tensor) -> Tensor:
        """(N,) quantisers of pictures (N, 6, 2h, 2w), clipped to 0..51."""
        return self.estimator(self.whitened(picture)).clamp(0, QP_SCALE)

    def forward(
        self, picture: Tensor, neighbours: tuple[Tensor, ...], qp: Tensor, known: Tensor, kind: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Residual (N, 6, H/2, W/2) float32 in picture scale, and estimated quantisers (N,).

        picture     (N, 6, H/2, W/2) as of nvc.color, H and W multiples of 4
        neighbours  aligned pictures of the same shape: before and after, or () for a network that takes none
        qp, known   (N,) float32 quantisers 0..51, and 1 where they were read, 0 where the estimate is to be used
        kind        (N,) int64 index in TYPES
        """
        x = self.whitened(picture)
        estimate = self.estimator(x)
        residual = self.residual(x, picture, neighbours, self.conditions(estimate, qp, known, kind))
        return residual * gates(picture), estimate

    def residual(self, x: Tensor, picture: Tensor, neighbours: tuple[Tensor, ...], conditions: Tensor) -> Tensor:
        """The residual from whitened cells and ``conditions``; ``picture`` and neighbours may be a part of a whole."""
        if len(neighbours) != self.config.neighbours:
            raise ModelError(f"this network takes {self.config.neighbours} neighbours, got {len(neighbours)}")
        differences = [pack((other - picture).float()) * DIFFERENCE_GAIN for other in neighbours]
        y = self.enter(torch.cat([x, *differences], 1))
        vectors = self.modulation(self.condition(conditions))[:, :, None, None]
        for body, (scale, shift) in zip(self.body, _pairs(vectors, len(self.body)), strict=True):
            y = body(y, scale, shift)
        return unpack(self.leave(activate(y)).float() * UNIT)

    def conditions(self, estimate: Tensor, qp: Tensor, known: Tensor, kind: Tensor) -> Tensor:
        """(N, 7): quantiser, whether it was read, the estimate (no gradient), type."""
        guess = estimate.detach().clamp(0, QP_SCALE)
        used = torch.where(known > 0, qp, guess)
        numbers = torch.stack([used / QP_SCALE, known.float(), guess / QP_SCALE], 1)
        return torch.cat([numbers, F.one_hot(kind, len(TYPES)).float()], 1)


def gates(picture: Tensor) -> Tensor:
    """How far to change each sample of a picture (N, 6, h, w), h and w even: same shape, 0..1."""
    return flat_gate(picture) * text_gate(picture)


def flat_gate(picture: Tensor) -> Tensor:
    """(N, 6, h, w): 0 where a plane has one value in all of 5x5 cells, else 1.

    What is flat to the last digit was so in the original: bars, the chroma of gray pictures.
    """
    planes = pack(picture.float()).split([16, 4, 4], 1)
    most = torch.cat([part.amax(1, keepdim=True) for part in planes], 1)
    least = torch.cat([part.amin(1, keepdim=True) for part in planes], 1)
    spread = F.max_pool2d(most, 5, 1, 2) + F.max_pool2d(-least, 5, 1, 2)
    y, u, v = F.interpolate((spread > 0).float(), scale_factor=2).split(1, 1)
    return torch.cat([y.expand(-1, 4, -1, -1), u, v], 1)


def text_gate(picture: Tensor) -> Tensor:
    """How far to change each place of a picture (N, 6, h, w): (N, 1, h, w), 0 where it is text or drawings, else 1.

    There most edges are steep: of the places that are not flat a large share changes by 48 code values and more from
    one sample to the next (0.74 to 0.88 of rendered text, at most 0.23 of natural clips, coded at QP 0 to 37). Small
    networks that know little text harm it.
    """
    p, q, r = (picture[:, k : k + 1].float() * 256 for k in range(3))
    # To the right and down, within the cells of 2x2 and from one to the next.
    pairs = (q - p, r - p, F.pad(p[..., 1:] - q[..., :-1], (0, 1)), F.pad(p[..., 1:, :] - r[..., :-1, :], (0, 0, 0, 1)))
    steps = torch.stack([pair.abs() for pair in pairs]).amax(0)
    window = [min(_GATE_WINDOW, side) for side in steps.shape[2:]]
    stride = [min(_GATE_WINDOW // 4, side) for side in window]
    steep, edges = (
        F.avg_pool2d((steps >= level).float(), window, stride, ceil_mode=True, count_include_pad=False)
        for level in (_STEEP, _EDGE)
    )
    share = steep / (edges + 1e-3)
    gate = ((_TEXT - share) / (_TEXT - _NATURAL)).clamp(0, 1)
    return F.interpolate(gate, steps.shape[2:], mode="bilinear", align_corners=False)


def without_local_mean(cells: Tensor) -> Tensor:
    """Take the mean over 3x3 cells of each plane out of (N, 24, h, w); same shape.

    Networks that see absolute brightness learn the training clips by heart and harm others.
    """
    n, _, h, w = cells.shape
    means = torch.stack([part.mean(1) for part in cells.split([16, 4, 4], 1)], 1)
    means = F.avg_pool2d(means, 3, stride=1, padding=1, count_include_pad=False)
    spread = [means[:, k : k + 1].expand(n, count, h, w) for k, count in enumerate((16, 4, 4))]
    return cells - torch.cat(spread, 1)


def _pairs(vectors: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    parts = vectors.chunk(2 * count, 1)
    return [(parts[2 * k], parts[2 * k + 1]) for k in range(count)]


def _luma_dct() -> np.ndarray:
    """(16, 16): row = frequency, column = channel of a packed cell; rows scaled to about unit size."""
    places = [(2 * i + p, 2 * j + q) for p in (0, 1) for q in (0, 1) for i in (0, 1) for j in (0, 1)]
    return _dct(4, places, 5.0, 1.2)


def _chroma_dct() -> np.ndarray:
    return _dct(2, [(i, j) for i in (0, 1) for j in (0, 1)], 20.0, 1.0)


def _dct(n: int, places: list[tuple[int, int]], gain: float, power: float) -> np.ndarray:
    basis = dct_basis(n)
    rows = np.stack([np.outer(basis[:, i], basis[:, j]).ravel() for i, j in places], 1)
    u, v = np.divmod(np.arange(n * n), n)
    return rows * (gain * (1 + u + v) ** power)[:, None]
