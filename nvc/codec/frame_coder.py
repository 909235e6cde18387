"""Codes one inter frame: the same functions for encoder and decoder.

``choose`` decides (encoder only); ``code_symbols`` writes the choices or reads them; ``reconstruct`` makes the picture
from what the stream says. Symbols never depend on a picture that networks or our loop filter touched, so a decoder may
read ahead of its pictures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nvc.codec import loop_filter
from nvc.codec import quality as quality_steps
from nvc.codec import symbols as layout
from nvc.codec.latent_coding import code_latents, code_side
from nvc.codec.learned_symbols import frame_contexts
from nvc.codec.motion_coding import code_motion
from nvc.codec.motion_search import search_motion
from nvc.codec.network_choice import Networks
from nvc.codec.networks import FrameNetworks
from nvc.codec.quantise import dequantise, quantise
from nvc.codec.references import FrameSymbols, Planes, Reference, squared_error
from nvc.codec.refine import (
    CORRECTED,
    LUMA_REFINED,
    REFINED,
    RefineNetworks,
    best_prediction,
    best_refinement,
    code_switches,
    select,
)
from nvc.codec.shadows import Shadow
from nvc.codec.stages import Stages
from nvc.codec.symbols import SymbolModel, scan
from nvc.codec.transform import add_inverse, forward, integer_matrix, to_blocks
from nvc.entropy.coder import OVERRUN, RAW_NIBBLE, Coder, code_one, encoding_coder, queued
from nvc.errors import CorruptError
from nvc.motion.field import BLOCK, MotionField, cell_grid, grid_size, temporal_candidate
from nvc.motion.warp import predict
from nvc.types import FrameTask, Structure

# Lambda in squared steps per bit, chosen on the validation part of the training clips.
RATE_WEIGHT = 0.13
# How much bits of patterns and last diagonals count in the choice of latents: what a block leaves is paid again by the
# frames that refer to it.
SIDE_WEIGHT = 0.6
# A frame is tried by itself where that looks cheaper than this many times its residual.
STILL_RATIO = 3.0
ROUNDING = 0.45
PLAIN_ROUNDING = 0.33


@dataclass(frozen=True, slots=True)
class FrameSetup:
    """What encoder and decoder know of a frame before its first symbol.

    size        (height, width) of the coded picture, even
    structure, quality   with the task's level they give the steps
    disabled    tools that are off
    """

    task: FrameTask
    size: tuple[int, int]
    bit_depth: int
    structure: Structure
    quality: int
    disabled: frozenset[str]

    @property
    def steps(self) -> np.ndarray:
        """(3,) int64 quantiser steps of Y, U, V in units of the dequantised coefficient."""
        qp = quality_steps.frame_qp(self.quality, self.structure, self.task.level)
        luma = quality_steps.step(qp, self.bit_depth)
        chroma = quality_steps.step(qp + quality_steps.CHROMA_OFFSET, self.bit_depth)
        return np.array([luma, chroma, chroma], np.int64)

    @property
    def distances(self) -> tuple[int, int]:
        """Display distances of the references, 0 for a second one that is not there."""
        d = [ref - self.task.display_index for ref in self.task.refs]
        return d[0], d[1] if len(d) == 2 else 0


@dataclass(frozen=True, slots=True)
class Choices:
    """What the encoder decided: the symbols with the banks that code them, and what it made on the way.

    prediction  from motion alone
    scaled      (B, 384) float32 coefficients of the residual in steps, before rounding; what fits learn from
    picture     the frame as it will be shown, where it is known already
    """

    symbols: FrameSymbols
    prediction: Planes
    scaled: np.ndarray
    picture: Planes | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    """What the encoder's choice of a frame starts from; arguments of ``choose``."""

    setup: FrameSetup
    references: tuple[Reference, ...]
    source: Planes
    model: SymbolModel
    stages: Stages
    passes: int


