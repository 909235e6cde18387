"""Networks of streams whose latents are coded by the fitted contexts: a better prediction, a better picture.

Both add to integer pictures, and each frame says which of them to use, so the encoder never has to take harm. Symbols
depend on neither: a decoder reads ahead of its pictures as with networks off (contracts 1 and 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nvc import color
from nvc.codec.networks import warp_each
from nvc.codec.references import Planes, Reference
from nvc.codec.symbols import SymbolModel
from nvc.motion.field import MotionField

if TYPE_CHECKING:
    import torch

    from nvc.codec.frame_coder import FrameSetup
    from nvc.models.refine import RefineModel
    from nvc.models.weights import Weights

# Bits of a frame's switches.
CORRECTED, LUMA_REFINED, CHROMA_REFINED = 1, 2, 4
ALL_SWITCHES = 7
# Cost of a coefficient of x steps in bits, about: BITS log2(1 + x²/KNEE). Near 0 it is its error over lambda.
BITS, KNEE = 2.5, 0.469


@dataclass(frozen=True)
class Fused:
    """What the fusion made of a frame.

    plain, corrected   predictions, planes of the whole grid, uint16
    features           for the synthesis
    """

    plain: Planes
    corrected: Planes
    features: torch.Tensor

    def prediction(self, switches: int) -> Planes:
        """The one that the switches choose."""
        return self.corrected if switches & CORRECTED else self.plain


@dataclass(frozen=True)
class RefineNetworks:
    """The networks of a stream and how to run them; fields as of ``FrameNetworks``."""

    weights: Weights
    device: str = "cpu"
    precision: str = "fp32"
    channels_last: bool = True
    codes_latents = False

    def symbol_model(self, model: SymbolModel) -> SymbolModel:
        """The tables stay as they are."""
        return model

    def fuse(
        self, setup: FrameSetup, references: tuple[Reference, ...], motion: MotionField, prediction: Planes
    ) -> Fused:
        """Features and the corrected prediction of a frame."""
        from nvc.models.inter import inference

        warped = tuple(self._picture(planes, setup.bit_depth) for planes in warp_each(setup, references, motion))
        with inference(self._model, self.precision):
            picture = self._picture(prediction, setup.bit_depth)
            features, correction = self._model.fuse(picture, warped, setup.quality, min(setup.task.level, 5))
            corrected = _planes(picture + correction, prediction[0].shape, setup.bit_depth)
        return Fused(prediction, corrected, features)

    def refined(self, setup: FrameSetup, fused: Fused, switches: int, reconstruction: Planes) -> Planes:
        """Planes of the whole grid with the synthesis added to all of them."""
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            prediction = self._picture(fused.prediction(switches), setup.bit_depth)
            base = self._picture(reconstruction, setup.bit_depth)
            level = min(setup.task.level, 5)
            residual = self._model.synthesise(fused.features, prediction, base, setup.quality, level)
        return _planes(base + residual, reconstruction[0].shape, setup.bit_depth)

    def finish(self, setup: FrameSetup, fused: Fused, switches: int, reconstruction: Planes) -> Planes:
        """Planes of the whole grid, each refined where the switches say so."""
        if not switches & (LUMA_REFINED | CHROMA_REFINED):
            return reconstruction
        return select(switches, self.refined(setup, fused, switches, reconstruction), reconstruction)

    def refine_intra(self, decoded: Planes, quality: int, bit_depth: int) -> Planes:
        """A decoded I frame, refined: planes uint16 of the same size."""
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            picture = self._picture(decoded, bit_depth)
            residual = self._model.refine_intra(picture, quality)
        return _planes(picture + residual, decoded[0].shape, bit_depth)

    @property
    def _model(self) -> RefineModel:
        return self.weights.model  # type: ignore[return-value]

    def _picture(self, planes: Planes, bit_depth: int) -> torch.Tensor:
        import torch

        picture = color.to_tensor(planes, bit_depth, device=self.device)
        return picture.contiguous(memory_format=torch.channels_last) if self.channels_last else picture


def coefficient_cost(scaled: np.ndarray) -> float:
    """What coding coefficients (in steps, before rounding) costs in bits, error included, about."""
    return float(np.log2(1 + np.square(scaled) / np.float32(KNEE)).sum() * BITS)


def best_prediction(corrected: np.ndarray, plain: np.ndarray) -> int:
    """CORRECTED where its residual (coefficients in steps) costs less, else 0."""
    return CORRECTED if coefficient_cost(corrected) < coefficient_cost(plain) else 0


def select(switches: int, refined: Planes, plain: Planes) -> Planes:
    """Luma and chroma from ``refined`` where the switches say so, else from ``plain``."""
    y = refined[0] if switches & LUMA_REFINED else plain[0]
    u, v = refined[1:] if switches & CHROMA_REFINED else plain[1:]
    return y, u, v


def best_switches(source: Planes, refined: Planes, plain: Planes) -> int:
    """LUMA_REFINED and CHROMA_REFINED where they bring planes closer to the source (its size, the upper left)."""

    def error(planes: tuple[np.ndarray, ...], wanted: tuple[np.ndarray, ...]) -> float:
        pairs = ((p[: w.shape[0], : w.shape[1]], w) for p, w in zip(planes, wanted, strict=True))
        return sum(float(np.square(p.astype(np.float32) - w).sum(dtype=np.float64)) for p, w in pairs)

    luma = LUMA_REFINED if error(refined[:1], source[:1]) < error(plain[:1], source[:1]) else 0
    return luma | (CHROMA_REFINED if error(refined[1:], source[1:]) < error(plain[1:], source[1:]) else 0)


def _planes(picture: torch.Tensor, size: tuple[int, ...], bit_depth: int) -> Planes:
    y, u, v = color.to_planes(picture, size[0], size[1], bit_depth)
    return y.astype(np.uint16), u.astype(np.uint16), v.astype(np.uint16)
