"""Block transform: float DCT for the encoder's analysis, integer inverse (contract 4) for both sides.

Matrices are round(64 * sqrt(N) * basis), in the manner of HEVC (H.265 section 8.6.4.2): entries up to 90, int32 sums,
shifts 7 and the rest, with clamps between so that no stream can overflow.
"""

import functools

import numpy as np

from nvc.backend import BackendUse, pick
from nvc.backend_cupy import fault, on_gpu

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


def add_inverse(
    coefficients: np.ndarray, matrix: np.ndarray, prediction: np.ndarray, columns: int, peak: int, out: np.ndarray
) -> None:
    """out = clip(prediction + inverse DCT) block by block; blocks of zeros copy the prediction.

    coefficients (B, n, n) int32, dequantised; matrix ``integer_matrix(n)``; prediction, out (h * n, columns * n)
    uint16; peak = largest sample value. Where ``out`` lies on a GPU (CuPy, torch) so does the work.
    """
    from nvc.codec import transform_cupy

    kernel = transform_cupy.add_inverse if on_gpu(out) else _kernel()[0]
    kernel(coefficients, matrix, prediction, columns, peak, out)


def backend_use() -> BackendUse:
    """Which implementation transforms here, and why."""
    return _kernel()[1]


def _kernel():
    from nvc.codec import transform_cupy, transform_numba, transform_reference

    kernels = {
        "numba": transform_numba.add_inverse,
        "reference": transform_reference.add_inverse,
        "cupy": transform_cupy.add_inverse,
    }
    return pick("inverse transform", kernels, {"cupy": fault})
