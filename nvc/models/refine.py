"""The networks of streams whose latents are coded by the fitted contexts: fusion before the residual, synthesis after.

Both work on cells of 4x4 luma samples, where dense 3x3 convolutions reach furthest for their cost, start at zero, and
add to pictures that integers made: switched off, the stream is that of networks off. Symbols depend on neither.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nvc.errors import ModelError
from nvc.models.blocks import LEVELS, Modulation, ResidualBlock, activate, dense, pointwise
from nvc.models.enhance import PACKED, Whitening, pack, text_gate, unpack, without_local_mean

INTRA_LEVEL = LEVELS  # level that stands for I frames
DIFFERENCE_GAIN = 32.0  # 8 code values of 8 bit are 1
RESIDUAL_UNIT = 4 / 256  # one unit of an output: 4 code values
_PHASES = 4  # cells along a side of a block of 16


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """Widths, multiples of 16, stored with the weights.

    fusion, synthesis                  features of each network
    fusion_blocks, synthesis_blocks    residual blocks of two 3x3 convolutions
    """

    fusion: int = 48
    synthesis: int = 48
    fusion_blocks: int = 1
    synthesis_blocks: int = 1

    def __post_init__(self) -> None:
        widths, blocks = (self.fusion, self.synthesis), (self.fusion_blocks, self.synthesis_blocks)
        if not all(isinstance(v, int) and 16 <= v <= 512 and v % 16 == 0 for v in widths):
            raise ModelError(f"widths must be multiples of 16 from 16 to 512, got {widths}")
        if not all(isinstance(v, int) and 0 <= v <= 32 for v in blocks):
            raise ModelError(f"numbers of blocks must be from 0 to 32, got {blocks}")


def refine_config(values: dict[str, object]) -> RefineConfig:
    """A config from what ``asdict`` gave. Raises ModelError for unknown names or values."""
    names = set(asdict(RefineConfig()))
    if set(values) != names:
        raise ModelError(f"model widths must be {sorted(names)}, got {sorted(values)}")
    return RefineConfig(**values)  # type: ignore[arg-type]


class Place(nn.Module):
    """Adds a learned vector by the cell's place in its block of 16x16: block edges are where errors are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(channels, _PHASES, _PHASES))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W), H and W multiples of 4; returns the same shape."""
        tiles = x.shape[2] // _PHASES, x.shape[3] // _PHASES
        return x + self.table.to(x.dtype).repeat(1, *tiles)


class Trunk(nn.Module):
    """Place, then residual blocks, each on features modulated by quality and level."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.place = Place(channels)
        self.modulations = nn.ModuleList(Modulation(channels, LEVELS + 1) for _ in range(blocks + 1))
        self.blocks = nn.ModuleList(ResidualBlock(channels) for _ in range(blocks))

    def forward(self, x: Tensor, quality: Tensor, level: Tensor) -> Tensor:
        """x (N, C, h, w); quality, level (N,) int64. Returns (N, C, h, w), activated."""
        x = self.modulations[0](self.place(x), quality, level)
        for block, modulation in zip(self.blocks, list(self.modulations)[1:], strict=True):
            x = modulation(block(x), quality, level)
        return activate(x)


class Fusion(nn.Module):
    """Prediction and both references warped alone -> features, and what to add to the prediction.

    The correction is a_i (warped_i - prediction), a_i within -1..1 for luma and chroma of each 2x2 samples, plus a
    residual of its own.
    """

    def __init__(self, config: RefineConfig) -> None:
        super().__init__()
        self.whitening = Whitening()
        self.enter = dense(3 * PACKED, config.fusion)
        self.trunk = Trunk(config.fusion, config.fusion_blocks)
        self.weights = pointwise(config.fusion, 16, gain=0.0)
        self.leave = pointwise(config.fusion, PACKED, gain=0.0)

    def forward(
        self, prediction: Tensor, warped: tuple[Tensor, Tensor], quality: Tensor, level: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Pictures (N, 6, 8h, 8w) -> features (N, fusion, 4h, 4w), correction (N, 6, 8h, 8w) float32."""
        differences = [(picture - prediction).float() for picture in warped]
        parts = [_whitened(self.whitening, prediction), *(pack(d) * DIFFERENCE_GAIN for d in differences)]
        x = self.trunk(self.enter(torch.cat(parts, 1)), quality, level)
        weights = F.pixel_shuffle(torch.tanh(self.weights(x).float()), 2)
        luma, chroma = weights.chunk(2, 1)
        correction = unpack(self.leave(x).float() * RESIDUAL_UNIT)
        for k, difference in enumerate(differences):
            y, uv = difference.split([4, 2], 1)
            correction = correction + torch.cat([y * luma[:, k : k + 1], uv * chroma[:, k : k + 1]], 1)
        return x, correction


