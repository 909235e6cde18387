"""The networks that refine pictures: fusion before the residual, synthesis after; others or tables code the symbols.

Both work on cells of 4x4 luma samples, where dense 3x3 convolutions reach furthest for their cost, start at zero, and
add to pictures that integers made: switched off, the stream is that of networks off. Symbols depend on neither.

The last layer of the synthesis adapts to the frame: its kernel is a sum of heads, and the stream may give each head's
gain. The idea is that of multipliers sent with a filter (content-adaptive loop filters of JVET's NNVC); heads that are
learned together under the best gains are what differs between contents.
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
GAIN_UNIT = 1 / 8  # of a head's gain, which is added to 1 for the first head and to 0 for the others
_LUMA, _CHROMA = 16, 8  # packed channels of a picture
_HEAD_START = 0.05  # of the other heads' weights: with zeros the best gains are 0, and nothing is learned
Gains = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """Widths, multiples of 16, stored with the weights.

    fusion, synthesis                  features of each network
    fusion_blocks, synthesis_blocks    residual blocks of two 3x3 convolutions
    luma_heads, chroma_heads           last layers of the synthesis beside the first, which both planes have
    """

    fusion: int = 48
    synthesis: int = 48
    fusion_blocks: int = 1
    synthesis_blocks: int = 1
    luma_heads: int = 3
    chroma_heads: int = 1

    def __post_init__(self) -> None:
        widths, blocks = (self.fusion, self.synthesis), (self.fusion_blocks, self.synthesis_blocks)
        if not all(isinstance(v, int) and 16 <= v <= 512 and v % 16 == 0 for v in widths):
            raise ModelError(f"widths must be multiples of 16 from 16 to 512, got {widths}")
        if not all(isinstance(v, int) and 0 <= v <= 32 for v in blocks):
            raise ModelError(f"numbers of blocks must be from 0 to 32, got {blocks}")
        heads = (self.luma_heads, self.chroma_heads)
        if not all(isinstance(v, int) and 1 <= v <= 8 for v in heads):
            raise ModelError(f"numbers of heads must be from 1 to 8, got {heads}")

    @property
    def gains(self) -> tuple[int, int]:
        """Gains of luma and of chroma: one for each head, the first included."""
        return 1 + self.luma_heads, 1 + self.chroma_heads

    @property
    def plain(self) -> Gains:
        """The gains of a frame that gives none: the first heads alone."""
        return (0,) * self.gains[0], (0,) * self.gains[1]


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
        self._heads = config.luma_heads, config.chroma_heads
        self.whitening = Whitening()
        self.enter = dense(2 * PACKED, config.synthesis)
        self.enter_features = pointwise(config.fusion, config.synthesis)
        self.trunk = Trunk(config.synthesis, config.synthesis_blocks)
        self.leave = dense(config.synthesis, PACKED, gain=0.0)
        self.heads = dense(config.synthesis, self._split()[1], gain=_HEAD_START)

    def forward(
        self, features: Tensor, prediction: Tensor, reconstruction: Tensor, quality: Tensor, level: Tensor
    ) -> Tensor:
        """Features of ``Fusion``, pictures (N, 6, 8h, 8w) -> (N, synthesis, 4h, 4w) for ``bases`` and ``blend``."""
        residual = pack((reconstruction - prediction).float()) * DIFFERENCE_GAIN
        parts = [_whitened(self.whitening, reconstruction), residual]
        x = self.enter(torch.cat(parts, 1)) + self.enter_features(features)
        return self.trunk(x, quality, level)

    def bases(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Residual of each head for luma (N, 1 + luma_heads, 4, 8h, 8w) and chroma (N, 1 + chroma_heads, 2, 8h, 8w)."""
        luma, total = self._split()
        weight, bias = (torch.cat([a, b]) for a, b in zip(self._first(), self._others(), strict=True))
        out = F.conv2d(x, weight, bias, padding=1)
        y, uv, more_y, more_uv = out.split([_LUMA, _CHROMA, luma, total - luma], 1)
        return self._pictures(torch.cat([y, more_y], 1), 4), self._pictures(torch.cat([uv, more_uv], 1), 2)

    def blend(self, x: Tensor, gains: Gains) -> Tensor:
        """Residual (N, 6, 8h, 8w) float32 by one kernel, the sum of the heads with their gains."""
        luma, _ = self._split()
        kernel = []
        for first, others in zip(self._first(), self._others(), strict=True):
            y = _summed(first[:_LUMA], others[:luma], gains[0])
            uv = _summed(first[_LUMA:], others[luma:], gains[1])
            kernel.append(torch.cat([y, uv]))
        return unpack(F.conv2d(x, kernel[0], kernel[1], padding=1).float() * RESIDUAL_UNIT)

    def _first(self) -> tuple[Tensor, Tensor]:
        return self.leave.weight, self.leave.bias  # type: ignore[return-value]

    def _others(self) -> tuple[Tensor, Tensor]:
        return self.heads.weight, self.heads.bias  # type: ignore[return-value]

    def _split(self) -> tuple[int, int]:
        """Packed channels of the other heads: of luma, and in all."""
        luma, chroma = _LUMA * self._heads[0], _CHROMA * self._heads[1]
        return luma, luma + chroma

    @staticmethod
    def _pictures(packed: Tensor, channels: int) -> Tensor:
        found = F.pixel_shuffle(packed.float() * RESIDUAL_UNIT, 2)
        return found.view(len(found), -1, channels, *found.shape[2:])


