"""Makes clips harder: finer detail, sharper edges, camera noise.

Clips from the web were compressed before and scaled down, so they are smooth and almost free of noise; what cameras and
test sequences bring is not (docs/training-log.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nvc.types import Frame

_FINE, _SHARP, _NOISY = 0.5, 0.4, 0.5  # how often each is done
_SHARPEN = (0.3, 1.2)  # how much of what a blur takes away is added
_NOISE = (0.7, 4.0)  # deviation of luma, in code values
_CHROMA_NOISE = 0.5  # of that of luma
_GRAIN = 0.6  # largest deviation of the blur that noise goes through, in samples
Plane = np.ndarray


def vary(frames: Sequence[Frame], random: np.random.Generator) -> list[Frame]:
    """A harder version of a clip: same size and number of frames, 8 bit, sides multiples of 4.

    Each of these by chance: all of it at half size, four times, mirrored at the seams; sharpened; noise that is new in
    each frame.
    """
    steps: list[Callable[[Plane, float], Plane]] = []
    if random.random() < _FINE:
        steps.append(lambda plane, unit: _mirrored(plane))
    if random.random() < _SHARP:
        amount, radius = random.uniform(*_SHARPEN), random.uniform(0.7, 1.3)
        steps.append(lambda plane, unit: _sharpened(plane, amount, radius * unit))
    if random.random() < _NOISY:
        deviation, grain = float(np.exp(random.uniform(*np.log(_NOISE)))), random.uniform(0, _GRAIN)
        steps.append(lambda plane, unit: plane + _noise(plane.shape, deviation * unit, grain, random))
    return [_changed(frame, steps) for frame in frames]


def _changed(frame: Frame, steps: Sequence[Callable[[Plane, float], Plane]]) -> Frame:
    planes = []
    for plane, unit in ((frame.y, 1.0), (frame.u, _CHROMA_NOISE), (frame.v, _CHROMA_NOISE)):
        values = plane.astype(np.float32)
        for step in steps:
            values = step(values, unit)
        planes.append(np.clip(np.rint(values), 0, 255).astype(plane.dtype))
    return replace(frame, y=planes[0], u=planes[1], v=planes[2])


def _mirrored(plane: Plane) -> Plane:
    rows, columns = plane.shape
    half = plane.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3), dtype=np.float32)
    wide = np.concatenate([half, half[:, ::-1]], 1)
    return np.concatenate([wide, wide[::-1]], 0)


def _sharpened(plane: Plane, amount: float, radius: float) -> Plane:
    return plane + amount * (plane - _blurred(plane, radius))


def _noise(shape: tuple[int, ...], deviation: float, grain: float, random: np.random.Generator) -> Plane:
    noise = random.standard_normal(shape, np.float32)
    if grain > 0.3:
        noise = _blurred(noise, grain)
    return noise * (deviation / max(1e-6, float(noise.std())))


def _blurred(plane: Plane, deviation: float) -> Plane:
    """A Gaussian blur, edges mirrored."""
    reach = max(1, round(4 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(reach, reach) if axis == k else (0, 0) for k in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(plane, pad, "reflect"), 2 * reach + 1, axis)
        plane = windows @ kernel
    return plane
