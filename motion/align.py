"""Moves a neighbouring picture onto the current one, for networks that look at several pictures.

Flow by OpenCV's DIS (Kroeger et al., arXiv 1603.03590); it differs slightly between CPUs, so only what need not be
exact may use it.
"""

import cv2
import numpy as np

from nvc.motion.flow import SMALLEST

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
_BOX = 16  # side of the area over which trust is judged
_TRUSTED, _REFUSED = 10.0, 20.0  # mean differences (8 bit) up to which a neighbour counts fully, and from which not


class Aligner:
    """Holds the flow estimator and its memory. One Aligner serves one thread.

    The finest scale is left out: it takes four times as long for a third more of the gain.
    """

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._dis.setFinestScale(1)
        self._dis.setGradientDescentIterations(12)
        self._dis.setPatchSize(8)
        self._dis.setPatchStride(4)
        self._dis.setVariationalRefinementIterations(0)

    def align(self, current: Planes, neighbour: Planes, bit_depth: int) -> Planes:
        """``neighbour`` where ``current`` is, as planes of the same size and type.

        current, neighbour  y (H, W), u and v (ceil(H/2), ceil(W/2)), uint8 or uint16 (10 bit)
        Where the result is nothing like the current picture (covered areas, scene cuts) it is the current picture.
        Pictures under 32 samples a side give the current picture.
        """
        if min(current[0].shape) < SMALLEST:
            return current
        luma, other = (eight_bit(planes[0], bit_depth) for planes in (current, neighbour))
        flow = self._dis.calc(luma, other, None)
        height, width = luma.shape
        grid_x, grid_y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        map_x, map_y = grid_x + flow[..., 0], grid_y + flow[..., 1]
        moved = _sample(neighbour[0], map_x, map_y)
        trust = _trust(luma, eight_bit(moved, bit_depth))
        rows, columns = current[1].shape
        # A chroma sample stands between two luma rows and columns; the last of an odd size has one only.
        half_x, half_y = (halved(m, rows, columns) for m in (map_x, map_y))
        chroma_trust = halved(trust, rows, columns)
        y = _mixed(current[0], moved, trust)
        u, v = (
            _mixed(c, _sample(n, half_x / 2 - 0.25, half_y / 2 - 0.25), chroma_trust)
            for c, n in zip(current[1:], neighbour[1:], strict=True)
        )
        return y, u, v


def eight_bit(plane: np.ndarray, bit_depth: int) -> np.ndarray:
    """A plane at 8 bit, contiguous."""
    return np.ascontiguousarray(plane if bit_depth == 8 else (plane >> bit_depth - 8).astype(np.uint8))


def _sample(plane: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def halved(field: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means of 2x2, (rows, columns)."""
    pad = (0, 2 * rows - field.shape[0]), (0, 2 * columns - field.shape[1])
    even = np.pad(field, pad, mode="edge") if any(n for _, n in pad) else field
    return (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) * np.float32(0.25)


def _trust(luma: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """How far to believe the moved picture, (H, W) float32 0..1."""
    difference = cv2.blur(cv2.absdiff(luma, moved).astype(np.float32), (_BOX, _BOX))
    return np.clip((_REFUSED - difference) / (_REFUSED - _TRUSTED), 0, 1)


def _mixed(current: np.ndarray, moved: np.ndarray, trust: np.ndarray) -> np.ndarray:
    if trust.min() >= 1:
        return moved
    mixed = current + trust * (moved.astype(np.float32) - current)
    return np.floor(mixed + np.float32(0.5)).astype(current.dtype)
