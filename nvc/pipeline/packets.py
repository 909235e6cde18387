"""What a coded packet covers: frames, times, sums. One view of both modes' packets."""

import struct
import zlib
from collections.abc import Iterable
from fractions import Fraction

from nvc.types import CarriedPacket, CarriedStream, LayeredPacket, Packet

Coded = Packet | LayeredPacket


def times_of(packet: Coded) -> dict[int, tuple[int, int]]:
    """(pts, duration) of each frame by display index, in display order."""
    if isinstance(packet, LayeredPacket):
        times = zip(packet.pts, packet.durations, strict=True)
        return {packet.start + i: time for i, time in enumerate(times)}
    return {e.display_index: (e.pts, e.duration) for e in sorted(packet.frames, key=lambda e: e.display_index)}


def frame_count(packet: Coded) -> int:
    """Frames that a packet holds."""
    return len(packet.pts) if isinstance(packet, LayeredPacket) else len(packet.frames)


def starts_period(packet: Coded) -> bool:
    """Whether decoding can start here: an I frame, or a period of layered mode."""
    return isinstance(packet, LayeredPacket) or packet.kind == "intra"


def picture_bytes(packet: Coded) -> int:
    """Bytes of coded pictures in a packet: all that is neither framing nor our parameters of layered mode."""
    if isinstance(packet, LayeredPacket):
        return sum(len(sample[4]) for sample in packet.samples)
    return sum(map(len, packet.payloads))


def packet_sum(packet: Coded) -> int:
    """The packet's symbol hash, or the CRC-32 of its payloads where it carries none."""
    if isinstance(packet, Packet) and packet.symbol_hash is not None:
        return packet.symbol_hash
    parts = [s[4] for s in packet.samples] if isinstance(packet, LayeredPacket) else packet.payloads
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return crc


def join_sums(sums: Iterable[int]) -> int:
    """One CRC-32 over the sums of several packets in order, 4 bytes little endian each."""
    return zlib.crc32(b"".join(struct.pack("<I", value) for value in sums))


def carried_seconds(packet: CarriedPacket, streams: Iterable[CarriedStream]) -> Fraction | None:
    """When a carried packet is due, in seconds; None for those without a time (attachments)."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    base = next((s.time_base for s in streams if s.index == packet.stream), None)
    return None if ticks is None or base is None else ticks * base
