"""Quality indices and quantiser steps."""

import pytest

from nvc.codec import quality
from nvc.codec.transform import FRACTION

QPS = range(-40, 8 * 52 + 60)


@pytest.mark.parametrize("index", range(64))
def test_qp_is_47_less_044_of_the_index(index: int) -> None:
    assert abs(quality.qp_eighths(index) - 8 * (47 - 0.44 * index)) <= 0.5


@pytest.mark.parametrize("structure", ["ra", "ld", "intra"])
@pytest.mark.parametrize("level", range(8))
def test_a_higher_quality_never_has_a_coarser_step(structure: str, level: int) -> None:
    qps = [quality.frame_qp(q, structure, level) for q in range(64)]
    assert all(a > b for a, b in zip(qps, qps[1:], strict=False))
    assert all(qps[k] >= quality.frame_qp(k, structure, max(0, level - 1)) for k in range(64))
    for depth in (8, 10):
        steps = [quality.step(qp, depth) for qp in qps]
        assert all(a >= b for a, b in zip(steps, steps[1:], strict=False))


@pytest.mark.parametrize("depth", [8, 10])
def test_steps_are_powers_within_rounding(depth: int) -> None:
    for qp in QPS:
        exact = 2 ** ((qp / 8 - 4) / 6) * 2 ** (FRACTION + depth - 8)
        assert abs(quality.step(qp, depth) - exact) <= 0.5 + exact / (1 << 20)
    steps = [quality.step(qp, depth) for qp in QPS]
    assert steps == sorted(steps)
    assert min(steps) >= 1


@pytest.mark.parametrize("part", range(48))
def test_no_step_lies_near_a_half(part: int) -> None:
    """So that every machine's power function rounds to the same mantissa."""
    exact = 2 ** (part / 48) * (1 << 20)
    assert abs(exact % 1 - 0.5) > 1e-4


@pytest.mark.parametrize("qp", [32, 80, 128, 416])
def test_steps_double_every_octave_and_with_each_bit(qp: int) -> None:
    assert quality.step(qp, 8) == (1 << FRACTION) << (qp - 32) // 48
    assert quality.step(qp, 10) == 4 * quality.step(qp, 8)


@pytest.mark.parametrize("structure", ["ra", "ld", "intra"])
def test_intra_qps_are_those_of_hevc(structure: str) -> None:
    qps = [quality.intra_qp(q, structure) for q in range(64)]
    assert all(0 <= qp <= 51 for qp in qps)
    assert qps == sorted(qps, reverse=True)
    assert qps[0] > qps[-1]


def test_frames_that_agree_pay_for_a_finer_i_frame() -> None:
    shifts = [quality.intra_shift(k / 100) for k in range(101)]
    assert shifts[0] == quality.INTRA_SHIFT[0] and shifts[-1] == quality.INTRA_SHIFT[1]
    assert all(a >= b for a, b in zip(shifts, shifts[1:], strict=False))
