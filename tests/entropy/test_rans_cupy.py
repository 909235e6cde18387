"""The rANS kernels: they compile, and on the host or a GPU they write and read the CPU coder's own bytes."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.backend_cupy import Device
from nvc.entropy import rans, rans_cupy, rans_numba, rans_reference
from nvc.entropy.coder import code_one, decoding_coder, finished
from nvc.entropy.tables import Tables, build_tables
from nvc.errors import FormatError

Draw = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
LANES = (1, 2, 4, 8, 16, 32, 64)
LENGTHS = (0, 1, 31, 32, 33, 64, 65, 129, 1000)


def cpu_bytes(symbols: np.ndarray, tables: np.ndarray, model: Tables, lanes: int) -> bytes:
    words = rans_numba.encode_words(symbols, tables, model.frequencies, model.starts, lanes)
    return words.astype("<u2").tobytes()


def test_kernels_compile(nvrtc_kernels: Callable[[str], str]) -> None:
    made = nvrtc_kernels(rans_cupy.SOURCE)
    assert [k for k in rans_cupy.KERNELS if k not in made] == []


def test_kernels_hold_no_floats() -> None:
    assert not any(word in rans_cupy.SOURCE for word in ("float", "double"))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("n", [0, 1, 33, 500])
def test_one_stream_as_the_twins(model: Tables, draw: Draw, kernel_device: Device, lanes: int, n: int) -> None:
    symbols, tables = draw(n, n + lanes)
    words = rans_cupy.encode_words(symbols, tables, model.frequencies, model.starts, lanes, kernel_device)
    want = rans_reference.encode_words(symbols, tables, model.frequencies, model.starts, lanes)
    assert words.dtype == np.uint16 and words.tolist() == want.tolist()
    back = rans_cupy.decode_symbols(words, tables, model.lookup, lanes, kernel_device)
    assert back.dtype == np.uint8 and back.tolist() == symbols.tolist()


@pytest.mark.parametrize("lanes", LANES)
def test_many_streams_at_once(model: Tables, draw: Draw, kernel_device: Device, lanes: int) -> None:
    symbols, tables = zip(*(draw(n, n) for n in LENGTHS), strict=True)
    want = [cpu_bytes(s, t, model, lanes) for s, t in zip(symbols, tables, strict=True)]
    assert rans_cupy.encode_streams(symbols, tables, model, lanes, kernel_device) == want
    read, good = rans_cupy.decode_streams(want, tables, model, lanes, kernel_device)
    assert good.tolist() == [True] * len(LENGTHS)
    assert [r.tolist() for r in read] == [s.tolist() for s in symbols]


@pytest.mark.parametrize("lanes", [1, 4, 32, 64])
def test_a_damaged_stream_reads_as_on_the_cpu(model: Tables, draw: Draw, kernel_device: Device, lanes: int) -> None:
    rng = np.random.default_rng(lanes)
    symbols, tables = draw(700, 3)
    whole = cpu_bytes(symbols, tables, model, lanes)
    payloads = [whole[:n] for n in (0, 1, 2, 3, 4 * lanes - 1, 4 * lanes, len(whole) - 1)] + [whole + b"\0\0"]
    for _ in range(20):
        data = bytearray(whole[: int(rng.integers(len(whole) // 2, len(whole) + 1))])
        data[int(rng.integers(0, len(data)))] ^= 1 << int(rng.integers(0, 8))
        payloads.append(bytes(data))
    read, good = rans_cupy.decode_streams(payloads, [tables] * len(payloads), model, lanes, kernel_device)
    assert not good.any()
    for payload, got in zip(payloads, read, strict=True):
        coder = decoding_coder(model, payload, lanes)
        assert got.tolist() == [code_one(coder, int(t), 0) for t in tables]
        assert not finished(coder)


def test_extreme_frequencies(kernel_device: Device) -> None:
    """Frequencies 1 and 4094 make the largest states and the longest runs of words."""
    model = build_tables(np.array([[4094, 1, 1], [1, 1, 4094]]))
    rng = np.random.default_rng(1)
    symbols, tables = rng.integers(0, 3, 3000).astype(np.uint8), rng.integers(0, 2, 3000).astype(np.uint16)
    payload = cpu_bytes(symbols, tables, model, 32)
    assert rans_cupy.encode_streams([symbols], [tables], model, 32, kernel_device) == [payload]
    read, good = rans_cupy.decode_streams([payload], [tables], model, 32, kernel_device)
    assert good[0] and np.array_equal(read[0], symbols)


def test_nothing_gives_nothing(model: Tables, kernel_device: Device) -> None:
    assert rans_cupy.encode_streams([], [], model, 32, kernel_device) == []
    read, good = rans_cupy.decode_streams([], [], model, 32, kernel_device)
    assert read == [] and good.tolist() == []


def test_words_that_do_not_fit_are_refused(model: Tables, draw: Draw, kernel_device: Device) -> None:
    symbols, tables = draw(100, 2)
    words = np.frombuffer(cpu_bytes(symbols, tables, model, 4), "<u2")
    with pytest.raises(FormatError, match="does not hold"):
        rans_cupy.decode_symbols(words[:-1], tables, model.lookup, 4, kernel_device)


@pytest.mark.parametrize(("symbol", "table", "lanes"), [(2, 1, 32), (0, 8, 32), (64, 0, 32), (0, 0, 3)])
def test_what_cannot_be_coded_is_refused(model: Tables, symbol: int, table: int, lanes: int) -> None:
    symbols, tables = np.array([symbol], np.uint8), np.array([table], np.uint16)
    with pytest.raises(FormatError):
        rans_cupy.encode_streams([symbols], [tables], model, lanes)
    if symbol == 0:
        with pytest.raises(FormatError):
            rans_cupy.decode_streams([b"\0\0\1\0"], [tables], model, lanes)


@pytest.mark.gpu
def test_arrays_on_a_gpu_stay_there(model: Tables, draw: Draw) -> None:
    cupy = pytest.importorskip("cupy")
    symbols, tables = draw(5000, 11)
    want = cpu_bytes(symbols, tables, model, 32)
    assert rans.encode(cupy.asarray(symbols), cupy.asarray(tables), model, 32) == want
    words = cupy.asarray(np.frombuffer(want, "<u2"))
    back = rans_cupy.decode_symbols(words, cupy.asarray(tables), model.lookup, 32)
    assert isinstance(back, cupy.ndarray) and np.array_equal(cupy.asnumpy(back), symbols)
    with pytest.raises(FormatError):
        rans.encode(cupy.asarray(np.array([2], np.uint8)), cupy.asarray(np.array([1], np.uint16)), model, 32)


@pytest.mark.gpu
def test_the_dispatcher_offers_it(model: Tables, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cupy")
    symbols, tables = draw(300, 12)
    monkeypatch.setenv("NVC_BACKEND", "cupy")
    assert rans.backend_use().backend == "cupy"
    assert rans.encode(symbols, tables, model, 4) == cpu_bytes(symbols, tables, model, 4)
