"""Which table codes which kind of symbol, and the fitted integers behind them (weights/tables.safetensors).

Tables lie in one array: raw, motion banks, side banks, latents. A bank is a set of tables for frames of one kind;
each frame names its motion bank and its side bank, so static tables follow the content without adapting.
"""

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np

from nvc.codec.loop_filter import CLASSES, GROUPS, TAPS
from nvc.entropy.tables import Tables, build_tables
from nvc.errors import ModelError
from nvc.models.contexts import ContextNetworks

SYMBOLS = 32
RAW_TABLES = 2

BANKS = 4
# Offsets within a motion bank.
MERGE, CELL_MERGE, MODE, LENGTH = 0, 112, 133, 136
MOTION_TABLES = 148
# Offsets within a side bank.
PATTERN, LAST_LUMA, LAST_CHROMA = 0, 36, 48
SIDE_TABLES = 72
MOTION_BASE = RAW_TABLES
SIDE_BASE = MOTION_BASE + BANKS * MOTION_TABLES
LATENT_BASE = SIDE_BASE + BANKS * SIDE_TABLES
LATENT_TABLES = 64
TABLES = LATENT_BASE + LATENT_TABLES

LUMA, CHROMA = 256, 64
LATENTS = LUMA + 2 * CHROMA
# Side of a block in each plane, first of its latents and the one behind its last.
PLANES = ((16, 0, LUMA), (8, LUMA, LUMA + CHROMA), (8, LUMA + CHROMA, LATENTS))
FEATURES = 10
ZONES = 16
LEVELS = 16
LAST_CLASSES = 3
ESCAPE = SYMBOLS - 1
LARGEST = (ESCAPE - 1) // 2


@dataclass(frozen=True, slots=True)
class SymbolModel:
    """Fitted integers of the coder.

    tables      all frequency tables
    weights     (ZONES, 2, FEATURES) int32: expected magnitude * 64 as a sum over integer features, by zone and parity
    level_of    (1024,) uint8: level of a clipped sum
    index       (ZONES, LAST_CLASSES, LEVELS) uint8: latent table, the scale index of networks off
    recon       (ZONES, 3) int32: what magnitudes 1, 2 and more lose on the way back, in 1/64 of a step
    filters     (GROUPS, CLASSES, TAPS) int32 of the loop filter, in 1/128
    contexts    networks that give the odds of symbols, with tables behind all others; None where there are none
    """

    tables: Tables
    weights: np.ndarray
    level_of: np.ndarray
    index: np.ndarray
    recon: np.ndarray
    filters: np.ndarray
    contexts: ContextNetworks | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """Coding order of the 384 latents of a block: luma by diagonals, then U, then V.

    position (384,) int32 channel of each step; diagonal (384,) int32; zone (384,) int32 by *channel*
    first    (384, 3) int32 by channel: channels of the lower vertical, horizontal and both frequencies, -1 where none
    """

    position: np.ndarray
    diagonal: np.ndarray
    zone: np.ndarray
    before: np.ndarray


def _zone(plane: int, diagonal: int) -> int:
    if plane == 0:
        return int(np.searchsorted([0, 1, 2, 4, 7, 11, 17], diagonal))
    return 8 + 4 * (plane - 1) + int(np.searchsorted([0, 2, 5], diagonal))


@functools.cache
def scan() -> Scan:
    """The scan of every block."""
    position, diagonal = [], []
    zone = np.zeros(LATENTS, np.int32)
    before = np.full((LATENTS, 5), -1, np.int32)
    for plane, (base, n) in enumerate(((0, 16), (LUMA, 8), (LUMA + CHROMA, 8))):
        order = sorted(range(n * n), key=lambda c: (c // n + c % n, c // n if (c // n + c % n) % 2 else c % n))
        for c in order:
            u, v = divmod(c, n)
            position.append(base + c)
            diagonal.append(u + v)
            zone[base + c] = _zone(plane, u + v)
            for k, (a, b) in enumerate(((u, v - 1), (u - 1, v), (u - 1, v - 1), (u, v - 2), (u - 2, v))):
                if a >= 0 and b >= 0:
                    before[base + c, k] = base + a * n + b
    return Scan(np.array(position, np.int32), np.array(diagonal, np.int32), zone, before)


def table_sizes() -> np.ndarray:
    """(TABLES,) int: number of symbols of each table."""
    motion = [9] * 112 + [8] * 21 + [4] * 3 + [15] * 12
    side = [8] * 36 + [31] * 12 + [15] * 24
    return np.array([16, 2] + motion * BANKS + side * BANKS + [SYMBOLS] * LATENT_TABLES)


def model_from(arrays: dict[str, np.ndarray]) -> SymbolModel:
    """A model from its stored integers: frequencies, weights, level_of, index, recon, filters."""
    wanted = {
        "frequencies": (TABLES, SYMBOLS),
        "weights": (ZONES, 2, FEATURES),
        "level_of": (1024,),
        "index": (ZONES, LAST_CLASSES, LEVELS),
        "recon": (ZONES, 3),
        "filters": (GROUPS, CLASSES, TAPS),
    }
    for name, shape in wanted.items():
        if name not in arrays or arrays[name].shape != shape:
            got = arrays[name].shape if name in arrays else "nothing"
            raise ModelError(f"symbol tables: {name} must be {shape}, got {got}")
    if arrays["index"].max() >= LATENT_TABLES or arrays["level_of"].max() >= LEVELS:
        raise ModelError("symbol tables: an index is out of range")
    return SymbolModel(
        build_tables(arrays["frequencies"]),
        arrays["weights"].astype(np.int32),
        arrays["level_of"].astype(np.uint8),
        arrays["index"].astype(np.uint8),
        arrays["recon"].astype(np.int32),
        arrays["filters"].astype(np.int32),
    )


@functools.cache
def load_model() -> SymbolModel:
    """The fitted model that ships with nvc."""
    from safetensors.numpy import load

    path = resources.files("nvc.weights") / "tables.safetensors"
    if not path.is_file():
        raise ModelError("the symbol tables nvc/weights/tables.safetensors are missing")
    return model_from(load(path.read_bytes()))
