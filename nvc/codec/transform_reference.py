"""Integer inverse DCT in NumPy int64: the obvious twin of ``transform.add_inverse``."""

import numpy as np

from nvc.codec.transform import COEFFICIENT_LIMIT, FRACTION


def add_inverse(
    coefficients: np.ndarray, matrix: np.ndarray, prediction: np.ndarray, width_blocks: int, peak: int, out: np.ndarray
) -> None:
    """Same arguments and result as ``transform.add_inverse``."""
    n = matrix.shape[0]
    m = matrix.astype(np.int64)
    shift = 12 + int(np.log2(n)) + FRACTION - 7
    for b, block in enumerate(coefficients.astype(np.int64)):
        top, left = b // width_blocks * n, b % width_blocks * n
        inner = m.T @ np.clip(block, -COEFFICIENT_LIMIT, COEFFICIENT_LIMIT - 1)
        inner = np.clip((inner + 64) >> 7, -COEFFICIENT_LIMIT, COEFFICIENT_LIMIT - 1)
        residual = (inner @ m + (1 << (shift - 1))) >> shift
        area = np.s_[top : top + n, left : left + n]
        out[area] = np.clip(prediction[area].astype(np.int64) + residual, 0, peak)