def choose(
    setup: FrameSetup,
    references: tuple[Reference, ...],
    source: Planes,
    model: SymbolModel,
    stages: Stages,
    networks: Networks | None = None,
    passes: int = 1,
) -> Choices:
    """Motion and latents of a frame by rate and distortion. source: planes of ``setup.size``, uint16.

    passes  how often motion is chosen again as blocks are blended, and latents where networks or the loop filter
            change what they give
    """
    given = _Given(setup, references, source, model, stages, passes)
    with stages.time("motion search"):
        motion = search_motion(setup, references, source[0], model, passes)
    with stages.time("prediction"):
        prediction = _predict(setup, references, motion)
    picture = None
    if isinstance(networks, RefineNetworks):
        symbols, scaled, picture = _choose_refined(given, networks, motion, prediction)
    elif networks is None:
        symbols, scaled, picture = _choose_filtered(given, motion, prediction)
    else:
        with stages.time("transform and quantise"):
            symbols, scaled = networks.choose(setup, references, source, prediction, motion)
    with stages.time("symbols"):
        symbols.banks = _choose_banks(setup, references, symbols, model, networks)
    return Choices(symbols, prediction, scaled, picture)


def _choose_filtered(given: _Given, motion: MotionField, prediction: Planes) -> tuple[FrameSymbols, np.ndarray, Planes]:
    """(symbols, scaled, picture) with networks off: the loop filter at its best strength."""
    setup, source, stages = given.setup, given.source, given.stages
    with stages.time("transform and quantise"):
        scaled = _scaled(setup, source, prediction)

    def finish(symbols: FrameSymbols, planes: Planes) -> Planes:
        with stages.time("loop filter"):
            symbols.strength, filtered = _best_filtered(setup, planes, prediction[0], source[0], given.model)
        return filtered

    symbols, picture = _choose_latents(given, motion, prediction, scaled, finish)
    return symbols, scaled, picture


def _choose_refined(
    given: _Given, networks: RefineNetworks, motion: MotionField, prediction: Planes
) -> tuple[FrameSymbols, np.ndarray, Planes]:
    """(symbols, scaled, picture): the cheaper prediction, and of luma and chroma what is closer to the source.

    Luma is what the networks refine or what the loop filter gives.
    """
    setup, source, stages = given.setup, given.source, given.stages
    with stages.time("networks"):
        fused = networks.fuse(setup, given.references, motion, prediction)
    with stages.time("transform and quantise"):
        plain, corrected = (_scaled(setup, source, fused.prediction(s)) for s in (0, CORRECTED))
        switches = best_prediction(corrected, plain)
        scaled = corrected if switches else plain
    foretold, weight = fused.prediction(switches), squared_lambda(setup.steps[0])

    def finish(symbols: FrameSymbols, planes: Planes) -> Planes:
        with stages.time("loop filter"):
            strength, filtered = _best_filtered(setup, planes, foretold[0], source[0], given.model)
        with stages.time("networks"):
            rendered = networks.render(setup, fused, switches, planes)
            more, symbols.gains, refined = best_refinement(networks, rendered, filtered, source, weight)
        symbols.switches = switches | more
        symbols.strength = 0 if more & LUMA_REFINED else strength
        return refined

    symbols, picture = _choose_latents(given, motion, foretold, scaled, finish)
    return symbols, scaled, picture


