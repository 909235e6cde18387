"""Fits the integers of the symbol coder (``codec.symbols.SymbolModel``) on clips.

Each round encodes the clips with the model so far and fits anew: weights of the magnitude estimate by reweighted
non-negative least squares, latent tables by clustering the histograms of all contexts, banks of motion and side
tables by clustering frames, and where to put the values within their bins.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nvc.codec import symbols as layout
from nvc.codec.encoder import Encoder
from nvc.codec.frame_coder import code_symbols, symbol_capacity
from nvc.codec.latent_coding import collect_features
from nvc.codec.loop_filter import CLASSES, GROUPS, TAPS
from nvc.codec.symbols import SymbolModel, model_from, scan, table_sizes
from nvc.entropy.coder import encoding_coder, queued
from nvc.entropy.tables import quantise_counts
from nvc.errors import InputError
from nvc.motion.field import grid_size
from nvc.train import filters
from nvc.train.clips import cut
from nvc.types import PRESETS, Frame, Settings

# Level thresholds of the magnitude estimate, in 1/32.
_THRESHOLDS = np.array([1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 240])
_SCALE = 512


@dataclass
class Observed:
    """What the encodes of one round have shown.

    queues   (symbols, tables) of each frame, coded with banks 0
    samples  rows of ``collect_features``
    scaled   (zone, magnitude class 1..3, value before rounding less the magnitude), of non-zero latents
    """

    queues: list = field(default_factory=list)
    samples: list = field(default_factory=list)
    scaled: list = field(default_factory=list)


def start_arrays() -> dict[str, np.ndarray]:
    """A rough model to begin with: geometric tables by level, equal weights."""
    counts = np.zeros((layout.TABLES, layout.SYMBOLS))
    sizes = table_sizes()
    for t, size in enumerate(sizes):
        counts[t, :size] = 1000 * 0.6 ** np.arange(size)
    counts[:2] = 1.0
    for level in range(layout.LEVELS):
        mean = max(0.02, ([0, *_THRESHOLDS][level] + 0.5) / 32)
        p = mean / (1 + mean)
        magnitude = (np.arange(layout.SYMBOLS) + 1) // 2
        counts[layout.LATENT_BASE + level] = 1e5 * p**magnitude + 0.1
    weights = np.zeros((layout.ZONES, 2, layout.FEATURES))
    weights[:, :, 0] = 1
    weights[:, :, 1:] = [60, 40, 30, 30, 12, 60, 60, 40, 60]
    frequencies = quantise_counts(counts, sizes)
    frequencies[: layout.RAW_TABLES] = raw_frequencies()
    return {
        "frequencies": frequencies,
        "weights": weights.astype(np.int32),
        "level_of": np.searchsorted(_THRESHOLDS, np.arange(1024), side="right").astype(np.uint8),
        "index": np.broadcast_to(
            np.arange(layout.LEVELS, dtype=np.uint8), (layout.ZONES, layout.LAST_CLASSES, layout.LEVELS)
        ).copy(),
        "recon": np.zeros((layout.ZONES, 3), np.int32),
        "filters": np.zeros((GROUPS, CLASSES, TAPS), np.int8),
    }


class _Recorder(Encoder):
    """An encoder that keeps what its frames showed."""

    observed: Observed

    def _observe(self, setup, references, choices):
        symbols = [r.symbols for r in references]
        coder = encoding_coder(self._model.tables, symbol_capacity(setup))
        code_symbols(setup, tuple(symbols), coder, replace(choices.symbols, banks=(0, 0)), self._model)
        self.observed.queues.append(queued(coder))
        self._sample(setup, symbols, choices.symbols)
        latents = choices.symbols.latents
        block, channel = np.nonzero(latents)
        magnitude = np.abs(latents[block, channel].astype(np.float32))
        pulled = magnitude - np.abs(choices.scaled[block, channel])
        kept = np.abs(pulled) < 1.5
        zone = scan().zone[channel]
        self.observed.scaled.append(np.stack([zone, np.minimum(magnitude, 3), pulled], 1)[kept].astype(np.float32))

    def _sample(self, setup, references, mine) -> None:
        rows, columns = grid_size(*setup.size)
        zeros = np.zeros_like(mine.latents)
        first, second = ([r.latents if r else zeros for r in references] + [zeros])[:2]
        s = scan()
        out = np.empty((mine.latents.size, 14), np.int16)
        n = collect_features(
            mine.latents, mine.lasts, first, second, rows, columns, s.position, s.diagonal, s.zone, s.before, out
        )
        self.observed.samples.append(out[:n].copy())


def raw_frequencies() -> np.ndarray:
    """(RAW_TABLES, SYMBOLS): exactly flat over 16 symbols and over 2."""
    rows = np.zeros((layout.RAW_TABLES, layout.SYMBOLS), np.int64)
    rows[0, :16], rows[1, :2] = 256, 2048
    return rows


def observe(
    clips: Iterable[Sequence[Frame]],
    qualities: Sequence[int],
    model: SymbolModel,
    structure: str,
    preset: str = "medium",
) -> Observed:
    """Encode each clip at each quality and keep what its inter frames showed."""
    observed = Observed()
    for frames in clips:
        for quality in qualities:
            settings = Settings(
                quality=quality, structure=structure, preset=preset, threads=1, keyint=64,  # type: ignore[arg-type]
                disable=frozenset({"networks", "stills"}),  # which frames are stills hangs on the tables to be
            )  # fmt: skip
            encoder = _Recorder(frames[0].info, settings, model=model)
            encoder.observed = observed
            for frame in frames:
                encoder.push(frame)
            encoder.flush()
    return observed


def fit(observed: Observed, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """New arrays from what was seen."""
    samples = np.concatenate(observed.samples)
    weights = _fit_weights(samples)
    index, latent_counts = _fit_index(samples, weights, arrays["level_of"])
    counts = _bank_counts(observed)
    counts[layout.LATENT_BASE :] = latent_counts
    frequencies = quantise_counts(counts, table_sizes(), prior=0.4)
    frequencies[: layout.RAW_TABLES] = raw_frequencies()
    return {
        "frequencies": frequencies,
        "weights": weights,
        "level_of": arrays["level_of"],
        "index": index,
        "recon": _fit_recon(np.concatenate(observed.scaled)),
        "filters": arrays["filters"],
    }


def fit_banks(observed: Observed, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays with new banks of motion and sides, all else as it was."""
    rows = slice(layout.MOTION_BASE, layout.LATENT_BASE)
    frequencies = arrays["frequencies"].copy()
    frequencies[rows] = quantise_counts(_bank_counts(observed)[rows], table_sizes()[rows])
    return {**arrays, "frequencies": frequencies}


