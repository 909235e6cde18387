"""Scene cuts from small luma pictures. A decision depends on two neighbouring frames only, so an I period that is
coded alone meets the same cuts (contract 6)."""

import numpy as np

# A cut changes the thumbnail by more than DIFFERENCE (mean, 8-bit steps) and leaves a correlation under CORRELATION.
# Of 4,048 neighbouring frames of the training clips 4 are taken for cuts, of 3,000 pairs of frames from different
# clips 33 are missed (python -m nvc.train.cuts DIR; docs/decisions/007).
DIFFERENCE = 16.0
CORRELATION = 0.6
# Added to the product of the deviations: flat pictures correlate with nothing.
_FLAT = 4.0
_CELL = 16


def thumbnail(luma: np.ndarray, bit_depth: int) -> np.ndarray:
    """Means over cells of 16x16 luma samples, float32 at 8-bit scale; smaller pictures give at least one cell."""
    h, w = luma.shape
    cell_h, cell_w = min(_CELL, h), min(_CELL, w)
    cropped = luma[: h // cell_h * cell_h, : w // cell_w * cell_w].astype(np.float32) / (1 << (bit_depth - 8))
    return cropped.reshape(h // cell_h, cell_h, w // cell_w, cell_w).mean((1, 3))


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """True where the second picture shows another scene."""
    if np.abs(after - before).mean() <= DIFFERENCE:
        return False
    x, y = before - before.mean(), after - after.mean()
    correlation = (x * y).mean() / (np.sqrt((x * x).mean() * (y * y).mean()) + _FLAT)
    return bool(correlation < CORRELATION)
