"""Static integer tables of the entropy coder.

A table gives each of up to 64 symbols a frequency of at least 1 out of 4096; every symbol stays codable whatever
the stream holds. Frequencies are integers from a fit, never computed at coding time (contract 7).
"""

from dataclasses import dataclass

import numpy as np

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


def build_tables(frequencies: np.ndarray) -> Tables:
    """Tables from frequencies (T, A), A <= 64, each row summing to 4096 with every entry below 4096.

    Raises FormatError where a row breaks that.
    """
    freq = np.asarray(frequencies, np.int64)
    if freq.ndim != 2 or freq.shape[1] > MAX_SYMBOLS:
        raise FormatError(f"tables must be (T, at most {MAX_SYMBOLS}), got {freq.shape}")
    if np.any(freq < 0) or np.any(freq >= TOTAL) or np.any(freq.sum(1) != TOTAL):
        raise FormatError(f"each table must sum to {TOTAL} with entries of 0..{TOTAL - 1}")
    starts = np.cumsum(freq, 1) - freq
    lookup = np.empty((len(freq), TOTAL), np.uint32)
    for t, (row, first) in enumerate(zip(freq, starts, strict=True)):
        packed = np.arange(freq.shape[1], dtype=np.int64) << 24 | first << 12 | row
        lookup[t] = np.repeat(packed, row)
    with np.errstate(divide="ignore"):
        costs = np.where(freq > 0, PRECISION - np.log2(np.maximum(freq, 1e-9)), 64.0).astype(np.float32)
    return Tables(freq.astype(np.uint16), starts.astype(np.uint16), lookup, costs)


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
