"""Runs the CuPy kernels beside their reference twins on awkward inputs, and beside numba for time."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from nvc.backend_cupy import CupyDevice, Device
from nvc.codec import transform, transform_cupy, transform_numba, transform_reference
from nvc.color import Planes, unshuffle
from nvc.entropy import rans, rans_cupy, rans_lanes_model, tables_cupy, tables_reference
from nvc.entropy.coder import code_symbol, decoding_coder
from nvc.entropy.tables import Tables, build_tables, quantise_counts
from nvc.motion import warp, warp_reference
from nvc.motion.field import FIRST, MotionField, cell_grid, grid_size

LANES = (1, 2, 4, 8, 16, 32, 64)
# One block, less than one block, odd numbers of blocks.
SIZES = ((16, 16), (2, 6), (18, 34), (50, 66))
LENGTHS = (0, 1, 31, 32, 33, 63, 64, 65, 999)


@dataclass(frozen=True, slots=True)
class GpuCheck:
    """A kernel beside its twin on one input: the same, bit for bit, or not."""

    family: str
    case: str
    ok: bool


@dataclass(frozen=True, slots=True)
class GpuTime:
    """Median milliseconds of one piece of work: one CPU thread (numba; NumPy for tables), the GPU with copies to and
    fro, and without."""

    family: str
    case: str
    cpu: float
    copied: float
    resident: float


def check_twins(device: Device) -> list[GpuCheck]:
    """Every case of every family on ``device``."""
    cases = [*_prediction_cases(device), *_transform_cases(device), *_table_cases(device), *_rans_cases(device)]
    return [GpuCheck(family, case, bool(same)) for family, case, same in cases]


def time_twins(device: CupyDevice, size: tuple[int, int] = (1080, 1920), repeat: int = 9) -> list[GpuTime]:
    """Times of a frame of ``size``: prediction from two references, inverse transform; tables; rANS of many streams."""
    frame = [_time_prediction(device, size, repeat), _time_transform(device, size, repeat)]
    return [*frame, _time_tables(device, repeat), _time_rans(device, repeat)]


def random_planes(rng: np.random.Generator, size: tuple[int, int], depth: int) -> Planes:
    """Padded planes y, u, v of noise, uint16."""
    shapes = (size, (size[0] // 2, size[1] // 2), (size[0] // 2, size[1] // 2))
    y, u, v = (warp.pad_plane(rng.integers(0, 1 << depth, s).astype(np.uint16)) for s in shapes)
    return y, u, v


def random_motion(rng: np.random.Generator, size: tuple[int, int], reach: int, two: bool = True) -> MotionField:
    """Random vectors up to ``reach`` quarter samples, modes of one or two references; every other column is whole."""
    shape = cell_grid(*size)
    modes = rng.integers(0, 3, shape).astype(np.int8) if two else np.full(shape, FIRST, np.int8)
    vectors = rng.integers(-reach, reach, (*shape, 2, 2)).astype(np.int16)
    for cells in (modes, vectors):
        for k in (1, 2, 3):
            cells[k >> 1 :: 2, k & 1 :: 4] = cells[::2, ::4]
    return MotionField(modes, vectors, (-1, 1 if two else 0))


def random_model() -> Tables:
    """Tables of 2 to 64 symbols, flat ones, skewed ones and one nearly certain."""
    sizes = np.array([16, 2, 64, 33, 3, 8, 2, 64])
    counts = np.zeros((8, 64))
    for t, n in enumerate(sizes):
        counts[t, :n] = 1.0 if t < 2 else 1000.0 * (0.9 - 0.1 * t) ** np.arange(n)
    counts[6, :2] = 1e9, 0
    return build_tables(quantise_counts(counts, sizes))


def random_stream(rng: np.random.Generator, model: Tables, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(symbols uint8, tables uint16) of n symbols drawn by the tables' own probabilities."""
    tables = rng.integers(0, len(model), n).astype(np.uint16)
    return (model.lookup[tables, rng.integers(0, 4096, n)] >> 24).astype(np.uint8), tables


