"""Static integer tables of the entropy coder: checks and dispatch.

A table gives each of up to 64 symbols a frequency of at least 1 out of 4096; every symbol stays codable whatever
the stream holds. Frequencies are integers from a fit, never computed at coding time (contract 7).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nvc.backend import BackendUse, pick
from nvc.backend_cupy import CupyDevice, fault, on_gpu
from nvc.entropy import tables_cupy
from nvc.errors import FormatError

PRECISION = 12
TOTAL = 1 << PRECISION
MAX_SYMBOLS = 64


@dataclass(frozen=True, slots=True)
class Tables:
    """T tables over up to A symbols.

    frequencies  (T, A) uint16, each row sums to 4096; 0 = the symbol does not exist in that table
    starts       (T, A) uint16, sum of the frequencies before
    lookup       (T, 4096) uint32: symbol << 24 | start << 12 | frequency for each slot
    costs        (T, A) float32, bits of a symbol; for the encoder's decisions only
    """

    frequencies: np.ndarray
    starts: np.ndarray
    lookup: np.ndarray
    costs: np.ndarray

    def __len__(self) -> int:
        return len(self.frequencies)


def build_tables(frequencies: Any) -> Tables:
    """Tables from frequencies (T, A), A <= 64, each row summing to 4096 with every entry below 4096.

    Where the frequencies lie on a GPU (CuPy, torch), starts and lookup are made and stay there; the rows are checked on
    the host, and frequencies and costs lie there. Raises FormatError where a row breaks the rule.
    """
    there = on_gpu(frequencies)
    freq = _on_host(frequencies) if there else np.asarray(frequencies, np.int64)
    if freq.ndim != 2 or freq.shape[1] > MAX_SYMBOLS:
        raise FormatError(f"tables must be (T, at most {MAX_SYMBOLS}), got {freq.shape}")
    if np.any(freq < 0) or np.any(freq >= TOTAL) or np.any(freq.sum(1) != TOTAL):
        raise FormatError(f"each table must sum to {TOTAL} with entries of 0..{TOTAL - 1}")
    starts, lookup = tables_cupy.place_symbols(frequencies) if there else _kernel()[0](freq)
    with np.errstate(divide="ignore"):
        costs = np.where(freq > 0, PRECISION - np.log2(np.maximum(freq, 1e-9)), 64.0).astype(np.float32)
    return Tables(freq.astype(np.uint16), starts, lookup, costs)


def quantise_counts(counts: np.ndarray, sizes: np.ndarray, prior: float = 0.5) -> np.ndarray:
    """Frequencies (T, A) summing to 4096 a row that fit ``counts`` (T, A), at least 1 for each of ``sizes[t]`` symbols.

    prior is added to every count, so that a table seen rarely stays near flat. The rounding rest goes to the largest
    entry, which costs least.
    """
    counts = np.asarray(counts, np.float64)
    out = np.zeros(counts.shape, np.int64)
    for t, row in enumerate(counts):
        n = int(sizes[t])
        p = row[:n] + prior
        f = np.maximum(1, np.floor(p / p.sum() * (TOTAL - n) + 0.5).astype(np.int64) + 0)
        f[int(np.argmax(f))] += TOTAL - int(f.sum())
        out[t, :n] = f
    return out


def backend_use() -> BackendUse:
    """Which implementation builds tables here, and why."""
    return _kernel()[1]


def _kernel():
    from nvc.entropy import tables_reference

    kernels = {"reference": tables_reference.place_symbols, "cupy": tables_cupy.place_symbols}
    return pick("tables", kernels, {"cupy": fault})


def _on_host(frequencies: Any) -> np.ndarray:
    device = CupyDevice()
    return device.download(device.upload(frequencies, np.int64))
