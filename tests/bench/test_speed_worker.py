"""The parts of a timed job that need no codec; whole jobs are run in test_speed."""

import resource

import pytest

from nvc.bench import speed_worker


def test_peak_is_of_this_process() -> None:
    mine = speed_worker.peak_bytes()
    assert 10 * 2**20 < mine <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 2**20
    held = bytearray(b"x" * (mine + 2**20))
    assert speed_worker.peak_bytes() > mine and held


def test_convolution_peaks_name_every_case() -> None:
    found = speed_worker.convolution_peaks([1], seconds=0.01)
    assert found.keys() == {"bf16, 1 thread", "fp32, 1 thread"}
    assert min(found.values()) > 0


@pytest.mark.parametrize(("stages", "other"), [({"a": 1.0}, 2.0), ({"a": 5.0}, 0.0)])
def test_what_no_stage_claims_is_other(stages: dict, other: float) -> None:
    assert speed_worker._result(4, 3.0, dict(stages))["stages"] == {**stages, "other": other}


def test_timed_adds_up() -> None:
    clock = {"read": 1.0}
    assert speed_worker._timed(clock, "read", max, 3, 7) == 7
    assert clock["read"] > 1.0
