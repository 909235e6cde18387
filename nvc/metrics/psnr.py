"""Peak signal to noise ratio of planes and frames, in dB."""

from collections.abc import Sequence

import numpy as np

from nvc.errors import FormatError
from nvc.types import Frame

PSNR_CAP = 100.0
Planes = Sequence[np.ndarray]


def psnr(a: np.ndarray, b: np.ndarray, peak: int = 255) -> float:
    """PSNR of two arrays of one shape: 10 log10(peak^2 / mean squared error), in dB.

    a, b   arrays of integers or floats of equal shape, at least one value
    peak   largest value a sample can have: 255 for 8 bit, 1023 for 10
    Returns 100 for equal arrays and never more. Raises FormatError if the shapes differ or nothing is there.
    """
    if a.shape != b.shape:
        raise FormatError(f"PSNR needs two arrays of one shape, got {a.shape} and {b.shape}")
    if a.size == 0:
        raise FormatError("PSNR needs at least one sample, got none")
    # float64 holds every sum of squared integer differences exactly up to 2^53, whatever the picture's size
    difference = np.subtract(a, b, dtype=np.float64).ravel()
    mse = float(np.dot(difference, difference)) / difference.size
    return PSNR_CAP if mse == 0 else min(PSNR_CAP, 10 * float(np.log10(peak**2 / mse)))


def frame_psnr(a: Frame | Planes, b: Frame | Planes, bit_depth: int | None = None) -> tuple[float, float, float]:
    """PSNR of the planes (y, u, v) of two frames, in dB.

    a, b        frames, or sequences of three planes
    bit_depth   8 or 10; None takes it from a frame, else from the type of the planes (uint8: 8, uint16: 10)
    Raises FormatError if sizes or depths differ.
    """
    first, second = _planes(a), _planes(b)
    if first[0].dtype != second[0].dtype:
        raise FormatError(f"frames must have one bit depth, got {first[0].dtype} and {second[0].dtype}")
    peak = (1 << (bit_depth or _depth(a, first))) - 1
    y, u, v = (psnr(p, q, peak) for p, q in zip(first, second, strict=True))
    return y, u, v


def psnr_611(y: float, u: float, v: float) -> float:
    """Weighted PSNR of a 4:2:0 frame: (6 Y + U + V) / 8 of the planes' PSNRs in dB."""
    return (6 * y + u + v) / 8


def _planes(frame: Frame | Planes) -> Planes:
    planes = frame.planes if isinstance(frame, Frame) else frame
    if len(planes) != 3:
        raise FormatError(f"a frame has three planes, got {len(planes)}")
    return planes


def _depth(frame: Frame | Planes, planes: Planes) -> int:
    if isinstance(frame, Frame):
        return frame.info.bit_depth
    return 8 if planes[0].dtype == np.uint8 else 10
