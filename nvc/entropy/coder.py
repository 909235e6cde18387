"""The coder object that numba kernels pass around: writes the symbols it is given, or returns those it reads.

One path both ways: a kernel calls ``code_symbol(coder, table, symbol)`` in encoder and decoder alike. In the encoder
the pair is queued and comes back unchanged; in the decoder the argument is ignored and the decoded symbol returned.
Symbol i of a stream belongs to lane i modulo the number of lanes, a power of two; all lanes read one sequence of
16-bit words.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.entropy.tables import Tables

# Places in Coder.control.
DECODING, COUNT, POSITION, WORDS, LANES, OVERRUN = range(6)
STATE_LOW = 1 << 16

# Tables every set of tables begins with: one flat over 16 symbols (4 raw bits) and one over 2 (a raw bit).
RAW_NIBBLE, RAW_BIT = 0, 1


class Coder(NamedTuple):
    """State of one stream. control (6,) int64 as named above; lookup of the tables; the rest by direction."""

    control: np.ndarray
    lookup: np.ndarray
    states: np.ndarray
    words: np.ndarray
    symbols: np.ndarray
    tables: np.ndarray


def encoding_coder(tables: Tables, capacity: int) -> Coder:
    """A coder that queues up to ``capacity`` symbols; ``queued`` gives them back."""
    control = np.zeros(6, np.int64)
    return Coder(
        control,
        tables.lookup,
        np.zeros(1, np.uint64),
        np.zeros(1, np.uint16),
        np.empty(capacity, np.uint8),
        np.empty(capacity, np.uint16),
    )


def decoding_coder(tables: Tables, payload: bytes, lanes: int) -> Coder:
    """A coder that reads ``payload`` with ``lanes`` lanes. A short payload reads as zeros and is noted as overrun."""
    control = np.zeros(6, np.int64)
    words = np.frombuffer(payload[: len(payload) // 2 * 2], "<u2").astype(np.uint16)
    heads = np.zeros(2 * lanes, np.uint64)
    heads[: min(len(words), 2 * lanes)] = words[: 2 * lanes]
    states = heads[0::2] | heads[1::2] << np.uint64(16)
    control[DECODING] = 1
    control[POSITION] = 2 * lanes
    control[WORDS] = len(words)
    control[LANES] = lanes
    control[OVERRUN] = int(len(words) < 2 * lanes or len(payload) % 2)
    empty = np.zeros(1, np.uint8)
    return Coder(control, tables.lookup, states, words, empty, empty.astype(np.uint16))


def queued(coder: Coder) -> tuple[np.ndarray, np.ndarray]:
    """(symbols uint8, tables uint16) that an encoding coder has queued so far."""
    n = int(coder.control[COUNT])
    return coder.symbols[:n].copy(), coder.tables[:n].copy()


def finished(coder: Coder) -> bool:
    """True when a decoding coder has read exactly its payload: all words used and every lane back at its start."""
    c = coder.control
    return bool(c[OVERRUN] == 0 and c[POSITION] == c[WORDS] and np.all(coder.states == STATE_LOW))


@njit(inline="always")
def code_symbol(coder, table, symbol):
    """Queue ``symbol`` with ``table`` and return it, or decode and return a symbol of ``table``."""
    control = coder.control
    n = control[COUNT]
    control[COUNT] = n + 1
    if control[DECODING] == 0:
        coder.symbols[n] = symbol
        coder.tables[n] = table
        return symbol
    lane = n & (control[LANES] - 1)
    x = coder.states[lane]
    slot = x & np.uint64(4095)
    entry = np.uint64(coder.lookup[table, slot])
    x = (entry & np.uint64(4095)) * (x >> np.uint64(12)) + slot - ((entry >> np.uint64(12)) & np.uint64(4095))
    if x < np.uint64(65536):
        p = control[POSITION]
        if p < control[WORDS]:
            x = x << np.uint64(16) | np.uint64(coder.words[p])
            control[POSITION] = p + 1
        else:
            x = x << np.uint64(16)
            control[OVERRUN] = 1
    coder.states[lane] = x
    return np.int64(entry >> np.uint64(24))


@njit(cache=True, nogil=True)
def code_one(coder, table, symbol):
    """``code_symbol`` for callers outside numba."""
    return code_symbol(coder, table, symbol)


@njit(inline="always")
def code_raw(coder, value, count):
    """Code the low ``count`` bits of a whole number raw, low ones first: fours by RAW_NIBBLE, the rest by RAW_BIT."""
    got = np.int64(0)
    shift = 0
    while count - shift >= 4:
        got |= np.int64(code_symbol(coder, 0, (value >> shift) & 15)) << shift
        shift += 4
    while shift < count:
        got |= np.int64(code_symbol(coder, 1, (value >> shift) & 1)) << shift
        shift += 1
    return got


@njit(inline="never")
def code_number(coder, value):
    """Code a whole number 0 .. 2**15 - 1 raw: its bit length as a nibble, then the bits below the highest."""
    length = 0
    while value >> length > 0:
        length += 1
    length = code_symbol(coder, 0, min(length, 15))
    if length == 0:
        return np.int64(0)
    return code_raw(coder, value, length - 1) | np.int64(1) << (length - 1)
