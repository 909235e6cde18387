"""What an unfinished ``.part`` holds, and how an encode goes through it again without coding it again.

The frames are read once more and the carried streams with them, so everything that a stream depends on beside its coded
pictures comes about as in the first run. Packets of whole I periods are taken from the ``.part``; the last one is coded
again. All bytes are compared with those that are there, so other settings or another input are found out.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nvc.errors import CorruptError, InputError, NvcError, UsageError
from nvc.pipeline.packets import Coded, frame_count, starts_period, times_of
from nvc.types import CarriedPacket, CarriedStream, Chapter, Frame, LayeredPacket, Packet, StreamHeader

# What is compared first, because it can be named; the rest is compared as bytes.
_NAMES = {"n_frames": "number of frames", "start_pts": "first pts", "mini_gop": "mini-GOP", "disabled": "tools off"}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is whole in a ``.part``.

    header, carried, chapters   of its head
    size    bytes up to the first damage: a torn unit at the end, mostly
    frames  in whole packets
    start   display index of the I frame to code again from; 0 where nothing would be saved
    """

    path: Path
    header: StreamHeader
    carried: tuple[CarriedStream, ...]
    chapters: tuple[Chapter, ...]
    size: int
    frames: int
    start: int


def read_unfinished(path: Path) -> Unfinished | None:
    """What there is to go on with; None where not even the first packet is whole.

    UsageError for a file that is no stream of this version, InputError where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            reader = _reader(file)
            starts: list[tuple[int, bool]] = []
            frames, size = 0, path.stat().st_size
            for item in reader.items():
                if isinstance(item, Packet | LayeredPacket):
                    starts.append((frames, starts_period(item)))
                    frames += frame_count(item)
                elif not isinstance(item, CarriedPacket):
                    size = item.offset
                    break
            if not starts:
                return None
            return Unfinished(
                path, reader.header, tuple(reader.carried), tuple(reader.chapters), size, frames,
                _restart(starts, reader.header.mode),
            )  # fmt: skip
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except NvcError as error:
        if not head or (isinstance(error, CorruptError) and b"\x89NVC".startswith(head)):
            return None  # ended inside its header
        raise UsageError(f"cannot resume: {path} is no unfinished stream ({error}); remove it to start anew") from error


def _reader(file: Any):
    from nvc.codec.schedule import default_entries
    from nvc.container import StreamReader

    file.seek(0)
    return StreamReader(file, schedule=default_entries)


def _restart(starts: Sequence[tuple[int, bool]], mode: str) -> int:
    """Where to begin anew, from (display index, whether an I period starts) of each packet.

    The last I period with something to compare: an I frame alone would not tell of other settings for the rest.
    """
    least = 1 if mode == "layered" else 2
    known = [start for start, is_start in starts[: len(starts) - least + 1] if is_start]
    return known[-1] if known else 0


class Replay:
    """Packets of an unfinished stream, each given when the encoder gave it in the first run."""

    def __init__(self, part: Unfinished) -> None:
        self.part = part
        self._packets = self._read()
        self._times: dict[int, tuple[int, int]] = {}
        self._checks = part.header.mode == "neural"
        self._window: deque[Coded] = deque()
        self._fill()

    @property
    def start(self) -> int:
        """Display index of the first frame that is coded again."""
        return self.part.start

    def code(self, encoder: Any, index: int, frame: Frame) -> list[Coded]:
        """What encoding frame ``index`` gives: from the ``.part`` before ``start``, from the encoder after it.

        The first I frame of the neural mode is coded again in any case: the same pictures give the same bytes.
        UsageError where its time is not that of the first run.
        """
        packets = self._ready(index)
        if index < self.start:
            self._check_time(index, frame)
        else:
            self._packets.close()
        if self._checks:
            packets = encoder.push(frame)
            self._checks = not packets
            if packets and index < self.start:
                encoder.forget()  # the frames that the I frame waited for are in the ``.part``
            elif index >= self.start:
                self._window.clear()  # the encoder has the frames of all that is still to come
            return packets
        if index >= self.start:
            return packets + encoder.push(frame)
        encoder.skip(frame)
        return packets

    def check_head(self, header: StreamHeader, carried: Sequence[CarriedStream], chapters: Sequence[Chapter]) -> None:
        """Compare the head that would be written with the one that is there; UsageError names what differs."""
        pairs = [(self.part.header, header), (self.part.header.info, header.info)]
        for old, new in pairs:
            for field in fields(old):  # type: ignore[arg-type]
                was, now = getattr(old, field.name), getattr(new, field.name)
                if field.name not in ("info", "parameter_sets") and was != now:
                    name = _NAMES.get(field.name, field.name.replace("_", " "))
                    raise self.refuse(f"its {name} is {_shown(was)}, now {_shown(now)} is asked for")
        if (self.part.carried, self.part.chapters) != (tuple(carried), tuple(chapters)):
            raise self.refuse("other sound, subtitles, attachments or chapters are carried in it")

    def end(self, frames: int) -> list[Coded]:
        """The packets that came at the end of the input; UsageError where that is before the frame to go on from."""
        if self.start and frames <= self.start:
            raise self.refuse(f"the input has {frames} frames, and {self.part.frames} are there already")
        return [packet for packet in self._window if packet.start < self.start]

    def refuse(self, reason: str) -> UsageError:
        """The error for an unfinished stream that does not fit; it is left as it is."""
        return UsageError(f"cannot resume {self.part.path}: {reason}; without --resume the encode starts anew")

    def _read(self) -> Generator[Coded, None, None]:
        with self.part.path.open("rb") as file:
            for item in _reader(file).items():
                if isinstance(item, Packet | LayeredPacket):
                    yield item

    def _ready(self, index: int) -> list[Coded]:
        """Packets that the encoder gave when frame ``index`` was pushed."""
        ready: list[Coded] = []
        while self._window and self._window[0].start < self.start:
            if _pushed_at(self._window, self.part.header) > index:
                break
            ready.append(self._window.popleft())
            self._fill()
        return ready

    def _fill(self) -> None:
        """Read on to the packets that tell when the next one was given."""
        while len(self._window) < 3 and (packet := next(self._packets, None)) is not None:
            self._times.update(times_of(packet))
            self._window.append(packet)

    def _check_time(self, index: int, frame: Frame) -> None:
        if (time := self._times.pop(index, None)) != (frame.pts, frame.duration):
            was = "missing" if time is None else f"at {time[0]} for {time[1]} ticks"
            raise self.refuse(
                f"frame {index} is {was} there, and at {frame.pts} for {frame.duration} in the input: another input"
            )


def _pushed_at(packets: Sequence[Coded], header: StreamHeader) -> int:
    """Index of the frame with which an encoder gives the first of these packets, of three where there are as many.

    A short mini-GOP comes with the I frame after it, and an I frame waits for those it looks ahead at.
    """
    from nvc.codec.encoder import lookahead

    packet, *later = packets
    count = frame_count(packet)
    if not isinstance(packet, Packet) or packet.kind not in ("gop", "intra"):
        return packet.start + count - 1
    if packet.kind == "gop":
        if count < header.mini_gop:
            return _pushed_at(later, header) if later else packet.start + count
        return packet.start + count - 1
    reach = lookahead(header.info, header.structure, header.disabled)
    following = frame_count(later[0]) if later and isinstance(later[0], Packet) and later[0].kind == "gop" else 0
    return packet.start + min(reach, following + 1)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
