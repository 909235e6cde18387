"""Block transform: float DCT for the encoder's analysis, integer inverse (contract 4) for both sides.

Matrices are round(64 * sqrt(N) * basis), in the manner of HEVC (H.265 section 8.6.4.2): entries up to 90, int32 sums,
shifts 7 and the rest, with clamps between so that no stream can overflow.
"""

import functools

import numpy as np
from numba import njit

# A dequantised coefficient is an orthonormal DCT coefficient times 2**FRACTION, within +-COEFFICIENT_LIMIT.
FRACTION = 4
COEFFICIENT_LIMIT = 1 << 20


@functools.cache
def basis(n: int) -> np.ndarray:
    """Orthonormal DCT-II basis (n, n) float64; row k is frequency k."""
    k, x = np.arange(n)[:, None], np.arange(n)[None, :]
    rows = np.sqrt(2 / n) * np.cos(np.pi * (2 * x + 1) * k / (2 * n))
    rows[0] /= np.sqrt(2)
    return rows


@functools.cache
def integer_matrix(n: int) -> np.ndarray:
    """round(64 * sqrt(n) * basis(n)) as int32; no entry lies near a half, so every machine rounds alike."""
    return np.floor(64 * np.sqrt(n) * basis(n) + 0.5).astype(np.int32)


def forward(blocks: np.ndarray) -> np.ndarray:
    """Orthonormal DCT-II of blocks (B, n, n), any real type. Returns (B, n, n) float32."""
    d = basis(blocks.shape[-1]).astype(np.float32)
    return d @ blocks.astype(np.float32) @ d.T


def to_blocks(plane: np.ndarray, n: int) -> np.ndarray:
    """A plane (h * n, w * n) as blocks (h * w, n, n), rows of blocks first."""
    h, w = plane.shape[0] // n, plane.shape[1] // n
    return plane.reshape(h, n, w, n).transpose(0, 2, 1, 3).reshape(h * w, n, n)


@njit(inline="always")
def _clamp(x, limit):
    return min(max(x, -limit), limit - 1)


@njit(cache=True, nogil=True)
def add_inverse(coefficients, matrix, prediction, width_blocks, peak, out):
    """out = clip(prediction + inverse DCT of coefficients) block by block; blocks of zeros copy the prediction.

    coefficients (B, n, n) int32, dequantised; prediction, out (h * n, w * n) uint16; peak = largest sample value.
    """
    n = matrix.shape[0]
    log_n = 3 if n == 8 else (4 if n == 16 else 5)
    shift = 12 + log_n + FRACTION - 7
    half = 1 << (shift - 1)
    half_column = np.empty((n, n), np.int32)
    row = np.empty(n, np.int32)
    for b in range(coefficients.shape[0]):
        top, left = b // width_blocks * n, b % width_blocks * n
        block = coefficients[b]
        rows, columns = 0, 0
        for i in range(n):
            for j in range(n):
                if block[i, j] != 0:
                    rows = max(rows, i + 1)
                    columns = max(columns, j + 1)
        if rows == 0:
            for i in range(n):
                for j in range(n):
                    out[top + i, left + j] = prediction[top + i, left + j]
            continue
        for i in range(n):
            for j in range(columns):
                row[j] = 0
            for k in range(rows):
                m = matrix[k, i]
                for j in range(columns):
                    row[j] += m * _clamp(block[k, j], COEFFICIENT_LIMIT)
            for j in range(columns):
                half_column[i, j] = _clamp((row[j] + 64) >> 7, COEFFICIENT_LIMIT)
        for i in range(n):
            for j in range(n):
                row[j] = half
            for k in range(columns):
                v = half_column[i, k]
                for j in range(n):
                    row[j] += v * matrix[k, j]
            for j in range(n):
                value = np.int32(prediction[top + i, left + j]) + (row[j] >> shift)
                out[top + i, left + j] = min(max(value, 0), peak)
