"""Interleaved rANS: twins, round trips, sizes against the entropy and another coder, a 32-lane reader."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvc.entropy import rans, rans_numba, rans_reference
from nvc.entropy.coder import code_one, decoding_coder, finished
from nvc.entropy.tables import Tables, build_tables
from nvc.errors import FormatError

Draw = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
LANES = (1, 2, 4, 8, 16, 32, 64)
FLAT = build_tables(np.array([[2048, 2048, 0], [4094, 1, 1], [1, 1, 4094]]))


def words_of(payload: bytes) -> np.ndarray:
    return np.frombuffer(payload, "<u2")


def read_in_steps(payload: bytes, tables: np.ndarray, lookup: np.ndarray, lanes: int = 32) -> tuple[np.ndarray, bool]:
    """A model of a warp: all lanes step together, lanes that need a word take theirs by a prefix sum."""
    words = words_of(payload).astype(np.int64)
    states, position = words[0 : 2 * lanes : 2] | words[1 : 2 * lanes : 2] << 16, 2 * lanes
    out = np.empty(len(tables), np.uint8)
    for first in range(0, len(tables), lanes):
        now = min(lanes, len(tables) - first)
        x = states[:now]
        entry = lookup[tables[first : first + now], x & 4095].astype(np.int64)
        out[first : first + now] = entry >> 24
        x = (entry & 4095) * (x >> 12) + (x & 4095) - (entry >> 12 & 4095)
        wants = x < 65536
        place = position + np.cumsum(wants) - wants
        x[wants] = x[wants] << 16 | words[place[wants]]
        position += int(wants.sum())
        states[:now] = x
    return out, position == len(words) and bool(np.all(states == 65536))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 1000])
def test_twins_write_the_same_words_and_read_them(model: Tables, draw: Draw, lanes: int, n: int) -> None:
    symbols, tables = draw(n, n + lanes)
    fast = rans_numba.encode_words(symbols, tables, model.frequencies, model.starts, lanes)
    plain = rans_reference.encode_words(symbols, tables, model.frequencies, model.starts, lanes)
    assert fast.dtype == plain.dtype == np.uint16
    assert fast.tolist() == plain.tolist()
    assert rans_reference.decode_symbols(fast, tables, model.lookup, lanes).tolist() == symbols.tolist()


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=300),
    st.sampled_from(LANES),
)
@settings(max_examples=60)
def test_any_symbols_come_back(pairs: list[tuple[int, int]], lanes: int) -> None:
    pairs = [(t, s) for t, s in pairs if FLAT.frequencies[t, s]]
    tables, symbols = np.array([p[0] for p in pairs], np.uint16), np.array([p[1] for p in pairs], np.uint8)
    payload = rans.encode(symbols, tables, FLAT, lanes)
    coder = decoding_coder(FLAT, payload, lanes)
    assert [code_one(coder, int(t), 0) for t in tables] == symbols.tolist()
    assert finished(coder)


@pytest.mark.parametrize("n", [0, 5, 32, 4001])
def test_a_warp_of_32_lanes_reads_the_same_bytes(model: Tables, draw: Draw, n: int) -> None:
    symbols, tables = draw(n, 9)
    back, whole = read_in_steps(rans.encode(symbols, tables, model, 32), tables, model.lookup)
    assert back.tolist() == symbols.tolist()
    assert whole


@pytest.mark.parametrize("lanes", LANES)
def test_size_is_near_the_entropy(model: Tables, draw: Draw, lanes: int) -> None:
    symbols, tables = draw(20000, 3)
    ideal = float(model.costs[tables, symbols].sum()) / 8
    size = len(rans.encode(symbols, tables, model, lanes))
    assert ideal - 2 * lanes <= size <= ideal * 1.001 + 4 * lanes + 4


@pytest.mark.parametrize("lanes", LANES)
def test_an_empty_stream_is_the_lane_heads(model: Tables, lanes: int) -> None:
    nothing = np.zeros(0, np.uint8)
    assert rans.encode(nothing, nothing.astype(np.uint16), model, lanes) == b"\x00\x00\x01\x00" * lanes


def test_size_is_that_of_another_coder(model: Tables, draw: Draw) -> None:
    constriction = pytest.importorskip("constriction")
    symbols, tables = draw(6000, 4)
    other = constriction.stream.stack.AnsCoder()
    for t in range(len(model)):
        p = model.frequencies[t][model.frequencies[t] > 0] / 4096
        categorical = constriction.stream.model.Categorical(p.astype(np.float64), perfect=True)
        other.encode_reverse(symbols[tables == t].astype(np.int32), categorical)
    size = len(rans.encode(symbols, tables, model, 1))
    assert abs(size - other.num_bits() / 8) <= 0.001 * size + 8


@pytest.mark.parametrize(
    ("symbols", "tables", "lanes", "message"),
    [
        ([0], [0, 1], 1, "fit together"),
        ([[0]], [[0]], 1, "fit together"),
        ([0], [0], 3, "fit together"),
        ([0], [0], 0, "fit together"),
        ([0], [0], 128, "fit together"),
        ([2], [0], 1, "outside its table"),
        ([3], [0], 1, "outside its table"),
        ([0], [3], 1, "outside its table"),
        ([0], [65535], 1, "outside its table"),
    ],
)
def test_what_cannot_be_coded_is_refused(symbols: list, tables: list, lanes: int, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        rans.encode(np.array(symbols), np.array(tables), FLAT, lanes)


@pytest.mark.parametrize("name", ["auto", "numba", "reference"])
def test_backend_is_taken_from_the_environment(
    model: Tables, draw: Draw, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    symbols, tables = draw(200, 5)
    want = rans.encode(symbols, tables, model, 4)
    monkeypatch.setenv("NVC_BACKEND", name)
    assert rans.backend_use().backend == ("numba" if name == "auto" else name)
    assert rans.encode(symbols, tables, model, 4) == want


def test_lanes_grow_with_the_payload_and_cost_little() -> None:
    counts = [rans.lanes_for(n) for n in range(0, 200_000, 50)]
    assert counts == sorted(counts)
    assert set(counts) <= set(LANES)
    assert counts[0] == 1
    assert all(4 * (lanes - 1) <= 0.01 * 50 * k + 1 for k, lanes in enumerate(counts))
