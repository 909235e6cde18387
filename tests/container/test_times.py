from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import times
from nvc.container.varint import Cursor
from nvc.errors import CorruptError, FormatError


def through(header, start: int, pts: list[int], durations: list[int]) -> tuple[int, bytes]:
    """Write, read back, compare; returns what was written."""
    flags, data = times.write_times(header, start, pts, durations)
    cursor = Cursor(data, "test")
    assert times.read_times(cursor, header, flags, start, len(pts)) == (pts, durations)
    assert cursor.left == 0
    return flags, data


def coarse(header):
    """30000/1001 frames a second on a clock of 1 ms, as Matroska has it."""
    info = replace(header.info, time_base=Fraction(1, 1000), frame_rate=Fraction(30000, 1001))
    return replace(header, info=info, frame_step=0, start_pts=7)


def test_a_constant_rate_takes_no_bytes(make) -> None:
    pts = [1024 + i * 512 for i in range(100, 116)]
    assert through(make.header(), 100, pts, [512] * 16) == (3, b"")


def test_times_rounded_to_a_coarse_clock_take_no_bytes(make) -> None:
    pts = [7 + (i * 1001 + 15) // 30 for i in range(1000, 1016)]
    assert through(coarse(make.header()), 1000, pts, [33] * 16)[0] == times.REGULAR_PTS
    flags, data = through(coarse(make.header()), 1000, pts, [33] * 16)
    assert len(data) <= 5  # durations that are not the steps: one bit each
    flags, data = through(coarse(make.header()), 1000, [p + (i == 3) for i, p in enumerate(pts)], [33] * 16)
    assert (flags, len(data) <= 16) == (0, True)


def test_without_step_and_rate_the_first_time_is_foretold(make) -> None:
    header = make.header()
    header = replace(header, frame_step=0, info=replace(header.info, frame_rate=None))
    assert times.nominal_pts(header, 50) == header.start_pts
    assert times.nominal_duration(header, 50) == 0


@given(
    st.integers(-(2**61), 2**60),
    st.lists(st.tuples(st.integers(1, 2**40), st.integers(0, 2**40)), max_size=64),
    st.integers(0, 2**30),
    st.booleans(),
)
def test_any_rising_times_come_back(make, first: int, rest: list, start: int, step: bool) -> None:
    pts, durations = [first], [3]
    for gap, duration in rest:
        pts.append(pts[-1] + gap)
        durations.append(duration)
    through(make.header() if step else coarse(make.header()), start, pts, durations)


@pytest.mark.parametrize(("pts", "durations"), [([1, 1], [1, 1]), ([2, 1], [1, 1]), ([1, 2], [1, -1]), ([1], [2**62])])
def test_times_that_do_not_rise_are_refused(make, pts: list[int], durations: list[int]) -> None:
    with pytest.raises(FormatError):
        times.write_times(make.header(), 0, pts, durations)


@given(st.binary(max_size=60), st.integers(0, 3), st.integers(1, 64))
def test_any_bytes_give_rising_times_or_corrupt(make, data: bytes, flags: int, count: int) -> None:
    try:
        pts, durations = times.read_times(Cursor(data, "test"), make.header(), flags, 0, count)
    except CorruptError:
        return
    assert all(a < b for a, b in zip(pts, pts[1:], strict=False))
    assert min(durations) >= 0
