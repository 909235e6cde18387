"""nvc doctor."""

import pytest

from nvc.pipeline import doctor

FOUND = {
    "versions": {"nvc": "1", "python": "3"}, "cores": 2, "free_memory": 10**9, "device": "cpu",
    "backends": [{"family": "warp", "backend": "numba", "reason": "fastest here"}],
    "checks": [{"name": "coder", "ok": True, "detail": "sum 1"}, {"name": "prediction", "ok": True, "detail": "sum 2"}],
}  # fmt: skip


def test_this_machine(run, objects) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert "numba" in out and "exactness" in out and "FAILED" not in out
    code, found = objects("doctor")
    assert (code, [o["type"] for o in found]) == (0, ["start", "done"]) and found[-1]["backends"]


def test_a_failed_self_test(run, objects, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [FOUND["checks"][0], {"name": "prediction", "ok": False, "detail": "sum 3, expected 2"}]
    monkeypatch.setattr(doctor, "examine", lambda device: {**FOUND, "checks": checks})
    code, out, err = run("doctor")
    assert code == 7 and "FAILED" in out and "prediction" in err
    code, found = objects("doctor")
    assert (code, found[-1]["type"], found[-1]["code"]) == (7, "error", 7)
