"""Which implementation serves a kernel family."""

import pytest

from nvc import backend
from nvc.errors import UsageError

FAMILY = {"numba": lambda: "fast", "reference": lambda: "plain"}


@pytest.mark.parametrize(
    ("asked", "served", "reason"),
    [
        (None, "numba", "fastest here"),
        ("auto", "numba", "fastest here"),
        ("reference", "reference", "NVC_BACKEND=reference"),
        ("cupy", "numba", "no warp kernel"),
    ],
)
def test_pick(monkeypatch: pytest.MonkeyPatch, asked: str | None, served: str, reason: str) -> None:
    if asked is None:
        monkeypatch.delenv("NVC_BACKEND", raising=False)
    else:
        monkeypatch.setenv("NVC_BACKEND", asked)
    function, use = backend.pick("warp", FAMILY)
    assert function is FAMILY[served]
    assert (use.family, use.backend) == ("warp", served)
    assert reason in use.reason


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVC_BACKEND", "opencl")
    with pytest.raises(UsageError, match="opencl"):
        backend.requested()
