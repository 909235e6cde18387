"""Bytes to packets: from a file, from memory or from a pipe, whole or damaged."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nvc.container.account import Account
from nvc.container.assemble import Assembler, Item
from nvc.container.carried import MAX_STREAMS, read_chapters, read_stream
from nvc.container.header import check_start, read_header
from nvc.container.index import IndexBuilder, IndexEntry, find_entry, index_place, read_index
from nvc.container.layered import picture_bytes
from nvc.container.packet import Schedule
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.container.unit import (
    ATTACHMENT,
    CARRIED_STREAM,
    CHAPTERS,
    HEAD_SIZE,
    HEADER,
    INDEX,
    KIND_NAMES,
    TAIL,
    TAIL_SIZE,
    Damage,
    Unit,
    kind_name,
    read_tail,
)
from nvc.errors import CorruptError, FormatError, InputError, LimitError, UsageError
from nvc.types import CarriedStream, Chapter, LayeredPacket, Packet, StreamHeader

HEAD_KINDS = (CARRIED_STREAM, ATTACHMENT, CHAPTERS)


@dataclass(frozen=True, slots=True)
class UnitInfo:
    """One line of a list of units: kind is a name, "damage" for bytes of no whole unit; message says why not ok."""

    offset: int
    kind: str
    size: int
    ok: bool = True
    message: str = ""


class StreamReader:
    """Reads a stream: head at once, then items one after the other.

    source      bytes, a seekable binary file (from where it stands), or a pipe (unbuffered ones block rightly too)
    schedule    kind, number of frames, mini-GOP -> default entries; needed where mini-GOPs are read
    max_pixels  LimitError for larger pictures;  max_frames  LimitError where the stream has or gives more

    header, carried, chapters   of the head
    index      I periods, None where the stream has no index (or, in a pipe, until it was read)
    complete   index and tail are there: the stream was written to its end. In a pipe known after the last item
    Raises on opening: FormatError (no stream, other version), CorruptError (damaged header), LimitError, InputError.
    """

    def __init__(
        self,
        source: bytes | bytearray | memoryview | BinaryIO,
        *,
        schedule: Schedule | None = None,
        max_pixels: int | None = None,
        max_frames: int | None = None,
    ) -> None:
        self._source, self._schedule, self._max_frames = open_source(source), schedule, max_frames
        self._account, self._seen = Account(), 0
        self.carried: tuple[CarriedStream, ...] = ()
        self.chapters: tuple[Chapter, ...] = ()
        self.index: tuple[IndexEntry, ...] | None = None
        self.complete = False
        self._index_offset = -1
        self._scanner = UnitScanner(self._source)
        self._waiting: deque[Unit | Damage] = deque()
        self._head: list[UnitInfo] = []
        self._open_header(max_pixels)
        self._assembler = Assembler(self.header, schedule)
        self._find_index()
        self._read_head()
        self._items = self._run()

    # Opening

    def _open_header(self, max_pixels: int | None) -> None:
        check_start(self._source.peek(HEAD_SIZE + 10))
        unit = self._scanner.try_unit()
        if isinstance(unit, str):
            raise CorruptError(f"the header is damaged: {unit}", frames=0)
        self.header: StreamHeader = read_header(unit)
        info, self._header_payload = self.header.info, unit.payload
        if max_pixels is not None and info.width * info.height > max_pixels:
            raise LimitError(f"picture of {info.width}x{info.height} has more than {max_pixels} pixels")
        self._check_frames(info.n_frames or 0)
        self._note_head(unit)

    def _check_frames(self, frames: int) -> None:
        if self._max_frames is not None and frames > self._max_frames:
            raise LimitError(f"the stream has more than {self._max_frames} frames")

    def _find_index(self) -> None:
        """Read index and tail of a file from its end; without them the stream is read as it is."""
        size = self._source.size
        if size is None or size < TAIL_SIZE:
            return
        tail = read_tail(self._source.at(size - TAIL_SIZE).peek(TAIL_SIZE))
        place = None if tail is None else index_place(tail, size)
        if place is None:
            return
        unit = UnitScanner(self._source.at(place)).try_unit()
        if isinstance(unit, Unit) and unit.kind == INDEX and unit.offset + unit.size == size - TAIL_SIZE:
            self._take_index(unit)
            self.complete = self.index is not None

    def _take_index(self, unit: Unit) -> None:
        try:
            self.index = read_index(unit, self.header)
        except FormatError:
            return
        self._index_offset = unit.offset
        self._assembler.total = self.n_frames
        self._check_frames(self.n_frames or 0)

    def _read_head(self) -> None:
        """Take units up to the first that is no part of the head; damage waits for ``items``."""
        for found in self._scanner:
            if isinstance(found, Unit) and (found.kind in HEAD_KINDS or found.kind >= len(KIND_NAMES)):
                self._note_head(found)
                self._take_head(found)
                continue
            self._waiting.append(found)
            if isinstance(found, Unit):
                return

    def _take_head(self, unit: Unit) -> None:
        try:
            if unit.kind == CHAPTERS:
                self.chapters = read_chapters(unit)
            elif unit.kind in HEAD_KINDS:
                self.carried += (read_stream(unit),)
        except FormatError as error:
            self._waiting.append(Damage(unit.offset, unit.size, str(error)))
        if len(self.carried) > MAX_STREAMS:
            raise LimitError(f"the stream carries more than {MAX_STREAMS} streams")

    def _note_head(self, unit: Unit) -> None:
        self._count(unit)
        self._head.append(UnitInfo(unit.offset, kind_name(unit.kind), unit.size))

    # Reading

    @property
    def n_frames(self) -> int | None:
        """Number of frames as the index says; None without index."""
        if self.index is None:
            return None
        return self.index[-1].start + self.index[-1].frames if self.index else 0

    @property
    def bytes_read(self) -> int:
        """Bytes of the head and of what ``items`` gave in one row from there, each counted once; in the end all."""
        return self._account.total

    @property
    def video_bytes(self) -> int:
        """Of these, all but units of carried streams and attachments."""
        return self._account.video

    @property
    def overhead_bytes(self) -> int:
        """Of these, all that is neither coded pictures nor carried streams (damaged bytes count here)."""
        return self._account.overhead

    def items(self) -> Iterator[Item]:
        """Packets, carried packets and damage from where the reader stands, which is after the head or a seek.

        Frames come in coding order, no frame twice; what is missing is said by a Damage before the next packet,
        and after it the next packet may be of any kind: only an I frame or a LayeredPacket starts anew.
        LimitError beyond max_frames, InputError where the source fails; damage never raises.
        A second call goes on where the first stopped.
        """
        return self._items

    def _run(self) -> Iterator[Item]:
        while (found := self._advance()) is not None:
            if isinstance(found, Unit) and found.kind == HEADER and found.payload != self._header_payload:
                yield Damage(found.offset, found.size, "another header inside the stream: the rest is not read")
                return
            pictures = 0
            for item in self._assembler.take(found):
                pictures += self._picture_bytes(item)
                yield item
            self._count(found, pictures)
        yield from self._assembler.missing_at_end(self._source.offset)

    def _advance(self) -> Unit | Damage | None:
        found = self._waiting.popleft() if self._waiting else next(self._scanner, None)
        if isinstance(found, Unit) and found.kind == INDEX and self.index is None:
            self._take_index(found)
        if isinstance(found, Unit) and found.kind == TAIL:
            self.complete |= self.index is not None and read_tail(found.payload) == self._index_offset
        return found

    def _picture_bytes(self, item: Item) -> int:
        if isinstance(item, LayeredPacket):
            self._check_frames(item.start + len(item.pts))
            return picture_bytes(item)
        if not isinstance(item, Packet):
            return 0
        self._check_frames(item.start + len(item.frames))
        return sum(map(len, item.payloads))

    def _count(self, found: Unit | Damage, pictures: int = 0) -> None:
        if found.offset == self._seen:  # after a seek forward nothing is counted: the rest would be no whole
            self._account.add(found.kind if isinstance(found, Unit) else -1, found.size, pictures)
            self._seen = found.offset + found.size

    # Other ways through the stream

    def units(self) -> Iterator[UnitInfo]:
        """Every unit with its place, whole or not: of a file from its start, beside ``items``; a pipe is used up."""
        if self._source.origin is None:
            yield from self._head
            found_units: Iterator[Unit | Damage] = iter(self._advance, None)  # type: ignore[arg-type]
        else:
            found_units = UnitScanner(self._source.at(0))
        for found in found_units:
            if isinstance(found, Unit):
                yield UnitInfo(found.offset, kind_name(found.kind), found.size)
            else:
                yield UnitInfo(found.offset, "damage", found.size, False, found.message)

    def periods(self) -> tuple[IndexEntry, ...]:
        """The I periods: of the index, else of a scan through the whole file. InputError for a pipe without index."""
        if self.index is not None:
            return self.index
        builder, assembler = IndexBuilder(), Assembler(self.header, self._schedule)
        began: int | None = None
        for found in UnitScanner(self._source.at(0)):
            began = found.offset if began is None else began
            for item in assembler.take(found):
                if isinstance(item, LayeredPacket) or (
                    isinstance(item, Packet) and (item.kind == "intra" or builder.entries)
                ):
                    builder.add(item, began, found.offset + found.size - began)
            if not (isinstance(found, Unit) and kind_name(found.kind) == "parameters"):
                began = None  # the parameters of an I period stand before its base
        return builder.entries

    def seek_frame(self, display_index: int) -> IndexEntry:
        """Go to the I period that holds a frame: the next item is its I frame or LayeredPacket, damage apart.

        Where that I frame is lost, the last whole one before it. UsageError where there is no such frame,
        InputError for a pipe.
        """
        if self._source.origin is None:
            raise InputError("a pipe cannot be read from another place: use a file")
        periods = self.periods()
        entry = find_entry(periods, display_index)
        end = periods[-1].start + periods[-1].frames if periods else 0
        if entry is None or (display_index >= end and self.index is not None):
            raise UsageError(f"frame {display_index} is not in the stream of {end} frames")
        self._source = self._source.at(entry.offset)
        self._scanner = UnitScanner(self._source)
        self._waiting.clear()
        self._assembler.restart()
        self._items = self._run()
        return entry
