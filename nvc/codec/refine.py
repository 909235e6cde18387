"""Networks that refine: a better prediction, a better picture.

Both add to integer pictures, and each frame says which of them to use, so the encoder never has to take harm; it may
also say how to weigh the last layer's heads. Symbols depend on neither: a decoder reads ahead of its pictures as with
networks off (contracts 1 and 2). The weights may bring networks of whole numbers too, for the odds of all symbols.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nvc import color
from nvc.codec.networks import warp_each
from nvc.codec.references import FrameSymbols, Planes, Reference, squared_error
from nvc.codec.symbols import SYMBOLS, SymbolModel
from nvc.entropy.coder import RAW_NIBBLE, Coder, code_one
from nvc.entropy.tables import build_tables
from nvc.models.contexts import LOGITS, TABLE, networks_from
from nvc.motion.field import MotionField

if TYPE_CHECKING:
    import torch

    from nvc.codec.frame_coder import FrameSetup
    from nvc.models.refine import Gains, RefineModel
    from nvc.models.weights import Weights

# Bits of a frame's switches.
CORRECTED, LUMA_REFINED, CHROMA_REFINED, ADAPTED = 1, 2, 4, 8
REFINED = LUMA_REFINED | CHROMA_REFINED
GAINS, _GAIN_BITS = (-8, 7), 4  # lowest and highest gain of a head, in ``nvc.models.refine.GAIN_UNIT``
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
class Rendered:
    """What the synthesis knows of a frame before it is told the gains.

    plain     planes of the whole grid without it
    base      the same as a picture, with what is added whatever the gains
    features  of its last layer
    gate      factor of its residual, or None
    """

    plain: Planes
    base: torch.Tensor
    features: torch.Tensor
    gate: torch.Tensor | None
    bit_depth: int


@dataclass(frozen=True)
class RefineNetworks:
    """The networks of a stream and how to run them; fields as of ``FrameNetworks``."""

    weights: Weights
    device: str = "cpu"
    precision: str = "fp32"
    channels_last: bool = True
    codes_latents = False

    def symbol_model(self, model: SymbolModel) -> SymbolModel:
        """``model`` with the context networks of the weights, where they have any, and the tables of their logits."""
        if not self.weights.contexts:
            return model
        logits = np.zeros((LOGITS, SYMBOLS), np.int64)
        logits[:, :2] = self.weights.tables[TABLE]
        tables = build_tables(np.concatenate([model.tables.frequencies.astype(np.int64), logits]))
        return replace(model, tables=tables, contexts=networks_from(self.weights.contexts))

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
        return Fused(prediction, keep_flat(corrected, prediction), features)

    def render(self, setup: FrameSetup, fused: Fused, switches: int, reconstruction: Planes) -> Rendered:
        """The synthesis of a frame whose planes of the whole grid are ``reconstruction``."""
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            prediction = self._picture(fused.prediction(switches), setup.bit_depth)
            base = self._picture(reconstruction, setup.bit_depth)
            level = min(setup.task.level, 5)
            features = self._model.render(fused.features, prediction, base, setup.quality, level)
        return Rendered(reconstruction, base, features, None, setup.bit_depth)

    def render_intra(self, decoded: Planes, quality: int, bit_depth: int) -> Rendered:
        """The synthesis of a decoded I frame, planes uint16."""
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            picture = self._picture(decoded, bit_depth)
            features, correction, gate = self._model.render_intra(picture, quality)
            base = picture + correction * gate
        return Rendered(decoded, base, features, gate, bit_depth)

    def refined(self, rendered: Rendered, gains: Gains | None = None) -> Planes:
        """Planes uint16 of the whole grid, all of them refined. gains: None = the first heads alone."""
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            residual = self._model.synthesis.blend(rendered.features, gains or self._model.config.plain)
            picture = rendered.base + (residual if rendered.gate is None else residual * rendered.gate)
        return keep_flat(_planes(picture, rendered.plain[0].shape, rendered.bit_depth), rendered.plain)

    def best_gains(self, rendered: Rendered, source: Planes, weight: float) -> Gains | None:
        """Gains that bring the picture closest to the source (its size, the upper left); None if not worth their bits.

        weight  lambda in squared code values a bit
        """
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            bases = self._model.synthesis.bases(rendered.features)
            wanted = self._picture(source, rendered.bit_depth)
            h, w = wanted.shape[2:]
            if rendered.gate is not None:
                bases = tuple(b * rendered.gate[:, None] for b in bases)  # type: ignore[assignment]
            error = wanted - rendered.base[..., :h, :w]
            scale = float(1 << rendered.bit_depth)
            found = [
                fit_gains(b[0, ..., :h, :w].flatten(1) * scale, e[0].flatten() * scale)
                for b, e in zip(bases, error.split([4, 2], 1), strict=True)
            ]
        saved = sum(gain for _, gain in found)
        bits = _GAIN_BITS * sum(self.gain_counts)
        return (found[0][0], found[1][0]) if saved > weight * bits else None

    @property
    def gain_counts(self) -> tuple[int, int]:
        """Number of gains of luma and of chroma."""
        return self._model.config.gains

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


def keep_flat(refined: Planes, plain: Planes) -> Planes:
    """``refined``, but planes that are one value all over in ``plain`` as they are: black and white stays so."""
    y, u, v = (p if p.min() == p.max() else r for r, p in zip(refined, plain, strict=True))
    return y, u, v


def best_switches(source: Planes, refined: Planes, plain: Planes) -> int:
    """LUMA_REFINED and CHROMA_REFINED where they bring planes closer to the source (its size, the upper left)."""
    luma = LUMA_REFINED if squared_error(refined[:1], source[:1]) < squared_error(plain[:1], source[:1]) else 0
    return luma | (
        CHROMA_REFINED if squared_error(refined[1:], source[1:]) < squared_error(plain[1:], source[1:]) else 0
    )


def best_refinement(
    networks: RefineNetworks, rendered: Rendered, plain: Planes, source: Planes, weight: float
) -> tuple[int, Gains | None, Planes]:
    """(switches, gains, planes of the whole grid) of the refinement that pays.

    plain   what the planes are without it; weight: squared code values a bit
    """
    gains = networks.best_gains(rendered, source, weight)
    refined = networks.refined(rendered, gains)
    switches = best_switches(source, refined, plain)
    if gains is None or not switches:
        return switches, None, select(switches, refined, plain)
    return switches | ADAPTED, gains, select(switches, refined, plain)


def code_switches(coder: Coder, symbols: FrameSymbols, counts: tuple[int, int]) -> bool:
    """Write or read switches and gains of a frame, all as nibbles; False where what was read cannot be.

    counts  gains of luma and of chroma
    """
    symbols.switches = switches = int(code_one(coder, RAW_NIBBLE, symbols.switches or 0))
    if not switches & ADAPTED:
        symbols.gains = None
        return True
    low = GAINS[0]
    luma, chroma = symbols.gains or ((0,) * counts[0], (0,) * counts[1])
    symbols.gains = tuple(  # type: ignore[assignment]
        tuple(int(code_one(coder, RAW_NIBBLE, gain - low)) + low for gain in gains) for gains in (luma, chroma)
    )
    return bool(switches & REFINED)


def fit_gains(bases: torch.Tensor, error: torch.Tensor) -> tuple[tuple[int, ...], float]:
    """(gains in GAIN_UNIT, by how much they lower the squared error against gains 0) by least squares.

    bases (heads, P), error (P,) without any of them
    """
    import torch

    from nvc.models.refine import GAIN_UNIT

    rest = error - bases[0]
    square = (bases @ bases.T).double().cpu()
    product = (bases @ rest).double().cpu()
    ridge = torch.diag(square.diagonal() * 1e-4 + 1e-9)
    solved = torch.linalg.solve(square + ridge, product) / GAIN_UNIT
    gains = solved.round().clamp(*GAINS)
    step = gains * GAIN_UNIT
    return tuple(int(g) for g in gains), float(2 * step @ product - step @ square @ step)


def _planes(picture: torch.Tensor, size: tuple[int, ...], bit_depth: int) -> Planes:
    y, u, v = color.to_planes(picture, size[0], size[1], bit_depth)
    return y.astype(np.uint16), u.astype(np.uint16), v.astype(np.uint16)
