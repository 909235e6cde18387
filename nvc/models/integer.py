"""The scale-index network: integers only, evaluated exactly in float32 on any machine (contract 3).

Weights |w| <= 64, activations |x| <= 127, biases |b| <= 2**20, K products a sum with
127 * 64 * K + 2**20 + 2**(k-1) <= 2**24, so every partial sum is a whole number that float32 holds, in any order.
Only matrix products and depthwise 3x3 are used: no algorithm that computes with other numbers on the way
(Winograd, FFT) applies to them. ``integer_reference`` says the same in int64.

Parameters are stored as real masters; every use rounds and clamps them first, in training and in decoding alike, with
gradients passed straight through. So what is trained is what decodes, and no value of a master can break the bounds.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nvc.errors import ModelError
from nvc.models.blocks import ANCHOR_STEP, ANCHORS, LATENTS, LEVELS, LUMA

WEIGHT_LIMIT = 64
ACTIVATION_LIMIT = 127
BIAS_LIMIT = 1 << 20
SUM_LIMIT = 1 << 24
INDICES = 64
MAX_MAGNITUDE = 255
# Master 1.0 is this many integer units of a weight: keeps the step sizes of usual optimisers.
WEIGHT_UNIT = 64
# Right shift of each sum.
HYPER_SHIFT, INPUT_SHIFT, LOCAL_SHIFT, MIX_SHIFT, OUTPUT_SHIFT = 2, 9, 6, 8, 9
# The direct per-channel paths count fourfold: at weight 64 an octave of magnitude moves the index by 8.
DIRECT_GAIN = 4
SIDE_SCALE = 64
HYPER_CELL = 4


def magnitude_code(magnitude: int) -> int:
    """Piecewise linear log2 of 1 + magnitude, 16 steps an octave, at most 127: 0, 16, 24, 32, 36, 40, 44, 48, ..."""
    octave = (magnitude + 1).bit_length() - 1
    return min(ACTIVATION_LIMIT, 16 * octave + ((magnitude + 1) * 16 >> octave) - 16)


def index_scale(index: Tensor) -> Tensor:
    """Standard deviation in steps that a table index stands for: 0.08 to 19, eight indices an octave.

    For fitting tables and for the rate in training only; coding knows the index alone.
    """
    return 0.08 * torch.exp2(index / 8)


def check_sum(name: str, products: int, shift: int) -> None:
    """Raise ModelError where a sum of ``products`` terms, bias and rounding could pass 2**24, or the shift is 0."""
    bound = ACTIVATION_LIMIT * WEIGHT_LIMIT * products + BIAS_LIMIT + (1 << (shift - 1) if shift > 0 else 0)
    if shift < 1 or bound > SUM_LIMIT:
        raise ModelError(f"integer layer {name}: sums up to {bound} with shift {shift}, allowed 2**24 and shift >= 1")


class _Round(torch.autograd.Function):
    """floor(x + 0.5); the gradient passes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


class _Floor(torch.autograd.Function):
    """floor(x); the gradient passes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return torch.floor(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


class _ClampInward(torch.autograd.Function):
    """clamp(x, low, high); outside, only gradients that lead back inside pass, so nothing sticks at a limit."""

    @staticmethod
    def forward(ctx, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.limits = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        low, high = ctx.limits
        stuck = ((x < low) & (gradient > 0)) | ((x > high) & (gradient < 0))
        return gradient.masked_fill(stuck, 0), None, None


def whole(master: Tensor, unit: float, limit: int) -> Tensor:
    """The integers that a master stands for: round(master * unit) within +-limit, float32."""
    return _ClampInward.apply(_Round.apply(master.float() * unit), -limit, limit)


def requantise(total: Tensor, shift: int) -> Tensor:
    """floor(total * 2**-shift + 0.5), clamped to +-127. total holds whole numbers below 2**24."""
    return _Round.apply(total * 2.0**-shift).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)


def bend(x: Tensor) -> Tensor:
    """max(x, floor(x / 4)): the integers' leaky ReLU."""
    return torch.maximum(x, _Floor.apply(x * 0.25))


