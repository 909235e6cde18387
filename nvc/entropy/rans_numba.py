"""Interleaved rANS encoder, numba twin of ``rans_reference``."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def encode_words(symbols, tables, frequencies, starts, lanes):
    """Words (uint16) of a stream, lane heads first. Walks the symbols backwards (Duda 2013, arXiv 1311.2540)."""
    n = len(symbols)
    words = np.empty(n + 2 * lanes, np.uint16)
    states = np.full(lanes, 65536, np.uint64)
    top = len(words)
    for i in range(n - 1, -1, -1):
        lane = i % lanes
        f = np.uint64(frequencies[tables[i], symbols[i]])
        x = states[lane]
        if x >> np.uint64(20) >= f:
            top -= 1
            words[top] = x & np.uint64(65535)
            x >>= np.uint64(16)
        states[lane] = (x // f << np.uint64(12)) + x % f + np.uint64(starts[tables[i], symbols[i]])
    for lane in range(lanes - 1, -1, -1):
        top -= 2
        words[top] = states[lane] & np.uint64(65535)
        words[top + 1] = states[lane] >> np.uint64(16)
    return words[top:].copy()
