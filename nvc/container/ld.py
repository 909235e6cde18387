"""Units of ``ld`` frames with the short head: most say nothing but their payload (docs/format.md, "ld units")."""

from nvc.container.packet import Schedule, check_packet, packet_body, read_packet, write_packet
from nvc.container.times import nominal_duration, nominal_pts
from nvc.container.unit import LD, LD_NEXT, LD_QUALITY, MAX_SHORT, Unit, pack_short
from nvc.errors import CorruptError
from nvc.types import QUALITIES, FrameEntry, Packet, StreamHeader

MAX_LANES = 128  # 3 bits of the kind byte: log2 of the lanes


class LdChain:
    """What a short ``ld`` unit leaves out because the unit before says it; the same on both sides."""

    def __init__(self, header: StreamHeader) -> None:
        self._header = header
        self.reset()

    def reset(self) -> None:
        """Forget: something is missing before the next unit."""
        self._next: int | None = None
        self._quality: int | None = None

    def follow(self, packet: Packet) -> None:
        """Note a packet that was written or read."""
        self._next = packet.start + len(packet.frames)
        self._quality = packet.frames[0].quality if packet.kind == "ld" else None

    def write(self, packet: Packet) -> bytes:
        """The unit of an ``ld`` packet in its shortest form; the caller says ``follow``."""
        check_packet(packet)
        if self._is_plain(packet):
            quality, lanes = packet.frames[0].quality, packet.lanes[0].bit_length() - 1
            if quality == self._quality:
                return pack_short(LD_NEXT, packet.payloads[0], lanes)
            return pack_short(LD_QUALITY, bytes([quality]) + packet.payloads[0], lanes)
        body = packet_body(packet, self._header)
        return pack_short(LD, body) if len(body) <= MAX_SHORT else write_packet(packet, self._header)

    def _is_plain(self, packet: Packet) -> bool:
        """Whether all but quality, lanes and payload is as the unit before foretells."""
        frame, index = packet.frames[0], packet.start
        times = (nominal_pts(self._header, index), nominal_duration(self._header, index))
        return (
            packet.default
            and index == self._next
            and (frame.pts, frame.duration) == times
            and packet.symbol_hash is None
            and not packet.plane_hashes
            and len(packet.payloads) == len(packet.lanes) == 1
            and packet.lanes[0] <= MAX_LANES
            and len(packet.payloads[0]) < MAX_SHORT
        )

    def read(self, unit: Unit, schedule: Schedule) -> Packet:
        """The packet of an ``ld`` unit of any form. CorruptError where the unit before it is missing."""
        if unit.kind == LD:
            return read_packet(unit, self._header, schedule)
        if self._next is None or (unit.kind == LD_NEXT and self._quality is None):
            raise CorruptError("an ld frame without the one before it")
        if unit.flags > MAX_LANES.bit_length() - 1:
            raise CorruptError(f"an ld frame of 2^{unit.flags} lanes")  # only a long head has room for it
        quality, payload = self._quality, unit.payload
        if unit.kind == LD_QUALITY:
            if not payload or payload[0] >= QUALITIES:
                raise CorruptError("an ld unit without a quality of 0..63")
            quality, payload = payload[0], payload[1:]
        ((_, type_, level),) = schedule("ld", 1, self._header.mini_gop)
        times = (nominal_pts(self._header, self._next), nominal_duration(self._header, self._next))
        frame = FrameEntry(self._next, type_, level, quality or 0, *times)  # type: ignore[arg-type]
        return Packet("ld", (frame,), (payload,), lanes=(1 << unit.flags,))
