"""Training samples on disk and in memory: one for each frame that the real encoder coded.

A folder holds shards of a part ("train", "validation"): ``<part>-<k>.u8``, planes as uint8 (N, 4, size*size*3/2)
with source, prediction and both references warped, and ``<part>-<k>.npz`` with the rest. Planes are mapped, so several
processes share one copy in memory. What is drawn depends on (seed, step, position) alone: a resumed run draws the same.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nvc import color
from nvc.errors import InputError
from nvc.models.blocks import CHROMA, LATENTS, LUMA
from nvc.models.refine import INTRA_LEVEL

CELL = 16
PICTURES = 4  # source, prediction, first and second reference warped
META = "meta.json"
Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded frame; an I frame is its own prediction, at level ``INTRA_LEVEL``.

    planes      uint8 (4, size*size*3/2): source, prediction, first and second reference warped, each y, u, v
    symbols     positions (int32, block * 384 + channel) and values (int16) of the non-zero latents of each reference
                that has symbols
    quality, level   as the networks are told
    steps       (3,) quantiser steps, as ``FrameSetup.steps``
    cost        bits of the whole clip with networks off, I frame and motion included, over its frames: what a
                change of this frame's bits + D / lambda is to be compared with, since BD-rates are
    own_cost    bits of this frame's latents + D / lambda with networks off
    """

    planes: np.ndarray
    symbols: tuple[tuple[np.ndarray, np.ndarray], ...]
    quality: int
    level: int
    steps: np.ndarray
    cost: float
    own_cost: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples as tensors, sorted by the number of references that have symbols.

    source, prediction   (N, 6, size/2, size/2) float32; warped: two of them
    symbols     for each of two references (N, 384, h, w) float32, zeros where there is none
    counts      (N,) number of references with symbols, rising
    quality, level   (N,) int64; steps (N, 3) float32; cost, own_cost (N,) float32, for the area of the crop
    """

    source: Tensor
    prediction: Tensor
    warped: tuple[Tensor, Tensor]
    symbols: tuple[Tensor, Tensor]
    counts: Tensor
    quality: Tensor
    level: Tensor
    steps: Tensor
    cost: Tensor
    own_cost: Tensor

    def to(self, device: str | torch.device) -> "Batch":
        """The batch on a device, pictures in channels_last."""

        def move(value: Tensor) -> Tensor:
            layout = torch.channels_last if value.ndim == 4 else torch.preserve_format
            return value.to(device, memory_format=layout, non_blocking=True)

        parts: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            parts[name] = tuple(map(move, value)) if isinstance(value, tuple) else move(value)
        return Batch(**parts)


def write_shard(folder: Path, name: str, samples: Iterable[Sample]) -> int:
    """Write samples as shard ``name`` ("train-0") one after another; returns their number."""
    rows: dict[str, list] = {k: [] for k in ("quality", "level", "steps", "cost", "own_cost", "starts")}
    positions: list[np.ndarray] = []
    values: list[np.ndarray] = []
    end = 0
    with (folder / f"{name}.u8").open("wb") as file:
        for sample in samples:
            file.write(np.ascontiguousarray(sample.planes, np.uint8).tobytes())
            starts = [end]
            for where, what in sample.symbols:
                positions.append(where.astype(np.int32))
                values.append(what.astype(np.int16))
                end += len(where)
                starts.append(end)
            rows["starts"].append([*starts, -1, -1][:3])
            for key in ("quality", "level", "steps", "cost", "own_cost"):
                rows[key].append(getattr(sample, key))
    arrays: dict[str, Any] = {key: np.array(value) for key, value in rows.items()}
    arrays["positions"] = np.concatenate(positions) if positions else np.zeros(0, np.int32)
    arrays["values"] = np.concatenate(values) if values else np.zeros(0, np.int16)
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    return len(rows["quality"])


class Samples:
    """All samples of one part of a prepared folder.

    folder  what ``nvc train prepare`` wrote; part "train" or "validation"
    intra   with the I frames
    Raises InputError where nothing is there.
    """

    def __init__(self, folder: Path, part: str = "train", *, intra: bool = True) -> None:
        self.size = int(read_meta(folder)["size"])
        self._shards: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []
        places, levels = [], []
        for path in sorted(folder.glob(f"{part}-*.npz")):
            with np.load(path) as file:
                index = {key: file[key] for key in file.files}
            if not len(index["quality"]):
                continue
            shape = (len(index["quality"]), PICTURES, self.size * self.size * 3 // 2)
            planes = np.memmap(path.with_suffix(".u8"), np.uint8, "r", shape=shape)
            kept = [k for k in range(shape[0]) if intra or index["level"][k] != INTRA_LEVEL]
            places += [(len(self._shards), k) for k in kept]
            levels.append(index["level"][kept])
            self._shards.append((planes, index))
        if not places:
            raise InputError(f"{folder} holds no {part} samples; make them with: nvc train prepare")
        self._places = np.array(places)
        self.levels = np.concatenate(levels)

    def __len__(self) -> int:
        return len(self._places)

    def keep_first_clip(self) -> None:
        """Forget all but the samples of the first clip (equal costs), to see whether networks learn at all."""
        first = self.sample(0).cost
        mine = [k for k in range(len(self)) if self.sample(k).cost == first]
        self._places, self.levels = self._places[mine], self.levels[mine]

    def sample(self, k: int) -> Sample:
        """Sample ``k``; its planes are a view."""
        shard, row = self._places[k]
        planes, index = self._shards[shard]
        starts = [s for s in index["starts"][row] if s >= 0]
        symbols = tuple(
            (index["positions"][a:b], index["values"][a:b]) for a, b in zip(starts, starts[1:], strict=False)
        )
        return Sample(
            planes[row], symbols, int(index["quality"][row]), int(index["level"][row]),
            index["steps"][row], float(index["cost"][row]), float(index["own_cost"][row]),
        )  # fmt: skip

    def draw(self, seed: int, step: int, count: int, level_draw: Sequence[float]) -> np.ndarray:
        """``count`` sample numbers of a step; a sample of level k is drawn level_draw[k] times as often as one of 1."""
        weights = np.asarray(level_draw, np.float64)[np.minimum(self.levels, len(level_draw) - 1)]
        return np.random.default_rng([seed, step]).choice(len(self), count, p=weights / weights.sum())

    def batch(self, numbers: Sequence[int] | np.ndarray, crop: int | None = None, seed: Sequence[int] = (0,)) -> Batch:
        """Samples as a batch: whole, or augmented crops of ``crop`` (a multiple of 16), random by ``seed``."""
        views = []
        for k, number in enumerate(numbers):
            sample = self.sample(int(number))
            random = np.random.default_rng([*seed, k])
            views.append(_whole(sample, self.size) if crop is None else _augmented(sample, self.size, crop, random))
        views.sort(key=lambda view: view[3])
        return _stack(views, (crop or self.size) ** 2 / self.size**2)


def read_meta(folder: Path) -> dict:
    """What ``prepare`` noted about a folder. Raises InputError where it is no prepared folder."""
    path = folder / META
    if not path.is_file():
        raise InputError(f"{folder} is no prepared folder (no {META}); make one with: nvc train prepare")
    return json.loads(path.read_text(encoding="utf-8"))


def _split(row: np.ndarray, size: int) -> Planes:
    """Planes (y, u, v) of one stored picture, views."""
    luma, half = size * size, size // 2
    y, u, v = np.split(row, [luma, luma + half * half])
    return y.reshape(size, size), u.reshape(half, half), v.reshape(half, half)


def _dense(sample: Sample, size: int) -> list[np.ndarray]:
    """Symbols (384, h, w) int16 of both references, zeros where there are none."""
    cells = size // CELL
    out = []
    for k in range(2):
        flat = np.zeros(cells * cells * LATENTS, np.int16)
        if k < len(sample.symbols):
            flat[sample.symbols[k][0]] = sample.symbols[k][1]
        out.append(flat.reshape(cells, cells, LATENTS).transpose(2, 0, 1))
    return out


def _whole(sample: Sample, size: int):
    return [_split(row, size) for row in sample.planes], _dense(sample, size), sample, len(sample.symbols)


def _augmented(sample: Sample, size: int, crop: int, random: np.random.Generator):
    """A crop on the grid of cells, turned by one of eight symmetries."""
    last = (size - crop) // CELL
    row, column = (int(random.integers(0, last + 1)) * CELL for _ in range(2))
    down, across, turn = (bool(random.integers(0, 2)) for _ in range(3))

    def cut(plane: np.ndarray, unit: int) -> np.ndarray:
        """The crop of a plane whose sample is ``unit`` luma samples wide, or of symbols (unit 16), turned."""
        r, c, n = row // unit, column // unit, crop // unit
        plane = plane[..., r : r + n, c : c + n]
        plane = plane[..., ::-1, :] if down else plane
        plane = plane[..., ::-1] if across else plane
        return plane.swapaxes(-1, -2) if turn else plane

    pictures = []
    for stored in sample.planes:
        y, u, v = _split(stored, size)
        pictures.append((cut(y, 1), cut(u, 2), cut(v, 2)))
    symbols = []
    for dense in _dense(sample, size):
        kept = cut(dense, CELL) * flip_signs(down, across)[:, None, None]
        symbols.append(kept[transposed_channels()] if turn else kept)
    return pictures, symbols, sample, len(sample.symbols)


def flip_signs(down: bool, across: bool) -> np.ndarray:
    """(384,) int16 signs that coefficients take when a picture is flipped top to bottom, left to right."""
    signs = []
    for n in (16, 8, 8):
        u, v = np.divmod(np.arange(n * n), n)
        signs.append((-1) ** (u * down + v * across))
    return np.concatenate(signs).astype(np.int16)


def transposed_channels() -> np.ndarray:
    """(384,) the channel that each channel takes its value from when a picture is transposed."""
    parts = []
    for base, n in ((0, 16), (LUMA, 8), (LUMA + CHROMA, 8)):
        u, v = np.divmod(np.arange(n * n), n)
        parts.append(base + v * n + u)
    return np.concatenate(parts)


def _stack(views: list, share: float) -> Batch:
    pictures = [
        color.to_tensor(tuple(np.stack([view[0][k][plane] for view in views]) for plane in range(3)), 8)  # type: ignore[arg-type]
        for k in range(PICTURES)
    ]
    symbols = [torch.from_numpy(np.stack([view[1][k] for view in views]).astype(np.float32)) for k in range(2)]
    samples = [view[2] for view in views]
    return Batch(
        source=pictures[0],
        prediction=pictures[1],
        warped=(pictures[2], pictures[3]),
        symbols=(symbols[0], symbols[1]),
        counts=torch.tensor([view[3] for view in views]),
        quality=torch.tensor([s.quality for s in samples]),
        level=torch.tensor([s.level for s in samples]),
        steps=torch.from_numpy(np.stack([s.steps for s in samples]).astype(np.float32)),
        cost=torch.tensor([s.cost * share for s in samples], dtype=torch.float32),
        own_cost=torch.tensor([s.own_cost * share for s in samples], dtype=torch.float32),
    )
