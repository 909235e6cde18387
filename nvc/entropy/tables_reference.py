"""Where the symbols of a table lie among its 4096 slots: plain NumPy, what every other implementation must give."""

import numpy as np


def place_symbols(frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(starts (T, A) uint16, lookup (T, 4096) uint32) of frequencies (T, A) of any integer type, rows checked."""
    freq = np.asarray(frequencies, np.int64)
    starts = np.cumsum(freq, 1) - freq
    lookup = np.empty((len(freq), 4096), np.uint32)
    for t, (row, first) in enumerate(zip(freq, starts, strict=True)):
        packed = np.arange(freq.shape[1], dtype=np.int64) << 24 | first << 12 | row
        lookup[t] = np.repeat(packed, row)
    return starts.astype(np.uint16), lookup
