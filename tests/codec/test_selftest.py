"""The exactness self-test: holds for every twin, and sees a kernel that is off by one."""

import numpy as np
import pytest

from nvc.codec import selftest, transform
from nvc.errors import DeviceError
from nvc.motion import warp


@pytest.mark.parametrize("backend", ["auto", "numba", "reference"])
def test_every_twin_is_exact(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVC_BACKEND", backend)
    checks = selftest.self_test()
    assert {c.name for c in checks} >= {"entropy coder", "prediction", "inverse transform", "loop filter"}
    assert all(c.ok for c in checks), checks


def test_backends_are_named_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVC_BACKEND", "reference")
    uses = {u.family: u for u in selftest.backends()}
    assert {"rans", "prediction", "inverse transform", "loop filter", "networks"} <= set(uses)
    assert uses["prediction"].backend == "reference"
    assert all(u.reason for u in uses.values())


def test_a_wrong_kernel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = warp.predict
    monkeypatch.setattr(warp, "predict", lambda *a, **k: tuple(p ^ 1 for p in exact(*a, **k)))
    assert [c.name for c in selftest.self_test() if not c.ok] == ["prediction"]
    selftest.ensure_exact.cache_clear()
    with pytest.raises(DeviceError, match="prediction"):
        selftest.ensure_exact()
    monkeypatch.undo()
    selftest.ensure_exact()


def test_a_wrong_transform_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = transform.integer_matrix
    monkeypatch.setattr(transform, "integer_matrix", lambda n: exact(n) + np.eye(n, dtype=np.int32))
    assert [c.name for c in selftest.self_test() if not c.ok] == ["inverse transform"]


def test_numbers_are_those_of_the_recurrence() -> None:
    seen = selftest.numbers(10_000, 2**31, 1)
    assert seen[0] == 48271
    assert seen[-1] == 399268537  # the 10,000th of MINSTD, as in the C++ standard library