def _bank_counts(observed: Observed) -> np.ndarray:
    """(TABLES, SYMBOLS) counts of the banks of motion and sides; 1 for raw tables, 0 for latents."""
    counts = np.zeros((layout.TABLES, layout.SYMBOLS))
    counts[: layout.RAW_TABLES] = 1.0
    _fit_banks(observed.queues, layout.MOTION_BASE, layout.MOTION_TABLES, counts)
    _fit_banks(observed.queues, layout.SIDE_BASE, layout.SIDE_TABLES, counts)
    for table, size in enumerate(table_sizes()):
        counts[table, size:] = 0
    return counts


def _fit_recon(scaled: np.ndarray) -> np.ndarray:
    """(ZONES, 3) mean of magnitude less value before rounding, in 1/64 of a step; 0 where little was seen."""
    recon = np.zeros((layout.ZONES, 3), np.int32)
    for zone in range(layout.ZONES):
        for m in range(3):
            mine = scaled[(scaled[:, 0] == zone) & (scaled[:, 1] == m + 1), 2]
            if len(mine) > 200:
                recon[zone, m] = int(np.floor(64 * mine.mean() + 0.5))
    return recon


def _fit_weights(samples: np.ndarray) -> np.ndarray:
    from scipy.optimize import nnls

    weights = np.zeros((layout.ZONES, 2, layout.FEATURES), np.int32)
    for zone in range(layout.ZONES):
        for parity in range(2):
            mine = samples[(samples[:, 0] == zone) & (samples[:, 1] == parity)].astype(np.float64)
            if len(mine) < 50:
                weights[zone, parity, 0] = 1
                continue
            x, y = mine[:, 3:13], np.minimum(np.abs(mine[:, 13]), 15)
            x[:, 0] /= 16
            estimate = np.full(len(y), y.mean() + 0.02)
            for _ in range(4):
                w = 1 / (estimate * (1 + estimate)) ** 0.5
                a = x * w[:, None]
                solution, _ = nnls(a.T @ a + 1e-3 * len(y) * np.eye(x.shape[1]), a.T @ (y * w))
                estimate = np.maximum(x @ solution, 0.01)
            solution[0] /= 16
            weights[zone, parity] = np.floor(solution * _SCALE + 0.5)
    return weights