def _choose_latents(
    given: _Given,
    motion: MotionField,
    prediction: Planes,
    scaled: np.ndarray,
    finish: Callable[[FrameSymbols, Planes], Planes],
) -> tuple[FrameSymbols, Planes]:
    """(symbols, picture) of the residual ``scaled``.

    Each pass after the first chooses the latents for the source less what was added to the reconstruction in the pass
    before; the pass whose picture costs least by rate and distortion stays.

    finish  what networks and filters make of the reconstruction, planes of the whole grid; notes it in the symbols
    """
    setup, source, model, stages = given.setup, given.source, given.model, given.stages
    grid = grid_size(*setup.size)
    known = _reference_symbols(tuple(r.symbols for r in given.references), grid[0] * grid[1])
    optimise, passes = "rdoq" not in setup.disabled, given.passes
    target, least, best = scaled, np.inf, None
    for _ in range(passes):
        with stages.time("transform and quantise"):
            symbols = FrameSymbols(motion, *quantise_blocks(target, known, grid, model, optimise=optimise))
            planes = _add_inverse(setup, _coefficients(setup, symbols, model), prediction)
        picture, plain = _crop(setup, finish(symbols, planes)), _crop(setup, planes)
        cost = squared_error(picture, source)
        if passes > 1:
            bits = block_bits(symbols.latents, symbols.patterns, symbols.lasts, known, grid, model)
            cost += squared_lambda(setup.steps[0]) * bits
        if cost < least:
            least, best = cost, (symbols, picture)
        if passes == 1 or all(np.array_equal(a, b) for a, b in zip(picture, plain, strict=True)):
            break
        with stages.time("transform and quantise"):
            added = (p.astype(np.float32) - q for p, q in zip(picture, plain, strict=True))
            y, u, v = (s - a for s, a in zip(source, added, strict=True))
            target = _scaled(setup, (y, u, v), prediction)
    assert best is not None
    return best


def squared_lambda(step: float) -> float:
    """Lambda in squared code values a bit, for a luma step in units of the dequantised coefficient."""
    return RATE_WEIGHT * (float(step) / 16) ** 2


def may_be_still(setup: FrameSetup, source: Planes, scaled: np.ndarray) -> bool:
    """Whether coding a frame by itself may cost less than its residual ``scaled`` (B, 384), in steps.

    By a rough count of bits, for the source without the mean of each block.
    """
    nothing = np.zeros((1, 1), np.uint16)
    alone = _scaled(setup, source, (nothing, nothing, nothing))
    alone[:, [0, layout.LUMA, layout.LUMA + layout.CHROMA]] = 0
    return _rough_bits(alone) < STILL_RATIO * _rough_bits(scaled)


def _rough_bits(scaled: np.ndarray) -> float:
    return float(np.log2(1 + np.maximum(0, np.abs(scaled) - 0.5)).sum(dtype=np.float64))


def code_symbols(
    setup: FrameSetup,
    references: tuple[FrameSymbols | None, ...],
    coder: Coder,
    chosen: FrameSymbols | None,
    model: SymbolModel,
    marks: list[int] | None = None,
    networks: Networks | None = None,
    shadows: Sequence[Shadow] = (),
) -> FrameSymbols:
    """Write the symbols of a frame (``chosen`` given, with its banks) or read them; returns them either way.

    references  symbols of each reference, None for I frames
    shadows     of each reference where context networks code
    marks       gets the coder's symbol count after motion, side, what networks add, and latents, for statistics
    Raises CorruptError for choices that cannot be.
    """
    rows, columns = grid_size(*setup.size)
    blocks = rows * columns
    symbols = chosen or _empty_symbols(setup, rows, columns)
    nibble = int(code_one(coder, RAW_NIBBLE, symbols.banks[0] | symbols.banks[1] << 2))
    symbols.banks = (nibble & 3, nibble >> 2)
    motion_base = layout.MOTION_BASE + (nibble & 3) * layout.MOTION_TABLES
    side_base = layout.SIDE_BASE + (nibble >> 2) * layout.SIDE_TABLES
    sources = tuple(r.motion if r is not None else None for r in references)
    modes, vectors = temporal_candidate(cell_grid(*setup.size), setup.distances, sources)
    motion = symbols.motion
    learned = frame_contexts(setup, references, model.contexts, shadows)
    if learned is not None:
        good = learned.code_motion(coder, symbols, (modes, vectors))
    else:
        good = code_motion(
            coder, motion_base, motion.modes, motion.vectors, modes, vectors, np.array(setup.distances, np.int64),
            "merge" not in setup.disabled, "split" not in setup.disabled,
        )  # fmt: skip
    _mark(marks, coder)
    if good and isinstance(networks, FrameNetworks):
        _mark(marks, coder)
        good = networks.code(setup, references, coder, symbols, marks)
        _mark(marks, coder)
    elif good:
        first, second = _reference_symbols(references, blocks)
        if learned is not None:
            learned.code_side(coder, symbols)
        else:
            code_side(coder, side_base, symbols.patterns, symbols.lasts, first[1], second[1], rows, columns)
        if isinstance(networks, RefineNetworks):
            _mark(marks, coder)
            good = code_switches(coder, symbols, networks.gain_counts)
        if _may_filter(setup, symbols):
            symbols.strength = int(code_one(coder, RAW_NIBBLE, symbols.strength))
        _mark(marks, coder)
        if learned is not None:
            good &= learned.code_latents(coder, symbols, model.weights)
        else:
            s = scan()
            good &= code_latents(
                coder, symbols.latents, symbols.lasts, first[0], second[0], rows, columns,
                s.position, s.diagonal, s.zone, s.before, model.weights, model.level_of, model.index,
            )  # fmt: skip
        _mark(marks, coder)
    if not good or coder.control[OVERRUN]:
        raise CorruptError(f"frame {setup.task.display_index}: impossible symbols")
    return symbols


