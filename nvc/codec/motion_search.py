"""Motion of a frame: where to look, the search, and the choice under overlapped windows. Encoder only."""

from typing import TYPE_CHECKING

import numpy as np

from nvc.codec import symbols as layout
from nvc.codec.references import Reference, to_8_bit
from nvc.codec.refine import BITS, KNEE
from nvc.codec.symbols import SymbolModel
from nvc.codec.transform import basis
from nvc.motion.coarse import coarse_vectors
from nvc.motion.estimate import MotionCosts, ResidualCost, estimate
from nvc.motion.field import BLOCK, SPLIT, MotionField
from nvc.motion.flow import block_flow
from nvc.motion.overlapped import choose_overlapped

if TYPE_CHECKING:
    from nvc.codec.frame_coder import FrameSetup

# SAD per bit in steps; chosen on the validation part of the training clips.
MOTION_WEIGHT = 0.34


def search_motion(
    setup: "FrameSetup", references: tuple[Reference, ...], luma: np.ndarray, model: SymbolModel, sweeps: int
) -> MotionField:
    """Motion of ``luma`` (H, W) uint16 by rate and distortion.

    sweeps  how often all blocks are chosen again under the windows of the blended prediction
    """
    current = to_8_bit(luma, setup.bit_depth)
    quarters = tuple(r.quarters for r in references)
    sources = tuple(r.symbols.motion if r.symbols else None for r in references)
    step = float(setup.steps[0]) / (1 << (4 + setup.bit_depth - 8))
    costs, weight = motion_costs(model), MOTION_WEIGHT * step
    residual = ResidualCost(basis(BLOCK).astype(np.float32), BITS, 1 / (KNEE * step * step))
    tools = {name: name not in setup.disabled for name in ("merge", "bipred", "mirror")}
    starts = tuple(_starts(current, r, d) for r, d in zip(references, setup.distances, strict=False))
    field = estimate(current, quarters, starts, setup.distances, sources, costs, weight, residual, **tools)
    if "obmc" in setup.disabled:
        return field
    tools["split"] = "split" not in setup.disabled
    return choose_overlapped(current, quarters, field, sources, costs, weight, residual, sweeps=sweeps, **tools)


def _starts(current: np.ndarray, reference: Reference, distance: int) -> np.ndarray:
    """Vectors (bh, bw, K, 2) int16 that the search looks at."""
    luma = reference.luma8()
    return np.concatenate([block_flow(current, luma)[:, :, None], coarse_vectors(current, luma, distance)], axis=2)


def motion_costs(model: SymbolModel, bank: int = 0) -> MotionCosts:
    """Bits of the motion tables as the search wants them: raw bits added, modes the mean over contexts."""
    base = layout.MOTION_BASE + bank * layout.MOTION_TABLES
    costs = model.tables.costs
    merge = costs[base + layout.MERGE : base + layout.CELL_MERGE, : SPLIT + 1]
    cells = costs[base + layout.CELL_MERGE : base + layout.MODE, :SPLIT]
    modes = costs[base + layout.MODE : base + layout.LENGTH, :4].mean(0)
    lengths = costs[base + layout.LENGTH : base + layout.MOTION_TABLES, :15] + np.arange(15)
    lengths = np.concatenate([lengths, np.full((len(lengths), 1), 64.0)], 1)
    return MotionCosts(*(bits.astype(np.float32) for bits in (merge, cells, modes, lengths)))
