"""The coder object of the kernels: queue, read, raw numbers, damaged payloads."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvc.entropy import rans
from nvc.entropy.coder import (
    OVERRUN,
    POSITION,
    WORDS,
    Coder,
    code_number,
    code_one,
    decoding_coder,
    encoding_coder,
    finished,
    queued,
)
from nvc.entropy.tables import Tables, build_tables

Draw = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
RAW = build_tables(np.array([[256] * 16, [2048] * 2 + [0] * 14]))


def read_all(coder: Coder, tables: np.ndarray) -> list[int]:
    return [code_one(coder, int(t), 0) for t in tables]


def test_an_encoding_coder_gives_back_what_it_is_given(model: Tables) -> None:
    coder = encoding_coder(model, 4)
    assert [code_one(coder, t, s) for t, s in ((0, 15), (1, 1), (2, 63))] == [15, 1, 63]
    symbols, tables = queued(coder)
    assert (symbols.tolist(), tables.tolist()) == ([15, 1, 63], [0, 1, 2])


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("n", [0, 1, 65, 500])
def test_reading_ends_exactly(model: Tables, draw: Draw, lanes: int, n: int) -> None:
    symbols, tables = draw(n, 11)
    coder = decoding_coder(model, rans.encode(symbols, tables, model, lanes), lanes)
    assert finished(coder) == (n == 0)
    assert read_all(coder, tables) == symbols.tolist()
    assert finished(coder)


@pytest.mark.parametrize("left_out", [1, 20, 499])
def test_reading_too_little_is_seen(model: Tables, draw: Draw, left_out: int) -> None:
    symbols, tables = draw(500, 12)
    coder = decoding_coder(model, rans.encode(symbols, tables, model, 4), 4)
    read_all(coder, tables[:-left_out])
    assert not finished(coder)


def test_reading_too_much_is_seen_and_stays_within_the_payload(model: Tables, draw: Draw) -> None:
    symbols, tables = draw(100, 13)
    coder = decoding_coder(model, rans.encode(symbols, tables, model, 2), 2)
    read_all(coder, np.concatenate([tables, np.zeros(200, np.uint16)]))
    assert coder.control[OVERRUN] == 1
    assert coder.control[POSITION] == coder.control[WORDS]
    assert not finished(coder)


@pytest.mark.parametrize("lanes", [1, 4, 64])
def test_every_cut_is_seen(model: Tables, draw: Draw, lanes: int) -> None:
    symbols, tables = draw(60, 14)
    payload = rans.encode(symbols, tables, model, lanes)
    for end in range(len(payload)):
        coder = decoding_coder(model, payload[:end], lanes)
        back = read_all(coder, tables)
        assert all(model.frequencies[t, s] for t, s in zip(tables, back, strict=True))
        assert coder.control[POSITION] <= max(coder.control[WORDS], 2 * lanes)
        assert not finished(coder)


@pytest.mark.parametrize("more", [b"\x00", b"\x00\x00", b"\x01\x02\x03"])
def test_more_bytes_than_symbols_are_seen(model: Tables, draw: Draw, more: bytes) -> None:
    symbols, tables = draw(60, 15)
    coder = decoding_coder(model, rans.encode(symbols, tables, model, 4) + more, 4)
    assert read_all(coder, tables) == symbols.tolist()
    assert not finished(coder)


def test_flipped_bits_give_symbols_of_the_tables_and_are_mostly_seen(model: Tables, draw: Draw) -> None:
    symbols, tables = draw(300, 16)
    payload = rans.encode(symbols, tables, model, 4)
    missed = 0
    for bit in range(0, 8 * len(payload), 3):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        coder = decoding_coder(model, bytes(damaged), 4)
        back = read_all(coder, tables)
        assert all(model.frequencies[t, s] for t, s in zip(tables, back, strict=True))
        assert coder.control[POSITION] <= coder.control[WORDS]
        assert back != symbols.tolist() or not finished(coder)
        missed += finished(coder)
    assert missed <= 2


@given(st.binary(max_size=60), st.sampled_from([1, 2, 32, 64]))
@settings(max_examples=60)
def test_any_bytes_read_as_something(payload: bytes, lanes: int) -> None:
    coder = decoding_coder(RAW, payload, lanes)
    assert all(0 <= code_one(coder, 0, 0) < 16 for _ in range(100))
    assert coder.control[POSITION] <= max(coder.control[WORDS], 2 * lanes)


@pytest.mark.parametrize("value", [0, 1, 2, 3, 15, 16, 17, 255, 256, 4095, 16383, 16384, 32751, 32767])
def test_numbers_come_back(value: int) -> None:
    writer = encoding_coder(RAW, 16)
    assert code_number(writer, value) == value
    symbols, tables = queued(writer)
    fours, ones = divmod(max(0, value.bit_length() - 1), 4)
    assert tables.tolist() == [0] * (1 + fours) + [1] * ones and len(symbols) == len(tables)
    reader = decoding_coder(RAW, rans.encode(symbols, tables, RAW, 1), 1)
    assert code_number(reader, 0) == value
    assert finished(reader)