def reconstruct(
    setup: FrameSetup,
    references: tuple[Reference, ...],
    symbols: FrameSymbols,
    model: SymbolModel,
    stages: Stages,
    prediction: Planes | None = None,
    networks: Networks | None = None,
) -> Planes:
    """Planes (uint16, ``setup.size``) of a frame from its symbols: integers only with networks off."""
    if prediction is None:
        with stages.time("prediction"):
            prediction = _predict(setup, references, symbols.motion)
    if isinstance(networks, FrameNetworks):
        with stages.time("networks"):
            coefficients, late = networks.restore(setup, references, symbols, prediction)
        with stages.time("inverse transform"):
            planes = _add_inverse(setup, coefficients, prediction)
        with stages.time("networks"):
            return networks.finish(setup, planes, late)
    fused, switches = None, symbols.switches or 0
    if networks is not None and switches:
        with stages.time("networks"):
            fused = networks.fuse(setup, references, symbols.motion, prediction)
            prediction = fused.prediction(switches)
    with stages.time("inverse transform"):
        planes = _add_inverse(setup, _coefficients(setup, symbols, model), prediction)
    if networks is not None and fused is not None:
        with stages.time("networks"):
            if switches & REFINED:
                refined = networks.refined(networks.render(setup, fused, switches, planes), symbols.gains)
                planes = select(switches, refined, planes)
    if symbols.strength:
        with stages.time("loop filter"):
            correction = _correction(setup, planes[0], prediction[0], model)
            planes = _filtered(setup, planes, correction, symbols.strength)
    return _crop(setup, planes)


def _may_filter(setup: FrameSetup, symbols: FrameSymbols) -> bool:
    """Whether a frame gives the strength of the loop filter: where networks refine luma it is off."""
    return "alf" not in setup.disabled and not (symbols.switches or 0) & LUMA_REFINED


def _correction(setup: FrameSetup, luma: np.ndarray, prediction: np.ndarray, model: SymbolModel) -> np.ndarray:
    filters = model.filters[loop_filter.group_of(setup.task.level)]
    return loop_filter.corrections(luma, prediction, int(setup.steps[0]), filters)


def _filtered(setup: FrameSetup, planes: Planes, correction: np.ndarray, strength: int) -> Planes:
    return loop_filter.add(planes[0], correction, strength, (1 << setup.bit_depth) - 1), planes[1], planes[2]


