"""A model of the GPU's lanes in NumPy: all lanes of a stream step together, exactly as a warp does.

It is what ``rans_cupy`` computes, in the same order, without a GPU: the proof that lanes which step together can read
and write what a coder writes one symbol at a time.
"""

import numpy as np

from nvc.entropy.tables import Tables


def decode_lanes(payload: bytes, tables: np.ndarray, lookup: np.ndarray, lanes: int) -> tuple[np.ndarray, bool]:
    """(symbols (N,) uint8, whole) of a payload; tables (N,) of each symbol, lookup (T, 4096) uint32 of ``Tables``.

    whole: all words were used and every lane is back at its start. Words beyond the end read as zero.
    """
    words = np.frombuffer(payload[: len(payload) // 2 * 2], "<u2").astype(np.int64)
    heads = np.zeros(2 * lanes, np.int64)
    heads[: min(len(words), 2 * lanes)] = words[: 2 * lanes]
    states, position = heads[0::2] | heads[1::2] << 16, 2 * lanes
    beyond = np.concatenate([words, np.zeros(len(tables) + 2 * lanes, np.int64)])
    out = np.empty(len(tables), np.uint8)
    for first in range(0, len(tables), lanes):
        step = slice(first, min(first + lanes, len(tables)))
        x = states[: step.stop - first]
        entry = lookup[tables[step], x & 4095].astype(np.int64)
        out[step] = entry >> 24
        x = (entry & 4095) * (x >> 12) + (x & 4095) - (entry >> 12 & 4095)
        wants = x < 65536
        place = position + np.cumsum(wants) - wants  # words taken by the lanes below
        x[wants] = x[wants] << 16 | beyond[place[wants]]
        position += int(wants.sum())
        states[: len(x)] = x
    return out, position == len(words) and len(payload) % 2 == 0 and bool(np.all(states == 65536))


def encode_lanes(symbols: np.ndarray, tables: np.ndarray, model: Tables, lanes: int) -> bytes:
    """Bytes of a stream, lanes stepping together from its end; symbols (N,) uint8, tables (N,) uint16."""
    n = len(symbols)
    states, pieces = np.full(lanes, 65536, np.int64), []
    for first in range((n - 1) // lanes * lanes, -1, -lanes):
        step = slice(first, min(first + lanes, n))
        f = model.frequencies[tables[step], symbols[step]].astype(np.int64)
        start = model.starts[tables[step], symbols[step]].astype(np.int64)
        x = states[: len(f)]
        full = x >> 20 >= f
        pieces.append(x[full] & 65535)  # lowest lane first: it is read first
        x = np.where(full, x >> 16, x)
        states[: len(f)] = (x // f << 12) + x % f + start
    heads = np.stack([states & 65535, states >> 16], 1).reshape(-1)
    return np.concatenate([heads, *pieces[::-1]]).astype("<u2").tobytes()
