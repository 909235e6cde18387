"""Which implementation serves a kernel family."""

import warnings

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


@pytest.mark.parametrize("fault", [None, "no GPU"])
def test_one_that_cannot_serve_is_replaced_with_one_warning(monkeypatch: pytest.MonkeyPatch, fault: str | None) -> None:
    monkeypatch.setenv("NVC_BACKEND", "cupy")
    backend._warn_once.cache_clear()
    family = {**FAMILY, "cupy": lambda: "on a GPU"}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        uses = [backend.pick(name, family, {"cupy": lambda: fault})[1] for name in ("warp", "warp", "rans")]
    assert [u.backend for u in uses] == ["numba" if fault else "cupy"] * 3
    assert len(said) == (1 if fault else 0)
    assert all((fault or "NVC_BACKEND=cupy") in u.reason for u in uses)


def test_faults_are_not_asked_for_unless_it_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NVC_BACKEND", raising=False)
    assert backend.pick("warp", {**FAMILY, "cupy": lambda: ""}, {"cupy": lambda: 1 / 0})[1].backend == "numba"
