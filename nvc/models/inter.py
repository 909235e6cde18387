"""The networks of one inter frame: context fusion, analysis, synthesis, and the model that holds them all."""

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nvc.errors import DeviceError, ModelError
from nvc.models import blocks
from nvc.models.blocks import (
    CHROMA,
    FINE_PICTURE,
    LATENTS,
    LEVELS,
    LUMA,
    QUALITIES,
    BlockDct,
    Modulation,
    PictureInput,
    ResidualBlock,
    activate,
    dense,
    pointwise,
    squash,
    to_fine,
)
from nvc.models.integer import ScaleIndexNetwork, ScaleState
from nvc.models.integer_reference import scale_indices
from nvc.models.prior import HYPER_LIMIT, STEPS, HyperAnalysis, HyperSynthesis, MeanStep, RoundThrough, hyper_size

# Differences of pictures are a few code values: this brings them to about 1.
DIFFERENCE_GAIN = 32.0
# One unit of the renderer's output in picture scale: 4 code values of 8 bit.
RESIDUAL_UNIT = 4 / 256


@dataclass(frozen=True, slots=True)
class InterConfig:
    """Widths; multiples of 16, stored with the weights.

    fine      features at 1/8: contexts and the body of synthesis
    wide      features at 1/16: contexts and the means' trunk
    hyper     channels of z; hyper_wide inside its synthesis
    encoder   of the analysis at 1/8, twice that at 1/16
    integer   hidden layer of the scale-index network
    renderer  of the pointwise last step at 1/4
    """

    fine: int = 64
    wide: int = 128
    hyper: int = 32
    hyper_wide: int = 64
    encoder: int = 128
    integer: int = 128
    renderer: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            width = getattr(self, field.name)
            if not isinstance(width, int) or not 16 <= width <= 512 or width % 16:
                raise ModelError(f"width {field.name} must be a multiple of 16 from 16 to 512, got {width!r}")


@dataclass(frozen=True, slots=True)
class Context:
    """What both sides know of a frame before its symbols, as features.

    fine        (N, fine, 2h, 2w); wide (N, wide, h, w)
    correction  (N, 6, 8h, 8w) float32: fused picture less prediction; 0 at the start
    confidence  (N, 2, 2h, 2w): trust in each reference, 0 to 1
    means       (N, 384, h, w) float32: correction in the latents' scale, part of every mean
    sizes       (N, 1, h, w) float32: transform size, -1, 0, 1 for 8, 16, 32
    quality, level  (N,) int64
    """

    fine: Tensor
    wide: Tensor
    correction: Tensor
    confidence: Tensor
    means: Tensor
    sizes: Tensor
    quality: Tensor
    level: Tensor