def _best_filtered(
    setup: FrameSetup, planes: Planes, prediction: np.ndarray, source: np.ndarray, model: SymbolModel
) -> tuple[int, Planes]:
    """(strength, planes) of the loop filter that is best for the luma ``source``."""
    if "alf" in setup.disabled:
        return 0, planes
    correction = _correction(setup, planes[0], prediction, model)
    strength = loop_filter.best_strength(planes[0], correction, source, (1 << setup.bit_depth) - 1)
    return strength, _filtered(setup, planes, correction, strength) if strength else planes


def _coefficients(setup: FrameSetup, symbols: FrameSymbols, model: SymbolModel) -> np.ndarray:
    """(B, 384) int32 from latents coded by contexts."""
    coefficients = np.empty(symbols.latents.shape, np.int32)
    dequantise(symbols.latents, scan().zone, setup.steps, model.recon, coefficients)
    return coefficients


def _add_inverse(setup: FrameSetup, coefficients: np.ndarray, prediction: Planes) -> Planes:
    """Prediction plus inverse transform, planes of the whole grid."""
    peak = (1 << setup.bit_depth) - 1
    columns = prediction[0].shape[1] // BLOCK
    out = []
    for plane, (n, low, high) in enumerate(layout.PLANES):
        picture = np.empty_like(prediction[plane])
        blocks = np.ascontiguousarray(coefficients[:, low:high]).reshape(-1, n, n)
        add_inverse(blocks, integer_matrix(n), prediction[plane], columns, peak, picture)
        out.append(picture)
    return out[0], out[1], out[2]


