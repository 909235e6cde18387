"""Block transforms: the integer inverse against its twin and against the float inverse."""

import numpy as np
import pytest

from nvc.codec import transform

SIZES = (8, 16, 32)
LIMITS = np.iinfo(np.int32)


def inverse(backend: str, monkeypatch: pytest.MonkeyPatch, coefficients, prediction, columns, peak) -> np.ndarray:
    monkeypatch.setenv("NVC_BACKEND", backend)
    assert transform.backend_use().backend == backend
    out = np.full_like(prediction, 7777)
    matrix = transform.integer_matrix(coefficients.shape[-1])
    transform.add_inverse(coefficients, matrix, prediction, columns, peak, out)
    return out


def both(monkeypatch: pytest.MonkeyPatch, *args) -> np.ndarray:
    fast, plain = inverse("numba", monkeypatch, *args), inverse("reference", monkeypatch, *args)
    assert np.array_equal(fast, plain)
    return fast


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (3, 1)])
@pytest.mark.parametrize("peak", [255, 1023])
@pytest.mark.parametrize("kept", [1.0, 0.02, 0.0])
def test_twins_agree(n: int, rows: int, columns: int, peak: int, kept: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(n + rows)
    coefficients = rng.integers(-4000, 4000, (rows * columns, n, n)).astype(np.int32)
    coefficients[rng.random(coefficients.shape) >= kept] = 0
    prediction = rng.integers(0, peak + 1, (rows * n, columns * n)).astype(np.uint16)
    out = both(monkeypatch, coefficients, prediction, columns, peak)
    assert out.max() <= peak
    assert kept or np.array_equal(out, prediction)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("value", [LIMITS.max, LIMITS.min, 1 << 20, (1 << 20) - 1, -(1 << 20), -(1 << 20) - 1])
@pytest.mark.parametrize("pattern", ["all", "one", "signs", "worst"])
def test_absurd_coefficients_are_clamped_alike(
    n: int, value: int, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coefficients = np.zeros((1, n, n), np.int32)
    rng = np.random.default_rng(1)
    if pattern == "one":
        coefficients[0, n - 1, n - 1] = value
    elif pattern == "all":
        coefficients[:] = value
    else:
        m = transform.integer_matrix(n)
        signs = np.outer(np.sign(m[:, 0]), np.sign(m[:, 0])) if pattern == "worst" else rng.choice([-1, 1], (n, n))
        coefficients[0] = np.clip(signs.astype(np.int64) * value, LIMITS.min, LIMITS.max)
    prediction = rng.integers(0, 1024, (n, n)).astype(np.uint16)
    both(monkeypatch, coefficients, prediction, 1, 1023)


@pytest.mark.parametrize("n", SIZES)
def test_sums_fit_32_bits(n: int) -> None:
    matrix = np.abs(transform.integer_matrix(n).astype(np.int64))
    shift = 12 + int(np.log2(n)) + transform.FRACTION - 7
    worst = matrix.sum(0).max() * transform.COEFFICIENT_LIMIT
    assert worst + (1 << (shift - 1)) < 2**31


@pytest.mark.parametrize("n", SIZES)
def test_the_integer_inverse_is_the_inverse(n: int) -> None:
    rng = np.random.default_rng(n)
    # orthonormal coefficients as a coder meets them: many small ones, a few large ones
    exact = rng.laplace(0, 60, (50, n, n)) * np.exp(-np.add.outer(np.arange(n), np.arange(n)) / n * 4)
    coefficients = np.rint(exact * (1 << transform.FRACTION)).astype(np.int32)
    d = transform.basis(n)
    want = 512 + d.T @ (coefficients / (1 << transform.FRACTION)) @ d
    prediction = np.full((50 * n, n), 512, np.uint16)
    out = np.empty_like(prediction)
    transform.add_inverse(coefficients, transform.integer_matrix(n), prediction, 1, 1023, out)
    error = out.reshape(50, n, n) - np.clip(want, 0, 1023)
    assert np.abs(error).max() <= 0.5 + 0.006 * np.abs(want - 512).max()
    energy = float(((want - 512) ** 2).mean())
    assert float((error**2).mean()) <= 1 / 12 + 0.02 + 0.006**2 * energy


@pytest.mark.parametrize("n", SIZES)
def test_one_frequency_comes_back_within_06_percent(n: int) -> None:
    """Gain of every frequency on its own: the integer basis against the float one."""
    m, d = transform.integer_matrix(n).astype(np.float64), transform.basis(n)
    gain = (m / (64 * np.sqrt(n)) * d).sum(1)
    assert np.abs(gain - 1).max() <= 0.006
    assert np.abs(m @ m.T / (4096 * n) - np.eye(n)).max() <= 0.012


@pytest.mark.parametrize("n", SIZES)
def test_no_matrix_entry_lies_near_a_half(n: int) -> None:
    exact = 64 * np.sqrt(n) * transform.basis(n)
    assert np.abs(exact % 1 - 0.5).min() > 1e-4


@pytest.mark.parametrize("n", SIZES)
def test_a_constant_block_is_its_first_coefficient(n: int) -> None:
    flat = transform.forward(np.full((1, n, n), 3.0))
    assert abs(flat[0, 0, 0] - 3 * n) < 1e-3
    assert np.abs(flat).sum() - abs(flat[0, 0, 0]) < 1e-2
    coefficients = np.zeros((1, n, n), np.int32)
    coefficients[0, 0, 0] = 3 * n << transform.FRACTION
    out = np.empty((n, n), np.uint16)
    transform.add_inverse(coefficients, transform.integer_matrix(n), np.full((n, n), 10, np.uint16), 1, 255, out)
    assert np.all(out == 13)


def test_blocks_are_cut_row_by_row() -> None:
    plane = np.arange(4 * 6).reshape(4, 6)
    blocks = transform.to_blocks(plane, 2)
    assert blocks.shape == (6, 2, 2)
    assert blocks[1].tolist() == [[2, 3], [8, 9]]
    assert blocks[3].tolist() == [[12, 13], [18, 19]]


def test_forward_and_inverse_restore_a_picture() -> None:
    rng = np.random.default_rng(2)
    residual = rng.integers(-200, 200, (4, 16, 16))
    coefficients = np.rint(transform.forward(residual) * 16).astype(np.int32)
    prediction = np.full((32, 32), 500, np.uint16)
    out = np.empty_like(prediction)
    transform.add_inverse(coefficients, transform.integer_matrix(16), prediction, 2, 1023, out)
    back = transform.to_blocks(out.astype(int) - 500, 16)
    assert np.abs(back - residual).max() <= 4
