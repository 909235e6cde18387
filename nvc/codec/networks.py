"""Latents of a frame with networks on: the conductor between the models' steps and the coder (contracts 1 and 2).

Which symbols are coded, with which tables, comes from integers alone; means and pictures are float. Index 0 is the
floor of the scale indices: such a latent is not coded and its symbol is 0.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from nvc import color
from nvc.codec import symbols as layout
from nvc.codec.latent_coding import code_latent
from nvc.codec.references import FrameSymbols, Planes, Reference
from nvc.codec.symbols import SymbolModel
from nvc.codec.transform import COEFFICIENT_LIMIT
from nvc.entropy.coder import COUNT, Coder
from nvc.entropy.tables import build_tables
from nvc.motion.field import FIRST, SECOND, MotionField, grid_size, scale_vectors
from nvc.motion.warp import predict

if TYPE_CHECKING:
    import torch

    from nvc.codec.frame_coder import FrameSetup
    from nvc.models.inter import Context, InterModel
    from nvc.models.weights import Weights

HYPER_BASE = layout.TABLES + layout.LATENT_TABLES
# Encoder: lambda of rounding in squared steps per bit, and how far a threshold may move, in steps.
ROUNDING_WEIGHT = 0.13
ROUNDING_LIMIT = 1.0
UNCODABLE = 60.0  # bits above those of any symbol that a table can code


@dataclass(frozen=True)
class FrameNetworks:
    """The networks of a stream and how to run them.

    weights        from nvc.models.weights
    precision      "fp32" or "bf16"
    channels_last  memory format of the pictures that enter
    """

    weights: Weights
    device: str = "cpu"
    precision: str = "fp32"
    channels_last: bool = True
    codes_latents = True

    def symbol_model(self, model: SymbolModel) -> SymbolModel:
        """``model`` with the tables of the weights after its own: latents by index, then z by group and channel."""
        hyper = self.weights.tables["hyper"].reshape(-1, layout.SYMBOLS)
        rows = [model.tables.frequencies, self.weights.tables["latent"], hyper]
        tables = build_tables(np.concatenate(rows).astype(np.int64))
        return replace(model, tables=tables)

    def choose(
        self,
        setup: FrameSetup,
        references: tuple[Reference, ...],
        source: Planes,
        prediction: Planes,
        motion: MotionField,
    ) -> tuple[FrameSymbols, np.ndarray]:
        """(symbols, latents before rounding (B, 384)) of a frame; the encoder's half of the steps."""
        import torch

        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            model = self._model
            context, picture, gain = self._context(setup, references, prediction, motion)
            target = self._picture(source, setup.bit_depth)
            y = model.transform(target - picture, gain)
            y = y + model.analyse(target, picture, y, context)
            z = model.hyper_analyse(y, context)
            symbols, _ = self._steps(setup, references, context, z, y, None)
            hyper = z[0].to(torch.int16).cpu().numpy()
        rows, columns = grid_size(*setup.size)
        chosen = _symbols(motion, _to_blocks(symbols), hyper, rows * columns)
        return chosen, _to_blocks(y.float())

    def code(
        self,
        setup: FrameSetup,
        references: tuple[FrameSymbols | None, ...],
        coder: Coder,
        symbols: FrameSymbols,
        marks: list[int] | None = None,
    ) -> bool:
        """Write or read z and the latents; fills ``symbols`` when reading. False for an impossible value.

        marks  gets the coder's symbol count after z
        """
        import torch

        from nvc.models.inter import inference
        from nvc.models.prior import STEPS, hyper_size, step_masks

        rows, columns = grid_size(*setup.size)
        model = self._model
        groups = len(self.weights.tables["hyper"])
        shape = (model.config.hyper, *hyper_size(rows, columns))
        if symbols.hyper is None:
            symbols.hyper = np.zeros(shape, np.int16)
        hyper = symbols.hyper.reshape(shape[0], -1)
        first = HYPER_BASE + setup.quality * groups // 64 * shape[0]
        tables = np.repeat(first + np.arange(shape[0]), hyper.shape[1])
        if not _code_flat(coder, hyper.reshape(-1), tables, 127):
            return False
        if marks is not None:
            marks.append(int(coder.control[COUNT]))
        masks = step_masks(rows, columns)
        latents = np.ascontiguousarray(symbols.latents.reshape(rows, columns, -1).transpose(2, 0, 1))
        known = np.zeros_like(latents)
        with inference(model, self.precision):
            scales = self._scales(setup, references, symbols.hyper)
            for step in range(STEPS):
                seen = torch.from_numpy(known[None]).to(self.device)
                index = model.index(step, scales, seen).cpu().numpy()[0]
                coded = np.flatnonzero(masks[step] & (index > 0))
                values = latents.reshape(-1)[coded]
                if not _code_flat(coder, values, layout.TABLES + index.reshape(-1)[coded].astype(np.int64), 32767):
                    return False
                known.reshape(-1)[coded] = values
        symbols.latents[:] = known.transpose(1, 2, 0).reshape(symbols.latents.shape)
        return True

    def restore(
        self, setup: FrameSetup, references: tuple[Reference, ...], symbols: FrameSymbols, prediction: Planes
    ) -> tuple[np.ndarray, _Late]:
        """(coefficients (B, 384) int32 on the fixed-point grid, what ``finish`` needs)."""
        import torch

        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            context, picture, gain = self._context(setup, references, prediction, symbols.motion)
            rows, columns = grid_size(*setup.size)
            given = symbols.latents.reshape(rows, columns, -1).transpose(2, 0, 1)[None]
            z = torch.from_numpy(np.asarray(symbols.hyper, np.float32)[None]).to(self.device)
            q = torch.from_numpy(given.astype(np.float32)).to(self.device)
            _, latents = self._steps(setup, references, context, z, None, q)
        steps = np.repeat(setup.steps, (layout.LUMA, layout.CHROMA, layout.CHROMA)).astype(np.float64)
        grid = np.floor(_to_blocks(latents).astype(np.float64) * steps + 0.5)
        limited = np.clip(grid, -COEFFICIENT_LIMIT, COEFFICIENT_LIMIT - 1).astype(np.int32)
        return limited, _Late(latents, context, picture)

    def finish(self, setup: FrameSetup, reconstruction: Planes, late: _Late) -> Planes:
        """Planes (uint16, ``setup.size``): the integer reconstruction plus the synthesis network's residual."""
        from nvc.models.inter import inference

        with inference(self._model, self.precision):
            base = self._picture(reconstruction, setup.bit_depth)
            picture = base + self._model.synthesise(late.latents, late.context, late.prediction, base)
        y, u, v = color.to_planes(picture, *setup.size, setup.bit_depth)
        return y.astype(np.uint16), u.astype(np.uint16), v.astype(np.uint16)

    def _context(self, setup, references, prediction, motion):
        import torch

        model = self._model
        picture = self._picture(prediction, setup.bit_depth)
        warped = tuple(self._picture(p, setup.bit_depth) for p in warp_each(setup, references, motion))
        gain = torch.from_numpy((1 << setup.bit_depth) * 16.0 / setup.steps).float().to(self.device)
        context = model.fuse(picture, warped, setup.quality, min(setup.task.level, 5), gain)
        return context, picture, gain

    def _scales(self, setup, references: tuple[FrameSymbols | None, ...], hyper: np.ndarray):
        import torch

        rows, columns = grid_size(*setup.size)
        known = [r.latents.reshape(rows, columns, -1).transpose(2, 0, 1)[None] for r in references if r is not None]
        tensors = tuple(torch.from_numpy(np.ascontiguousarray(k, np.float32)).to(self.device) for k in known)
        z = torch.from_numpy(np.asarray(hyper, np.float32)[None]).to(self.device)
        sizes = torch.zeros(1, 1, rows, columns, device=self.device)
        quality = torch.tensor([setup.quality], device=self.device)
        level = torch.tensor([min(setup.task.level, 5)], device=self.device)
        return self._model.scale_index.prepare(z, tensors, sizes, quality, level)

    def _steps(self, setup, references, context, z, y, given):
        """Run the steps of the prior: (symbols, latents) from ``y`` (encoder) or from the symbols ``given``."""
        import torch

        from nvc.models.prior import step_masks

        model = self._model
        rows, columns = grid_size(*setup.size)
        features = model.hyper_synthesise(z, context)
        scales = None if y is None else self._scales(setup, tuple(r.symbols for r in references), z[0].cpu().numpy())
        symbols = torch.zeros(1, layout.LATENTS, rows, columns, device=self.device)
        latents = torch.zeros_like(symbols)
        for step, mask in enumerate(step_masks(rows, columns)):
            here = torch.from_numpy(mask[None]).to(self.device)
            mean = model.mean(step, features, context, latents).float()
            if y is None:
                q = given
            else:
                index = model.index(step, scales, symbols)
                q = torch.where(index > 0, round_latents(y - mean, index, *self._rounding), 0.0)
            symbols = torch.where(here, q, symbols)
            latents = torch.where(here, symbols + mean, latents)
        return symbols, latents

    @property
    def _model(self) -> InterModel:
        return self.weights.model  # type: ignore[return-value]

    @functools.cached_property
    def _rounding(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Thresholds and largest magnitudes of the encoder's rounding, from the tables that code the symbols."""
        import torch

        costs = build_tables(self.weights.tables["latent"].astype(np.int64)).costs
        shifts, largest = rounding_shifts(costs, ROUNDING_WEIGHT, ROUNDING_LIMIT)
        return torch.from_numpy(shifts).to(self.device), torch.from_numpy(largest).to(self.device)

    def _picture(self, planes: Planes, bit_depth: int) -> torch.Tensor:
        import torch

        picture = color.to_tensor(planes, bit_depth, device=self.device)
        return picture.contiguous(memory_format=torch.channels_last) if self.channels_last else picture


def rounding_shifts(costs: np.ndarray, weight: float, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """How the encoder rounds with tables of ``costs`` (64, 32) bits: between two magnitudes it takes the cheaper one.

    weight  lambda in squared steps per bit; limit: the most that a threshold moves from the half, in steps
    Returns shifts (64, 17) float32, what a value must exceed m - 1/2 by to become magnitude m (0 for m = 0, the last
    for all larger ones), and largest (64,) float32, the largest magnitude that a table can code.
    """
    by_magnitude = np.concatenate([costs[:, :1], costs[:, 1 : layout.ESCAPE : 2]], 1).astype(np.float64)
    rises = np.maximum(0, np.diff(by_magnitude, axis=1)) * weight / 2
    shifts = np.concatenate([np.zeros((len(costs), 1)), rises, rises[:, -1:]], 1)
    shifts[:, -1] = np.minimum(shifts[:, -1], shifts[:, -3])
    there = costs[:, : layout.ESCAPE] < UNCODABLE
    largest = (there.sum(1) - 1) // 2
    largest = np.where(costs[:, layout.ESCAPE] < UNCODABLE, 32767, largest)
    return np.minimum(shifts, limit).astype(np.float32), largest.astype(np.float32)


def round_latents(
    values: torch.Tensor, index: torch.Tensor, shifts: torch.Tensor, largest: torch.Tensor
) -> torch.Tensor:
    """Symbols of ``values`` (N, 384, h, w), in steps, each with the thresholds of its table index."""
    import torch

    table = index.long()
    magnitude = torch.minimum(torch.floor(values.abs() + 0.5), largest[table])
    shift = shifts.flatten()[table * shifts.shape[1] + magnitude.clamp(max=shifts.shape[1] - 1).long()]
    magnitude = torch.where(values.abs() < magnitude - 0.5 + shift, magnitude - 1, magnitude).clamp(min=0)
    return torch.copysign(magnitude, values)


@dataclass(frozen=True)
class _Late:
    """What the synthesis needs of the steps before it."""

    latents: torch.Tensor
    context: Context
    prediction: torch.Tensor


def warp_each(setup: FrameSetup, references: tuple[Reference, ...], motion: MotionField) -> tuple[Planes, ...]:
    """Prediction from each reference alone; where a cell does not use it, its other vector scaled by distance."""
    out = []
    for r in range(len(references)):
        vectors = motion.vectors.copy()
        if len(references) == 2:
            unused = motion.modes == (SECOND if r == 0 else FIRST)
            other = motion.vectors[:, :, 1 - r]
            vectors[unused, r] = scale_vectors(other, motion.distances[1 - r], motion.distances[r])[unused]
        alone = MotionField(np.full_like(motion.modes, FIRST if r == 0 else SECOND), vectors, motion.distances)
        pair = tuple(reference.padded for reference in references)
        out.append(predict(pair, alone, setup.size, setup.bit_depth, overlapped="obmc" not in setup.disabled))
    return tuple(out)


@njit(cache=True, nogil=True)
def _code_flat(coder, values, tables, limit):
    """Code signed ``values`` (N,) int16, each with its table; fills them when reading. False past +-``limit``."""
    for k in range(values.shape[0]):
        value = code_latent(coder, tables[k], np.int64(values[k]))
        if value < -limit or value > limit:
            return False
        values[k] = value
    return True


def _to_blocks(tensor: torch.Tensor) -> np.ndarray:
    """(1, 384, h, w) as (h * w, 384) float32."""
    return np.ascontiguousarray(tensor[0].float().cpu().numpy().transpose(1, 2, 0)).reshape(-1, layout.LATENTS)


def _symbols(motion: MotionField, latents: np.ndarray, hyper: np.ndarray, blocks: int) -> FrameSymbols:
    return FrameSymbols(
        motion, latents.astype(np.int16), np.zeros(blocks, np.uint8), np.zeros((blocks, 3), np.uint8), hyper
    )