class ContextFusion(nn.Module):
    """Prediction and both warped references -> features, weighted by a confidence map (N, 2, 2h, 2w).

    Differences of the references to the prediction tell where it cannot be trusted; they also give a corrected
    picture: prediction + sum of a_i (warped_i - prediction), a_i for luma and chroma of each cell of the 1/4 grid.
    """

    def __init__(self, config: InterConfig) -> None:
        super().__init__()
        fine = config.fine
        self.picture = PictureInput()
        self.enter = pointwise(FINE_PICTURE, fine)
        self.enter_difference = pointwise(FINE_PICTURE, fine)
        self.join = pointwise(3 * fine, fine)
        self.look = dense(fine, fine)
        self.trust = pointwise(fine, 2, gain=0.0)
        self.weights = pointwise(fine, 16, gain=0.0)
        self.modulation = Modulation(fine)
        self.block = ResidualBlock(fine)
        self.down = pointwise(4 * fine, config.wide)

    def forward(
        self, prediction: Tensor, warped: tuple[Tensor, Tensor], quality: Tensor, level: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures (N, 6, 8h, 8w) -> (fine, wide, correction, confidence)."""
        differences = [picture - prediction for picture in warped]
        base = self.enter(self.picture(prediction))
        sides = [activate(self.enter_difference(to_fine(d * DIFFERENCE_GAIN))) for d in differences]
        seen = activate(self.join(torch.cat([activate(base), *sides], 1)))
        seen = activate(self.look(seen))
        trust = torch.sigmoid(self.trust(seen))
        mixed = base + trust[:, :1] * sides[0] + trust[:, 1:] * sides[1]
        fine = self.block(self.modulation(mixed, quality, level))
        wide = self.down(F.pixel_unshuffle(activate(fine), 2))
        weights = F.pixel_shuffle(torch.tanh(self.weights(seen).float()), 2)
        correction = _weighted(differences[0], weights[:, :2]) + _weighted(differences[1], weights[:, 2:])
        return fine, wide, correction, trust.float()


def _weighted(difference: Tensor, weights: Tensor) -> Tensor:
    """difference (N, 6, 8h, 8w) times weights (N, 2, 4h, 4w) of luma and chroma, float32."""
    at_half = weights.repeat_interleave(2, 2).repeat_interleave(2, 3)
    luma, chroma = difference.float().split([4, 2], 1)
    return torch.cat([luma * at_half[:, :1], chroma * at_half[:, 1:]], 1)


class Analysis(nn.Module):
    """Difference to the scaled DCT coefficients (encoder only); 0 at the start."""

    def __init__(self, config: InterConfig) -> None:
        super().__init__()
        width = config.encoder
        self.picture = PictureInput()
        self.enter = pointwise(2 * FINE_PICTURE + config.fine, width)
        self.first_modulation = Modulation(width)
        self.first = nn.Sequential(ResidualBlock(width), ResidualBlock(width))
        self.down = pointwise(4 * width + LATENTS + config.wide + 1, 2 * width)
        self.second_modulation = Modulation(2 * width)
        self.second = ResidualBlock(2 * width)
        self.leave = pointwise(2 * width, LATENTS, gain=0.0)

    def forward(self, source: Tensor, prediction: Tensor, latents: Tensor, context: Context) -> Tensor:
        """source, prediction (N, 6, 8h, 8w), latents (N, 384, h, w) the scaled DCT -> (N, 384, h, w) float32."""
        residual = to_fine((source - prediction) * DIFFERENCE_GAIN)
        x = self.enter(torch.cat([residual, self.picture(source).float(), context.fine.float()], 1))
        x = self.first(self.first_modulation(x, context.quality, context.level))
        parts = [F.pixel_unshuffle(activate(x), 2).float(), squash(latents), context.wide.float(), context.sizes]
        x = self.second(self.second_modulation(self.down(torch.cat(parts, 1)), context.quality, context.level))
        return self.leave(activate(x)).float()


class Synthesis(nn.Module):
    """Residual picture that is added to the integer reconstruction; 0 at the start.

    A body at 1/8 sees the reconstruction, what was decoded, and the context; a pointwise renderer on the 1/4 grid,
    modulated by the body, makes the samples.
    """

    def __init__(self, config: InterConfig) -> None:
        super().__init__()
        fine, render = config.fine, config.renderer
        self.picture = PictureInput()
        self.enter_latents = pointwise(LATENTS + 1, 2 * fine)
        self.enter = pointwise(2 * FINE_PICTURE + fine + fine // 2, fine)
        self.modulation = Modulation(fine)
        self.body = nn.Sequential(ResidualBlock(fine), ResidualBlock(fine))
        self.steer = pointwise(fine, 2 * render * 4, gain=0.3)
        self.render_in = pointwise(2 * blocks.PICTURE * 4, render)
        self.render = pointwise(render, render)
        self.render_out = pointwise(render, blocks.PICTURE * 4, gain=0.0)

    def forward(self, latents: Tensor, context: Context, prediction: Tensor, reconstruction: Tensor) -> Tensor:
        """latents (N, 384, h, w) decoded, in steps; pictures (N, 6, 8h, 8w) -> residual (N, 6, 8h, 8w) float32."""
        residual = (reconstruction - prediction) * DIFFERENCE_GAIN
        correction = (prediction + context.correction - reconstruction) * DIFFERENCE_GAIN
        decoded = self.enter_latents(torch.cat([squash(latents), context.sizes], 1))
        decoded = F.pixel_shuffle(activate(decoded), 2)
        parts = [self.picture(reconstruction), to_fine(residual), context.fine, decoded]
        x = self.enter(torch.cat([part.float() for part in parts], 1))
        x = activate(self.body(self.modulation(x, context.quality, context.level)))
        scale, shift = F.pixel_shuffle(self.steer(x), 2).chunk(2, 1)
        cells = self.render_in(F.pixel_unshuffle(torch.cat([residual, correction], 1), 2))
        cells = activate(cells * (1 + scale) + shift)
        cells = self.render_out(activate(self.render(cells)))
        return F.pixel_shuffle(cells, 2).float() * RESIDUAL_UNIT


class InterModel(nn.Module):
    """All networks of inter frames behind calls that encoder and decoder make in the same order.

    Pictures are (N, 6, 8h, 8w) float32 (``nvc.color.to_tensor``, padded to whole cells of 16), latents and means
    (N, 384, h, w) in units of the quantiser step, z (N, hyper, ceil(h/4), ceil(w/4)). One frame::

        context = model.fuse(prediction, warped, quality, level, gain)          both
        y = model.transform(source - prediction, gain)                          encoder
        y = y + model.analyse(source, prediction, y, context)                   encoder
        z = model.hyper_analyse(y, context)                                     encoder; the decoder reads z
        features = model.hyper_synthesise(z, context)                           both
        scales = model.prepare_indices(z, reference_symbols, context)           both
        symbols, latents = zeros, zeros                                         both
        for step, mask in enumerate(step_masks(h, w)):
            mean = model.mean(step, features, context, latents)                 both
            index = model.index(step, scales, symbols)                          both
            symbols = where(mask, round(y - mean), symbols)                     encoder; the decoder reads them
            latents = where(mask, symbols + mean, latents)                      both
        reconstruction = prediction + inverse DCT of the latents                both, integers (contract 4)
        picture = reconstruction + model.synthesise(latents, context, prediction, reconstruction)

    Which symbols are read is decided by ``index`` and the masks alone, and both come from integers. Inference runs
    inside ``inference(model, precision)``; all results are float32, whatever the precision.
    """

    def __init__(self, config: InterConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or InterConfig()
        self.dct = BlockDct()
        self.fusion = ContextFusion(config)
        self.analysis = Analysis(config)
        self.hyper_analysis = HyperAnalysis(config.wide, config.wide, config.hyper)
        self.hyper_synthesis = HyperSynthesis(config.wide, config.wide, config.hyper, config.hyper_wide)
        self.means = nn.ModuleList(MeanStep(config.wide, step > 0) for step in range(STEPS))
        self.scale_index = ScaleIndexNetwork(config.hyper, config.integer, STEPS)
        self.synthesis = Synthesis(config)

    def fuse(
        self,
        prediction: Tensor,
        warped: tuple[Tensor, ...],
        quality: int | Tensor,
        level: int | Tensor,
        gain: Tensor,
        sizes: Tensor | None = None,
    ) -> Context:
        """Context of a frame.

        prediction  (N, 6, 8h, 8w) the blended integer prediction
        warped      one or two references, each predicted from alone; the prediction stands in for a missing one
        quality     0..63, level 0..5 (deeper ones count as 5): int for all, or (N,) int64
        gain        (3,) or (N, 3) float: latents of Y, U, V for 1.0 of the pictures' DCT, 2**bit_depth / step
        sizes       (N, 1, h, w) transform sizes -1, 0, 1 for 8, 16, 32; None = all 16
        """
        n, _, rows, columns = prediction.shape
        both = (*warped, prediction, prediction)[:2]
        if sizes is None:
            sizes = prediction.new_zeros(n, 1, rows // 8, columns // 8)
        q = _indices(quality, n, QUALITIES - 1, prediction.device)
        lv = _indices(level, n, LEVELS - 1, prediction.device)
        fine, wide, correction, confidence = self.fusion(prediction, (both[0], both[1]), q, lv)
        means = self.transform(correction, gain)
        return Context(fine, wide, correction, confidence, means, sizes.float(), q, lv)

    def transform(self, picture: Tensor, gain: Tensor) -> Tensor:
        """Scaled float DCT (N, 384, h, w) of a difference of pictures (N, 6, 8h, 8w); gain as in ``fuse``."""
        return self.dct(picture) * self._by_channel(gain)

    def inverse_transform(self, latents: Tensor, gain: Tensor) -> Tensor:
        """The float inverse of ``transform``, for training; coding uses the integer one (contract 4)."""
        return self.dct.inverse(latents / self._by_channel(gain))

    def analyse(self, source: Tensor, prediction: Tensor, latents: Tensor, context: Context) -> Tensor:
        """What the encoder adds to the scaled DCT of source - prediction, (N, 384, h, w)."""
        return self.analysis(source, prediction, latents, context)

    def hyper_analyse(self, latents: Tensor, context: Context) -> Tensor:
        """z as whole numbers within +-127 in float32; gradients pass through the rounding."""
        z = self.hyper_analysis(latents, context.wide, context.sizes, context.quality, context.level)
        return RoundThrough.apply(z).clamp(-HYPER_LIMIT, HYPER_LIMIT)

    def hyper_synthesise(self, z: Tensor, context: Context) -> Tensor:
        """Features of the means (N, wide, h, w) from z, whole numbers of any type."""
        return self.hyper_synthesis(z, context.wide, context.sizes, context.quality, context.level)

    def mean(self, step: int, features: Tensor, context: Context, latents: Tensor | None = None) -> Tensor:
        """Means of all latents as step ``step`` sees them; ``latents`` of the steps before (zeros elsewhere)."""
        return context.means + self.means[step](features, latents, context.quality, context.level)

    def prepare_indices(self, z: Tensor, reference_symbols: tuple[Tensor, ...], context: Context) -> ScaleState:
        """What the table indices of all steps share; symbols (N, 384, h, w) of up to two references that have any."""
        if len(reference_symbols) > 2:
            raise ValueError(f"symbols of at most two references, got {len(reference_symbols)}")
        return self.scale_index.prepare(z, reference_symbols, context.sizes, context.quality, context.level)

    def index(self, step: int, state: ScaleState, symbols: Tensor | None = None) -> Tensor:
        """Table index 0..63 (N, 384, h, w), int32; while training float32 with gradients.

        symbols  of the steps before, zeros elsewhere; ignored in step 0
        """
        return self.scale_index.index(state, step, symbols if step else None)

    def synthesise(self, latents: Tensor, context: Context, prediction: Tensor, reconstruction: Tensor) -> Tensor:
        """Residual picture (N, 6, 8h, 8w) to add to the reconstruction."""
        return self.synthesis(latents, context, prediction, reconstruction)

    def integers(self) -> dict[str, Tensor]:
        """The weights that count in integers, by name (contract 1)."""
        return self.scale_index.integers()

    def load_integers(self, values: dict[str, Tensor]) -> None:
        """Take what ``integers`` gave."""
        self.scale_index.load_integers(values)

    def check_value(self) -> int:
        """CRC-32 of the table indices of a fixed integer input, by int64 arithmetic: what every machine must get."""
        integers = {name: value.cpu().numpy() for name, value in self.scale_index.integers().items()}
        z, symbols, sizes, quality, level = self._fixed_input()
        found = [
            scale_indices(integers, z, symbols[:2], sizes, quality, level, step, symbols[2] if step else None)
            for step in range(STEPS)
        ]
        return zlib.crc32(np.stack(found).astype(np.uint8).tobytes())

    def self_test(self, expected: int | None = None) -> None:
        """Run the fixed input through the scale-index network on this device and compare its CRC-32.

        expected  the value stored with the weights; None computes it by int64 arithmetic here
        Raises DeviceError on a difference: this machine would read other symbols.
        """
        device = next(self.parameters()).device
        z, symbols, sizes, quality, level = (_to_device(value, device) for value in self._fixed_input())
        training = self.scale_index.training
        self.scale_index.eval()
        with torch.no_grad():
            state = self.scale_index.prepare(z, symbols[:2], sizes, quality, level)
            found = [self.scale_index.index(state, step, symbols[2] if step else None) for step in range(STEPS)]
        self.scale_index.train(training)
        got = zlib.crc32(torch.stack(found).to(torch.uint8).cpu().numpy().tobytes())
        want = self.check_value() if expected is None else expected
        if got != want:
            raise DeviceError(f"exactness self-test on {device}: table indices have CRC {got:08x}, must be {want:08x}")

    def _fixed_input(self) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray]:
        """(z, (two references' symbols, earlier symbols), sizes, quality, level): integers from a fixed recurrence."""
        n, h, w = 2, 9, 13
        numbers = _recurrence(n * (self.config.hyper * 12 + 3 * LATENTS * h * w))
        z, rest = np.split(numbers, [n * self.config.hyper * 12])
        symbols = (rest % 97 * (rest // 97 % 5 == 0)).reshape(3, n, LATENTS, h, w)
        sizes = np.zeros((n, 1, h, w), np.int64)
        z = (z % 255 - 127).reshape(n, self.config.hyper, *hyper_size(h, w))
        return z, tuple(symbols), sizes, np.array([21, 58]), np.array([1, 4])

    @staticmethod
    def _by_channel(gain: Tensor) -> Tensor:
        counts = torch.tensor([LUMA, CHROMA, CHROMA], device=gain.device)
        return gain.float().reshape(-1, 3).repeat_interleave(counts, 1)[:, :, None, None]


@contextlib.contextmanager
def inference(model: nn.Module, precision: str = "fp32") -> Iterator[None]:
    """Run ``model`` for decoding or encoding: no gradients, evaluation mode, "fp32" or "bf16" where that is allowed.

    fp32 on a GPU means all of its bits: PyTorch's TF32 is switched off for the process.
    """
    device = next(model.parameters()).device
    if device.type == "cuda" and precision != "bf16":
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        model.train(training)


def config_from(values: dict[str, object]) -> InterConfig:
    """A config from what ``asdict`` gave. Raises ModelError for unknown names or values."""
    names = {field.name for field in fields(InterConfig)}
    if set(values) != names:
        raise ModelError(f"model widths must be {sorted(names)}, got {sorted(values)}")
    return InterConfig(**values)  # type: ignore[arg-type]


def _indices(value: int | Tensor, n: int, largest: int, device: torch.device) -> Tensor:
    return torch.as_tensor(value, dtype=torch.int64, device=device).clamp(0, largest).expand(n)


def _to_device(value, device: torch.device):
    if isinstance(value, tuple):
        return tuple(_to_device(part, device) for part in value)
    return torch.from_numpy(value).to(device)


def _recurrence(count: int) -> np.ndarray:
    """``count`` whole numbers below 2**31 from x -> (a x + c) mod 2**31, the same on every machine."""
    factor, add, mask = 1103515245, 12345, (1 << 31) - 1
    out = np.array([12345], np.int64)
    # Doubling: the sequence k steps on is a^k x + c (a^k - 1) / (a - 1), all modulo 2**31.
    while len(out) < count:
        out = np.concatenate([out, (out * factor + add) & mask])
        add = (add * factor + add) & mask
        factor = factor * factor & mask
    return out[:count] >> 8
