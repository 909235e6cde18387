"""What a unit may be: each motion once, by the fewest bits."""

import numpy as np

from nvc.motion.blended import empty_unit
from nvc.motion.estimate import pair_bits, vector_bits
from nvc.motion.proposals import MOST, Costs, explicit_bits, no_proposals, offer
from tests.motion.test_estimate import COSTS, RESIDUAL


def costs(mirror: bool) -> Costs:
    return Costs(
        COSTS.merge, COSTS.cells, np.array([1, 2, 3, 1.5], np.float32), COSTS.lengths, 4.0,
        RESIDUAL.basis, RESIDUAL.bits, RESIDUAL.scale, True, True, mirror, True,
    )  # fmt: skip


def test_each_motion_is_offered_once_by_the_fewest_bits() -> None:
    proposals, v = no_proposals(), np.array([[1, 2], [3, 4]])
    assert offer(proposals, 0, 0, 0, 9.0, v) == 1
    assert offer(proposals, 1, 0, 2, 5.0, v) == 1
    assert (proposals.bits[0], proposals.picks[0]) == (5.0, 2)
    assert offer(proposals, 1, 0, 3, 7.0, v) == 1
    assert (proposals.bits[0], proposals.picks[0]) == (5.0, 2)
    assert offer(proposals, 1, 1, 0, 1.0, v) == 2
    # what the mode does not use makes no difference
    assert offer(proposals, 2, 1, 4, 0.5, np.array([[1, 2], [0, 0]])) == 2
    assert proposals.bits[1] == 0.5
    assert offer(proposals, 2, 1, 0, 1.0, np.array([[1, 3], [3, 4]])) == 3
    assert proposals.found[2].tolist() == [[1, 3], [3, 4]]
    assert len(proposals.bits) == MOST


def test_bits_of_own_motion() -> None:
    unit = empty_unit()
    unit.predicted[:] = [[4, 4], [-4, -4]]
    distances = np.array([-1, 2])
    first = vector_bits(COSTS.lengths, 0, -1, 3, -2)
    v = np.array([[7, 2], [-10, 0]])  # differences (3, -2) and, mirrored over twice the distance, (-6, 4)
    assert explicit_bits(1, v, unit, costs(True), distances, 10.0) == 10 + first + 2
    assert explicit_bits(1, v, unit, costs(True), np.array([-1, 0]), 10.0) == 10 + first
    pair = 10 + 1 + pair_bits(COSTS.lengths, unit.spreads, 3, -2, -6, 4)
    assert explicit_bits(0, v, unit, costs(False), distances, 10.0) == pair
    assert explicit_bits(0, v, unit, costs(True), distances, 10.0) == 10 + 1.5 + first
    assert explicit_bits(0, v + 1, unit, costs(True), distances, 10.0) > 10 + 1.5 + first
