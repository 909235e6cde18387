"""Times of frames: what the header foretells, and tables for what differs (docs/format.md, "Times")."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

from nvc.container.varint import TIME_LIMIT, Cursor, fold, unfold, write_numbers, write_signed, write_time
from nvc.errors import CorruptError, FormatError
from nvc.types import StreamHeader

REGULAR_PTS, REGULAR_DURATIONS = 1, 2  # values of the two flags wherever a unit holds times


def nominal_pts(header: StreamHeader, display_index: int) -> int:
    """The pts that a frame has at a constant rate: from the frame step, else from the frame rate, else the first pts.

    With a frame rate the time is rounded to the nearest tick, halves up: sources with a coarse clock do so.
    """
    if header.frame_step:
        return header.start_pts + display_index * header.frame_step
    if not header.info.frame_rate:
        return header.start_pts
    ticks = display_index / (header.info.frame_rate * header.info.time_base)
    return header.start_pts + floor(ticks + Fraction(1, 2))


def nominal_duration(header: StreamHeader, display_index: int) -> int:
    """Ticks from a frame's nominal pts to the next one's."""
    return nominal_pts(header, display_index + 1) - nominal_pts(header, display_index)


def write_times(header: StreamHeader, start: int, pts: Sequence[int], durations: Sequence[int]) -> tuple[int, bytes]:
    """(flags, table) for the frames from display index ``start`` on, in display order.

    FormatError where times do not rise strictly or a duration is negative.
    """
    steps = [b - a for a, b in zip(pts, pts[1:], strict=False)]
    if min(steps, default=1) < 1 or min(durations) < 0 or max(durations) >= TIME_LIMIT:
        raise FormatError(f"times of frames from {start} on do not rise strictly, or a duration is negative")
    span = range(start, start + len(pts))
    flags, out = 0, b""
    if list(pts) == [nominal_pts(header, i) for i in span]:
        flags |= REGULAR_PTS
    else:
        out += write_time(pts[0] - nominal_pts(header, start)) + write_numbers(steps)
    if list(durations) == [nominal_duration(header, i) for i in span]:
        return flags | REGULAR_DURATIONS, out
    # Most sources give each frame the time to the next one, or the same to all: few bits a frame either way.
    differences = [fold(a - b) for a, b in zip(durations, steps, strict=False)]
    return flags, out + write_signed(durations[-1]) + write_numbers(differences)


def read_times(cursor: Cursor, header: StreamHeader, flags: int, start: int, count: int) -> tuple[list[int], list[int]]:
    """(pts, durations) in display order, as write_times wrote them. The caller bounds ``count``."""
    span = range(start, start + count)
    if flags & REGULAR_PTS:
        pts = [nominal_pts(header, i) for i in span]
    else:
        pts = [nominal_pts(header, start) + cursor.time()]
        for step in cursor.numbers(count - 1):
            pts.append(pts[-1] + step)
    steps = [b - a for a, b in zip(pts, pts[1:], strict=False)]
    if min(steps, default=1) < 1 or not -TIME_LIMIT < pts[0] <= pts[-1] < TIME_LIMIT:
        raise CorruptError(f"times of frames from {start} on do not rise strictly")
    if flags & REGULAR_DURATIONS:
        return pts, [nominal_duration(header, i) for i in span]
    last = cursor.signed()
    durations = [unfold(a) + b for a, b in zip(cursor.numbers(count - 1), steps, strict=True)] + [last]
    if min(durations) < 0 or max(durations) >= TIME_LIMIT:
        raise CorruptError(f"a frame from {start} on has a duration of {min(durations)} ticks")
    return pts, durations