class Pointwise(nn.Module):
    """Sum over channels: a matrix product. weight (outputs, inputs)."""

    def __init__(self, inputs: int, outputs: int, spread: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-spread, spread))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, inputs, h, w) whole numbers within +-127 -> sums (N, outputs, h, w)."""
        n, _, h, w = x.shape
        matrix = whole(self.weight, WEIGHT_UNIT, WEIGHT_LIMIT)
        return torch.matmul(matrix, x.reshape(n, -1, h * w)).reshape(n, -1, h, w)


class Depthwise(nn.Module):
    """Sum over 3x3 neighbours of each channel, zeros outside. weight (channels, 3, 3); ``centre`` is its start."""

    def __init__(self, channels: int, centre: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 3, 3))
        with torch.no_grad():
            self.weight[:, 1, 1] = centre

    def forward(self, x: Tensor) -> Tensor:
        """x (N, channels, h, w) whole numbers within +-127 -> sums of the same shape."""
        weight = whole(self.weight, WEIGHT_UNIT, WEIGHT_LIMIT)
        if x.device.type == "cpu" and torch.backends.mkldnn.is_available() and x.numel():
            return F.conv2d(x, weight[:, None], padding=1, groups=len(weight))
        return shifted_sum(x, weight)


def shifted_sum(x: Tensor, weight: Tensor) -> Tensor:
    """Depthwise 3x3 as nine shifted multiply-adds; the path of devices whose convolutions are not known to be exact."""
    h, w = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    total = torch.zeros_like(x)
    for i in range(3):
        for j in range(3):
            total = total + padded[..., i : i + h, j : j + w] * weight[:, i, j, None, None]
    return total


class Bias(nn.Module):
    """A bias by level and quality: integers at every eighth quality, interpolated in integers between.

    unit  integer units of master 1.0
    """

    def __init__(self, channels: int, unit: int) -> None:
        super().__init__()
        self.unit = unit
        self.table = nn.Parameter(torch.zeros(LEVELS, ANCHORS, channels))

    def forward(self, quality: Tensor, level: Tensor) -> Tensor:
        """quality, level (N,) int64 -> whole numbers (N, channels, 1, 1) within +-2**20."""
        table = whole(self.table, self.unit, BIAS_LIMIT)
        low, part = quality // ANCHOR_STEP, (quality % ANCHOR_STEP).to(table.dtype)[:, None]
        mixed = table[level, low] * (ANCHOR_STEP - part) + table[level, low + 1] * part
        return _Round.apply(mixed * (1 / ANCHOR_STEP))[:, :, None, None]


class ScaleState(NamedTuple):
    """What all steps of a frame share: sums of the hidden layer and of the direct paths, whole numbers in float32."""

    hidden: Tensor
    direct: Tensor
    quality: Tensor
    level: Tensor


class ScaleIndexNetwork(nn.Module):
    """Table index 0..63 of every latent from decoded integers.

    hyper    channels of z
    hidden   width of the layers
    steps    steps of the prior; each has its own biases
    """

    codes: Tensor

    def __init__(self, hyper: int, hidden: int, steps: int) -> None:
        super().__init__()
        self.hyper, self.steps = hyper, steps
        for name, products, shift in self.sums(hyper, hidden):
            check_sum(name, products, shift)
        table = torch.tensor([magnitude_code(m) for m in range(MAX_MAGNITUDE + 1)], dtype=torch.float32)
        self.register_buffer("codes", table, persistent=False)
        self.hyper_in = Pointwise(hyper, hidden, 1.0)
        self.hyper_out = Pointwise(hidden, hidden, 0.3)
        self.references_in = Pointwise(LATENTS, hidden, 0.3)
        self.earlier_in = Pointwise(LATENTS, hidden, 0.3)
        self.side_in = Pointwise(2, hidden, 0.3)
        self.local = Depthwise(hidden, 1.0)
        self.mix = Pointwise(hidden, hidden, 0.3)
        self.output = Pointwise(hidden, LATENTS, 0.0)
        self.references_direct = Depthwise(LATENTS, 0.0)
        self.earlier_direct = Depthwise(LATENTS, 0.0)
        self.input_bias = nn.ModuleList(Bias(hidden, 64 << INPUT_SHIFT) for _ in range(steps))
        self.output_bias = nn.ModuleList(Bias(LATENTS, 16 << OUTPUT_SHIFT) for _ in range(steps))
        for bias in self.output_bias:
            self.set_base(bias, start_indices())

    @staticmethod
    def sums(hyper: int, hidden: int) -> tuple[tuple[str, int, int], ...]:
        """(name, products, shift) of every sum that is rounded; direct products count DIRECT_GAIN times."""
        return (
            ("hyper", hyper, HYPER_SHIFT),
            ("input", hidden + 2 * LATENTS + 2, INPUT_SHIFT),
            ("local", 9, LOCAL_SHIFT),
            ("mix", hidden, MIX_SHIFT),
            ("output", hidden + 2 * 9 * DIRECT_GAIN, OUTPUT_SHIFT),
        )

    @staticmethod
    def set_base(bias: nn.Module, indices: Tensor) -> None:
        """Set an output bias so that the network starts at ``indices`` (6, 9, 384): by level, every eighth quality."""
        with torch.no_grad():
            bias.get_parameter("table").copy_(indices / 16)

    def prepare(
        self, z: Tensor, references: tuple[Tensor, ...], sizes: Tensor, quality: Tensor, level: Tensor
    ) -> ScaleState:
        """The part that all steps share.

        z           (N, hyper, ceil(h/4), ceil(w/4)) whole numbers
        references  symbols (N, 384, h, w) of up to two references that have any, whole numbers of any type
        sizes       (N, 1, h, w) transform size: -1, 0, 1 for 8, 16, 32
        quality, level  (N,) int64
        """
        n, _, h, w = sizes.shape
        with exact(z.device):
            deep = bend(requantise(self.hyper_in(z.float().clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)), HYPER_SHIFT))
            hidden = _spread(self.hyper_out(deep), h, w)
            side = torch.cat([sizes.float(), torch.full_like(sizes, len(references), dtype=torch.float32)], 1)
            hidden = hidden + self.side_in((side * SIDE_SCALE).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT))
            direct = torch.zeros(n, LATENTS, h, w, device=z.device)
            if references:
                codes = self._mean_code(references)
                hidden = hidden + self.references_in(codes)
                direct = self.references_direct(codes)
        return ScaleState(hidden, direct, quality, level)

    def index(self, state: ScaleState, step: int, earlier: Tensor | None = None) -> Tensor:
        """Table index (N, 384, h, w) of every latent, int32; while training float32 whole numbers with gradients.

        earlier  symbols (N, 384, h, w) of the steps before, zeros where not yet known; None in step 0
        """
        with exact(state.hidden.device):
            total, direct = state.hidden, state.direct
            if earlier is not None:
                codes = self._code(earlier)
                total = total + self.earlier_in(codes)
                direct = direct + self.earlier_direct(codes)
            total = total + self.input_bias[step](state.quality, state.level)
            hidden = bend(requantise(total, INPUT_SHIFT))
            inner = bend(requantise(self.local(hidden), LOCAL_SHIFT))
            hidden = (hidden + requantise(self.mix(inner), MIX_SHIFT)).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)
            total = self.output(hidden) + DIRECT_GAIN * direct + self.output_bias[step](state.quality, state.level)
            indices = _ClampInward.apply(_Round.apply(total * 2.0**-OUTPUT_SHIFT), 0, INDICES - 1)
        return indices if self.training else indices.to(torch.int32)

    def _code(self, symbols: Tensor) -> Tensor:
        """Magnitude codes 0..127 of symbols, float32."""
        limited = symbols.detach().clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE).abs().to(torch.int32)
        return self.codes.index_select(0, limited.flatten()).view(symbols.shape)

    def _mean_code(self, references: tuple[Tensor, ...]) -> Tensor:
        """Code of one reference, or the mean of two, rounded up at the half."""
        if len(references) == 1:
            return self._code(references[0])
        return torch.floor((self._code(references[0]) + self._code(references[1]) + 1) * 0.5)

    def integers(self) -> dict[str, Tensor]:
        """The integers that decode, by parameter name: int8 weights, int32 biases."""
        found = {}
        for name, parameter in self.named_parameters():
            limit = BIAS_LIMIT if name.endswith("table") else WEIGHT_LIMIT
            kind = torch.int32 if name.endswith("table") else torch.int8
            found[name] = whole(parameter.detach(), self._unit(name), limit).to(kind)
        return found

    def load_integers(self, integers: dict[str, Tensor]) -> None:
        """Set the parameters to what ``integers()`` gave. Raises ModelError where a name, shape or bound is wrong."""
        parameters = dict(self.named_parameters())
        if set(parameters) != set(integers):
            raise ModelError(f"integer weights must be {sorted(parameters)}, got {sorted(integers)}")
        for name, value in integers.items():
            self._check(name, value, parameters[name])
            with torch.no_grad():
                parameters[name].copy_(value.double() / self._unit(name))

    def _unit(self, name: str) -> int:
        if name.startswith("input_bias"):
            return 64 << INPUT_SHIFT
        return 16 << OUTPUT_SHIFT if name.startswith("output_bias") else WEIGHT_UNIT

    @staticmethod
    def _check(name: str, value: Tensor, like: Tensor) -> None:
        limit = BIAS_LIMIT if name.endswith("table") else WEIGHT_LIMIT
        if value.is_floating_point() or value.shape != like.shape:
            got = f"{value.dtype} {tuple(value.shape)}"
            raise ModelError(f"integer weight {name} must be whole numbers {tuple(like.shape)}, got {got}")
        largest = int(value.to(torch.int64).abs().max())
        if largest > limit:
            raise ModelError(f"integer weight {name} must be within +-{limit}, got {largest}")


@contextlib.contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """No autocast, and oneDNN on: with it off, large batches took an algorithm that is not exact."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if device.type == "cpu" and torch.backends.mkldnn.is_available() and not torch.backends.mkldnn.enabled:
            stack.enter_context(torch.backends.mkldnn.flags(enabled=True))
        yield


def start_indices() -> Tensor:
    """(6, 9, 384) float: a first guess of the index by quality and frequency, before any training."""
    luma = torch.arange(LUMA)
    chroma = torch.arange(64)
    falling = torch.cat([luma // 16 + luma % 16, *[2 * (chroma // 8 + chroma % 8) + 6] * 2]).float()
    by_quality = 24 + 2 * torch.arange(ANCHORS).float()
    return (by_quality[None, :, None] - falling).clamp(0, INDICES - 1).expand(LEVELS, ANCHORS, LATENTS)


def _spread(sums: Tensor, h: int, w: int) -> Tensor:
    """(N, C, ceil(h/4), ceil(w/4)) -> (N, C, h, w), each value over its 4x4 cells."""
    return sums.repeat_interleave(HYPER_CELL, 2).repeat_interleave(HYPER_CELL, 3)[:, :, :h, :w]