def reference_planes(
    references: tuple, motion: MotionField, size: tuple[int, int], depth: int, overlapped: bool
) -> Planes:
    """Planes of ``warp.predict`` by the reference twin, whatever NVC_BACKEND says."""
    out = []
    for plane in range(3):
        half = 1 if plane else 0
        block, overlap = 16 >> half, (4 >> half) * overlapped
        taps = warp.CHROMA_TAPS if half else warp.LUMA_TAPS
        out.append(
            warp_reference.predict_plane(
                references[0][plane], references[-1][plane], motion.modes, motion.vectors, taps,
                warp.window(block // 2, overlap), block, overlap, size[0] >> half, size[1] >> half, depth,
            )
        )  # fmt: skip
    return out[0], out[1], out[2]


Case = tuple[str, str, Any]


def _prediction_cases(device: Device) -> Iterator[Case]:
    rng = np.random.default_rng(1)
    for size in SIZES:
        for depth, reach, overlapped, two in (
            (8, 300, True, True), (10, 300, True, True), (10, 8192, True, True), (8, 8192, False, True),
            (8, 40, True, False),
        ):  # fmt: skip
            references = tuple(random_planes(rng, size, depth) for _ in range(2 if two else 1))
            motion = random_motion(rng, size, reach, two)
            want = reference_planes(references, motion, size, depth, overlapped)
            planes, packed = warp.predict_on_gpu(
                references, motion, size, depth, overlapped=overlapped, unshuffled=True, device=device
            )
            same = all(np.array_equal(a, b) for a, b in zip(planes, want, strict=True))
            blend = "overlapped" if overlapped else "plain"
            case = f"{size[1]}x{size[0]}, {depth} bit, vectors to {reach}, {blend}, {len(references)} references"
            yield "prediction", case, same and np.array_equal(packed, unshuffle(want))


def _transform_cases(device: Device) -> Iterator[Case]:
    rng = np.random.default_rng(2)
    shapes = ((1, 1, 255, 4000), (3, 5, 1023, 4000), (2, 1, 1023, 1 << 31), (1, 3, 255, 1))
    for n in (8, 16, 32):
        for rows, columns, peak, limit in shapes:
            coefficients = rng.integers(-limit, limit, (rows * columns, n, n)).astype(np.int32)
            prediction = rng.integers(0, peak + 1, (rows * n, columns * n)).astype(np.uint16)
            got, want = np.empty_like(prediction), np.empty_like(prediction)
            arguments = coefficients, transform.integer_matrix(n), prediction, columns, peak
            transform_cupy.add_inverse(*arguments, got, device)
            transform_reference.add_inverse(*arguments, want)
            case = f"{columns}x{rows} blocks of {n}x{n}, peak {peak}, coefficients to {limit}"
            yield "inverse transform", case, np.array_equal(got, want)


def _table_cases(device: Device) -> Iterator[Case]:
    rng = np.random.default_rng(7)
    for symbols in (2, 3, 33, 64):
        frequencies = quantise_counts(rng.exponential(1, (9, symbols)) ** 4, np.full(9, symbols))
        frequencies[0] = 0
        frequencies[0, -2:] = 4095, 1  # symbols that do not exist before those that do
        got, want = tables_cupy.place_symbols(frequencies, device), tables_reference.place_symbols(frequencies)
        yield "tables", f"9 tables of {symbols} symbols", all(map(np.array_equal, got, want))


def _rans_cases(device: Device) -> Iterator[Case]:
    rng, model = np.random.default_rng(3), random_model()
    for lanes in LANES:
        symbols, tables = zip(*(random_stream(rng, model, n) for n in LENGTHS), strict=True)
        want = [rans_lanes_model.encode_lanes(s, t, model, lanes) for s, t in zip(symbols, tables, strict=True)]
        yield "rans", f"{lanes} lanes, write", rans_cupy.encode_streams(symbols, tables, model, lanes, device) == want
        read, good = rans_cupy.decode_streams(want, tables, model, lanes, device)
        yield "rans", f"{lanes} lanes, read", all(good) and all(map(np.array_equal, read, symbols))
        broken = [_damaged(rng, p) for p in want]
        models = [rans_lanes_model.decode_lanes(p, t, model.lookup, lanes) for p, t in zip(broken, tables, strict=True)]
        read, good = rans_cupy.decode_streams(broken, tables, model, lanes, device)
        same = all(np.array_equal(a, b[0]) for a, b in zip(read, models, strict=True))
        yield "rans", f"{lanes} lanes, damaged", same and good.tolist() == [m[1] for m in models]


def _damaged(rng: np.random.Generator, payload: bytes) -> bytes:
    """The payload cut short at random, with one bit turned."""
    data = bytearray(payload[: int(rng.integers(0, len(payload)))])
    if data:
        data[int(rng.integers(0, len(data)))] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)


def _median_ms(call: Callable[[], Any], device: CupyDevice, repeat: int) -> float:
    """Median wall time of ``call`` with everything it started, in milliseconds; the first run is not counted."""
    times = []
    for _ in range(repeat + 1):
        device.synchronize()
        begin = time.perf_counter()
        call()
        device.synchronize()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[1:])


