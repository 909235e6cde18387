"""The scale-index network in NumPy int64: the obvious twin of ``integer`` (its tests and the self-test compare)."""

import numpy as np

from nvc.models import integer

Integers = dict[str, np.ndarray]


def scale_indices(
    integers: Integers,
    z: np.ndarray,
    references: tuple[np.ndarray, ...],
    sizes: np.ndarray,
    quality: np.ndarray,
    level: np.ndarray,
    step: int,
    earlier: np.ndarray | None = None,
) -> np.ndarray:
    """Table index (N, 384, h, w) int64; arguments as ``prepare`` and ``index`` of the network, as integer arrays.

    integers  of ``ScaleIndexNetwork.integers``
    """
    n, _, h, w = sizes.shape
    count = np.full((n, 1, h, w), len(references), np.int64)
    deep = _bend(_requantise(_pointwise(integers, "hyper_in", _limit(z)), integer.HYPER_SHIFT))
    total = np.repeat(np.repeat(_pointwise(integers, "hyper_out", deep), 4, 2), 4, 3)[:, :, :h, :w]
    side = _limit(integer.SIDE_SCALE * np.concatenate([sizes.astype(np.int64), count], 1))
    total = total + _pointwise(integers, "side_in", side)
    direct = np.zeros((n, integer.LATENTS, h, w), np.int64)
    for name, codes in (("references", _mean_code(references)), ("earlier", _mean_code(_some(earlier)))):
        if codes is not None:
            total = total + _pointwise(integers, f"{name}_in", codes)
            direct = direct + _depthwise(integers, f"{name}_direct", codes)
    total = total + _bias(integers, f"input_bias.{step}", quality, level)
    hidden = _bend(_requantise(total, integer.INPUT_SHIFT))
    inner = _bend(_requantise(_depthwise(integers, "local", hidden), integer.LOCAL_SHIFT))
    hidden = _limit(hidden + _requantise(_pointwise(integers, "mix", inner), integer.MIX_SHIFT))
    total = _pointwise(integers, "output", hidden) + integer.DIRECT_GAIN * direct
    total = total + _bias(integers, f"output_bias.{step}", quality, level)
    return np.clip(_shift(total, integer.OUTPUT_SHIFT), 0, integer.INDICES - 1)


def _some(earlier: np.ndarray | None) -> tuple[np.ndarray, ...]:
    return () if earlier is None else (earlier,)


def _limit(x: np.ndarray) -> np.ndarray:
    return np.clip(x.astype(np.int64), -integer.ACTIVATION_LIMIT, integer.ACTIVATION_LIMIT)


def _shift(total: np.ndarray, shift: int) -> np.ndarray:
    return (total + (1 << (shift - 1))) >> shift


def _requantise(total: np.ndarray, shift: int) -> np.ndarray:
    return _limit(_shift(total, shift))


def _bend(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, x >> 2)


def _mean_code(symbols: tuple[np.ndarray, ...]) -> np.ndarray | None:
    table = np.array([integer.magnitude_code(m) for m in range(integer.MAX_MAGNITUDE + 1)])
    codes = [table[np.minimum(np.abs(s.astype(np.int64)), integer.MAX_MAGNITUDE)] for s in symbols]
    if len(codes) == 2:
        return (codes[0] + codes[1] + 1) >> 1
    return codes[0] if codes else None


def _pointwise(integers: Integers, name: str, x: np.ndarray) -> np.ndarray:
    weight = integers[f"{name}.weight"].astype(np.int64)
    return np.einsum("oi,nihw->nohw", weight, x.astype(np.int64), optimize=True)


def _depthwise(integers: Integers, name: str, x: np.ndarray) -> np.ndarray:
    weight = integers[f"{name}.weight"].astype(np.int64)
    h, w = x.shape[2:]
    padded = np.pad(x.astype(np.int64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    total = np.zeros(x.shape, np.int64)
    for i, j in np.ndindex(3, 3):
        total += padded[:, :, i : i + h, j : j + w] * weight[:, i, j, None, None]
    return total


def _bias(integers: Integers, name: str, quality: np.ndarray, level: np.ndarray) -> np.ndarray:
    table = integers[f"{name}.table"].astype(np.int64)
    low, part = quality // 8, (quality % 8)[:, None]
    mixed = table[level, low] * (8 - part) + table[level, low + 1] * part
    return ((mixed + 4) >> 3)[:, :, None, None]
