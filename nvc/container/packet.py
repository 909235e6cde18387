"""Bodies of packet units: one I frame, one mini-GOP or one ``ld`` frame (docs/format.md, "Packets")."""

import struct
from collections.abc import Callable, Iterable

from nvc.container.times import read_times, write_times
from nvc.container.unit import GOP, INTRA, LD, START_HERE, Unit, kind_name, pack_unit
from nvc.container.varint import Cursor, write_varint
from nvc.errors import CorruptError, FormatError
from nvc.types import MAX_MINI_GOP, QUALITIES, FrameEntry, Packet, StreamHeader

# Kind, number of frames, mini-GOP -> (display offset, type, level) of each frame in coding order.
Schedule = Callable[[str, int, int], tuple[tuple[int, str, int], ...]]

DEFAULT, SYMBOL_HASH, PLANE_HASHES, BY_LEVEL, LANES, SEVERAL = 4, 8, 16, 32, 64, 128  # after the two flags of times
KINDS = {"intra": INTRA, "gop": GOP, "ld": LD}
TYPES = ("I", "P", "B")
MAX_LEVEL = 63
MARKED = 128  # bit of a mini-GOP's count: a mask of its frames that are coded by themselves follows
MAX_PAYLOADS = 2 * MAX_MINI_GOP
MAX_LANE_BITS = 15
MAX_INDEX = 2**31 - 1


def write_packet(packet: Packet, header: StreamHeader) -> bytes:
    """The unit of a packet, with the long head. FormatError for a packet that the format cannot say."""
    flags = START_HERE if packet.kind == "intra" else 0
    body = packet_body(packet, header)
    return pack_unit(KINDS[packet.kind], body, flags)


def packet_body(packet: Packet, header: StreamHeader) -> bytes:
    """Flag byte and all that follows it."""
    check_packet(packet)
    shown = sorted(packet.frames, key=lambda f: f.display_index)
    flags, times = write_times(header, packet.start, [f.pts for f in shown], [f.duration for f in shown])
    flags |= DEFAULT * packet.default | SYMBOL_HASH * (packet.symbol_hash is not None) | LANES * has_lanes(packet)
    flags |= PLANE_HASHES * bool(packet.plane_hashes) | SEVERAL * (len(packet.payloads) > 1)
    by_level = dict(sorted((f.level, f.quality) for f in packet.frames))
    if all(by_level[f.level] == f.quality for f in packet.frames):
        flags, qualities = flags | BY_LEVEL, bytes(by_level.values())
    else:
        qualities = bytes(f.quality for f in packet.frames)
    out = bytes([flags]) + write_varint(packet.start)
    if packet.kind == "gop":
        out += _count(packet)
    if not packet.default:
        out += b"".join(_entry(f, packet.start) for f in packet.frames)
    return out + times + qualities + _payloads(packet)


def _count(packet: Packet) -> bytes:
    """Number of frames, and which of them are of type I where the entries do not tell."""
    mask = sum(1 << k for k, frame in enumerate(packet.frames) if frame.type == "I")
    if not packet.default or not mask:
        return bytes([len(packet.frames)])
    return bytes([len(packet.frames) | MARKED]) + write_varint(mask)


def _entry(frame: FrameEntry, start: int) -> bytes:
    return bytes([frame.display_index - start, TYPES.index(frame.type) << 6 | frame.level])


def _payloads(packet: Packet) -> bytes:
    """Sizes but the last, lanes, hashes, payloads. The last payload ends with the unit."""
    out = b""
    if len(packet.payloads) > 1:
        out = bytes([len(packet.payloads)]) + b"".join(write_varint(len(p)) for p in packet.payloads[:-1])
    if has_lanes(packet):
        out += bytes(lanes.bit_length() - 1 for lanes in packet.lanes)
    if packet.symbol_hash is not None:
        out += struct.pack("<I", packet.symbol_hash)
    return out + b"".join(struct.pack("<I", h) for h in packet.plane_hashes) + b"".join(packet.payloads)


def has_lanes(packet: Packet) -> bool:
    """Whether the packet says how many lanes its payloads of symbols have; I frames are coded otherwise."""
    return packet.kind != "intra" and bool(packet.lanes)


def check_packet(packet: Packet) -> None:
    """FormatError for a packet that the format cannot say."""
    frames = packet.frames
    indices = sorted(f.display_index for f in frames)
    if indices != list(range(indices[0], indices[0] + len(frames))) or indices[0] < 0 or indices[-1] > MAX_INDEX:
        raise FormatError(f"frames of a packet must be neighbours in display order, got {indices}")
    if packet.kind not in KINDS or (packet.kind != "gop" and len(frames) != 1):
        raise FormatError(f"a packet of kind {packet.kind} cannot hold {len(frames)} frames")
    if any(not 0 <= f.quality < QUALITIES or not 0 <= f.level <= MAX_LEVEL or f.type not in TYPES for f in frames):
        raise FormatError(f"quality, level or type out of range in the packet at frame {indices[0]}")
    _check_types(packet.kind, (f.type for f in frames))
    if not 1 <= len(packet.payloads) <= MAX_PAYLOADS:
        raise FormatError(f"a packet holds 1 to {MAX_PAYLOADS} payloads, got {len(packet.payloads)}")
    coded = len(packet.payloads) - stills(packet)
    if coded < 0:
        raise FormatError(f"{stills(packet)} frames of type I in {len(packet.payloads)} payloads")
    if has_lanes(packet) and len(packet.lanes) != coded:
        raise FormatError(f"lanes wanted for {coded} payloads, got {len(packet.lanes)}")
    if any(n < 1 or n & (n - 1) or n >> MAX_LANE_BITS > 1 for n in packet.lanes):
        raise FormatError(f"lanes must be powers of two up to {2**MAX_LANE_BITS}, got {packet.lanes}")
    if packet.plane_hashes and len(packet.plane_hashes) != len(frames):
        raise FormatError(f"{len(frames)} plane hashes wanted, got {len(packet.plane_hashes)}")


