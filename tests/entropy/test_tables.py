"""Static integer tables: building, errors, fitting of counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nvc.entropy.tables import MAX_SYMBOLS, TOTAL, build_tables, quantise_counts
from nvc.errors import FormatError


def test_a_table_places_every_symbol() -> None:
    model = build_tables(np.array([[4000, 90, 6, 0], [1, 1, 1, 4093]]))
    assert len(model) == 2
    assert model.starts.tolist() == [[0, 4000, 4090, 4096], [0, 1, 2, 3]]
    for t in range(2):
        for slot in range(TOTAL):
            entry = int(model.lookup[t, slot])
            symbol, start, frequency = entry >> 24, entry >> 12 & 4095, entry & 4095
            assert start <= slot < start + frequency
            assert frequency == model.frequencies[t, symbol]


def test_costs_are_bits() -> None:
    model = build_tables(np.array([[2048, 1024, 1023, 1, 0]]))
    assert model.costs[0, :2].tolist() == [1.0, 2.0]
    assert model.costs[0, 3] == 12.0
    assert model.costs[0, 4] >= 32


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[4096, 0]], "4096"),
        ([[4000, 95]], "sum"),
        ([[4000, 97]], "sum"),
        ([[5000, -904]], "entries"),
        ([[2048, 2048], [1, 1]], "sum"),
        ([2048, 2048], "tables must be"),
        ([[[2048, 2048]]], "tables must be"),
        ([[64] * 64 + [0]], f"at most {MAX_SYMBOLS}"),
        ([[]], "sum"),
    ],
)
def test_a_broken_table_is_refused(rows: list, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        build_tables(np.array(rows))


@given(
    hnp.arrays(np.float64, (3, 12), elements=st.floats(0, 1e9)),
    st.lists(st.integers(2, 12), min_size=3, max_size=3),
    st.floats(0.01, 10),
)
def test_counts_become_whole_tables(counts: np.ndarray, sizes: list[int], prior: float) -> None:
    frequencies = quantise_counts(counts, np.array(sizes), prior)
    build_tables(frequencies)
    for row, size in zip(frequencies, sizes, strict=True):
        assert np.all(row[:size] >= 1)
        assert np.all(row[size:] == 0)


@pytest.mark.parametrize("size", [2, 3, 16, 63, 64])
@pytest.mark.parametrize("kind", ["zeros", "one", "flat", "last"])
def test_extreme_counts_become_whole_tables(size: int, kind: str) -> None:
    counts = np.zeros((1, 64))
    if kind == "one":
        counts[0, 0] = 1e12
    elif kind == "flat":
        counts[0, :size] = 7
    elif kind == "last":
        counts[0, size - 1] = 1e12
    frequencies = quantise_counts(counts, np.array([size]))
    model = build_tables(frequencies)
    assert np.count_nonzero(model.frequencies) == size
    if kind == "last":
        assert frequencies[0, size - 1] == TOTAL - size + 1


def test_frequencies_follow_the_counts() -> None:
    frequencies = quantise_counts(np.array([[8000.0, 4000.0, 2000.0, 2000.0]]), np.array([4]), prior=0.0)
    assert np.abs(frequencies[0] - [2048, 1024, 512, 512]).max() <= 4
