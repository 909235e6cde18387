"""Exactness self-test: does this machine compute the integers that every other one computes?

Fixed inputs made by an integer recurrence run through each integer kernel; the sums were taken with the reference
twins. A machine that fails may not decode.
"""

import functools
import zlib
from dataclasses import dataclass

import numpy as np

from nvc.backend import BackendUse
from nvc.codec import loop_filter, transform
from nvc.codec.intra_coders import intra_use
from nvc.codec.network_choice import weights_there
from nvc.entropy import rans, tables
from nvc.entropy.coder import code_one, decoding_coder, finished
from nvc.entropy.tables import build_tables
from nvc.errors import DeviceError
from nvc.motion import warp
from nvc.motion.field import MotionField, cell_grid

_EXPECTED = {
    "entropy coder": 0x4C3BB625,
    "prediction": 0x58FADA5,
    "inverse transform": 0xFD538CB6,
    "loop filter": 0x9E8B4166,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One self-test: its name, whether it held, and what was seen."""

    name: str
    ok: bool
    detail: str


@functools.cache
def ensure_exact() -> None:
    """Run the self-test once in a process. Raises DeviceError where this machine computes other integers."""
    failed = [check.name for check in self_test() if not check.ok]
    if failed:
        raise DeviceError(f"exactness self-test failed: {', '.join(failed)}; this machine cannot code")


def self_test() -> tuple[Check, ...]:
    """Run every exactness check of this machine; under a second once the kernels are compiled."""
    seen = {
        "entropy coder": _entropy(),
        "prediction": _prediction(),
        "inverse transform": _transform(),
        "loop filter": _loop_filter(),
    }
    return tuple(
        Check(name, crc == _EXPECTED[name], f"sum {crc:08x}, expected {_EXPECTED[name]:08x}")
        for name, crc in seen.items()
    )


def backends() -> tuple[BackendUse, ...]:
    """Which implementation serves each kernel family here, and why."""
    networks = BackendUse("networks", "none", "no weights here: neural frames are coded with fitted tables")
    if weights_there():
        networks = BackendUse("networks", "torch", "only implementation")
    return (
        tables.backend_use(),
        rans.backend_use(),
        warp.backend_use(),
        transform.backend_use(),
        loop_filter.backend_use(),
        BackendUse("symbols", "numba", "only implementation"),
        intra_use(),
        networks,
    )


def numbers(count: int, limit: int, seed: int) -> np.ndarray:
    """``count`` whole numbers 0 .. limit - 1 of a fixed recurrence (Lehmer, modulus 2**31 - 1), int64."""
    out = np.empty(count, np.int64)
    x = seed
    for k in range(count):
        x = x * 48271 % 2147483647
        out[k] = x % limit
    return out


def _entropy() -> int:
    frequencies = np.full((3, 32), 64)
    frequencies[:, 0] += 64 * 32
    model = build_tables(frequencies // 3 * 2 + _rest(frequencies // 3 * 2))
    symbols, tables = numbers(500, 32, 1).astype(np.uint8), numbers(500, 3, 2).astype(np.uint16)
    payload = rans.encode(symbols, tables, model, 4)
    coder = decoding_coder(model, payload, 4)
    back = np.array([code_one(coder, int(t), 0) for t in tables], np.uint8)
    good = finished(coder) and np.array_equal(back, symbols)
    return zlib.crc32(payload) if good else 0


def _rest(frequencies: np.ndarray) -> np.ndarray:
    """What is missing to 4096 in each row, given to symbol 0."""
    rest = np.zeros_like(frequencies)
    rest[:, 0] = 4096 - frequencies.sum(1)
    return rest


def _prediction() -> int:
    crc = 0
    for bit_depth in (8, 10):
        size = (50, 34)
        shapes = (size, (25, 17), (25, 17))
        references = tuple(
            tuple(
                warp.pad_plane(numbers(h * w, 1 << bit_depth, 3 + k).reshape(h, w).astype(np.uint16)) for h, w in shapes
            )
            for k in range(2)
        )
        rows, columns = cell_grid(*size)
        modes = numbers(rows * columns, 3, 5).reshape(rows, columns).astype(np.int8)
        vectors = (numbers(rows * columns * 4, 400, 6) - 200).reshape(rows, columns, 2, 2).astype(np.int16)
        for cells in (modes, vectors):  # the upper half in whole blocks
            cells[: rows // 2] = cells[: rows // 2 : 2, ::2].repeat(2, 0).repeat(2, 1)
        planes = warp.predict(references, MotionField(modes, vectors, (-1, 1)), size, bit_depth)  # type: ignore[arg-type]
        for plane in planes:
            crc = zlib.crc32(plane.astype("<u2").data, crc)
    return crc


def _transform() -> int:
    crc = 0
    for n in (8, 16, 32):
        coefficients = (numbers(4 * n * n, 4001, 7) - 2000).reshape(4, n, n).astype(np.int32)
        prediction = numbers(4 * n * n, 1024, 8).reshape(2 * n, 2 * n).astype(np.uint16)
        out = np.empty_like(prediction)
        transform.add_inverse(coefficients, transform.integer_matrix(n), prediction, 2, 1023, out)
        crc = zlib.crc32(out.astype("<u2").data, crc)
    return crc


def _loop_filter() -> int:
    crc = 0
    filters = (numbers(loop_filter.CLASSES * loop_filter.TAPS, 256, 9) - 128).reshape(-1, loop_filter.TAPS)
    for bit_depth in (8, 10):
        peak = (1 << bit_depth) - 1
        smooth = np.add.outer(np.arange(32), np.arange(48)) * 3  # classes of all directions and activities
        noise = numbers(32 * 48, 64, 10).reshape(32, 48) * (np.arange(48) % 16 // 4)
        picture = np.minimum(smooth + noise, peak).astype(np.uint16)
        prediction = np.minimum(picture + numbers(32 * 48, 9, 11).reshape(32, 48), peak).astype(np.uint16)
        correction = loop_filter.corrections(picture, prediction, 300, filters.astype(np.int32))
        crc = zlib.crc32(loop_filter.add(picture, correction, 7, peak).astype("<u2").data, crc)
    return crc
