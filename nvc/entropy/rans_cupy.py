"""Interleaved rANS on a GPU: one warp a stream, one lane of the warp a lane of the stream; the CPU coder's own bytes.

Lane l takes symbol 32 * i + l. In each step the lanes that need a word take theirs in lane order: its place is the
stream's position plus the number of such lanes below (a ballot and a population count), which is the order in which
the one-lane-at-a-time coder meets them (Giesen, arXiv 1402.3392, section 4). Streams of fewer lanes leave lanes of the
warp idle; 64 lanes take two steps of 32, each with its own states. The table of every symbol must be known beforehand.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nvc.backend_cupy import Device, device_of, home, on_gpu
from nvc.entropy.tables import Tables
from nvc.errors import FormatError

KERNELS = ("decode_streams", "encode_streams")
WARPS = 4  # streams of one block of threads

SOURCE = r"""
#define ALL_LANES 0xffffffffu

// first_word[s] .. first_word[s + 1]: words of stream s; first_symbol likewise. good[s] = 1 when the stream was read
// to its exact end and every lane is back at its start.
extern "C" __global__ void decode_streams(
    const unsigned short *words, const int *first_word, const unsigned short *tables, const int *first_symbol,
    const unsigned int *lookup, unsigned char *symbols, int *good, int streams, int lanes)
{
    const int stream = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
    const int lane = threadIdx.x & 31;
    if (stream >= streams) return;  // the whole warp leaves
    const int width = lanes < 32 ? lanes : 32;
    const int count = first_word[stream + 1] - first_word[stream];
    const int n = first_symbol[stream + 1] - first_symbol[stream];
    const unsigned short *in = words + first_word[stream];
    const unsigned short *table = tables + first_symbol[stream];
    unsigned char *out = symbols + first_symbol[stream];
    unsigned int state[2] = {65536u, 65536u};
    for (int half = 0; half < 2; half++) {
        const int k = lane + 32 * half;
        if (lane < width && k < lanes) {
            const unsigned int low = 2 * k < count ? in[2 * k] : 0u;
            const unsigned int high = 2 * k + 1 < count ? in[2 * k + 1] : 0u;
            state[half] = low | high << 16;
        }
    }
    int position = 2 * lanes;
    int overrun = count < 2 * lanes;
    for (int first = 0, step = 0; first < n; first += width, step++) {
        const int i = first + lane;
        const bool active = lane < width && i < n;
        const int half = lanes > 32 ? step & 1 : 0;
        unsigned int x = half ? state[1] : state[0];
        bool wants = false;
        if (active) {
            const unsigned int slot = x & 4095u;
            const unsigned int entry = lookup[(int)table[i] * 4096 + (int)slot];
            out[i] = (unsigned char)(entry >> 24);
            x = (entry & 4095u) * (x >> 12) + slot - ((entry >> 12) & 4095u);
            wants = x < 65536u;
        }
        const unsigned int ballot = __ballot_sync(ALL_LANES, wants);
        if (wants) {
            const int place = position + __popc(ballot & ((1u << lane) - 1u));
            overrun |= place >= count;
            x = x << 16 | (place < count ? (unsigned int)in[place] : 0u);
        }
        position += __popc(ballot);
        if (half) state[1] = x; else state[0] = x;
    }
    const bool fault = overrun || position != count || state[0] != 65536u || state[1] != 65536u;
    const unsigned int faults = __ballot_sync(ALL_LANES, fault);
    if (lane == 0) good[stream] = faults == 0u;
}