class Synthesis(nn.Module):
    """In-loop refinement: what the integer reconstruction lacks, from itself, the coded residual and the features."""

    def __init__(self, config: RefineConfig) -> None:
        super().__init__()
        self.whitening = Whitening()
        self.enter = dense(2 * PACKED, config.synthesis)
        self.enter_features = pointwise(config.fusion, config.synthesis)
        self.trunk = Trunk(config.synthesis, config.synthesis_blocks)
        self.leave = dense(config.synthesis, PACKED, gain=0.0)

    def forward(
        self, features: Tensor, prediction: Tensor, reconstruction: Tensor, quality: Tensor, level: Tensor
    ) -> Tensor:
        """Features of ``Fusion``, pictures (N, 6, 8h, 8w) -> residual (N, 6, 8h, 8w) float32."""
        residual = pack((reconstruction - prediction).float()) * DIFFERENCE_GAIN
        parts = [_whitened(self.whitening, reconstruction), residual]
        x = self.enter(torch.cat(parts, 1)) + self.enter_features(features)
        x = self.trunk(x, quality, level)
        return unpack(self.leave(x).float() * RESIDUAL_UNIT)


class RefineModel(nn.Module):
    """Fusion and synthesis of a frame. Pictures are (N, 6, 8h, 8w) float32 as of ``nvc.color``. One frame::

        features, correction = model.fuse(prediction, warped, quality, level)           both
        prediction = round(prediction + correction)                                     both
        latents = rounded DCT of source - prediction                                    encoder; the decoder reads them
        reconstruction = prediction + inverse DCT of the latents                        both, integers (contract 4)
        picture = reconstruction + model.synthesise(features, prediction, reconstruction, quality, level)

    An I frame is its own prediction, without references, at level ``INTRA_LEVEL``.
    """

    def __init__(self, config: RefineConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RefineConfig()
        self.fusion = Fusion(config)
        self.synthesis = Synthesis(config)

    def fuse(
        self, prediction: Tensor, warped: tuple[Tensor, ...], quality: int | Tensor, level: int | Tensor
    ) -> tuple[Tensor, Tensor]:
        """(features (N, fusion, 4h, 4w), correction (N, 6, 8h, 8w)).

        warped          none, one or two references; the prediction stands in for a missing one
        quality, level  0..63, 0..5 (deeper ones count as 5) or INTRA_LEVEL: int for all, or (N,) int64
        """
        both = (*warped, prediction, prediction)[:2]
        n, device = len(prediction), prediction.device
        return self.fusion(prediction, (both[0], both[1]), _each(quality, n, device), _each(level, n, device))

    def synthesise(
        self,
        features: Tensor,
        prediction: Tensor,
        reconstruction: Tensor,
        quality: int | Tensor,
        level: int | Tensor,
    ) -> Tensor:
        """Residual picture (N, 6, 8h, 8w) to add to the reconstruction; quality and level as in ``fuse``."""
        n, device = len(prediction), prediction.device
        return self.synthesis(features, prediction, reconstruction, _each(quality, n, device), _each(level, n, device))

    def refine_intra(self, decoded: Tensor, quality: int | Tensor) -> Tensor:
        """Residual picture to add to decoded I frames; 0 where they are text or drawings (``text_gate``)."""
        features, correction = self.fuse(decoded, (), quality, INTRA_LEVEL)
        corrected = decoded + correction
        residual = correction + self.synthesise(features, corrected, corrected, quality, INTRA_LEVEL)
        return residual * text_gate(decoded)

    def integers(self) -> dict[str, Tensor]:
        """None: symbols do not depend on these networks."""
        return {}

    def load_integers(self, values: dict[str, Tensor]) -> None:
        """Take what ``integers`` gave."""

    def check_value(self) -> int:
        """What ``self_test`` compares; 0, since there is nothing that must be exact."""
        return 0

    def self_test(self, expected: int | None = None) -> None:
        """Nothing to test; see ``check_value``."""


def _whitened(whitening: Whitening, picture: Tensor) -> Tensor:
    return whitening(without_local_mean(pack(picture.float())))


def _each(value: int | Tensor, n: int, device: torch.device) -> Tensor:
    return torch.as_tensor(value, dtype=torch.int64, device=device).expand(n)
