"""Units of layered mode: an I period of the base, and the parameters that belong to it (docs/format.md, "Base")."""

from nvc.container.times import read_times, write_times
from nvc.container.unit import BASE, PARAMETERS, START_HERE, Unit, pack_unit
from nvc.container.varint import TIME_LIMIT, Cursor, fold, unfold, write_numbers, write_time, write_varint
from nvc.errors import CorruptError, FormatError
from nvc.types import LayeredPacket, StreamHeader

HAS_PARAMETERS, START_CODES, ONE_KEY, PERMUTED = 4, 8, 16, 32  # after the two flags of times
START_CODE = b"\0\0\0\1"
MAX_PERIOD = 65535
MAX_INDEX = 2**31 - 1


def write_layered(packet: LayeredPacket, header: StreamHeader) -> bytes:
    """The units of an I period: its parameters where it has any, then the base."""
    out = b""
    if packet.payload:
        out = pack_unit(PARAMETERS, write_varint(packet.start) + packet.payload)
    return out + pack_unit(BASE, _base_body(packet, header), START_HERE)


def _base_body(packet: LayeredPacket, header: StreamHeader) -> bytes:
    count, samples = len(packet.pts), packet.samples
    if not 1 <= count <= MAX_PERIOD or len(packet.durations) != count or not 1 <= len(samples) <= MAX_PERIOD:
        raise FormatError(f"an I period of {count} frames, {len(packet.durations)} durations, {len(samples)} samples")
    if not 0 <= packet.start <= MAX_INDEX:
        raise FormatError(f"an I period that starts at frame {packet.start}")
    flags, times = write_times(header, packet.start, packet.pts, packet.durations)
    places = {item: i for i, item in enumerate(zip(packet.pts, packet.durations, strict=True))}
    order = [places.get((pts, duration), -1) for pts, _, duration, _, _ in samples]
    keys = [is_key for _, _, _, is_key, _ in samples]
    data = [d for _, _, _, _, d in samples]
    flags |= HAS_PARAMETERS * bool(packet.payload) | PERMUTED * (sorted(order) == list(range(count)))
    flags |= START_CODES * all(d.startswith(START_CODE) for d in data) | ONE_KEY * (keys[0] and not any(keys[1:]))
    if flags & START_CODES:
        data = [d[len(START_CODE) :] for d in data]
    out = bytes([flags]) + write_varint(packet.start) + write_varint(count) + write_varint(len(samples)) + times
    if flags & PERMUTED:
        out += write_numbers([fold(place - i) for i, place in enumerate(order)])
    else:
        out += b"".join(write_time(pts) + write_time(duration) for pts, _, duration, _, _ in samples)
    out += _decode_times([dts for _, dts, _, _, _ in samples], packet.pts[0])
    if not flags & ONE_KEY:
        out += sum(key << i for i, key in enumerate(keys)).to_bytes((len(keys) + 7) // 8, "little")
    return out + b"".join(write_varint(len(d)) for d in data) + b"".join(data)


def _decode_times(dts: list[int], first_pts: int) -> bytes:
    steps = [fold(b - a) for a, b in zip(dts, dts[1:], strict=False)]
    return write_time(dts[0] - first_pts) + write_numbers(steps)


def read_parameters(unit: Unit) -> tuple[int, bytes]:
    """(display index of the period's first frame, payload) of a whole parameters unit."""
    cursor = Cursor(unit.payload, f"the parameters unit at byte {unit.offset}")
    return cursor.varint(MAX_INDEX), cursor.rest()


def read_base(unit: Unit, header: StreamHeader) -> tuple[LayeredPacket, bool]:
    """(I period without its payload, whether a parameters unit belongs to it) of a whole base unit."""
    cursor = Cursor(unit.payload, f"the base unit at byte {unit.offset}")
    flags, start = cursor.byte(), cursor.varint(MAX_INDEX)
    count = cursor.varint(MAX_PERIOD)
    samples = cursor.count(MAX_PERIOD, 1)
    if not count or not samples or (flags & PERMUTED and count != samples):
        raise CorruptError(f"an I period of {count} frames and {samples} samples")
    pts, durations = read_times(cursor, header, flags, start, count)
    if flags & PERMUTED:
        order = [i + unfold(value) for i, value in enumerate(cursor.numbers(count))]
        if sorted(order) != list(range(count)):
            raise CorruptError(f"the order of the base unit at byte {unit.offset} is no order")
        times = [(pts[place], durations[place]) for place in order]
    else:
        times = [(cursor.time(), cursor.time()) for _ in range(samples)]
    dts = [cursor.time() + pts[0]]
    for step in cursor.numbers(samples - 1):
        dts.append(dts[-1] + unfold(step))
    if max(map(abs, dts)) >= TIME_LIMIT:
        raise CorruptError(f"decode times of the base unit at byte {unit.offset} are out of range")
    keys = 1 if flags & ONE_KEY else int.from_bytes(cursor.take((samples + 7) // 8), "little")
    sizes = [cursor.varint() for _ in range(samples)]
    code = START_CODE if flags & START_CODES else b""
    data = [code + cursor.take(size) for size in sizes]
    whole = tuple(
        (time, decode, duration, bool(keys >> i & 1), piece)
        for i, ((time, duration), decode, piece) in enumerate(zip(times, dts, data, strict=True))
    )
    if cursor.left:
        raise CorruptError(f"the base unit at byte {unit.offset} has {cursor.left} bytes too many")
    return LayeredPacket(start, tuple(pts), tuple(durations), whole), bool(flags & HAS_PARAMETERS)


def picture_bytes(packet: LayeredPacket) -> int:
    """Bytes of the base's samples as they stand in a unit: without start codes where all have one."""
    cut = len(START_CODE) if all(sample[4].startswith(START_CODE) for sample in packet.samples) else 0
    return sum(len(sample[4]) - cut for sample in packet.samples)
