"""From packets to frames: decoding a stream in order, over its damage where that is asked for."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from nvc.errors import CorruptError
from nvc.pipeline.packets import Coded, frame_count, starts_period, times_of
from nvc.types import CarriedPacket, Frame, LayeredPacket, Packet, StreamHeader

MAX_FILL = 100_000  # frames held over one damage; a longer gap is left out: no real stream has it
TRAIL = 64  # frames: 32 that a carried unit may wait, and a mini-GOP
STOP, HOLD, SKIP = "stop", "hold", "skip"


class Playback:
    """Frames of a stream in display order, and between them its carried packets.

    items      Packet | LayeredPacket | CarriedPacket | Damage, as a stream gives them
    decoder    of the stream's mode, fresh
    on_damage  "stop" ends at the first damage; "hold" repeats the last good frame, with its own times, until the next
               I frame; "skip" leaves those frames out
    start      display index of the first packet that ``items`` gives
    end        display index to stop before, None for all; carried packets that may belong beside it still come
    waits      asked at the packets behind ``end``, where carried packets may trail: whether more are wanted
    total      number of frames of the stream, None where it is not known
    promised   asked at the end where it is not known: number of frames that there should have been, None for unknown
    warn       told of each damage where it is gone over

    index           display index of the frame that was given last
    stopped         what ended it early, None where nothing did
    damages         what was wrong, one line each
    damaged_frames  frames that were repeated or left out
    """

    def __init__(
        self,
        items: Iterable,
        decoder: Any,
        header: StreamHeader,
        *,
        on_damage: str = STOP,
        start: int = 0,
        end: int | None = None,
        waits: Callable[[], bool] = lambda: False,
        total: int | None = None,
        promised: Callable[[], int | None] = lambda: None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._items, self._decoder, self._header = items, decoder, header
        self.on_damage, self._warn = on_damage, warn
        self._end_at, self._waits, self._promised = end, waits, promised
        self._total = total if end is None or total is None else min(end, total)
        self._due = start  # display index of the next packet
        self._shown = start  # display index of the next frame out
        self._times: dict[int, tuple[int, int]] = {}
        self._last: Frame | None = None
        self._lost = False
        self._suspect = False  # a damage was told of that may have cost the next frames
        self._owed: list[tuple[int, int, int]] = []
        self._past = False
        self.index = start - 1
        self.stopped: str | None = None
        self.damages: list[str] = []
        self.damaged_frames = 0

    def __iter__(self) -> Iterator[Frame | CarriedPacket]:
        for item in self._items:
            if isinstance(item, CarriedPacket):
                yield item
            elif self._end_at is not None and self._due >= self._end_at:
                self._past = self._is_past(item)
            elif isinstance(item, Packet | LayeredPacket):
                yield from self._packet(item)
            else:
                self._damage(f"at byte {item.offset}: {item.message}")
                self._suspect = True
            if self.stopped is not None or self._past:
                break
        yield from self._end()

    def _is_past(self, item: Any) -> bool:
        """Whether an item behind the last frame wanted ends it all: carried packets stand up to TRAIL frames later,
        and still later where the source was so."""
        if not isinstance(item, Packet | LayeredPacket):
            return False
        return next(iter(times_of(item))) >= (self._end_at or 0) + TRAIL and not self._waits()

    def _packet(self, packet: Coded) -> Iterator[Frame]:
        start = next(iter(times_of(packet)))
        if start < self._due:
            self._damage(f"frame {start} comes again or out of order")
            return
        if start > self._due and not self._lost:
            self._miss(f"frames {self._due} to {start - 1} are missing")
            if self.stopped is not None:
                return
        self._suspect = False
        self._times.update(times_of(packet))
        self._due = start + frame_count(packet)
        if self._lost and not starts_period(packet):
            return
        if self._lost:
            yield from self._rest()
            self._decoder.reset()
            yield from self._fill(start)
            self._lost = False
        yield from self._decode(packet)

    def _decode(self, packet: Coded) -> Iterator[Frame]:
        """Frames of a packet; what is wrong with it ends them."""
        frames = getattr(self._decoder, "frames", self._decoder.push)  # layered: one at a time, for the memory
        try:
            for frame in frames(packet):
                owed, self._owed = self._owed, []
                yield from self._held(frame, owed)
                if self._end_at is None or self._shown < self._end_at:
                    yield self._out(frame)
        except CorruptError as error:
            self._lose(str(error))

    def _rest(self) -> Iterator[Frame]:
        """Frames that the decoder still holds."""
        try:
            held = self._decoder.flush()
        except CorruptError as error:
            self._lose(str(error))
            return
        for frame in held:
            if self._end_at is None or self._shown < self._end_at:
                yield self._out(frame)

    def _end(self) -> Iterator[Frame]:
        yield from self._rest()
        if self.stopped is not None:
            return
        total = self._total if self._total is not None or self.on_damage == STOP else self._promised()
        end = max(self._due, total or 0)
        end = end if self._end_at is None else min(end, self._end_at)
        if self._shown < end and not self._lost:
            self._miss(f"frames {self._shown} to {end - 1} are missing at the end")
        if self._shown < end and self.stopped is None:
            yield from self._fill(end)

    def _out(self, frame: Frame) -> Frame:
        self._last, self.index = frame, self._shown
        self._times.pop(self._shown, None)
        self._shown += 1
        return frame

    def _damage(self, message: str) -> None:
        """Something is wrong that need not have cost a frame."""
        self.damages.append(message)
        if self.on_damage == STOP:
            self.stopped = message
        else:
            self._warn(f"damaged {message}" if message.startswith("at byte") else f"damaged: {message}")

    def _lose(self, message: str) -> None:
        """Something is wrong, and nothing can be decoded until the next I frame."""
        self._lost = True
        self._damage(message)

    def _miss(self, message: str) -> None:
        """Frames are not there; the damage that was just told of explains it."""
        if self._suspect:
            self._lost = True
        else:
            self._lose(message)

    def _fill(self, end: int) -> Iterator[Frame]:
        """Go over the frames up to ``end``, which are lost: hold the last good one, or leave them out."""
        start, self._shown = self._shown, end
        self.damaged_frames += max(end - start, 0)
        known = {i: time for i, time in self._times.items() if start <= i < end}
        following = self._times.get(end)
        self._times = {i: time for i, time in self._times.items() if i >= end}
        if self.on_damage != HOLD or end - start > MAX_FILL:
            return
        if self._last is None:  # nothing came before: hold the first good frame backwards when it is there
            begin, step = self._header.start_pts, self._header.frame_step
            known = {0: (begin, step), **known} if start == 0 else known
            self._owed = fill_times(begin - 1, start, end, known, following, step)
            return
        step = self._header.frame_step or self._last.duration
        yield from self._held(self._last, fill_times(self._last.pts, start, end, known, following, step))

    def _held(self, frame: Frame, times: Iterable[tuple[int, int, int]]) -> Iterator[Frame]:
        for self.index, pts, duration in times:
            self._last = replace(frame, pts=pts, duration=duration, damaged=True)
            yield self._last


def fill_times(
    before: int, start: int, end: int, known: dict[int, tuple[int, int]], following: tuple[int, int] | None, step: int
) -> list[tuple[int, int, int]]:
    """(display index, pts, duration) of the frames ``start`` to ``end`` - 1, strictly rising above the pts ``before``.

    known      times that packets named which could not be decoded
    following  of the frame ``end``, None at the end of the stream; times that nobody named are spread evenly before it
    step       nominal duration, used where nothing follows; frames for which no tick is left are left out
    """
    known = _rising(known, before, following)
    marks = {**known, **({end: following} if following else {})}
    places = sorted(marks)
    out: list[tuple[int, int, int]] = []
    index = start - 1
    for i in range(start, end):
        at = bisect_left(places, i)
        if i in known:
            pts, duration = known[i]
        elif at < len(places):
            after = places[at]
            pts, duration = before + (i - index) * (marks[after][0] - before) // (after - index), step
        else:
            pts, duration = before + (i - index) * (step or 1), step
        if pts > before and (following is None or pts < following[0]):
            before, index = pts, i
            out.append((i, pts, duration))
    return out


def _rising(
    known: dict[int, tuple[int, int]], before: int, following: tuple[int, int] | None
) -> dict[int, tuple[int, int]]:
    """Those of the known times that rise strictly between the frames around the gap."""
    out: dict[int, tuple[int, int]] = {}
    for i in sorted(known):
        if known[i][0] > before and (following is None or known[i][0] < following[0]):
            out[i] = known[i]
            before = known[i][0]
    return out
