"""Where training starts: scale indices that fit the DCT coefficients of the samples by channel, level and quality."""

import numpy as np
import torch

from nvc.models.blocks import ANCHOR_STEP, ANCHORS, LATENTS, LEVELS
from nvc.models.integer import INDICES
from nvc.train.data import Samples
from nvc.train.losses import Coder

_THRESHOLD = 0.75  # steps above which a coefficient is coded, about


def set_start(coder: Coder, samples: Samples, count: int = 256) -> None:
    """Set the output biases of the index network from ``count`` samples: 8 log2(sigma / 0.08) of each channel."""
    indices = start_indices(coder, samples, count)
    for bias in coder.model.scale_index.output_bias:
        coder.model.scale_index.set_base(bias, torch.from_numpy(indices))


@torch.no_grad()
def start_indices(coder: Coder, samples: Samples, count: int) -> np.ndarray:
    """(6, 9, 384) float32: a least-squares fit of the log magnitude over level and quality, by channel."""
    numbers = np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int)
    rows, sizes = [], []
    for start in range(0, len(numbers), 16):
        batch = samples.batch(numbers[start : start + 16])
        y = coder.model.transform(batch.source - batch.prediction, 256 * 16.0 / batch.steps)
        sizes.append(_diversity(y).numpy())
        rows.append(np.stack([_row(int(q), int(lv)) for q, lv in zip(batch.quality, batch.level, strict=True)]))
    x = np.concatenate(rows)
    target = 8 * np.log2(np.concatenate(sizes) * np.sqrt(2) / 0.08 + 1e-3)
    solution = np.linalg.solve(x.T @ x + np.diag([1.0] * LEVELS + [1e-3]), x.T @ (target - target.mean(0)))
    out = np.empty((LEVELS, ANCHORS, LATENTS), np.float32)
    for level in range(LEVELS):
        for anchor in range(ANCHORS):
            out[level, anchor] = _row(anchor * ANCHOR_STEP, level) @ solution + target.mean(0)
    return out.clip(0, INDICES - 1)


def _diversity(y: torch.Tensor) -> torch.Tensor:
    """(N, 384) diversity of a Laplace distribution that has as many coded values, where few are; else the mean size.

    Most coefficients are far below the threshold with a few large ones among them; their mean size says nothing.
    """
    share = ((y.abs() > _THRESHOLD).float().sum((2, 3)) + 0.05) / (y.shape[2] * y.shape[3] + 1)
    return torch.maximum(_THRESHOLD / -share.log(), torch.where(share > 0.2, y.abs().mean((2, 3)), 0.0))


def _row(quality: int, level: int) -> np.ndarray:
    row = np.zeros(LEVELS + 1)
    row[level] = 1
    row[-1] = (quality - 32) / 8
    return row
