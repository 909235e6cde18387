"""Motion-compensated prediction in integers (contract 4): checks and dispatch.

Luma at quarter samples with 8 taps, chroma at eighth samples with 4 taps (coefficients of H.265 tables 8-11, 8-12),
14-bit intermediates, overlapped blocks whose windows sum to a power of two. All sums are int32, so order is free and
every backend gives the same pixels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nvc.backend import BackendUse, pick
from nvc.backend_cupy import Device, fault, on_gpu
from nvc.errors import FormatError
from nvc.motion import warp_cupy
from nvc.motion.field import BLOCK, MotionField, cell_grid

MARGIN = 48
OVERLAP = 4

LUMA_TAPS = np.array(
    [
        [0, 0, 0, 64, 0, 0, 0, 0],
        [-1, 4, -10, 58, 17, -5, 1, 0],
        [-1, 4, -11, 40, 40, -11, 4, -1],
        [0, 1, -5, 17, 58, -10, 4, -1],
    ],
    np.int32,
)
CHROMA_TAPS = np.array(
    [
        [0, 64, 0, 0],
        [-2, 58, 10, -2],
        [-4, 54, 16, -2],
        [-6, 46, 28, -4],
        [-4, 36, 36, -4],
        [-4, 28, 46, -6],
        [-2, 16, 54, -4],
        [-2, 10, 58, -2],
    ],
    np.int32,
)


def pad_plane(plane: np.ndarray, margin: int = MARGIN) -> np.ndarray:
    """A plane with its edge repeated ``margin`` samples on each side, uint16."""
    return np.pad(plane, margin, mode="edge").astype(np.uint16, copy=False)


def window(size: int, overlap: int) -> np.ndarray:
    """Weights (4, size + 2 * overlap) int32 along one axis of a unit: inner, first, last, only one of the picture.

    Linear ramps over ``2 * overlap`` samples across a unit's edge; the ramps of two neighbours sum to 4 * overlap (1
    without overlap), so that the windows of a block's cells sum to the block's. At the picture's border there is no
    neighbour and the weight stays full.
    """
    if overlap == 0:
        return np.ones((4, size), np.int32)
    full = 4 * overlap
    ramp = 2 * np.arange(2 * overlap) + 1
    inner = np.concatenate([ramp, np.full(size - 2 * overlap, full), ramp[::-1]])
    rows = np.stack([inner] * 4)
    rows[[1, 3], :overlap] = 0
    rows[[1, 3], overlap : 2 * overlap] = full
    rows[[2, 3], -overlap:] = 0
    rows[[2, 3], -2 * overlap : -overlap] = full
    return rows.astype(np.int32)


def predict(
    references: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...],
    motion: MotionField,
    size: tuple[int, int],
    bit_depth: int,
    *,
    overlapped: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted planes (y, u, v), uint16, covering the grid of 16x16 blocks.

    references  one or two references, each its planes padded by ``pad_plane`` (luma and chroma alike)
    size        (height, width) of the picture, even; prediction outside it comes from the repeated edge
    Returns y (16 bh, 16 bw), u and v (8 bh, 8 bw), on the GPU if the references lie there (CuPy, torch).
    """
    cells = cell_grid(*size)
    if motion.modes.shape != cells:
        raise FormatError(f"motion of {motion.modes.shape} cells for a picture of {cells}")
    out = []
    kernel = warp_cupy.predict_plane if on_gpu(references[0][0]) else _kernel()[0]
    if kernel is warp_cupy.predict_plane:
        return predict_on_gpu(references, motion, size, bit_depth, overlapped=overlapped)[0]
    for plane in range(3):
        pair = references[0][plane], references[-1][plane]
        out.append(_predict_plane(kernel, plane, pair, motion, size, bit_depth, overlapped))
    return out[0], out[1], out[2]


def predict_luma(
    references: Sequence[np.ndarray],
    motion: MotionField,
    size: tuple[int, int],
    bit_depth: int,
    *,
    overlapped: bool = True,
) -> np.ndarray:
    """The luma of ``predict`` from padded lumas, by a kernel of the CPU: symbols that depend on it are coded there."""
    kernel = _kernel()[0]
    if kernel is warp_cupy.predict_plane:
        from nvc.motion import warp_numba

        kernel = warp_numba.predict_plane
    return _predict_plane(kernel, 0, (references[0], references[-1]), motion, size, bit_depth, overlapped)


def _predict_plane(kernel, plane: int, pair, motion: MotionField, size, bit_depth: int, overlapped: bool) -> np.ndarray:
    """Plane 0, 1 or 2 of ``predict`` from that plane of both references."""
    block = BLOCK if plane == 0 else BLOCK // 2
    overlap = (OVERLAP if plane == 0 else OVERLAP // 2) if overlapped else 0
    taps = LUMA_TAPS if plane == 0 else CHROMA_TAPS
    height, width = (size[0], size[1]) if plane == 0 else (size[0] // 2, size[1] // 2)
    return kernel(
        *pair, motion.modes, motion.vectors, taps, window(block // 2, overlap), block, overlap, height, width, bit_depth
    )


def predict_on_gpu(
    references: Sequence[Sequence[Any]],
    motion: MotionField,
    size: tuple[int, int],
    bit_depth: int,
    *,
    overlapped: bool = True,
    unshuffled: bool = False,
    device: Device | None = None,
) -> tuple[tuple[Any, Any, Any], Any]:
    """((y, u, v), packed): ``predict`` in one launch; packed (6, 8 bh, 8 bw) as ``color.unshuffle`` or None."""
    overlap = OVERLAP if overlapped else 0
    windows = window(BLOCK // 2, overlap), window(BLOCK // 4, overlap // 2)
    return warp_cupy.predict_frame(
        references, motion, size, bit_depth, (LUMA_TAPS, CHROMA_TAPS), windows, overlap,
        unshuffled=unshuffled, device=device,
    )  # fmt: skip


def backend_use() -> BackendUse:
    """Which implementation predicts here, and why."""
    return _kernel()[1]


def _kernel():
    from nvc.motion import warp_numba, warp_reference

    kernels = {
        "numba": warp_numba.predict_plane,
        "reference": warp_reference.predict_plane,
        "cupy": warp_cupy.predict_plane,
    }
    return pick("prediction", kernels, {"cupy": fault})
