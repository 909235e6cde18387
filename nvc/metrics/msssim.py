"""Multi-scale structural similarity of planes.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment", Asilomar 2003:
11-tap Gaussian window (sigma 1.5), five scales, halving by a 2x2 mean, only whole windows counted.
"""

import numpy as np

from nvc.errors import FormatError

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_TAPS, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def ms_ssim(a: np.ndarray, b: np.ndarray, peak: int = 255) -> float:
    """MS-SSIM of two planes, 0..1, 1 for equal ones.

    a, b   (H, W) planes of equal shape, each side at least 16
    peak   largest value a sample can have
    Sides below 176 take as many scales as leave a whole window, with the weights scaled to a sum of 1.
    Raises FormatError if the shapes differ or the plane is too small.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise FormatError(f"MS-SSIM needs two planes of one shape, got {a.shape} and {b.shape}")
    if min(a.shape) < 16:
        raise FormatError(f"MS-SSIM needs sides of at least 16, got {a.shape}")
    weights = np.array(WEIGHTS[: _scales(min(a.shape))])
    x, y = a.astype(np.float64), b.astype(np.float64)
    values = []
    for scale in range(len(weights)):
        if scale:
            x, y = _half(x), _half(y)
        similarity, contrast = _ssim(x, y, peak)
        # the luminance term counts at the coarsest scale only
        values.append(similarity if scale == len(weights) - 1 else contrast)
    return float(np.prod(np.maximum(values, 0) ** (weights / weights.sum())))


def _scales(side: int) -> int:
    count = 1
    while count < len(WEIGHTS) and (side >> count) >= _TAPS:
        count += 1
    return count


def _ssim(x: np.ndarray, y: np.ndarray, peak: int) -> tuple[float, float]:
    """(mean SSIM, mean of its contrast-structure term) of one scale."""
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    mx, my = _blur(x), _blur(y)
    vx, vy, cov = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    contrast = (2 * cov + c2) / (vx + vy + c2)
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return float(np.mean(luminance * contrast)), float(np.mean(contrast))


def _blur(x: np.ndarray) -> np.ndarray:
    """Gaussian mean over whole windows: (H, W) -> (H - 10, W - 10)."""
    at = np.arange(_TAPS) - _TAPS // 2
    window = np.exp(-(at**2) / (2 * _SIGMA**2))
    window /= window.sum()
    rows = sum(w * x[i : x.shape[0] - _TAPS + 1 + i] for i, w in enumerate(window))
    return sum(w * rows[:, i : x.shape[1] - _TAPS + 1 + i] for i, w in enumerate(window))


def _half(x: np.ndarray) -> np.ndarray:
    """2x2 mean; a last odd row or column is left out."""
    x = x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    return (x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]) / 4