def _crop(setup: FrameSetup, planes: Planes) -> Planes:
    """Planes of the grid cut to the picture."""
    h, w = setup.size
    y, u, v = planes[0][:h, :w], planes[1][: h // 2, : w // 2], planes[2][: h // 2, : w // 2]
    return np.ascontiguousarray(y), np.ascontiguousarray(u), np.ascontiguousarray(v)


def _empty_symbols(setup: FrameSetup, rows: int, columns: int) -> FrameSymbols:
    blocks = rows * columns
    cells = cell_grid(*setup.size)
    motion = MotionField(np.zeros(cells, np.int8), np.zeros((*cells, 2, 2), np.int16), setup.distances)
    return FrameSymbols(
        motion,
        np.zeros((blocks, layout.LATENTS), np.int16),
        np.zeros(blocks, np.uint8),
        np.zeros((blocks, 3), np.uint8),
    )


def _reference_symbols(references: tuple[FrameSymbols | None, ...], blocks: int):
    """((latents, patterns) of the first, of the second reference), zeros where there are none."""
    out = []
    for k in range(2):
        r = references[k] if k < len(references) else None
        if r is None:
            out.append((np.zeros((blocks, layout.LATENTS), np.int16), np.zeros(blocks, np.uint8)))
        else:
            out.append((r.latents, r.patterns))
    return out


def _mark(marks: list[int] | None, coder: Coder) -> None:
    if marks is not None:
        marks.append(int(coder.control[1]))


def _predict(setup: FrameSetup, references: tuple[Reference, ...], motion: MotionField) -> Planes:
    return predict(
        tuple(r.padded for r in references),
        motion,
        setup.size,
        setup.bit_depth,
        overlapped="obmc" not in setup.disabled,
    )


def _scaled(setup: FrameSetup, source: Planes, prediction: Planes) -> np.ndarray:
    """(B, 384) float32 coefficients of the residual, in steps."""
    rows, columns = grid_size(*setup.size)
    blocks = rows * columns
    scaled = np.empty((blocks, layout.LATENTS), np.float32)
    steps = setup.steps / 16.0
    for plane, (n, low, high) in enumerate(layout.PLANES):
        h, w = source[plane].shape
        pad = ((0, rows * n - h), (0, columns * n - w))
        residual = np.pad(source[plane], pad, mode="edge").astype(np.float32) - prediction[plane]
        scaled[:, low:high] = forward(to_blocks(residual, n)).reshape(blocks, -1) / np.float32(steps[plane])
    return scaled


def quantise_blocks(
    scaled: np.ndarray,
    references: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    grid: tuple[int, int],
    model: SymbolModel,
    *,
    optimise: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(latents (B, 384) int16, patterns (B,) uint8, lasts (B, 3) uint8) of coefficients ``scaled`` (B, 384), in steps.

    references  (latents (B, 384), patterns (B,)) of both, zeros where they have none
    grid        rows and columns of blocks
    optimise    by rate and distortion; else plain rounding
    """
    blocks = grid[0] * grid[1]
    latents = np.zeros((blocks, layout.LATENTS), np.int16)
    patterns, lasts = np.zeros(blocks, np.uint8), np.zeros((blocks, 3), np.uint8)
    s, (first, second) = scan(), references
    quantise(
        scaled, ROUNDING if optimise else PLAIN_ROUNDING, RATE_WEIGHT, optimise,
        first[0], second[0], first[1], second[1], *grid,
        s.position, s.diagonal, s.zone, s.before, model.weights, model.level_of, model.index, model.recon,
        model.tables.costs, _side_costs(model), latents, patterns, lasts,
    )  # fmt: skip
    return latents, patterns, lasts


def block_bits(
    latents: np.ndarray,
    patterns: np.ndarray,
    lasts: np.ndarray,
    references: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    grid: tuple[int, int],
    model: SymbolModel,
) -> float:
    """Bits of what ``quantise_blocks`` gave, in the best side bank, with the bits that name it.

    references  (latents, patterns) of both, zeros where they have none
    """
    coder = encoding_coder(model.tables, grid[0] * grid[1] * (layout.LATENTS * 8 + 64) + 64)
    first, second = references
    code_side(coder, layout.SIDE_BASE, patterns, lasts, first[1], second[1], *grid)
    s = scan()
    code_latents(
        coder, latents, lasts, first[0], second[0], *grid,
        s.position, s.diagonal, s.zone, s.before, model.weights, model.level_of, model.index,
    )  # fmt: skip
    values, tables = queued(coder)
    side = (tables >= layout.SIDE_BASE) & (tables < layout.SIDE_BASE + layout.SIDE_TABLES)
    banks = [model.tables.costs[tables[side] + k * layout.SIDE_TABLES, values[side]].sum() for k in range(layout.BANKS)]
    return float(model.tables.costs[tables[~side], values[~side]].sum() + min(banks) + 4)


def _side_costs(model: SymbolModel) -> np.ndarray:
    """(SIDE_TABLES, 32) bits of patterns and last diagonals as they count, mean over the banks: which codes is open."""
    costs = model.tables.costs[layout.SIDE_BASE : layout.LATENT_BASE]
    return SIDE_WEIGHT * costs.reshape(layout.BANKS, layout.SIDE_TABLES, -1).mean(0).astype(np.float64)


def _choose_banks(setup, references, symbols: FrameSymbols, model: SymbolModel, networks) -> tuple[int, int]:
    """The motion bank and the side bank that code these symbols (banks 0 so far) with the fewest bits.

    Where networks give the contexts the banks are inputs, chosen the same way.
    """
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    model = replace(model, contexts=None)
    code_symbols(setup, tuple(r.symbols for r in references), coder, symbols, model, networks=networks)
    values, tables = queued(coder)
    best = []
    for base, size in ((layout.MOTION_BASE, layout.MOTION_TABLES), (layout.SIDE_BASE, layout.SIDE_TABLES)):
        mine = (tables >= base) & (tables < base + size)
        bits = [model.tables.costs[tables[mine] + k * size, values[mine]].sum() for k in range(layout.BANKS)]
        best.append(int(np.argmin(bits)))
    return best[0], best[1]


def symbol_capacity(setup: FrameSetup) -> int:
    """Most symbols that one frame can queue."""
    rows, columns = grid_size(*setup.size)
    return rows * columns * (layout.LATENTS * 24 + 544) + 64
