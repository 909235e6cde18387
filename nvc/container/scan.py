"""From bytes to units: one after the other while they are whole, by search for the next sync after damage."""

import zlib
from collections.abc import Iterator

from nvc.container.source import ByteSource
from nvc.container.unit import (
    ANY_SYNC,
    LEAST_UNIT,
    TAIL,
    TAIL_SIZE,
    TAIL_SYNC,
    Damage,
    Unit,
    head_size,
    kind_name,
    read_head,
    read_tail,
)

# Bytes of false units that may be summed: a constant, and as many for each byte passed. Only a stream made for it
# holds more, and summing all its false units would take time with the square of its size.
FALSE_START = 256 * 2**20
FALSE_SHARE = 8


class UnitScanner:
    """Iterates over Unit and Damage; together they cover every byte of the source. Never raises on damage."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self._next: Unit | None = None
        self._first = source.offset
        self._false = 0

    def __iter__(self) -> Iterator[Unit | Damage]:
        return self

    def __next__(self) -> Unit | Damage:
        if self._next is not None:
            unit, self._next = self._next, None
            return unit
        if not self.source.fill(1):
            raise StopIteration
        start = self.source.offset
        found = self.try_unit()
        return found if isinstance(found, Unit) else self._search(start, found)

    def _search(self, start: int, reason: str) -> Damage:
        """Go on at the next whole unit; the bytes before it are damage."""
        while self.source.skip_to_sync(ANY_SYNC):
            found = self.try_unit()
            if isinstance(found, Unit):
                self._next = found
                reason = reason.replace("the stream ends inside", "wrong size or bytes missing in")
                return Damage(start, found.offset - start, reason)
        return Damage(start, self.source.offset - start, reason)

    def try_unit(self) -> Unit | str:
        """Take the unit at the source's place, or say why there is none and stay there."""
        source = self.source
        offset, data = source.offset, source.peek(head_size(source.peek(LEAST_UNIT)))
        if data[:4] == TAIL_SYNC:
            return self._try_tail(offset, data)
        head = read_head(data)
        if isinstance(head, str):
            return head
        size = head.start + head.size
        name = kind_name(head.kind)
        if (source.left is not None and size > source.left) or source.fill(size) < size:
            return f"the stream ends inside a unit ({name}, {size} bytes)"
        if self._false > FALSE_START + FALSE_SHARE * (offset - self._first):
            return "too many false units"
        payload = source.peek(size, head.start)
        if zlib.crc32(payload, head.seed) != head.sum:
            self._false += size
            return f"wrong sum of a unit ({name}, {size} bytes)"
        source.skip(size)
        return Unit(offset, head.kind, head.flags, payload, size)

    def _try_tail(self, offset: int, data: bytes) -> Unit | str:
        if read_tail(data) is None:
            return "the tail is damaged"
        self.source.skip(TAIL_SIZE)
        return Unit(offset, TAIL, 0, data, TAIL_SIZE)
