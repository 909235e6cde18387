"""Scene cuts from small luma pictures. A decision depends on two neighbouring frames only, so an I period that is
coded alone meets the same cuts (contract 6)."""

import numpy as np

# Mean difference of two thumbnails after taking out the change of brightness, in 8-bit steps.
THRESHOLD = 24.0
_CELL = 16


def thumbnail(luma: np.ndarray, bit_depth: int) -> np.ndarray:
    """Means over cells of 16x16 luma samples, float32 at 8-bit scale; smaller pictures give at least one cell."""
    h, w = luma.shape
    cell_h, cell_w = min(_CELL, h), min(_CELL, w)
    cropped = luma[: h // cell_h * cell_h, : w // cell_w * cell_w].astype(np.float32) / (1 << (bit_depth - 8))
    return cropped.reshape(h // cell_h, cell_h, w // cell_w, cell_w).mean((1, 3))


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """True where the second picture shows another scene."""
    difference = after - before
    return bool(np.abs(difference - difference.mean()).mean() > THRESHOLD)