def stills(packet: Packet) -> int:
    """Number of frames of type I beside others: each has a payload of its own, behind those of the symbols."""
    return 0 if packet.kind == "intra" else sum(f.type == "I" for f in packet.frames)


def _check_types(kind: str, types: Iterable[str]) -> None:
    """The frame of an intra packet is of type I; a mini-GOP may hold such frames too."""
    if kind == "intra" and any(type_ != "I" for type_ in types):
        raise FormatError(f"a packet of kind {kind} with a frame of another type")


def read_packet(unit: Unit, header: StreamHeader, schedule: Schedule) -> Packet:
    """The packet of a whole intra, gop or ld unit. FormatError or CorruptError where it makes no sense."""
    kind = kind_name(unit.kind)
    cursor = Cursor(unit.payload, f"the {kind} unit at byte {unit.offset}")
    flags, start = cursor.byte(), cursor.varint(MAX_INDEX)
    count, marked = (cursor.byte(), 0) if kind == "gop" else (1, 0)
    if count & MARKED:
        count ^= MARKED
        marked = _read_mask(cursor, count, flags)
    if not 1 <= count <= min(MAX_MINI_GOP, header.mini_gop):
        raise FormatError(f"a mini-GOP of {count} frames, at most {header.mini_gop} are allowed here")
    entries = schedule(kind, count, header.mini_gop) if flags & DEFAULT else _read_entries(cursor, count)
    entries = tuple((at, "I" if marked >> k & 1 else type_, level) for k, (at, type_, level) in enumerate(entries))
    if sorted(offset for offset, _, _ in entries) != list(range(count)):
        raise CorruptError(f"the frames of the {kind} unit at byte {unit.offset} are no neighbours in display order")
    _check_types(kind, (type_ for _, type_, _ in entries))
    pts, durations = read_times(cursor, header, flags, start, count)
    qualities = _read_qualities(cursor, [level for _, _, level in entries], bool(flags & BY_LEVEL))
    frames = tuple(
        FrameEntry(start + offset, type_, level, quality, pts[offset], durations[offset])  # type: ignore[arg-type]
        for (offset, type_, level), quality in zip(entries, qualities, strict=True)
    )
    payloads = cursor.count(MAX_PAYLOADS, 1) if flags & SEVERAL else 1
    sizes = [cursor.varint() for _ in range(payloads - 1)]
    inner = 0 if kind == "intra" else sum(type_ == "I" for _, type_, _ in entries)
    if inner > payloads:
        raise CorruptError(f"{inner} frames of type I in {payloads} payloads")
    lanes = _read_lanes(cursor, payloads - inner) if flags & LANES else ()
    symbol_hash = _u32(cursor) if flags & SYMBOL_HASH else None
    hashes = tuple(_u32(cursor) for _ in range(count)) if flags & PLANE_HASHES else ()
    data = (*(cursor.take(size) for size in sizes), cursor.rest())
    return Packet(kind, frames, data, bool(flags & DEFAULT), lanes, symbol_hash, hashes)  # type: ignore[arg-type]


def _read_mask(cursor: Cursor, count: int, flags: int) -> int:
    """Bit k: frame k in coding order is of type I."""
    mask = cursor.varint(2**MAX_MINI_GOP - 1)
    if not mask or mask >> count or not flags & DEFAULT:
        raise CorruptError(f"a mask {mask:x} of frames of type I among {count}")
    return mask


def _u32(cursor: Cursor) -> int:
    return struct.unpack("<I", cursor.take(4))[0]


def _read_entries(cursor: Cursor, count: int) -> tuple[tuple[int, str, int], ...]:
    entries = []
    for offset, second in (cursor.take(2) for _ in range(count)):
        if second >> 6 > 2:
            raise CorruptError(f"a frame of type {second >> 6}")
        entries.append((offset, TYPES[second >> 6], second & MAX_LEVEL))
    return tuple(entries)


def _read_qualities(cursor: Cursor, levels: list[int], by_level: bool) -> list[int]:
    if by_level:
        table = dict(zip(distinct := sorted(set(levels)), cursor.take(len(distinct)), strict=True))
        qualities: Iterable[int] = [table[level] for level in levels]
    else:
        qualities = cursor.take(len(levels))
    if max(qualities) >= QUALITIES:
        raise CorruptError(f"a frame of quality {max(qualities)}")
    return list(qualities)


def _read_lanes(cursor: Cursor, payloads: int) -> tuple[int, ...]:
    powers = cursor.take(payloads)
    if max(powers, default=0) > MAX_LANE_BITS:
        raise CorruptError(f"a payload of 2^{max(powers)} lanes")
    return tuple(1 << power for power in powers)
