"""Limits and estimates."""

from dataclasses import replace
from fractions import Fraction

import pytest

from nvc.errors import LimitError, UsageError
from nvc.pipeline import limits as module
from nvc.pipeline.limits import Limits, check_range, decode_memory, encode_memory, free_memory
from nvc.types import Settings, StreamHeader, VideoInfo

INFO = VideoInfo(1920, 1080, Fraction(1, 25))
HEADER = StreamHeader(INFO, "neural", "ra", 64, 16, 32, 1, 0)


def test_without_limits_only_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: 1000)
    Limits().check_size(INFO)
    Limits().check_frames(10**9)
    Limits().check_memory(500)
    with pytest.raises(LimitError, match="--max-memory"):
        Limits().check_memory(501)
    Limits(max_memory=10**12).check_memory(10**11)


def test_limits_are_inclusive() -> None:
    Limits(max_pixels=1920 * 1080, max_frames=5).check_size(INFO)
    Limits(max_frames=5).check_frames(5)
    with pytest.raises(LimitError, match="--max-frames"):
        Limits(max_frames=5).check_frames(6)
    with pytest.raises(LimitError, match="--max-pixels"):
        Limits(max_pixels=1920 * 1080 - 1).check_size(INFO)
    Limits(max_frames=5).check_frames(None)


def test_unknown_free_memory_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: None)
    Limits().check_memory(10**15)


def test_a_group_may_have_less_than_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_system_free", lambda: 100)
    monkeypatch.setattr(module, "_group_free", lambda: 30)
    assert free_memory() == 30
    monkeypatch.setattr(module, "_group_free", lambda: None)
    assert free_memory() == 100


def test_this_machine_has_some_memory() -> None:
    assert free_memory() is None or free_memory() > 10**7


def test_estimates_grow_with_the_picture_and_the_mini_gop() -> None:
    small = replace(HEADER, info=VideoInfo(640, 360, Fraction(1, 25)))
    assert decode_memory(small, 2) < decode_memory(HEADER, 2) < decode_memory(replace(HEADER, mini_gop=32), 2) < 3e9
    assert decode_memory(replace(HEADER, structure="ld"), 2) < decode_memory(HEADER, 2)
    quick = Settings(threads=2, preset="fast")
    if encode_memory(INFO, quick) != encode_memory(INFO, Settings(threads=2)):  # VVenC is here
        assert encode_memory(INFO, Settings(threads=2, preset="fast", intra="vvc")) > encode_memory(INFO, quick)
        assert encode_memory(INFO, Settings(threads=2, structure="intra")) <= encode_memory(INFO, quick)
    unfiltered = replace(quick, disable=frozenset({"mctf"}))  # no frames wait for the next I frame's filter
    assert encode_memory(INFO, unfiltered) < encode_memory(INFO, quick)
    assert encode_memory(small.info, Settings(threads=2)) < encode_memory(INFO, Settings(threads=2)) < 4e9


@pytest.mark.parametrize(("start", "frames"), [(-1, None), (0, 0), (0, -3), ("x", None), (0, 1.5)])
def test_ranges_that_cannot_be_taken(start, frames) -> None:
    with pytest.raises(UsageError):
        check_range(start, frames)
