"""Samples for the enhancement on disk and in memory: coded pictures, their aligned neighbours, their originals.

A folder holds shards of a part ("train", "validation"): ``enhance-<part>-<k>.u8``, planes as uint8
(N, 4, size*size*3/2) with original, decoded, before and after, and ``.npz`` with the rest. Planes are mapped. What is
drawn depends on (seed, step) alone: a resumed run draws the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nvc import color
from nvc.errors import InputError
from nvc.models.enhance import TYPES

SIZE = 256
PICTURES = 4
CODECS = ("pristine", "x265", "x264", "svt-av1")
_COLUMNS = ("qp", "kind", "codec", "rate", "clip", "error")
Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class EnhanceSample:
    """One coded picture.

    planes  uint8 (4, SIZE*SIZE*3/2): original, decoded, before, after, each y, u, v
    qp      quantiser that the stream tells, NaN where it does not
    kind    index in nvc.models.enhance.TYPES; codec: index in CODECS; rate: what the encoder was asked for
    clip    number of the clip within its shard
    error   (3,) mean squared error of the decoded planes
    """

    planes: np.ndarray
    qp: float
    kind: int
    codec: int
    rate: float
    clip: int
    error: np.ndarray


@dataclass(frozen=True, slots=True)
class EnhanceBatch:
    """Pictures as tensors (N, 6, H/2, W/2); qp, known (N,) float32; kind (N,) int64; error (N, 3) code values²."""

    original: Tensor
    decoded: Tensor
    neighbours: tuple[Tensor, Tensor]
    qp: Tensor
    known: Tensor
    kind: Tensor
    error: Tensor


def write_enhance_shard(folder: Path, name: str, samples: Iterable[EnhanceSample]) -> int:
    """Write samples as shard ``name`` ("train-0"), one after another; returns their number."""
    rows: dict[str, list] = {column: [] for column in _COLUMNS}
    with (folder / f"enhance-{name}.u8").open("wb") as file:
        for sample in samples:
            file.write(np.ascontiguousarray(sample.planes, np.uint8).tobytes())
            for column in _COLUMNS:
                rows[column].append(getattr(sample, column))
    arrays: dict[str, Any] = {column: np.array(values) for column, values in rows.items()}
    np.savez(folder / f"enhance-{name}.npz", **arrays)
    return len(rows["qp"])


class EnhanceSamples:
    """All samples of one part of a prepared folder. Raises InputError where nothing is there."""

    def __init__(self, folder: Path, part: str = "train") -> None:
        self._planes, tables = [], []
        for path in sorted(folder.glob(f"enhance-{part}-*.npz")):
            with np.load(path) as file:
                table = {column: file[column] for column in _COLUMNS}
            if len(table["qp"]):
                shape = (len(table["qp"]), PICTURES, SIZE * SIZE * 3 // 2)
                self._planes.append(np.memmap(path.with_suffix(".u8"), np.uint8, "r", shape=shape))
                tables.append(table)
        if not tables:
            raise InputError(f"{folder} holds no {part} samples of the enhancement; prepare them first")
        self._table = {column: np.concatenate([table[column] for table in tables]) for column in _COLUMNS}
        self._places = [(shard, row) for shard, planes in enumerate(self._planes) for row in range(len(planes))]

    def __len__(self) -> int:
        return len(self._places)

    @property
    def kinds(self) -> np.ndarray:
        """(N,) index in TYPES."""
        return self._table["kind"]

    def sample(self, k: int) -> EnhanceSample:
        """Sample ``k``; its planes are a view."""
        shard, row = self._places[k]
        values = {column: self._table[column][k] for column in _COLUMNS}
        return EnhanceSample(self._planes[shard][row], **values)

    def draw(self, seed: int, step: int, batch: int, crop: int, intra: float, hide: float) -> EnhanceBatch:
        """``batch`` random crops of a step, turned by one of eight symmetries; ``intra``: how much oftener I frames."""
        random = np.random.default_rng([seed, step])
        weights = np.where(self.kinds == TYPES.index("I"), intra, 1.0)
        chosen = random.choice(len(self), batch, p=weights / weights.sum())
        samples = [self.sample(int(k)) for k in chosen]
        views = [_augmented(sample.planes, crop, random) for sample in samples]
        return _stack(samples, views, random.random(batch) < hide)

    def whole(self, numbers: Iterable[int]) -> EnhanceBatch:
        """Samples as they are."""
        samples = [self.sample(k) for k in numbers]
        views = [[split_planes(row) for row in sample.planes] for sample in samples]
        return _stack(samples, views, np.zeros(len(samples), bool))


def split_planes(row: np.ndarray) -> Planes:
    """Planes (y, u, v) of one stored picture, views."""
    half = SIZE // 2
    y, u, v = np.split(row, [SIZE * SIZE, SIZE * SIZE + half * half])
    return y.reshape(SIZE, SIZE), u.reshape(half, half), v.reshape(half, half)


def _augmented(rows: np.ndarray, crop: int, random: np.random.Generator) -> list[Planes]:
    top, left = (int(random.integers(0, (SIZE - crop) // 8 + 1)) * 8 for _ in range(2))
    down, across, turn = (bool(random.integers(0, 2)) for _ in range(3))

    def cut(plane: np.ndarray, unit: int) -> np.ndarray:
        plane = plane[top // unit : (top + crop) // unit, left // unit : (left + crop) // unit]
        plane = plane[::-1] if down else plane
        plane = plane[:, ::-1] if across else plane
        return plane.T if turn else plane

    return [(cut(y, 1), cut(u, 2), cut(v, 2)) for y, u, v in map(split_planes, rows)]


def _stack(samples: list[EnhanceSample], views: list, hidden: np.ndarray) -> EnhanceBatch:
    pictures = []
    for k in range(PICTURES):
        y, u, v = (np.stack([view[k][plane] for view in views]) for plane in range(3))
        tensor = color.to_tensor((y, u, v), 8, multiple=4)
        pictures.append(tensor.contiguous(memory_format=torch.channels_last))
    qp = np.array([sample.qp for sample in samples], np.float32)
    known = ~np.isnan(qp) & ~hidden
    kind = np.where(hidden, 0, [sample.kind for sample in samples])
    return EnhanceBatch(
        pictures[0],
        pictures[1],
        (pictures[2], pictures[3]),
        torch.from_numpy(np.nan_to_num(qp, nan=-1.0)),
        torch.from_numpy(known.astype(np.float32)),
        torch.from_numpy(kind.astype(np.int64)),
        torch.from_numpy(np.stack([sample.error for sample in samples]).astype(np.float32)),
    )
