"""Motion of a frame: what the search is told."""

import numpy as np
import pytest

from nvc.codec.frame_coder import FrameSetup
from nvc.codec.motion_search import motion_costs, search_motion
from nvc.codec.references import Reference
from nvc.codec.symbols import load_model
from nvc.types import FrameTask


@pytest.mark.parametrize("depth", [8, 10])
def test_motion_faster_than_the_flow_sees_is_found(depth: int) -> None:
    """A camera that turns: 17 samples a frame, over four frames."""
    rng = np.random.default_rng(1)
    big = np.kron(rng.integers(0, 1 << depth, (24, 60)), np.ones((8, 8))).astype(np.uint16)
    luma, earlier = big[:, 68 : 68 + 256], big[:, :256]
    grey = np.full((96, 128), 1 << (depth - 1), np.uint16)
    setup = FrameSetup(FrameTask(4, "P", 0, (0,)), luma.shape, depth, "ra", 40, frozenset())
    reference = Reference((earlier, grey, grey), None, depth)
    field = search_motion(setup, (reference,), luma, load_model(), 1)
    # what came in at the right was not there
    assert np.mean((field.vectors[:, :22, 0] == (4 * 68, 0)).all(-1)) > 0.9


def test_blocks_are_chosen_again_only_where_they_overlap() -> None:
    rng = np.random.default_rng(2)
    luma, earlier = (rng.integers(0, 256, (64, 64)).astype(np.uint16) for _ in range(2))
    grey = np.full((32, 32), 128, np.uint16)
    reference, fields = Reference((earlier, grey, grey), None, 8), []
    for disabled in (frozenset(), frozenset({"obmc"})):
        setup = FrameSetup(FrameTask(1, "P", 0, (0,)), luma.shape, 8, "ra", 40, disabled)
        fields.append([search_motion(setup, (reference,), luma, load_model(), sweeps) for sweeps in (0, 2)])
    (once, again), (plain, same) = fields
    assert not np.array_equal(once.vectors, again.vectors)
    assert np.array_equal(plain.vectors, once.vectors)
    assert np.array_equal(plain.vectors, same.vectors)


def test_motion_costs_are_bits() -> None:
    costs = motion_costs(load_model())
    assert (costs.merge.shape, costs.cells.shape) == ((112, 9), (21, 8))
    assert (costs.modes.shape, costs.lengths.shape) == ((4,), (12, 16))
    for bits in (costs.merge, costs.cells, costs.modes, costs.lengths):
        assert bits.dtype == np.float32
        assert np.all(bits >= 0)
    assert np.all(costs.lengths[:, 8:] > costs.lengths[:, :1])
