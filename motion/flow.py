"""Dense flow as a source of candidates: OpenCV's DIS (Kroeger et al., arXiv 1603.03590). Encoder only.

Its result differs slightly between CPUs, so nothing that a decoder does may depend on it.
"""

import cv2
import numpy as np

from nvc.motion.field import BLOCK, grid_size

SMALLEST = 32  # samples a side that the flow needs


def block_flow(current: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Flow from ``current`` to ``reference`` for each 16x16 block, (bh, bw, 2) int16, quarter samples (x, y).

    current, reference  (H, W) uint8 luma of one size. Pictures under 32 samples a side give zero flow.
    """
    rows, columns = grid_size(*current.shape)
    if min(current.shape) < SMALLEST:
        return np.zeros((rows, columns, 2), np.int16)
    cv2.setNumThreads(1)
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = dis.calc(np.ascontiguousarray(current), np.ascontiguousarray(reference), None)
    pad = ((0, rows * BLOCK - flow.shape[0]), (0, columns * BLOCK - flow.shape[1]), (0, 0))
    cells = np.pad(flow, pad, mode="edge").reshape(rows, BLOCK, columns, BLOCK, 2)[:, 4:12, :, 4:12]
    return np.clip(np.rint(np.median(cells, axis=(1, 3)) * 4), -4000, 4000).astype(np.int16)
