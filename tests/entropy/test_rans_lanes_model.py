"""Lanes that step together read and write what a coder writes one symbol at a time."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.entropy import rans_numba
from nvc.entropy.rans_lanes_model import decode_lanes, encode_lanes
from nvc.entropy.tables import Tables

Draw = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("n", [0, 1, 7, 32, 71, 4001])
def test_the_same_bytes_both_ways(model: Tables, draw: Draw, lanes: int, n: int) -> None:
    symbols, tables = draw(n, n)
    words = rans_numba.encode_words(symbols, tables, model.frequencies, model.starts, lanes)
    payload = words.astype("<u2").tobytes()
    assert encode_lanes(symbols, tables, model, lanes) == payload
    back, whole = decode_lanes(payload, tables, model.lookup, lanes)
    assert whole and back.tolist() == symbols.tolist()


@pytest.mark.parametrize("cut", [1, 2, 100, 4000])
def test_a_short_payload_is_not_whole(model: Tables, draw: Draw, cut: int) -> None:
    symbols, tables = draw(2000, 1)
    payload = encode_lanes(symbols, tables, model, 32)
    back, whole = decode_lanes(payload[: max(0, len(payload) - cut)], tables, model.lookup, 32)
    assert not whole and len(back) == len(symbols)