// Writes the words of stream s right-aligned into its room first_room[s] .. first_room[s + 1] (symbols + 2 * lanes);
// first_used[s] is where they begin in it. Symbols are walked backwards, so the highest lane writes first.
extern "C" __global__ void encode_streams(
    const unsigned char *symbols, const unsigned short *tables, const int *first_symbol, const int *first_room,
    const unsigned short *frequencies, const unsigned short *starts, unsigned short *words, int *first_used,
    int alphabet, int streams, int lanes)
{
    const int stream = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
    const int lane = threadIdx.x & 31;
    if (stream >= streams) return;
    const int width = lanes < 32 ? lanes : 32;
    const int n = first_symbol[stream + 1] - first_symbol[stream];
    const unsigned char *symbol = symbols + first_symbol[stream];
    const unsigned short *table = tables + first_symbol[stream];
    unsigned short *out = words + first_room[stream];
    unsigned int state[2] = {65536u, 65536u};
    int top = first_room[stream + 1] - first_room[stream];
    for (int step = (n + width - 1) / width - 1; step >= 0; step--) {
        const int i = step * width + lane;
        const bool active = lane < width && i < n;
        const int half = lanes > 32 ? step & 1 : 0;
        unsigned int x = half ? state[1] : state[0];
        unsigned int f = 1u, start = 0u;
        bool full = false;
        if (active) {
            const int at = (int)table[i] * alphabet + (int)symbol[i];
            f = frequencies[at];
            start = starts[at];
            full = (x >> 20) >= f;
        }
        const unsigned int ballot = __ballot_sync(ALL_LANES, full);
        if (full) {
            out[top - __popc(ballot >> lane)] = (unsigned short)(x & 65535u);
            x >>= 16;
        }
        top -= __popc(ballot);
        if (active) x = (x / f << 12) + x % f + start;
        if (half) state[1] = x; else state[0] = x;
    }
    top -= 2 * lanes;
    for (int half = 0; half < 2; half++) {
        const int k = lane + 32 * half;
        if (lane < width && k < lanes) {
            out[top + 2 * k] = (unsigned short)(state[half] & 65535u);
            out[top + 2 * k + 1] = (unsigned short)(state[half] >> 16);
        }
    }
    if (lane == 0) first_used[stream] = top;
}
"""


def encode_words(
    symbols: Any, tables: Any, frequencies: Any, starts: Any, lanes: int, device: Device | None = None
) -> np.ndarray:
    """Same arguments and result as ``rans_numba.encode_words``; NumPy or GPU arrays, the words come as NumPy."""
    n = len(symbols)
    return _encode(symbols, tables, np.array([0, n]), frequencies, starts, lanes, device_of(device))[0]


def decode_symbols(words: Any, tables: Any, lookup: Any, lanes: int, device: Device | None = None) -> Any:
    """Same arguments and result as ``rans_reference.decode_symbols``; the symbols lie where ``tables`` lie.

    Raises FormatError where the words do not end where the symbols end (the reference does not look).
    """
    at = device_of(device)
    ends = np.array([[0, len(words)], [0, len(tables)]], np.int32)
    symbols, good = decode_flat(words, ends[0], tables, ends[1], lookup, lanes, at)
    if not at.download(good)[0]:
        raise FormatError(f"a stream of {len(words)} words does not hold {len(tables)} symbols on {lanes} lanes")
    return home(at, symbols, tables)


def encode_streams(
    symbols: Sequence[np.ndarray], tables: Sequence[np.ndarray], model: Tables, lanes: int,
    device: Device | None = None,
) -> list[bytes]:  # fmt: skip
    """Bytes of many streams at once, each as ``rans.encode`` writes it.

    symbols, tables  one (N,) uint8 and (N,) uint16 array a stream. Raises FormatError for what no table has.
    """
    for s, t in zip(symbols, tables, strict=True):
        _check(s, t, model, lanes)
    if not symbols:
        return []
    ends = _ends(tables)
    parts = _encode(
        np.concatenate(symbols), np.concatenate(tables), ends, model.frequencies, model.starts, lanes, device_of(device)
    )
    return [words.astype("<u2").tobytes() for words in parts]


def decode_streams(
    payloads: Sequence[bytes], tables: Sequence[np.ndarray], model: Tables, lanes: int, device: Device | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """(symbols (N,) uint8 of each stream, good (S,) bool) of many streams at once.

    good is what ``coder.finished`` says: all words used, every lane back at its start. A damaged stream gives wrong
    symbols, the same ones as on the CPU, and False. Raises FormatError for a table that the model does not have.
    """
    for t in tables:
        if len(t) and int(t.max()) >= len(model):
            raise FormatError(f"table {int(t.max())} of {len(model)}")
    if len(payloads) != len(tables) or lanes not in (1, 2, 4, 8, 16, 32, 64):
        raise FormatError(f"{len(payloads)} payloads, {len(tables)} table lists and {lanes} lanes do not fit together")
    if not payloads:
        return [], np.zeros(0, bool)
    words = [np.frombuffer(p[: len(p) // 2 * 2], "<u2") for p in payloads]
    ends, at = _ends(tables), device_of(device)
    symbols, good = decode_flat(
        np.concatenate(words), _ends(words), np.concatenate(tables), ends, model.lookup, lanes, at
    )
    whole = at.download(good).astype(bool) & np.array([len(p) % 2 == 0 for p in payloads])
    return np.split(at.download(symbols), ends[1:-1]), whole


def encode(symbols: Any, tables: Any, model: Tables, lanes: int, device: Device | None = None) -> bytes:
    """``rans.encode`` for arrays on a GPU: checked there, only the words come to the host."""
    _check(symbols, tables, model, lanes)
    return encode_words(symbols, tables, model.frequencies, model.starts, lanes, device).astype("<u2").tobytes()


def _check(symbols: Any, tables: Any, model: Tables, lanes: int) -> None:
    """Raise FormatError where a stream cannot be coded; NumPy or GPU arrays."""
    if symbols.shape != tables.shape or symbols.ndim != 1 or lanes not in (1, 2, 4, 8, 16, 32, 64):
        raise FormatError(f"symbols {symbols.shape}, tables {tables.shape} and {lanes} lanes do not fit together")
    if not len(symbols):
        return
    fits = int(tables.max()) < len(model) and int(symbols.max()) < model.frequencies.shape[1]
    if fits and on_gpu(symbols, tables):
        import cupy

        fits = bool((cupy.asarray(model.frequencies)[cupy.asarray(tables), cupy.asarray(symbols)] > 0).all())
    elif fits:
        fits = bool(np.all(model.frequencies[tables, symbols]))
    if not fits:
        raise FormatError("a symbol is outside its table")


def _ends(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Where each part begins in their concatenation, and the end, int32."""
    ends = np.concatenate([[0], np.cumsum([len(p) for p in parts])])
    if ends[-1] >= 1 << 31:
        raise FormatError(f"{ends[-1]} symbols or words in one call, at most {(1 << 31) - 1}")
    return ends.astype(np.int32)


