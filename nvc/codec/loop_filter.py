"""Adaptive loop filter of luma: each square of 4x4 takes one of the fitted filters, chosen by what both sides know.

The classes are those of VVC's filter (H.266 section 8.8.5: activity and direction of Laplacians) and how much residual
was coded there; the prediction is one more tap. The filters are fitted once and not sent; a frame says how strongly
they work. Integers only (contract 4).
"""

import numpy as np

from nvc.backend import BackendUse, pick

SQUARE = 4
# From which on the next class begins: the surroundings' mean Laplacian in 1/25 of a step, mean residual in 1/100.
ACTIVITY, RESIDUAL = (2, 5, 10, 20, 40), (2, 25)
DIRECTIONS = 5
CLASSES = (len(ACTIVITY) + 1) * DIRECTIONS * (len(RESIDUAL) + 1)
GROUPS = 4  # of levels: 0 and 1, 2, 3, all deeper ones
# (dy, dx) of the taps; each stands for the two samples on both sides. The prediction is the last tap.
OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
TAPS = len(OFFSETS) + 1
STRENGTHS = 16  # a frame's strength in eighths, 0 = off
SHIFT = 10  # taps are in 1/128


def group_of(level: int) -> int:
    """Which filters serve a level."""
    return min(max(level - 1, 0), GROUPS - 1)


def corrections(picture: np.ndarray, prediction: np.ndarray, step: int, filters: np.ndarray) -> np.ndarray:
    """(h, w) int32: what the filters would add to each sample, in 1/128.

    picture, prediction  (h, w) uint16, sides multiples of 4
    step                 quantiser step of luma in units of the dequantised coefficient
    filters              (CLASSES, TAPS) int32, -128..127
    """
    return _kernel()[0](picture, prediction, step, filters)


def add(picture: np.ndarray, correction: np.ndarray, strength: int, peak: int) -> np.ndarray:
    """The filtered picture, uint16. correction: of ``corrections``; strength 0..15; peak = largest sample value."""
    half = np.int32(1 << (SHIFT - 1))
    moved = (correction * np.int32(strength) + half) >> SHIFT
    return np.clip(picture.astype(np.int32) + moved, 0, peak).astype(np.uint16)


def best_strength(picture: np.ndarray, correction: np.ndarray, source: np.ndarray, peak: int) -> int:
    """The strength that brings the picture closest to the source, by least squares; 0 where none does.

    source  (h, w) of the picture's upper left part or of all of it
    """
    h, w = source.shape
    inside = picture[:h, :w]
    wanted = source.astype(np.float64) - inside
    moved = correction[:h, :w].astype(np.float64) * (8 / (1 << SHIFT))
    square = float((moved * moved).sum())
    strength = round(8 * float((moved * wanted).sum()) / square) if square else 0
    strength = min(max(strength, 0), STRENGTHS - 1)
    left = source.astype(np.float64) - add(inside, correction[:h, :w], strength, peak)
    return strength if float((left * left).sum()) < float((wanted * wanted).sum()) else 0


def backend_use() -> BackendUse:
    """Which implementation filters here, and why."""
    return _kernel()[1]


def _kernel():
    from nvc.codec import loop_filter_numba, loop_filter_reference

    kernels = {"numba": loop_filter_numba.corrections, "reference": loop_filter_reference.corrections}
    return pick("loop filter", kernels)
