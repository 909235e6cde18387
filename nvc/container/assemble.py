"""Whole units to packets, in order: what is missing, comes twice or makes no sense becomes Damage."""

from collections.abc import Iterator
from dataclasses import replace

from nvc.container.carried import read_carried
from nvc.container.layered import read_base, read_parameters
from nvc.container.ld import LdChain
from nvc.container.packet import Schedule, read_packet
from nvc.container.unit import BASE, CARRIED, GOP, INTRA, LD, LD_NEXT, LD_QUALITY, PARAMETERS, Damage, Unit, kind_name
from nvc.errors import CorruptError, FormatError, UsageError
from nvc.types import CarriedPacket, LayeredPacket, Packet, StreamHeader

Item = Packet | LayeredPacket | CarriedPacket | Damage
LD_KINDS = (LD, LD_NEXT, LD_QUALITY)
PICTURE_KINDS = (INTRA, GOP, *LD_KINDS, BASE)


def single_frames(kind: str, count: int, mini_gop: int) -> tuple[tuple[int, str, int], ...]:
    """The schedule of packets with one frame; UsageError for a mini-GOP, whose schedule the codec knows."""
    if kind == "gop":
        raise UsageError("reading mini-GOPs needs their schedule: pass schedule=")
    return ((0, "I" if kind == "intra" else "P", 0),)


class Assembler:
    """Keeps the order of frames while units pass. Damage and seeks go through ``lost`` and ``restart``.

    total   number of frames of the stream where an index says it: no frame may lie beyond
    """

    def __init__(self, header: StreamHeader, schedule: Schedule | None) -> None:
        self._header, self._schedule = header, schedule or single_frames
        self._chain = LdChain(header)
        self._parameters: tuple[int, bytes] | None = None
        self._next: int | None = 0
        self._gap = False
        self.total: int | None = None

    def lost(self) -> None:
        """Bytes are missing before the next unit."""
        self._chain.reset()
        self._gap = True

    def restart(self) -> None:
        """The next unit may stand anywhere in the stream."""
        self.lost()
        self._next, self._parameters = None, None

    def missing_at_end(self, offset: int) -> Iterator[Damage]:
        """What the index promised and no unit held, unless damage was said already."""
        if self.total is not None and self._next is not None and self._next < self.total and not self._gap:
            yield Damage(offset, 0, f"frames {self._next} to {self.total - 1} are missing")

    def take(self, found: Unit | Damage) -> Iterator[Item]:
        """Items of one unit: none, one, or several carried packets."""
        if isinstance(found, Damage):
            self.lost()
            yield found
            return
        try:
            if found.kind == CARRIED:
                yield from read_carried(found)
            elif found.kind == PARAMETERS:
                self._parameters = read_parameters(found)
            elif found.kind in PICTURE_KINDS:
                yield from self._picture(found)
        except FormatError as error:
            self.lost()
            yield Damage(found.offset, found.size, str(error))

    def _picture(self, unit: Unit) -> Iterator[Item]:
        item = self._read(unit)
        frames = len(item.pts) if isinstance(item, LayeredPacket) else len(item.frames)
        want, end = self._next, item.start + frames
        if want is not None and item.start < want:
            raise CorruptError(f"frame {item.start} comes again or late, frame {want} was wanted")
        if self.total is not None and end > self.total:
            raise CorruptError(f"frame {end - 1} in a stream of {self.total} frames")
        if want is not None and item.start > want and not self._gap:
            yield Damage(unit.offset, 0, f"frames {want} to {item.start - 1} are missing")
        self._next, self._gap = end, False
        if isinstance(item, Packet):
            self._chain.follow(item)
        yield item

    def _read(self, unit: Unit) -> Packet | LayeredPacket:
        if (unit.kind == BASE) != (self._header.mode == "layered"):
            raise FormatError(f"a {kind_name(unit.kind)} unit in a stream of {self._header.mode} mode")
        if unit.kind in LD_KINDS:
            return self._chain.read(unit, self._schedule)
        if unit.kind != BASE:
            return read_packet(unit, self._header, self._schedule)
        packet, has_parameters = read_base(unit, self._header)
        found, self._parameters = self._parameters, None
        if has_parameters and found is not None and found[0] == packet.start:
            return replace(packet, payload=found[1])
        return packet
