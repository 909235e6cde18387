"""Progress events and their words."""

import pytest

from nvc.progress import Reporter, clock, describe, eta_seconds, fps
from nvc.types import Event


def test_a_job_tells_its_story_in_order() -> None:
    seen: list[Event] = []
    report = Reporter(seen.append, 3)
    report.start("go")
    report.advance(size=10)
    report.advance(2)
    report.warn("odd")
    report.warn("odd")
    report.done()
    assert [event.kind for event in seen] == ["start", "progress", "progress", "warning", "done"]
    assert [event.frame for event in seen] == [0, 1, 3, 3, 3]
    assert [event.bytes for event in seen] == [0, 10, 10, 10, 10]
    assert seen[0].message == "go" and seen[-1].total == 3
    assert report.warnings == ["odd"]
    assert all(a.seconds <= b.seconds for a, b in zip(seen, seen[1:], strict=False))


def test_nobody_need_listen() -> None:
    report = Reporter()
    report.start()
    report.advance(4)
    report.done()
    assert report.frames == 4


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        (Event("progress", 10, 30, seconds=5.0), 10.0),
        (Event("progress", 40, 30, seconds=5.0), 0.0),
        (Event("progress", 10, None, seconds=5.0), None),
        (Event("progress", 0, 30, seconds=5.0), None),
        (Event("progress", 10, 30, seconds=1.0), None),
    ],
)
def test_time_to_go(event: Event, seconds: float | None) -> None:
    assert eta_seconds(event) == seconds


def test_speed_before_the_start_is_zero() -> None:
    assert fps(Event("progress", 3)) == 0.0


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (59.6, "01:00"), (448, "07:28"), (3725, "1:02:05")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_line() -> None:
    event = Event("progress", 412, 1800, 1870331, 132.9)
    assert describe(event) == "frame 412/1800  22.9 %  3.1 fps  1,870,331 bytes  ETA 07:28"
    assert describe(Event("progress", 7, None, 0, 1.0)) == "frame 7  7.0 fps  ETA unknown"
