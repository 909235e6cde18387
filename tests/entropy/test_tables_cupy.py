"""The table kernel: it compiles, and on the host or a GPU it makes the reference's tables."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.backend_cupy import Device
from nvc.entropy import rans, tables, tables_cupy, tables_reference
from nvc.entropy.tables import Tables, build_tables


def random_frequencies(alphabet: int, seed: int) -> np.ndarray:
    """Six rows that sum to 4096; symbols may not exist, the first row has two only."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((6, alphabet), np.int64)
    for row in rows:
        cuts = np.sort(rng.integers(1, 4096, alphabet - 1))  # equal cuts leave symbols that do not exist
        row[:] = np.diff([0, *cuts, 4096])
    rows[0] = 0
    rows[0, :2] = 1, 4095
    return rows


def same(device: Device | None, frequencies: np.ndarray) -> bool:
    """Whether kernel and reference make the same arrays of the same types."""
    pairs = zip(
        tables_cupy.place_symbols(frequencies, device), tables_reference.place_symbols(frequencies), strict=True
    )
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def test_kernel_compiles(nvrtc_kernels: Callable[[str], str]) -> None:
    made = nvrtc_kernels(tables_cupy.SOURCE)
    assert [k for k in tables_cupy.KERNELS if k not in made] == []


def test_kernel_holds_no_floats() -> None:
    assert not any(word in tables_cupy.SOURCE for word in ("float", "double"))


@pytest.mark.parametrize("alphabet", [2, 3, 33, 63, 64])
def test_tables_are_built_alike(kernel_device: Device, alphabet: int) -> None:
    assert same(kernel_device, random_frequencies(alphabet, alphabet))


@pytest.mark.parametrize("place", range(5))
def test_absent_symbols_at_either_end(kernel_device: Device, place: int) -> None:
    """A start of 4096 does not exist in 12 bits: the lookup must never ask for it."""
    row = np.zeros((1, 6), np.int64)
    row[0, place : place + 2] = 4095, 1
    assert same(kernel_device, row)


def test_one_table_and_none(model: Tables, kernel_device: Device) -> None:
    assert same(kernel_device, model.frequencies[:1])
    assert same(kernel_device, np.zeros((0, 5), np.uint16))


def test_frequencies_that_lie_apart(model: Tables, kernel_device: Device) -> None:
    """A view with strides and one in column order."""
    assert same(kernel_device, model.frequencies[::2])
    assert same(kernel_device, np.asfortranarray(model.frequencies))


@pytest.mark.parametrize("name", ["auto", "reference", "numba"])
def test_the_backend_is_taken_from_the_environment(model: Tables, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NVC_BACKEND", name)
    assert tables.backend_use().backend == "reference"
    built = build_tables(model.frequencies)
    assert np.array_equal(built.lookup, model.lookup) and np.array_equal(built.starts, model.starts)


def test_the_dispatcher_runs_the_kernel(model: Tables, kernel_device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that the kernel built through ``build_tables`` are the reference's in every field."""
    monkeypatch.setenv("NVC_BACKEND", "cupy")
    monkeypatch.setattr(tables, "fault", lambda: None)
    monkeypatch.setattr(tables_cupy, "device_of", lambda device: kernel_device)
    assert tables.backend_use().backend == "cupy"
    built = build_tables(model.frequencies)
    for field in ("frequencies", "starts", "lookup", "costs"):
        a, b = getattr(built, field), getattr(model, field)
        assert a.dtype == b.dtype and np.array_equal(a, b)


def test_without_a_gpu_the_reference_serves(model: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVC_BACKEND", "cupy")
    monkeypatch.setattr(tables, "fault", lambda: "CuPy is not installed, says the test of tables")
    with pytest.warns(RuntimeWarning, match="says the test of tables"):
        use = tables.backend_use()
    assert use.backend == "reference" and "not installed" in use.reason
    assert np.array_equal(build_tables(model.frequencies).lookup, model.lookup)


@pytest.mark.gpu
def test_arrays_on_a_gpu_stay_there(model: Tables) -> None:
    cupy = pytest.importorskip("cupy")
    built = build_tables(cupy.asarray(model.frequencies))
    assert isinstance(built.lookup, cupy.ndarray) and isinstance(built.starts, cupy.ndarray)
    assert np.array_equal(cupy.asnumpy(built.lookup), model.lookup)
    assert np.array_equal(cupy.asnumpy(built.starts), model.starts)
    symbols, used = np.array([1, 0, 5], np.uint8), np.array([0, 1, 2], np.uint16)
    there = rans.encode(cupy.asarray(symbols), cupy.asarray(used), built, 4)
    assert there == rans.encode(symbols, used, model, 4)
