"""The index unit: where each I period starts (docs/format.md, "Index and tail")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nvc.container.times import nominal_pts
from nvc.container.unit import INDEX, TAIL_SIZE, Unit, pack_unit
from nvc.container.varint import TIME_LIMIT, Cursor, fold, unfold, write_numbers, write_varint
from nvc.errors import CorruptError, FormatError
from nvc.types import LayeredPacket, Packet, StreamHeader

LEAST_PERIOD = 15  # bytes of the smallest I period: bounds the number of entries, which may take no bytes
MAX_INDEX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One I period.

    start, frames   display index of its first frame, number of frames
    pts             of its first frame, in ticks
    offset          of its first unit, in bytes from the start of the stream
    bytes           of all its units with their heads, carried ones apart
    """

    start: int
    frames: int
    pts: int
    offset: int
    bytes: int


class IndexBuilder:
    """Makes the index from packets in the order of the stream, for the writer and where a stream has none."""

    def __init__(self) -> None:
        self._entries: list[IndexEntry] = []

    @property
    def entries(self) -> tuple[IndexEntry, ...]:
        """The I periods so far."""
        return tuple(self._entries)

    def add(self, packet: Packet | LayeredPacket, offset: int, size: int) -> None:
        """Note the units of one packet. FormatError where the first is no start of an I period."""
        if isinstance(packet, LayeredPacket):
            self._entries.append(IndexEntry(packet.start, len(packet.pts), packet.pts[0], offset, size))
        elif packet.kind == "intra":
            self._entries.append(IndexEntry(packet.start, 1, packet.frames[0].pts, offset, size))
        elif not self._entries:
            raise FormatError("a stream must begin with an I frame")
        else:
            last, end = self._entries[-1], packet.start + len(packet.frames)
            self._entries[-1] = replace(last, frames=end - last.start, bytes=last.bytes + size)


def write_index(entries: Sequence[IndexEntry], header: StreamHeader) -> bytes:
    """The index unit: columns of differences to what the entries before and the header foretell."""
    starts = [0] + [e.start + e.frames for e in entries[:-1]]
    ends = [0] + [e.offset + e.bytes for e in entries[:-1]]
    body = write_varint(len(entries))
    body += write_numbers([e.start - start for e, start in zip(entries, starts, strict=False)])
    body += write_numbers([e.frames for e in entries])
    body += write_numbers([fold(e.pts - nominal_pts(header, e.start)) for e in entries])
    body += write_numbers([e.offset - end for e, end in zip(entries, ends, strict=False)])
    body += write_numbers([e.bytes for e in entries])
    return pack_unit(INDEX, body)


def read_index(unit: Unit, header: StreamHeader) -> tuple[IndexEntry, ...]:
    """The entries of a whole index unit, offsets and starts rising. CorruptError where they make no sense."""
    cursor = Cursor(unit.payload, f"the index at byte {unit.offset}")
    count = cursor.varint(unit.offset // LEAST_PERIOD)
    columns = [cursor.numbers(count) for _ in range(5)]
    entries, start, end = [], 0, 0
    for gap, frames, pts, skipped, size in zip(*columns, strict=True):
        start, end = start + gap, end + skipped
        if start + frames > MAX_INDEX or end + size > unit.offset:
            raise CorruptError(f"the index at byte {unit.offset} names frame {start + frames} at byte {end + size}")
        if not frames or size < LEAST_PERIOD:
            raise CorruptError(f"the index at byte {unit.offset} names an empty I period")
        entries.append(IndexEntry(start, frames, nominal_pts(header, start) + unfold(pts), end, size))
        start, end = start + frames, end + size
    if any(abs(e.pts) >= TIME_LIMIT for e in entries):
        raise CorruptError(f"the index at byte {unit.offset} names a time out of range")
    return tuple(entries)


def index_place(tail: int, size: int) -> int | None:
    """Offset of the index that a tail names, None where it cannot be: ``size`` are the bytes of the stream."""
    return tail if 0 < tail < size - TAIL_SIZE else None


def find_entry(entries: Sequence[IndexEntry], display_index: int) -> IndexEntry | None:
    """The I period that holds a frame: the last that starts at or before it; None where none does."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if entries[middle].start <= display_index else (low, middle)
    return entries[low - 1] if low else None
