"""The inverse transform kernel: it compiles, and on the host or a GPU it makes the reference's pixels."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.backend_cupy import Device
from nvc.codec import transform, transform_cupy, transform_reference

SIZES = (8, 16, 32)
LIMITS = np.iinfo(np.int32)


def both(device: Device, coefficients: np.ndarray, prediction: np.ndarray, columns: int, peak: int) -> np.ndarray:
    """What kernel and reference make, which must be the same."""
    matrix = transform.integer_matrix(coefficients.shape[-1])
    got, want = np.full_like(prediction, 7777), np.full_like(prediction, 7777)
    transform_cupy.add_inverse(coefficients, matrix, prediction, columns, peak, got, device)
    transform_reference.add_inverse(coefficients, matrix, prediction, columns, peak, want)
    assert np.array_equal(got, want)
    return got


def test_kernel_compiles(nvrtc_kernels: Callable[[str], str]) -> None:
    made = nvrtc_kernels(transform_cupy.SOURCE)
    assert [k for k in transform_cupy.KERNELS if k not in made] == []


def test_kernel_holds_no_floats() -> None:
    assert not any(word in transform_cupy.SOURCE for word in ("float", "double"))


def test_constants_are_those_of_the_dispatcher() -> None:
    assert transform.COEFFICIENT_LIMIT == 1 << 20 and "#define LIMIT (1 << 20)" in transform_cupy.SOURCE
    assert transform.FRACTION == 4 and "12 + log_n + 4 - 7" in transform_cupy.SOURCE


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (3, 1)])
@pytest.mark.parametrize("peak", [255, 1023])
@pytest.mark.parametrize("kept", [1.0, 0.02, 0.0])
def test_the_pixels_of_the_reference(
    n: int, rows: int, columns: int, peak: int, kept: float, kernel_device: Device
) -> None:
    rng = np.random.default_rng(n + rows)
    coefficients = rng.integers(-4000, 4000, (rows * columns, n, n)).astype(np.int32)
    coefficients[rng.random(coefficients.shape) >= kept] = 0
    prediction = rng.integers(0, peak + 1, (rows * n, columns * n)).astype(np.uint16)
    out = both(kernel_device, coefficients, prediction, columns, peak)
    assert out.max() <= peak
    assert kept or np.array_equal(out, prediction)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("value", [LIMITS.max, LIMITS.min, (1 << 20) - 1, -(1 << 20) - 1])
def test_absurd_coefficients_are_clamped_alike(n: int, value: int, kernel_device: Device) -> None:
    rng = np.random.default_rng(1)
    first = np.sign(transform.integer_matrix(n)[:, 0]).astype(np.int64)
    worst = np.clip(np.outer(first, first) * value, LIMITS.min, LIMITS.max)
    signs = np.clip(rng.choice([-1, 1], (n, n)) * value, LIMITS.min, LIMITS.max)
    coefficients = np.stack([worst, signs, np.full((n, n), value)]).astype(np.int32)
    both(kernel_device, coefficients, rng.integers(0, 1024, (3 * n, n)).astype(np.uint16), 1, 1023)


def test_places_without_a_block_are_left_alone(kernel_device: Device) -> None:
    coefficients = np.full((3, 8, 8), 90, np.int32)
    out = both(kernel_device, coefficients, np.full((16, 16), 100, np.uint16), 2, 255)
    assert np.all(out[8:, 8:] == 7777)


def test_no_block_at_all(kernel_device: Device) -> None:
    both(kernel_device, np.zeros((0, 8, 8), np.int32), np.zeros((0, 8), np.uint16), 1, 255)


@pytest.mark.gpu
def test_arrays_on_a_gpu_stay_there() -> None:
    cupy = pytest.importorskip("cupy")
    rng = np.random.default_rng(3)
    coefficients = rng.integers(-900, 900, (6, 16, 16)).astype(np.int32)
    prediction = rng.integers(0, 256, (32, 48)).astype(np.uint16)
    matrix, want = transform.integer_matrix(16), np.empty_like(prediction)
    transform.add_inverse(coefficients, matrix, prediction, 3, 255, want)
    out = cupy.empty(prediction.shape, np.uint16)
    transform.add_inverse(cupy.asarray(coefficients), matrix, cupy.asarray(prediction), 3, 255, out)
    assert np.array_equal(cupy.asnumpy(out), want)


@pytest.mark.gpu
def test_the_dispatcher_offers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cupy")
    rng = np.random.default_rng(4)
    coefficients = rng.integers(-900, 900, (4, 32, 32)).astype(np.int32)
    prediction = rng.integers(0, 1024, (64, 64)).astype(np.uint16)
    matrix, want, got = transform.integer_matrix(32), np.empty_like(prediction), np.empty_like(prediction)
    transform.add_inverse(coefficients, matrix, prediction, 2, 1023, want)
    monkeypatch.setenv("NVC_BACKEND", "cupy")
    assert transform.backend_use().backend == "cupy"
    transform.add_inverse(coefficients, matrix, prediction, 2, 1023, got)
    assert np.array_equal(got, want)