def _fit_index(samples: np.ndarray, weights: np.ndarray, level_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index (ZONES, LAST_CLASSES, LEVELS), counts (LATENT_TABLES, SYMBOLS)) by clustering context histograms."""
    zone, parity, near = samples[:, 0].astype(int), samples[:, 1].astype(int), samples[:, 2].astype(int)
    total = np.zeros(len(samples), np.int64)
    for f in range(layout.FEATURES):
        total += weights[zone, parity, f].astype(np.int64) * samples[:, 3 + f]
    level = level_of[np.clip(total >> 4, 0, 1023)].astype(int)
    value = samples[:, 13].astype(int)
    magnitude = np.minimum(np.abs(value), layout.LARGEST + 1)
    contexts = layout.ZONES * layout.LAST_CLASSES * layout.LEVELS
    context = (zone * layout.LAST_CLASSES + near) * layout.LEVELS + level
    histogram = np.zeros((contexts, layout.LARGEST + 2))
    np.add.at(histogram, (context, magnitude), 1)
    label, merged = _cluster(histogram, layout.LATENT_TABLES)
    counts = np.zeros((layout.LATENT_TABLES, layout.SYMBOLS))
    counts[:, 0] = merged[:, 0]
    for m in range(1, layout.LARGEST + 1):
        counts[:, 2 * m - 1] = counts[:, 2 * m] = merged[:, m] / 2
    counts[:, layout.ESCAPE] = merged[:, -1]
    return label.reshape(layout.ZONES, layout.LAST_CLASSES, layout.LEVELS).astype(np.uint8), counts


def _cluster(histogram: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """k-means of histograms by coding cost: each goes to the table that codes it with the fewest bits."""
    total = histogram.sum(1)
    mean = (histogram * np.arange(histogram.shape[1])).sum(1) / np.maximum(total, 1)
    order = np.argsort(mean, kind="stable")
    share = np.cumsum(np.sqrt(total[order])) / max(1.0, np.sqrt(total).sum())
    label = np.zeros(len(histogram), int)
    label[order] = np.minimum(k - 1, (share * k).astype(int))
    merged = np.zeros((k, histogram.shape[1]))
    for _ in range(30):
        merged[:] = 0
        np.add.at(merged, label, histogram)
        smooth = merged + 0.3
        bits = -np.log2(smooth / smooth.sum(1, keepdims=True))
        label = np.argmin(histogram @ bits.T, 1)
    # Contexts never seen take the table of the nearest level that was.
    seen = np.flatnonzero(total > 0)
    for c in np.flatnonzero(total == 0):
        label[c] = label[seen[np.argmin(np.abs(seen - c))]]
    return label, merged


def _fit_banks(queues: list, base: int, size: int, counts: np.ndarray) -> None:
    """Fill the counts of all banks of one kind by clustering frames by coding cost."""
    frames = np.zeros((len(queues), size, layout.SYMBOLS))
    for k, (symbols, tables) in enumerate(queues):
        mine = (tables >= base) & (tables < base + size)
        np.add.at(frames[k], (tables[mine] - base, symbols[mine]), 1)
    weight = frames.sum((1, 2))
    cost = np.array([_self_bits(f) for f in frames]) / np.maximum(weight, 1)
    label = np.argsort(np.argsort(cost)) * layout.BANKS // len(frames)
    prior = frames.sum(0) / max(1.0, weight.sum()) * 200
    for _ in range(15):
        banks = np.stack([frames[label == b].sum(0) + prior + 0.02 for b in range(layout.BANKS)])
        bits = -np.log2(banks / banks.sum(2, keepdims=True))
        label = np.argmin(np.einsum("fts,bts->fb", frames, bits), 1)
    for b in range(layout.BANKS):
        counts[base + b * size : base + (b + 1) * size] = banks[b]


def _self_bits(frame: np.ndarray) -> float:
    total = frame.sum(1, keepdims=True)
    p = frame / np.maximum(total, 1)
    return float(-(frame * np.log2(np.maximum(p, 1e-9))).sum())


def fit_model(
    clips: Sequence[Sequence[Frame]], qualities: Sequence[int], rounds: int, arrays: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Arrays of a model fitted on clips: ``rounds`` times encode and fit."""
    arrays = arrays or start_arrays()
    for _ in range(rounds):
        arrays = fit(observe(clips, qualities, model_from(arrays), "ra"), arrays)
    return arrays


