"""The cases of gpu_check hold on the host, and find a kernel that differs."""

import numpy as np
import pytest

from nvc.codec import gpu_twins, transform_cupy
from nvc.codec.cuda_host import HostDevice, compiler

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C++ compiler")


class SteppingHost(HostDevice):
    """A host that passes for a GPU where times are taken."""

    def synchronize(self) -> None:
        """Nothing is ever under way."""


def test_every_case_is_the_same() -> None:
    checks = gpu_twins.check_twins(HostDevice())
    assert {c.family for c in checks} == {"tables", "rans", "prediction", "inverse transform"}
    assert [c for c in checks if not c.ok] == []
    assert len({(c.family, c.case) for c in checks}) == len(checks)


def test_a_differing_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = transform_cupy.SOURCE.replace("(sum + 64) >> 7", "(sum + 63) >> 7")
    assert wrong != transform_cupy.SOURCE
    monkeypatch.setattr(transform_cupy, "SOURCE", wrong)
    bad = [c for c in gpu_twins.check_twins(HostDevice()) if not c.ok]
    assert bad and {c.family for c in bad} == {"inverse transform"}


def test_times_are_taken_of_every_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_twins, "_time_rans", lambda device, repeat: gpu_twins.GpuTime("rans", "", 1.0, 1.0, 1.0))
    times = gpu_twins.time_twins(SteppingHost(), (32, 32), 1)  # type: ignore[arg-type]
    assert [t.family for t in times] == ["prediction", "inverse transform", "tables", "rans"]
    assert all(min(t.cpu, t.copied, t.resident) > 0 for t in times)


def test_time_of_rans_reads_the_streams() -> None:
    time = gpu_twins._time_rans(SteppingHost(), 1, 3, 200)  # type: ignore[arg-type]
    assert min(time.cpu, time.copied, time.resident) > 0


def test_damage_changes_a_payload() -> None:
    rng = np.random.default_rng(1)
    payload = bytes(range(200))
    assert all(len(gpu_twins._damaged(rng, payload)) < 200 for _ in range(20))
