"""What the context networks learn from: symbols of real encodes, each with its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nvc.codec import symbols as layout
from nvc.codec.context_networks import Scratch, scratch
from nvc.codec.encoder import Encoder
from nvc.codec.frame_coder import FrameSetup, code_symbols, symbol_capacity
from nvc.codec.learned_symbols import frame_contexts
from nvc.codec.references import FrameSymbols
from nvc.codec.shadows import Shadow
from nvc.codec.symbols import SymbolModel
from nvc.entropy.coder import encoding_coder, queued
from nvc.errors import InputError
from nvc.models.contexts import (
    BLOCK_MERGE,
    CELL_MERGE,
    KINDS,
    LAST,
    LATENT,
    LENGTH,
    MODE,
    PATTERN,
    QUESTIONS,
    RANGES,
    SIGN,
    ContextNetworks,
    networks_from,
    rows_of,
)
from nvc.motion.field import cell_grid, temporal_candidate
from nvc.train.clips import read_clips, videos
from nvc.train.prepare import QUALITIES, SIZE, draw_quality, map_jobs
from nvc.types import Frame, Settings, VideoInfo

# Share of clips coded with low delay, so that their symbols are known too.
_LOW_DELAY = 0.15
_SYMBOLS_A_BLOCK = 64  # of motion and sides
_PASSES = 2
_EVERY = 3  # of the frames' latents one in this many is learned from: they are many


@dataclass(frozen=True, slots=True)
class Notes:
    """Symbols of one kind: inputs (N, those of the kind) int16, chosen (N,) uint8."""

    inputs: np.ndarray
    chosen: np.ndarray


@dataclass(frozen=True, slots=True)
class Collected:
    """Notes by kind, and the bits (8,) that the tables of networks off code them with."""

    kinds: list[Notes]
    bits: np.ndarray


def silent_networks() -> ContextNetworks:
    """Networks of one hidden unit that know and learn nothing, to collect inputs with: no table is looked into."""
    return networks_from(
        {
            "rows": np.zeros((rows_of(), 1), np.int16),
            "bias": np.zeros((KINDS, 1), np.int32),
            "middle": np.zeros((KINDS, 1, 1), np.int16),
            "middle_bias": np.zeros((KINDS, 1), np.int32),
            "questions": np.zeros((KINDS, max(QUESTIONS), 1), np.int16),
            "question_bias": np.zeros((KINDS, max(QUESTIONS)), np.int32),
            "rates": np.zeros((KINDS, 2), np.int16),
        }
    )


def note_frame(
    setup: FrameSetup,
    references: tuple[FrameSymbols | None, ...],
    shadows: Sequence[Shadow],
    coded: FrameSymbols,
    model: SymbolModel,
) -> Collected:
    """The symbols of one frame; sets its choices, and that nothing was learned."""
    room = scratch(1, 1, len(coded.patterns) * (_SYMBOLS_A_BLOCK + layout.LATENTS))
    contexts = frame_contexts(setup, references, silent_networks(), shadows, room)
    if contexts is None:
        raise InputError("context networks learn from frames with all tools on")
    sources = tuple(r.motion if r is not None else None for r in references)
    temporal = temporal_candidate(cell_grid(*setup.size), setup.distances, sources)
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    contexts.code_motion(coder, coded, temporal)
    contexts.code_side(coder, coded)
    contexts.code_latents(coder, coded, model.weights)
    kinds = split_kinds(room)
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    code_symbols(setup, references, coder, coded, replace(model, contexts=None))
    return Collected(kinds, _fitted_bits(*queued(coder), model.tables.costs, len(kinds[SIGN].chosen)))


def _fitted_bits(values: np.ndarray, tables: np.ndarray, costs: np.ndarray, signs: int) -> np.ndarray:
    """(8,) bits by kind of what networks off queued; signs of latents count with them, those of vectors alone."""
    kinds = np.full(len(costs), KINDS)
    banks = [
        (layout.MOTION_BASE, layout.MOTION_TABLES, ((layout.MERGE, BLOCK_MERGE), (layout.CELL_MERGE, CELL_MERGE),
                                                    (layout.MODE, MODE), (layout.LENGTH, LENGTH))),
        (layout.SIDE_BASE, layout.SIDE_TABLES, ((layout.PATTERN, PATTERN), (layout.LAST_LUMA, LAST))),
    ]  # fmt: skip
    for base, size, parts in banks:
        for start, kind in parts:
            for bank in range(layout.BANKS):
                kinds[base + bank * size + start : base + (bank + 1) * size] = kind
    kinds[layout.LATENT_BASE : layout.TABLES] = LATENT
    bits = np.bincount(kinds[tables], costs[tables, values], KINDS + 1)[:KINDS]
    bits[SIGN] = signs
    return bits


def split_kinds(room: Scratch) -> list[Notes]:
    """Notes by kind."""
    n = int(room.noted[0])
    kinds, chosen, seen = room.kinds[:n], room.chosen[:n], room.seen[:n]
    return [Notes(seen[kinds == k, : len(RANGES[k])], chosen[kinds == k]) for k in range(KINDS)]


def join(found: Sequence[Collected]) -> Collected:
    """What many frames showed."""
    notes = [
        Notes(*(np.concatenate([getattr(f.kinds[k], name) for f in found]) for name in ("inputs", "chosen")))
        for k in range(KINDS)
    ]
    return Collected(notes, np.sum([f.bits for f in found], axis=0))


class _NotingEncoder(Encoder):
    """An encoder that notes the symbols of its inter frames; of latents it keeps those of one frame in ``every``."""

    def __init__(self, info: VideoInfo, settings: Settings, every: int) -> None:
        super().__init__(info, settings)
        self.found: list[Collected] = []
        self.every = every
        self._shaded = True  # networks are off, but their inputs want shadows

    def _observe(self, setup, references, choices) -> None:
        symbols, shadows = tuple(r.symbols for r in references), tuple(r.shadow for r in references)
        frame = note_frame(setup, symbols, shadows, choices.symbols, self._model)
        if setup.task.display_index % self.every:
            frame.kinds[LATENT] = Notes(frame.kinds[LATENT].inputs[:0], frame.kinds[LATENT].chosen[:0])
            frame.bits[LATENT] = 0
        self.found.append(frame)


def note_clip(frames: Sequence[Frame], quality: int, structure: str = "ra", every: int = 1) -> list[Collected]:
    """What the inter frames of a clip, coded as one I period, showed."""
    settings = Settings(
        quality=quality, structure=structure, threads=1, keyint=64, intra="hevc",  # type: ignore[arg-type]
        disable=frozenset({"stills", "networks"}),
    )  # fmt: skip
    encoder = _NotingEncoder(frames[0].info, settings, every)
    for frame in frames:
        encoder.push(frame)
    encoder.flush()
    return encoder.found


def collect(folder: Path, part: str, *, workers: int = 1) -> Collected:
    """What the clips of a part of ``folder`` show: in training all of them, each at two drawn qualities, some of them
    with low delay; in validation the first of each video at five qualities.

    Coded with networks off, which takes less time; with them on the same symbols come out a little differently.
    """
    # A job for each video: what is found in one is no more than some ten MB, and workers keep none of it.
    jobs = [(path, part == "train", k) for k, path in enumerate(videos(folder, part))]
    found = [clip for clips in map_jobs(_collect, jobs, max(1, min(workers, len(jobs)))) for clip in clips]
    if not found:
        raise InputError(f"no clips of {SIZE}x{SIZE} with 8 bits in {folder}")
    return join(found)


def _collect(path: Path, learn: bool, seed: int) -> list[Collected]:
    random = np.random.default_rng(seed)
    found: list[Collected] = []
    for frames in read_clips(path, SIZE):
        if not learn:
            for quality in QUALITIES:
                found += note_clip(frames, quality)
            break
        for _ in range(_PASSES):
            structure = "ld" if random.random() < _LOW_DELAY else "ra"
            found += note_clip(frames, draw_quality(random), structure, _EVERY)
    return [join(found)] if found else []