def _encode(
    symbols: Any, tables: Any, ends: np.ndarray, frequencies: Any, starts: Any, lanes: int, at: Device
) -> list[np.ndarray]:
    """Words of each stream, NumPy uint16."""
    streams = len(ends) - 1
    rooms = (ends + 2 * lanes * np.arange(streams + 1)).astype(np.int32)
    words, used = at.empty((int(rooms[-1]),), np.uint16), at.empty((streams,), np.int32)
    at.launch(
        SOURCE, "encode_streams", (-(-streams // WARPS),), 32 * WARPS,
        at.upload(symbols, np.uint8), at.upload(tables, np.uint16), at.upload(ends, np.int32),
        at.upload(rooms, np.int32), at.upload(frequencies, np.uint16), at.upload(starts, np.uint16), words, used,
        int(frequencies.shape[1]), streams, lanes,
    )  # fmt: skip
    all_words, first = at.download(words), at.download(used)
    return [all_words[rooms[s] + first[s] : rooms[s + 1]] for s in range(streams)]


def decode_flat(
    words: Any, word_ends: np.ndarray, tables: Any, ends: np.ndarray, lookup: Any, lanes: int, at: Device
) -> tuple[Any, Any]:
    """(symbols of all streams uint8, good (S,) int32), left on the device; ends (S + 1,) of words and of symbols.

    What ``decode_streams`` starts, for callers whose words and tables are on the GPU already. Nothing is checked.
    """
    streams = len(ends) - 1
    symbols, good = at.empty((int(ends[-1]),), np.uint8), at.empty((streams,), np.int32)
    at.launch(
        SOURCE, "decode_streams", (-(-streams // WARPS),), 32 * WARPS,
        at.upload(words, np.uint16), at.upload(word_ends, np.int32), at.upload(tables, np.uint16),
        at.upload(ends, np.int32), at.upload(lookup, np.uint32), symbols, good, streams, lanes,
    )  # fmt: skip
    return symbols, good
