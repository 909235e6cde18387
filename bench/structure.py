"""MS-SSIM of two files, frame by frame, and its value in dB."""

import math
from pathlib import Path

from nvc.bench.planes import PlaneReader
from nvc.metrics import PSNR_CAP, ms_ssim

_SMALLEST = 16  # side in pixels below which there is no MS-SSIM


def ms_ssim_by_frame(source: str | Path, decoded: str | Path, frames: int) -> list[float] | None:
    """MS-SSIM of the luma of each of the first frames, 0..1; None for pictures too small for it.

    frames   how many frames both have; planes.quality_by_frame has counted them
    """
    with PlaneReader(source, frames) as a, PlaneReader(decoded, frames) as b:
        if min(a.picture.height, a.picture.width) < _SMALLEST:
            return None
        peak = (1 << a.picture.bit_depth) - 1
        return [ms_ssim(x[0], y[0], peak) for x, y in zip(a, b, strict=True)]


def ms_ssim_db(value: float) -> float:
    """-10 lg (1 - MS-SSIM), at most 100: near 1, where all good pictures lie, the plain number hardly moves."""
    return min(PSNR_CAP, -10 * math.log10(max(1 - value, 1e-300)))
