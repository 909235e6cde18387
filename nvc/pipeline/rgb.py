"""Planes as RGB for people who look at pictures: ITU-T H.273 matrices, chroma repeated to full size."""

import numpy as np

from nvc.types import Frame

BT709, BT601, BT2020 = 1, 6, 9
# (Kr, Kb) by matrix code point (ITU-T H.273, table 4)
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
            9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # fmt: skip
HD_HEIGHT = 720  # a stream that names no matrix is taken as BT.709 from this height on, as BT.601 below
FULL_RANGE = 2


def matrix_of(frame: Frame) -> int:
    """The matrix code point of a frame; where it names none (or one that is no YCbCr), by its height."""
    matrix = frame.info.matrix
    if matrix in _WEIGHTS:
        return matrix
    return BT709 if frame.info.height >= HD_HEIGHT else BT601


def to_rgb(frame: Frame) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a frame with 8 or 10 bit; transfer and primaries are left as they are."""
    kr, kb = _WEIGHTS[matrix_of(frame)]
    shift = frame.info.bit_depth - 8
    height, width = frame.y.shape
    y = frame.y.astype(np.float32) / (1 << shift)
    u, v = (_full_size(p, height, width) / (1 << shift) - 128 for p in (frame.u, frame.v))
    if frame.info.color_range != FULL_RANGE:
        y, u, v = (y - 16) * (255 / 219), u * (255 / 224), v * (255 / 224)
    red = y + 2 * (1 - kr) * v
    blue = y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack((red, green, blue), -1) + 0.5, 0, 255).astype(np.uint8)


def _full_size(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """A chroma plane as float32 with each sample repeated 2 x 2."""
    return plane.astype(np.float32).repeat(2, 0).repeat(2, 1)[:height, :width]
