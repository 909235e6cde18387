"""Progress of a job as events. A job calls a Reporter; who asked for the job gets Events; nobody prints here."""

import time
from collections.abc import Callable

from nvc.types import Event

Callback = Callable[[Event], None]

SETTLED = 2.0  # seconds before a speed means anything


class Reporter:
    """Tells a callback how far a job is.

    callback  called with an Event of kind "start", "progress", "warning" and at last "done"; None = nobody listens
    total     frames to come, None where nobody knows
    warnings  every warning once, in order
    """

    def __init__(self, callback: Callback | None = None, total: int | None = None) -> None:
        self._callback = callback
        self._first = self._begin = time.perf_counter()
        self.total = total
        self.frames = 0
        self.bytes = 0
        self.warnings: list[str] = []

    @property
    def seconds(self) -> float:
        """Wall time since the job began, or since it began anew."""
        return time.perf_counter() - self._begin

    @property
    def all_seconds(self) -> float:
        """Wall time since the job began, with all that was only to prepare."""
        return time.perf_counter() - self._first

    def start(self, message: str = "") -> None:
        """The job knows its input; ``message`` says what it does."""
        self._tell("start", message)

    def restart(self, message: str) -> None:
        """What was done so far was only to prepare: counters and clock begin anew."""
        self._begin, self.frames, self.bytes = time.perf_counter(), 0, 0
        self.start(message)

    def advance(self, frames: int = 1, size: int | None = None) -> None:
        """``frames`` more are done; ``size`` is the number of bytes written so far."""
        self.frames += frames
        self.bytes = self.bytes if size is None else size
        self._tell("progress")

    def warn(self, message: str) -> None:
        """Say something once, however often it comes up."""
        if message not in self.warnings:
            self.warnings.append(message)
            self._tell("warning", message)

    def done(self) -> None:
        """The job came through."""
        self._tell("done")

    def _tell(self, kind: str, message: str = "") -> None:
        if self._callback is not None:
            self._callback(Event(kind, self.frames, self.total, self.bytes, self.seconds, message))


def fps(event: Event) -> float:
    """Frames a second since the job began."""
    return event.frame / event.seconds if event.seconds > 0 else 0.0


def eta_seconds(event: Event) -> float | None:
    """Seconds to go, None where the end or the speed is not known yet."""
    if not event.total or not event.frame or event.seconds < SETTLED:
        return None
    return max(event.total - event.frame, 0) / fps(event)


def clock(seconds: float) -> str:
    """ "MM:SS", from an hour on "H:MM:SS"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def describe(event: Event) -> str:
    """One line without a line end: "frame 412/1800  22.9 %  3.1 fps  1,870,331 bytes  ETA 07:28"."""
    parts = [f"frame {event.frame}" + (f"/{event.total}" if event.total else "")]
    if event.total:
        parts.append(f"{100 * event.frame / event.total:.1f} %")
    parts.append(f"{fps(event):.1f} fps")
    if event.bytes:
        parts.append(f"{event.bytes:,} bytes")
    eta = eta_seconds(event)
    parts.append(f"ETA {clock(eta)}" if eta is not None else "ETA unknown")
    return "  ".join(parts)
