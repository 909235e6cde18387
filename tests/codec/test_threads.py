"""How many worker threads a job uses."""

import os

import pytest

from nvc.codec.threads import worker_count


@pytest.mark.parametrize("threads", [1, 2, 1024])
def test_what_is_asked_for_is_used(threads: int) -> None:
    assert worker_count(threads) == threads


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no CPU affinity here")
@pytest.mark.parametrize("cpus", [{0}, {0, 3}])
def test_zero_is_the_cpus_of_the_process(monkeypatch: pytest.MonkeyPatch, cpus: set[int]) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cpus)
    assert worker_count(0) == len(cpus)


def test_without_affinity_there_is_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert worker_count(0) == 1
