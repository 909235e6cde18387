"""What a coded packet covers: frames, times, sums. One view of both modes' packets."""

import struct
import zlib
from collections.abc import Iterable
from fractions import Fraction

from nvc.types import CarriedPacket, CarriedStream, Frame, LayeredPacket, Packet

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
    """When a carried packet is due, in seconds; None for those without a time, and attachments: before all else."""
    span = carried_span(packet, streams)
    return None if span is None else span[0]


def carried_span(packet: CarriedPacket, streams: Iterable[CarriedStream]) -> tuple[Fraction, Fraction] | None:
    """(begin, end) of a carried packet in seconds, at least a tick apart; None as of ``carried_seconds``."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    stream = next((s for s in streams if s.index == packet.stream), None)
    if ticks is None or stream is None or stream.kind == "attachment":
        return None
    return ticks * stream.time_base, (ticks + max(packet.duration, 1)) * stream.time_base


class CarriedRange:
    """Lets those carried packets through that overlap the frames shown, each as soon as it is known to.

    streams  of the packets
    begins   whether the range has a start: packets that end before its first frame are dropped
    ends     whether it has an end: packets wait until a frame reaches them, or are dropped
    step     ticks of a frame of unknown duration
    """

    def __init__(self, streams: Iterable[CarriedStream], begins: bool, ends: bool, step: int) -> None:
        self._streams, self._begins, self._ends, self._step = tuple(streams), begins, ends, step
        self._first: Fraction | None = None
        self._end: Fraction | None = None
        self._waiting: list[CarriedPacket] = []
        # Sound and video give packets all the time: one behind the end says that no more are due.
        self._open = {s.index for s in self._streams if s.kind in ("audio", "video")}

    def shown(self, frame: Frame) -> list[CarriedPacket]:
        """Note that a frame is shown; the packets that are due with it."""
        time, base = frame.pts, frame.info.time_base
        self._first = time * base if self._first is None else self._first
        self._end = (time + (frame.duration or self._step or 1)) * base
        waiting, self._waiting = self._waiting, []
        return [packet for item in waiting for packet in self.take(item)]

    def take(self, packet: CarriedPacket) -> list[CarriedPacket]:
        """The packet if it is due: none before the first frame, attachments apart."""
        span = carried_span(packet, self._streams)
        if span is None:
            return [packet]
        if self._begins and self._first is not None and span[1] <= self._first:
            return []
        if self._first is None or (self._ends and self._end is not None and span[0] >= self._end):
            self._waiting.append(packet)
            return []
        return [packet]

    def waits(self) -> bool:
        """Whether packets may still come that are due, now that the last frame was shown."""
        for packet in self._waiting:
            self._open.discard(packet.stream)
        return bool(self._open)
