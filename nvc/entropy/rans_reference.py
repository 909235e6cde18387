"""Interleaved rANS in plain Python: the obvious twin that the fast ones are tested against."""

import numpy as np


def encode_words(
    symbols: np.ndarray, tables: np.ndarray, frequencies: np.ndarray, starts: np.ndarray, lanes: int
) -> np.ndarray:
    """Words (uint16) of a stream: two words of state a lane (low first), then the words in reading order."""
    states = [65536] * lanes
    words: list[int] = []
    for i in range(len(symbols) - 1, -1, -1):
        f, start = int(frequencies[tables[i], symbols[i]]), int(starts[tables[i], symbols[i]])
        x = states[i % lanes]
        if x >> 20 >= f:
            words.append(x & 65535)
            x >>= 16
        states[i % lanes] = (x // f << 12) + x % f + start
    heads = [w for x in states for w in (x & 65535, x >> 16)]
    return np.array(heads + words[::-1], np.uint16)


def decode_symbols(words: np.ndarray, tables: np.ndarray, lookup: np.ndarray, lanes: int) -> np.ndarray:
    """Symbols (uint8) of a stream whose table of each symbol is known beforehand."""
    states = [int(words[2 * k]) | int(words[2 * k + 1]) << 16 for k in range(lanes)]
    position = 2 * lanes
    out = np.empty(len(tables), np.uint8)
    for i, table in enumerate(tables):
        x = states[i % lanes]
        entry = int(lookup[table, x & 4095])
        out[i] = entry >> 24
        x = (entry & 4095) * (x >> 12) + (x & 4095) - (entry >> 12 & 4095)
        if x < 65536:
            x = x << 16 | int(words[position])
            position += 1
        states[i % lanes] = x
    return out
