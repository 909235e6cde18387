"""Integer inverse DCT, numba twin of ``transform_reference``."""

import numpy as np
from numba import njit

from nvc.codec.transform import COEFFICIENT_LIMIT, FRACTION


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
