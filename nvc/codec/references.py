"""Coded frames that later frames refer to: planes, symbols, motion, shadows, all of integers (contract 5)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nvc.motion.estimate import quarter_planes
from nvc.motion.field import MotionField
from nvc.motion.warp import pad_plane
from nvc.types import VideoInfo

if TYPE_CHECKING:
    from nvc.codec.shadows import Shadow

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(slots=True)
class FrameSymbols:
    """What the stream says of one inter frame.

    motion     of the blocks
    latents    (B, 384) int16; patterns (B,) uint8; lasts (B, 3) uint8
    hyper      hyper latents of the networks, or None
    switches   which of the networks the frame uses (``nvc.codec.refine``), None where it has no choice
    gains      of the synthesis' heads for luma and chroma where the switches say that they are given, else None
    strength   of the loop filter, 0..15
    banks      motion bank and side bank that coded them
    choices    (bh, bw) int8, how each block says its motion (``learned_motion``), where networks give the contexts
    learned    what these had learned at the frame's end (``context_networks``)
    """

    motion: MotionField
    latents: np.ndarray
    patterns: np.ndarray
    lasts: np.ndarray
    hyper: np.ndarray | None = None
    switches: int | None = None
    gains: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    strength: int = 0
    banks: tuple[int, int] = (0, 0)
    choices: np.ndarray | None = None
    learned: np.ndarray | None = None


@dataclass(slots=True)
class Reference:
    """A coded frame: planes (even size, uint16) as they leave the decoder, and its symbols (None for I frames).

    shadow  where context networks code (encoder only)
    """

    planes: Planes
    symbols: FrameSymbols | None
    bit_depth: int
    shadow: Shadow | None = None
    _padded: Planes | None = None
    _quarters: np.ndarray | None = field(default=None, repr=False)

    @property
    def padded(self) -> Planes:
        """Planes with their edge repeated, as prediction wants them."""
        if self._padded is None:
            self._padded = (pad_plane(self.planes[0]), pad_plane(self.planes[1]), pad_plane(self.planes[2]))
        return self._padded

    @property
    def quarters(self) -> np.ndarray:
        """Quarter-sample planes for motion search (encoder only)."""
        if self._quarters is None:
            self._quarters = quarter_planes(self.padded[0], self.bit_depth)
        return self._quarters

    def luma8(self) -> np.ndarray:
        """Luma at 8 bit, for the search."""
        return to_8_bit(self.planes[0], self.bit_depth)


def squared_error(planes: Sequence[np.ndarray], source: Sequence[np.ndarray]) -> float:
    """Sum over the source's size, the upper left of each of ``planes``; all samples count the same."""
    pairs = ((p[: s.shape[0], : s.shape[1]], s) for p, s in zip(planes, source, strict=True))
    return sum(float(np.square(p.astype(np.float32) - s).sum(dtype=np.float64)) for p, s in pairs)


def to_8_bit(plane: np.ndarray, bit_depth: int) -> np.ndarray:
    """A plane of 8 or 10 bit as uint8."""
    return (plane >> (bit_depth - 8)).astype(np.uint8)


def plane_hash(planes: Planes, info: VideoInfo) -> int:
    """CRC-32 over y, u, v as shown (true size, uint8 or little-endian uint16)."""
    ch, cw = info.chroma_size
    crc = 0
    for plane, (h, w) in zip(planes, ((info.height, info.width), (ch, cw), (ch, cw)), strict=True):
        kind = "u1" if info.bit_depth == 8 else "<u2"
        crc = zlib.crc32(np.ascontiguousarray(plane[:h, :w].astype(kind)).data, crc)
    return crc
