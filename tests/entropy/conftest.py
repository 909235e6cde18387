"""Tables and symbol streams shared by the tests of the entropy coder."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.entropy.tables import Tables, build_tables, quantise_counts

Stream = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def model() -> Tables:
    """Eight tables: 16 flat (raw nibble), 2 flat (raw bit), skewed ones of several sizes, one nearly certain."""
    sizes = np.array([16, 2, 64, 33, 3, 8, 2, 64])
    counts = np.zeros((8, 64))
    for t, size in enumerate(sizes):
        counts[t, :size] = 1.0 if t < 2 else 1000.0 * (0.9 - 0.1 * t) ** np.arange(size)
    counts[6, :2] = 1e9, 0
    counts[7, :64] = 1
    return build_tables(quantise_counts(counts, sizes))


@pytest.fixture(scope="session")
def draw(model: Tables) -> Callable[[int, int], Stream]:
    """(symbols, tables) of n symbols drawn by the tables' own probabilities."""

    def make(n: int, seed: int) -> Stream:
        rng = np.random.default_rng(seed)
        tables = rng.integers(0, len(model), n).astype(np.uint16)
        slots = rng.integers(0, 4096, n)
        return (model.lookup[tables, slots] >> 24).astype(np.uint8), tables

    return make
