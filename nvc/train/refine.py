"""One frame while fusion and synthesis train: the real encoder's rounding inside, gradients around it.

The synthesis learns from the error of its picture. The prediction learns from what its residual costs to code: a smooth
function of each coefficient stands for the real rounding and the real tables, whose gradient is noise. Judged is by the
real ones.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nvc.codec.frame_coder import RATE_WEIGHT, block_bits, quantise_blocks
from nvc.codec.quantise import dequantise
from nvc.codec.refine import BITS, KNEE, fit_gains
from nvc.codec.symbols import LATENTS, SymbolModel, load_model, scan
from nvc.models.blocks import CHROMA, LUMA, BlockDct
from nvc.models.refine import GAIN_UNIT, INTRA_LEVEL, RefineModel
from nvc.train.data import Batch
from nvc.train.losses import squared_error

_UNIT = 256 * 16.0  # integer coefficients of 8-bit samples for 1.0 of a picture's DCT


@dataclass(frozen=True)
class Refined:
    """What coding a batch came to.

    prediction_cost   (N,) bits + error / lambda of the residual, about, with gradient; 0 for I frames
    distortion        (N,) squared code values of 8 bit, chroma weighted
    plain_distortion  (N,) the same without the synthesis
    latents           (N, B, 384) int16
    """

    prediction_cost: Tensor
    distortion: Tensor
    plain_distortion: Tensor
    latents: np.ndarray


class RefineCoder(nn.Module):
    """The model and what only training needs beside it.

    adapt  give each sample the best gains of the synthesis' heads; else the first heads learn alone
    """

    def __init__(self, model: RefineModel, symbols: SymbolModel | None = None, *, adapt: bool = False) -> None:
        super().__init__()
        self._adapt = adapt
        self.model = model
        self.dct = BlockDct()
        self._symbols = symbols or load_model()

    def forward(self, batch: Batch) -> Refined:
        """Code a batch with gradients."""
        features, correction = self.model.fuse(batch.prediction, batch.warped, batch.quality, batch.level)
        corrected = batch.prediction + correction
        intra = (batch.level == INTRA_LEVEL)[:, None, None, None]
        scaled = self.dct(batch.source - corrected) * _by_channel(_UNIT / batch.steps)
        cost = BITS * torch.log2(1 + scaled.square() / KNEE).sum((1, 2, 3))
        latents, residual = self._code(scaled.detach(), batch)
        rounded = _to_grid(corrected.detach())
        prediction = torch.where(intra, corrected, rounded)
        base = torch.where(intra, corrected, _to_grid(rounded + residual))
        x = self.model.render(features, prediction, base, batch.quality, batch.level)
        picture = base + self._residual(x, batch.source - base)
        plain = squared_error(torch.where(intra, batch.prediction, base), batch.source).detach()
        cost = torch.where(intra[:, 0, 0, 0], 0.0, cost)
        return Refined(cost, squared_error(picture, batch.source), plain, latents)

    def _residual(self, x: Tensor, error: Tensor) -> Tensor:
        """What the synthesis adds (N, 6, H/2, W/2), its heads under the gains that the encoder would choose.

        The gains have no gradient: at the best ones it is 0.
        """
        synthesis = self.model.synthesis
        if not self._adapt:
            return synthesis.blend(x, self.model.config.plain)
        parts = []
        for bases, wanted in zip(synthesis.bases(x), error.detach().split([4, 2], 1), strict=True):
            found = [
                fit_gains(b.detach().flatten(1) * 256, e.flatten() * 256)[0] for b, e in zip(bases, wanted, strict=True)
            ]
            gains = torch.tensor(found, device=x.device, dtype=torch.float32) * GAIN_UNIT
            gains[:, 0] += 1
            parts.append(torch.einsum("nk,nkchw->nchw", gains, bases))
        return torch.cat(parts, 1)

    def objective(self, outcome: Refined, batch: Batch) -> Tensor:
        """(N,) what training lowers, in bits."""
        return outcome.prediction_cost + outcome.distortion / _lambda(batch)

    @torch.no_grad()
    def change(self, outcome: Refined, batch: Batch) -> Tensor:
        """(N,) bits + distortion / lambda less those with networks off, of whole samples.

        Luma, and chroma, is refined only where that is better, as the encoder does it; here for both together.
        """
        distortion = torch.minimum(outcome.distortion, outcome.plain_distortion)
        bits = [self._bits(outcome.latents[k], batch, k) for k in range(len(outcome.latents))]
        return torch.tensor(bits) + distortion.float() / _lambda(batch) - batch.own_cost

    def progress(self, outcome: Refined, batch: Batch) -> dict[str, float]:
        """What the log wants of a step: what the synthesis brings, in percent of the clip's bits."""
        gain = (outcome.distortion.detach() - outcome.plain_distortion) / _lambda(batch)
        return {"synthesis": 100 * (gain / batch.cost).mean().item()}

    def tables(self) -> dict[str, np.ndarray]:
        """None of its own."""
        return {}

    @torch.no_grad()
    def _code(self, scaled: Tensor, batch: Batch) -> tuple[np.ndarray, Tensor]:
        """(latents (N, B, 384), residual picture (N, 6, H/2, W/2)) as the encoder rounds and the decoder restores."""
        n, _, rows, columns = scaled.shape
        blocks = scaled.float().permute(0, 2, 3, 1).reshape(n, rows * columns, LATENTS).cpu().numpy()
        latents = np.zeros(blocks.shape, np.int16)
        restored = np.zeros(blocks.shape, np.int32)
        for k in range(n):
            if int(batch.level[k]) == INTRA_LEVEL:
                continue
            latents[k] = quantise_blocks(blocks[k], self._references(batch, k), (rows, columns), self._symbols)[0]
            steps = batch.steps[k].cpu().numpy().astype(np.int64)
            dequantise(latents[k], scan().zone, steps, self._symbols.recon, restored[k])
        grid = torch.from_numpy(restored.astype(np.float32) / _UNIT).to(scaled.device)
        return latents, self.dct.inverse(grid.reshape(n, rows, columns, LATENTS).permute(0, 3, 1, 2).contiguous())

    def _bits(self, latents: np.ndarray, batch: Batch, k: int) -> float:
        if int(batch.level[k]) == INTRA_LEVEL:
            return 0.0
        rows, columns = (side // 8 for side in batch.source.shape[2:])
        patterns, lasts = _side_of(latents)
        return block_bits(latents, patterns, lasts, self._references(batch, k), (rows, columns), self._symbols)

    def _references(self, batch: Batch, k: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """(latents (B, 384) int16, patterns) of both references of sample ``k``; a single one belongs to the second."""
        found = [
            np.ascontiguousarray(s[k].permute(1, 2, 0).reshape(-1, LATENTS).cpu().numpy().astype(np.int16))
            for s in batch.symbols
        ]
        first, second = (found[1], found[0]) if int(batch.counts[k]) == 1 else found
        return (first, _side_of(first)[0]), (second, _side_of(second)[0])


def _side_of(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(patterns (B,) uint8, lasts (B, 3) uint8) that latents (B, 384) need."""
    diagonal = np.empty(LATENTS, np.int64)
    diagonal[scan().position] = scan().diagonal
    ends = np.where(latents != 0, diagonal + 1, 0)
    lasts = np.stack([ends[:, a:b].max(1) for a, b in ((0, 256), (256, 320), (320, 384))], 1).astype(np.uint8)
    return ((lasts > 0) * np.array([1, 2, 4])).sum(1).astype(np.uint8), lasts


def _lambda(batch: Batch) -> Tensor:
    """(N,) squared code values a bit."""
    return RATE_WEIGHT * (batch.steps[:, 0] / 16).square()


def _to_grid(picture: Tensor) -> Tensor:
    """Rounded to code values of 8 bit, within their range."""
    return ((picture + 0.5) * 256 + 0.5).floor().clamp(0, 255) / 256 - 0.5


def _by_channel(gain: Tensor) -> Tensor:
    """(N, 3) -> (N, 384, 1, 1)."""
    counts = torch.tensor([LUMA, CHROMA, CHROMA], device=gain.device)
    return gain.repeat_interleave(counts, 1)[:, :, None, None]
