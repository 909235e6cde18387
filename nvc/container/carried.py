"""Units of what is carried, not coded: streams, their packets, chapters (docs/format.md, "Carried streams")."""

from nvc.container.unit import ATTACHMENT, CARRIED, CARRIED_STREAM, CHAPTERS, Unit, pack_unit
from nvc.container.varint import Cursor, write_bytes, write_fraction, write_text, write_time, write_varint
from nvc.errors import CorruptError, FormatError
from nvc.types import CarriedPacket, CarriedStream, Chapter

STREAM_KINDS = ("audio", "subtitle", "attachment", "video")
MAX_STREAMS = 256
MAX_CHAPTERS = 65536
KEY, HAS_PTS, HAS_DTS, DTS_IS_PTS = 1, 2, 4, 8

# A batch is written when it holds so many packets or bytes, or when so many frames were written since it began.
BATCH_PACKETS, BATCH_BYTES, BATCH_FRAMES = 64, 2**14, 32


def write_stream(stream: CarriedStream) -> bytes:
    """The unit that describes a carried stream. FormatError for an unknown kind or too many streams."""
    if stream.kind not in STREAM_KINDS or not 0 <= stream.index < MAX_STREAMS:
        raise FormatError(f"carried stream {stream.index} of kind {stream.kind} (at most {MAX_STREAMS} are carried)")
    body = bytes([stream.index, STREAM_KINDS.index(stream.kind)]) + write_text(stream.codec)
    body += write_fraction(stream.time_base) + stream.description
    return pack_unit(ATTACHMENT if stream.kind == "attachment" else CARRIED_STREAM, body)


def read_stream(unit: Unit) -> CarriedStream:
    """The description of a carried stream."""
    cursor = Cursor(unit.payload, f"the stream unit at byte {unit.offset}")
    index, kind = cursor.take(2)
    if kind >= len(STREAM_KINDS):
        raise CorruptError(f"a carried stream of unknown kind {kind}")
    return CarriedStream(index, STREAM_KINDS[kind], cursor.text(), cursor.fraction(), cursor.rest())


def write_chapters(chapters: tuple[Chapter, ...]) -> bytes:
    """The unit of all chapters."""
    if len(chapters) > MAX_CHAPTERS:
        raise FormatError(f"at most {MAX_CHAPTERS} chapters are carried, got {len(chapters)}")
    out = write_varint(len(chapters))
    for chapter in chapters:
        out += write_time(chapter.start) + write_time(chapter.end) + write_fraction(chapter.time_base)
        out += write_varint(len(chapter.metadata))
        out += b"".join(write_text(key) + write_text(value) for key, value in chapter.metadata)
    return pack_unit(CHAPTERS, out)


def read_chapters(unit: Unit) -> tuple[Chapter, ...]:
    """The chapters of a chapters unit."""
    cursor = Cursor(unit.payload, f"the chapters unit at byte {unit.offset}")
    out = []
    for _ in range(cursor.count(MAX_CHAPTERS, 5)):
        start, end, time_base = cursor.time(), cursor.time(), cursor.fraction()
        pairs = tuple((cursor.text(), cursor.text()) for _ in range(cursor.count(MAX_CHAPTERS, 2)))
        out.append(Chapter(start, end, time_base, pairs))
    return tuple(out)


def pack_carried(packet: CarriedPacket) -> bytes:
    """One carried packet as it stands in a carried unit, after any others."""
    if not 0 <= packet.stream < MAX_STREAMS:
        raise FormatError(f"a packet of carried stream {packet.stream}, at most {MAX_STREAMS} are carried")
    same = packet.pts is not None and packet.pts == packet.dts
    flags = KEY * packet.is_key | HAS_PTS * (packet.pts is not None) | DTS_IS_PTS * same
    out = b""
    if packet.pts is not None:
        out += write_time(packet.pts)
    if packet.dts is not None and not same:
        flags |= HAS_DTS
        out += write_time(packet.dts)
    out += write_time(packet.duration)
    return bytes([flags, packet.stream]) + out + write_bytes(packet.data)


def read_carried(unit: Unit) -> tuple[CarriedPacket, ...]:
    """The packets of a carried unit, in the order they were written."""
    cursor = Cursor(unit.payload, f"the carried unit at byte {unit.offset}")
    out = []
    while cursor.left:
        flags, stream = cursor.take(2)
        pts = cursor.time() if flags & HAS_PTS else None
        dts = cursor.time() if flags & HAS_DTS else None
        dts = pts if flags & DTS_IS_PTS else dts
        out.append(CarriedPacket(stream, pts, dts, cursor.time(), bool(flags & KEY), cursor.bytes()))
    return tuple(out)


class CarriedBatch:
    """Small carried packets that wait to share a unit: 14 bytes of head are much beside an audio packet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._bytes = 0
        self._frames = 0

    def add(self, packet: CarriedPacket) -> bytes:
        """Units to write now, b"" while the batch waits. One large packet makes a unit of its own."""
        part, out = pack_carried(packet), b""
        if self._bytes + len(part) > BATCH_BYTES:
            out = self.flush()
        self._parts.append(part)
        self._bytes += len(part)
        full = self._bytes >= BATCH_BYTES or len(self._parts) >= BATCH_PACKETS
        return out + self.flush() if full else out

    def shown(self, frames: int) -> bytes:
        """Note that pictures were written; the unit to write now, so that sound does not fall far behind."""
        self._frames += frames if self._parts else 0
        return self.flush() if self._frames >= BATCH_FRAMES else b""

    def flush(self) -> bytes:
        """The unit of all that waits, b"" where nothing does."""
        parts, self._parts, self._bytes, self._frames = self._parts, [], 0, 0
        return pack_unit(CARRIED, b"".join(parts)) if parts else b""