def read_clips(folder: Path, length: int, limit: int) -> list[list[Frame]]:
    """The first ``length`` frames of up to ``limit`` videos of a folder, spread evenly over the sorted names.

    Every tenth video is left out: those are the validation part that choices are made on.
    """
    from nvc.io.reader import open_video

    paths = [p for k, p in enumerate(sorted(folder.glob("*.mkv"))) if k % 10 != 5]
    if not paths:
        raise InputError(f"no .mkv clips in {folder}")
    clips = []
    for path in paths[:: max(1, len(paths) // limit)][:limit]:
        with open_video(path, frames=length, carry=False) as reader:
            clips.append(list(reader))
    return clips


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of scripts/fit_tables."""
    from safetensors.numpy import load_file, save_file

    parser = argparse.ArgumentParser(description="fit the symbol tables on a folder of clips of 17 frames")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("nvc/weights/tables.safetensors"))
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--crop", type=int, metavar="N", help="cut clips to N x N in their middle")
    parser.add_argument("--preset", choices=PRESETS, default="medium")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--banks", action="store_true", help="fit banks of motion and sides only, from --out on")
    part.add_argument("--filters", action="store_true", help="fit the loop filter only, from --out on")
    parser.add_argument("--qualities", type=int, nargs="+", default=[4, 16, 28, 40, 52, 60])
    args = parser.parse_args(argv)
    clips = read_clips(args.folder, 17, args.clips)
    if args.crop:
        clips = [[cut(frame, args.crop) for frame in clip] for clip in clips if args.crop <= min(clip[0].y.shape)]
    arrays = load_file(args.out) if args.banks or args.filters else start_arrays()
    for k in range(args.rounds):
        if not args.filters:
            observed = observe(clips, args.qualities, model_from(arrays), "ra", args.preset)
            arrays = fit_banks(observed, arrays) if args.banks else fit(observed, arrays)
        if not args.banks:
            model = model_from(arrays)
            seen = (filters.observe(clip, quality, model) for clip in clips for quality in args.qualities)
            arrays["filters"] = filters.fit_filters(seen)
        print(f"round {k + 1} of {args.rounds}: {len(clips)} clips", flush=True)
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, args.out)
    return 0