def _time_prediction(device: CupyDevice, size: tuple[int, int], repeat: int) -> GpuTime:
    rng = np.random.default_rng(4)
    references = random_planes(rng, size, 8), random_planes(rng, size, 8)
    motion = random_motion(rng, size, 64)
    there = tuple(tuple(device.upload(p, np.uint16) for p in r) for r in references)
    moved = MotionField(device.upload(motion.modes, np.int8), device.upload(motion.vectors, np.int16), (-1, 1))
    return GpuTime(
        "prediction", f"{size[1]}x{size[0]}, two references, three planes",
        _median_ms(lambda: _numba_planes(references, motion, size), device, repeat),
        _median_ms(lambda: warp.predict_on_gpu(references, motion, size, 8, device=device), device, repeat),
        _median_ms(lambda: warp.predict_on_gpu(there, moved, size, 8, device=device), device, repeat),
    )  # fmt: skip


def _numba_planes(references: tuple, motion: MotionField, size: tuple[int, int]) -> None:
    from nvc.motion.warp_numba import predict_plane

    for plane in range(3):
        half = 1 if plane else 0
        block, overlap = 16 >> half, 4 >> half
        predict_plane(
            references[0][plane], references[1][plane], motion.modes, motion.vectors,
            warp.CHROMA_TAPS if half else warp.LUMA_TAPS, warp.window(block // 2, overlap), block, overlap,
            size[0] >> half, size[1] >> half, 8,
        )  # fmt: skip


def _time_transform(device: CupyDevice, size: tuple[int, int], repeat: int) -> GpuTime:
    rng = np.random.default_rng(5)
    rows, columns = grid_size(*size)
    coefficients = rng.integers(-400, 400, (rows * columns, 16, 16)).astype(np.int32)
    prediction = rng.integers(0, 256, (rows * 16, columns * 16)).astype(np.uint16)
    matrix, out = transform.integer_matrix(16), np.empty_like(prediction)
    here = coefficients, matrix, prediction
    there = device.upload(coefficients, np.int32), device.upload(matrix, np.int32), device.upload(prediction, np.uint16)
    target = device.empty(out.shape, np.uint16)
    return GpuTime(
        "inverse transform", f"{size[1]}x{size[0]} luma, dense 16x16 blocks",
        _median_ms(lambda: transform_numba.add_inverse(*here, columns, 255, out), device, repeat),
        _median_ms(lambda: transform_cupy.add_inverse(*here, columns, 255, out, device), device, repeat),
        _median_ms(lambda: transform_cupy.add_inverse(*there, columns, 255, target, device), device, repeat),
    )  # fmt: skip


def _time_tables(device: CupyDevice, repeat: int, rows: int = 512) -> GpuTime:
    rng = np.random.default_rng(8)
    here = quantise_counts(rng.exponential(1, (rows, 32)) ** 4, np.full(rows, 32)).astype(np.uint16)
    there = device.upload(here, np.uint16)
    return GpuTime(
        "tables", f"{rows} tables of 32 symbols",
        _median_ms(lambda: tables_reference.place_symbols(here), device, repeat),
        _median_ms(lambda: tables_cupy.place_symbols(here, device), device, repeat),
        _median_ms(lambda: tables_cupy.place_symbols(there, device), device, repeat),
    )  # fmt: skip


def _time_rans(device: CupyDevice, repeat: int, streams: int = 256, length: int = 20_000) -> GpuTime:
    rng, model = np.random.default_rng(6), random_model()
    symbols, tables = zip(*(random_stream(rng, model, length) for _ in range(streams)), strict=True)
    payloads = [rans.encode(s, t, model, 32) for s, t in zip(symbols, tables, strict=True)]
    words = [np.frombuffer(p, "<u2") for p in payloads]
    ends = np.cumsum([0, *map(len, words)]).astype(np.int32)
    steps = np.arange(0, (streams + 1) * length, length, dtype=np.int32)
    there = (
        device.upload(np.concatenate(words), np.uint16), device.upload(ends, np.int32),
        device.upload(np.concatenate(tables), np.uint16), device.upload(model.lookup, np.uint32),
    )  # fmt: skip
    w, e, t, lookup = there
    return GpuTime(
        "rans", f"read {streams} streams of {length} symbols, 32 lanes",
        _median_ms(lambda: _numba_read(payloads, tables, model), device, min(repeat, 3)),
        _median_ms(lambda: rans_cupy.decode_streams(payloads, tables, model, 32, device), device, repeat),
        _median_ms(lambda: rans_cupy.decode_flat(w, e, t, steps, lookup, 32, device), device, repeat),
    )  # fmt: skip


def _numba_read(payloads: list[bytes], tables: tuple, model: Tables) -> None:
    for payload, used in zip(payloads, tables, strict=True):
        _read(decoding_coder(model, payload, 32), used)


@njit(cache=True, nogil=True)
def _read(coder, tables):
    """Decode the symbols of known tables, as the frame coder's loops do."""
    total = 0
    for t in tables:
        total += code_symbol(coder, t, 0)
    return total
