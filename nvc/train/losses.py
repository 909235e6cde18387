"""One inter frame while training, and its cost: rate + distortion / lambda, in bits.

The encoder rounds by rate and distortion: where the cheaper of two symbols changes, the cost of both is equal. So the
cost is continuous in means and scale indices, and its gradient is that of the chosen symbols held fixed (the envelope
theorem): means learn from the distortion, indices from the rate, with the very symbols that are coded. Additive noise
would be wrong here: most latents are exact zeros far below half a step, and noise would charge them for bits that
coding never spends. Hyper latents are rounded straight-through. The analysis has no such gradient (its input only
moves thresholds); where a stage trains it, non-zero latents pass their gradient straight through.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nvc.codec.frame_coder import RATE_WEIGHT
from nvc.codec.networks import ROUNDING_LIMIT, ROUNDING_WEIGHT, round_latents, rounding_shifts
from nvc.codec.symbols import LARGEST, SYMBOLS
from nvc.models.integer import INDICES, ScaleState, index_scale
from nvc.models.inter import InterModel
from nvc.models.prior import RoundThrough, step_masks
from nvc.train.data import Batch

# Squared error of chroma against luma, a sample: 6:1:1 over planes of a quarter of the samples makes 2/3, and chroma
# has about half of luma's error, over which the logarithm of PSNR divides.
CHROMA_WEIGHT = 1.5
HYPER_GROUPS = 4
# Beyond this many bits the cost grows with their logarithm: an escape code, not a tail, pays for surprises.
_BEND = 20.0


@dataclass(frozen=True)
class Outcome:
    """What coding a batch came to.

    latent_bits, hyper_bits   (N,) bits
    distortion   (N,) squared code values of 8 bit, chroma weighted
    picture      (N, 6, H/2, W/2)
    symbols, indices   (N, 384, h, w) what is coded, with which index
    hyper        (N, hyper, ...) whole numbers
    """

    latent_bits: Tensor
    hyper_bits: Tensor
    distortion: Tensor
    picture: Tensor
    symbols: Tensor
    indices: Tensor
    hyper: Tensor


class HyperRate(nn.Module):
    """Bits of z: a Laplace distribution for each channel and group of qualities, scales learned."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((HYPER_GROUPS, channels), -2.5))

    def forward(self, z: Tensor, quality: Tensor) -> Tensor:
        """z (N, channels, h, w), quality (N,) -> (N,) bits."""
        scale = self.scale[quality * HYPER_GROUPS // 64].exp().clamp(0.05, 64)
        return laplace_bits(z, scale[:, :, None, None]).sum((1, 2, 3))


class Coder(nn.Module):
    """The model and what only training needs beside it.

    analysis  train the analysis network too
    shifts  (64, 16) rounding thresholds of the encoder by index and magnitude, (64,) largest magnitudes
    """

    shifts: Tensor
    largest: Tensor

    def __init__(self, model: InterModel, analysis: bool = False) -> None:
        super().__init__()
        self.model = model
        self.analysis = analysis
        # Untrained it gives zeros, which need not be computed.
        self._analyses = analysis or any(bool(p.detach().any()) for p in model.analysis.leave.parameters())
        self.hyper_rate = HyperRate(model.config.hyper)
        shifts, largest = rounding_shifts(laplace_tables_costs(), ROUNDING_WEIGHT, ROUNDING_LIMIT)
        self.register_buffer("shifts", torch.from_numpy(shifts), persistent=False)
        self.register_buffer("largest", torch.from_numpy(largest), persistent=False)

    def forward(self, batch: Batch) -> Outcome:
        """Code a batch with gradients; the order of calls is InterModel's."""
        model = self.model
        gain = 256 * 16.0 / batch.steps
        context = model.fuse(batch.prediction, batch.warped, batch.quality, batch.level, gain)
        y = model.transform(batch.source - batch.prediction, gain)
        if self._analyses:
            with torch.set_grad_enabled(self.analysis and torch.is_grad_enabled()):
                y = y + model.analyse(batch.source, batch.prediction, y, context)
        z = model.hyper_analyse(y, context)
        features = model.hyper_synthesise(z, context)
        scales = _prepare(model, z, batch, context.sizes)
        symbols, latents = torch.zeros_like(y), torch.zeros_like(y)
        indices, bits = torch.zeros_like(y), torch.zeros_like(y)
        for step, mask in enumerate(step_masks(*y.shape[2:])):
            here = torch.from_numpy(mask[None]).to(y.device)
            mean = model.mean(step, features, context, latents).float()
            index = model.index(step, scales, symbols)
            q, plain = self._quantise(y, mean, index)
            bits = torch.where(here, _rate(plain, index), bits)
            if self.analysis:
                q = q + torch.where(q != 0, y - y.detach(), 0.0)
            symbols = torch.where(here, q.detach(), symbols)
            latents = torch.where(here, q + mean, latents)
            indices = torch.where(here, index.detach(), indices)
        base = batch.prediction + model.inverse_transform(latents, gain)
        base = (RoundThrough.apply((base + 0.5) * 256).clamp(0, 255)) / 256 - 0.5
        picture = base + model.synthesise(latents, context, batch.prediction, base)
        hyper_bits = self.hyper_rate(z, batch.quality)
        error = squared_error(picture, batch.source)
        return Outcome(bits.sum((1, 2, 3)), hyper_bits, error, picture, symbols, indices, z.detach())

    def objective(self, outcome: Outcome, batch: Batch) -> Tensor:
        """(N,) what training lowers, in bits."""
        return lagrangian(outcome, batch)

    @torch.no_grad()
    def change(self, outcome: Outcome, batch: Batch) -> Tensor:
        """(N,) bits + distortion / lambda less those with networks off."""
        return lagrangian(outcome, batch) - batch.own_cost

    def progress(self, outcome: Outcome, batch: Batch) -> dict[str, float]:
        """What the log wants of a step: change in percent of the clip's bits, share of bits in the cost."""
        cost = lagrangian(outcome, batch)
        change = 100 * ((cost - batch.own_cost) / batch.cost).mean().item()
        return {"change": change, "bits_share": (outcome.latent_bits.sum() / cost.sum()).item()}

    @torch.no_grad()
    def _quantise(self, y: Tensor, mean: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """(symbols, what they would be without the floor of the index); the floor codes nothing."""
        q = round_latents(y - mean, index, self.shifts, self.largest)
        return torch.where(index > 0, q, 0.0), q


def lagrangian(outcome: Outcome, batch: Batch) -> Tensor:
    """(N,) bits + distortion / lambda, the encoder's own lambda (``RATE_WEIGHT`` squared steps of luma a bit)."""
    step = batch.steps[:, 0] / 16
    return outcome.latent_bits + outcome.hyper_bits + outcome.distortion / (RATE_WEIGHT * step * step)


def squared_error(picture: Tensor, source: Tensor) -> Tensor:
    """(N,) squared error in code values of 8 bit over all samples, chroma times ``CHROMA_WEIGHT``."""
    error = ((picture.float() - source) * 256).square().sum((2, 3))
    return error[:, :4].sum(1) + CHROMA_WEIGHT * error[:, 4:].sum(1)


def laplace_bits(q: Tensor, scale: Tensor) -> Tensor:
    """Bits of whole numbers ``q`` under a zero-centred discretised Laplace of diversity ``scale``, bent at 20 bits.

    With gradients to both; 0 has one bin, +m and -m one each.
    """
    a = q.abs()
    zero = -torch.log2(1 - torch.exp(-0.5 / scale) + 1e-9)
    inner = -torch.log2(1 - torch.exp(-1 / scale) + 1e-9)
    other = 1 + (a - 0.5) / (scale * math.log(2)) + inner
    bits = torch.where(a > 0.5, other, zero.expand_as(other))
    return torch.where(bits > _BEND, _BEND * (1 + torch.log(bits.clamp(min=_BEND) / _BEND)), bits)


def _rate(q: Tensor, index: Tensor) -> Tensor:
    return laplace_bits(q, index_scale(index) * math.sqrt(0.5))


def laplace_tables_costs():
    """(64, 32) bits of the coder's symbols under the training distribution of each index."""
    magnitude = (torch.arange(SYMBOLS) + 1) // 2
    costs = _rate(magnitude[None].float().clamp(max=LARGEST + 1), torch.arange(INDICES)[:, None].float())
    return costs.numpy()


def _prepare(model: InterModel, z: Tensor, batch: Batch, sizes: Tensor) -> ScaleState:
    """State of the index network; samples with 0, 1 and 2 references that have symbols go in one after another."""
    states, start = [], 0
    for count in range(3):
        end = start + int((batch.counts == count).sum())
        if end > start:
            part = slice(start, end)
            known = tuple(batch.symbols[k][part] for k in range(count))
            states.append(
                model.scale_index.prepare(z[part], known, sizes[part], batch.quality[part], batch.level[part])
            )
        start = end
    return ScaleState(*(torch.cat(parts) for parts in zip(*states, strict=True)))
