"""Motion-compensated temporal filter for pictures that others refer to, ahead of coding. Encoder only.

What a picture's neighbours do not show too is noise: it costs bits and predicts nothing. Each sample becomes a weighted
mean of itself and of the neighbours moved onto it, as in Wennersten et al., "Encoder only GOP-based temporal filter",
JVET-O0549; dense flow in place of its block search, and the weight also falls where the difference of two pictures has
structure, which noise has not. Flow differs slightly between CPUs: nothing that a decoder does may depend on it.
"""

from collections.abc import Iterable

import cv2
import numpy as np

from nvc.motion.align import eight_bit, halved
from nvc.motion.flow import SMALLEST
from nvc.types import VideoInfo

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
# Neighbours on a side that are looked at, and weights by distance in frames against the picture's own 1.
REACH = 6
_BY_DISTANCE = (0.9, 0.78, 0.65, 0.46, 0.46, 0.46)
# Deviations of a Gaussian, in quantiser steps: of a sample's difference, of the deviation around it, of the mean there.
_SAMPLE, _AROUND, _STRUCTURE = 0.7, 0.44, 0.105
_AROUND_BOX, _STRUCTURE_BOX = (7, 7), (5, 5)


def filtered(current: Planes, weighed: Iterable[tuple[Planes, Planes]]) -> tuple[Planes, float]:
    """``current`` in its type after the neighbours' samples with their weights went in, and how far they agree with it.

    weighed  of ``weigh``, the nearest neighbour first
    The second is 1 where all luma samples have the greatest weight, 0 where none has any; 0 without neighbours.
    """
    most = 0.0
    totals = [plane.astype(np.float32) for plane in current]
    sums = [np.ones(plane.shape, np.float32) for plane in current]
    for k, (samples, weights) in enumerate(weighed):
        most += _BY_DISTANCE[k]
        for plane in range(3):
            totals[plane] += samples[plane] * weights[plane]
            sums[plane] += weights[plane]
    y, u, v = (np.rint(t / s).astype(p.dtype) for t, s, p in zip(totals, sums, current, strict=True))
    return (y, u, v), float(sums[0].mean(dtype=np.float64) - 1) / most if most else 0.0


def weigh(current: Planes, neighbour: Planes, distance: int, step: float, bit_depth: int) -> tuple[Planes, Planes]:
    """(samples of ``neighbour`` moved onto ``current``, their weights), planes of float32.

    current, neighbour  y (H, W), u and v (ceil(H/2), ceil(W/2)), uint8 or uint16; H and W at least 32
    distance  in frames, 1 to REACH; step: quantiser step of the picture in code values
    """
    cv2.setNumThreads(1)
    flow = _flow(current[0], neighbour[0], bit_depth)
    peak = (1 << bit_depth) - 1
    luma = _move(neighbour[0], flow, peak)
    difference = luma - current[0]
    square = np.square(difference)
    structure = np.square(cv2.blur(difference, _STRUCTURE_BOX))
    trust = cv2.blur(square, _AROUND_BOX) * np.float32(-0.5 / (_AROUND * step) ** 2)
    trust -= structure * np.float32(0.5 / (_STRUCTURE * step) ** 2)
    trust = np.exp(trust) * np.float32(_BY_DISTANCE[distance - 1])
    sharp = np.float32(-0.5 / (_SAMPLE * step) ** 2)
    samples, weights = [luma], [trust * np.exp(square * sharp)]
    half = np.dstack([halved(flow[..., k], *current[1].shape) for k in range(2)]) / 2
    trust = halved(trust, *current[1].shape)
    for plane in (1, 2):
        moved = _move(neighbour[plane], half, peak)
        samples.append(moved)
        weights.append(trust * np.exp(np.square(moved - current[plane]) * sharp))
    return (samples[0], samples[1], samples[2]), (weights[0], weights[1], weights[2])


def can_filter(info: VideoInfo) -> bool:
    """Whether the flow takes pictures of this size."""
    return min(info.height, info.width) >= SMALLEST


def _flow(current: np.ndarray, neighbour: np.ndarray, bit_depth: int) -> np.ndarray:
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dis.calc(eight_bit(current, bit_depth), eight_bit(neighbour, bit_depth), None)  # type: ignore[call-overload]


def _move(plane: np.ndarray, flow: np.ndarray, peak: int) -> np.ndarray:
    """A plane moved by a flow, 0 to ``peak``: cubic interpolation overshoots."""
    h, w = plane.shape
    x = flow[..., 0] + np.arange(w, dtype=np.float32)
    y = flow[..., 1] + np.arange(h, dtype=np.float32)[:, None]
    moved = cv2.remap(plane.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved, 0, peak)