def _summed(first: Tensor, others: Tensor, gains: tuple[int, ...]) -> Tensor:
    """first * (1 + gain) + others * their gains, along the output channels."""
    if not any(gains):
        return first
    total = first * (1 + gains[0] * GAIN_UNIT)
    for head, gain in zip(others.split(len(first)), gains[1:], strict=True):
        total = total + head * (gain * GAIN_UNIT)
    return total


class RefineModel(nn.Module):
    """Fusion and synthesis of a frame. Pictures are (N, 6, 8h, 8w) float32 as of ``nvc.color``. One frame::

        features, correction = model.fuse(prediction, warped, quality, level)           both
        prediction = round(prediction + correction)                                     both
        latents = rounded DCT of source - prediction                                    encoder; the decoder reads them
        reconstruction = prediction + inverse DCT of the latents                        both, integers (contract 4)
        x = model.render(features, prediction, reconstruction, quality, level)          both
        gains = those that bring reconstruction + model.synthesis.bases(x) closest      encoder; the decoder reads them
        picture = reconstruction + model.synthesis.blend(x, gains)                      both

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

    def render(
        self,
        features: Tensor,
        prediction: Tensor,
        reconstruction: Tensor,
        quality: int | Tensor,
        level: int | Tensor,
    ) -> Tensor:
        """Features (N, synthesis, 4h, 4w) of the refined picture; quality and level as in ``fuse``."""
        n, device = len(prediction), prediction.device
        return self.synthesis(features, prediction, reconstruction, _each(quality, n, device), _each(level, n, device))

    def render_intra(self, decoded: Tensor, quality: int | Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of decoded I frames: ``render``'s features, a correction to add, and a gate (N, 1, 8h, 8w) for both.

        The gate is 0 where they are text or drawings (``text_gate``).
        """
        features, correction = self.fuse(decoded, (), quality, INTRA_LEVEL)
        corrected = decoded + correction
        x = self.render(features, corrected, corrected, quality, INTRA_LEVEL)
        return x, correction, text_gate(decoded)

    def refine_intra(self, decoded: Tensor, quality: int | Tensor, gains: Gains | None = None) -> Tensor:
        """Residual picture to add to decoded I frames. gains: of all samples, None = the first heads alone."""
        x, correction, gate = self.render_intra(decoded, quality)
        return (correction + self.synthesis.blend(x, gains or self.config.plain)) * gate

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
