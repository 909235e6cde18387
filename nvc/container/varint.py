"""Numbers, texts and lists as bytes: the alphabet of every unit (docs/format.md, "Numbers")."""

from collections.abc import Sequence
from fractions import Fraction

from nvc.errors import CorruptError, FormatError

MAX_BITS = 64
TIME_LIMIT = 2**62  # times and their differences stay inside 64 bits


def write_varint(value: int) -> bytes:
    """LEB128 of 0 <= value < 2**64: 7 bits a byte, low ones first, the top bit says that more follow."""
    if not 0 <= value < 2**64:
        raise FormatError(f"a number must be 0..2^64-1, got {value}")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def fold(value: int) -> int:
    """Whole numbers to numbers of 0 or more, small ones staying small: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unfold(value: int) -> int:
    """Undo fold."""
    return value >> 1 if not value & 1 else -((value + 1) >> 1)


def write_signed(value: int) -> bytes:
    """A whole number of either sign, -2**63 <= value < 2**63."""
    return write_varint(fold(value))


def write_time(value: int) -> bytes:
    """A time in ticks; FormatError beyond 2**62 either way."""
    if not -TIME_LIMIT < value < TIME_LIMIT:
        raise FormatError(f"a time must be within 2^62 ticks of 0, got {value}")
    return write_signed(value)


def write_bytes(data: bytes) -> bytes:
    """Length and bytes."""
    return write_varint(len(data)) + data


def write_text(text: str) -> bytes:
    """Length in bytes and UTF-8; what is no text (lone surrogates) becomes a question mark."""
    return write_bytes(text.encode("utf-8", "replace"))


def write_fraction(value: Fraction) -> bytes:
    """Numerator and denominator of a fraction of 0 or more; FormatError where one is 2**32 or more."""
    if max(value.numerator, value.denominator) >= 2**32:
        raise FormatError(f"a fraction needs numbers below 2^32, got {value}")
    return write_varint(value.numerator) + write_varint(value.denominator)


def write_numbers(values: Sequence[int]) -> bytes:
    """A list of known length: smallest value, bits of the largest difference to it (1 byte), the differences packed.

    Values 0 <= v < 2**64. Equal values take 2 bytes in all; packed from the low bit of the first byte up.
    """
    low = min(values, default=0)
    bits = (max(values, default=0) - low).bit_length()
    out = bytearray(write_varint(low))
    out.append(bits)
    for start in range(0, len(values), 8):  # eight values fill whole bytes, so the integers stay short
        group = values[start : start + 8]
        packed = 0
        for i, value in enumerate(group):
            packed |= (value - low) << i * bits
        out += packed.to_bytes((bits * len(group) + 7) // 8, "little")
    return bytes(out)


class Cursor:
    """Reads one payload from its start. Past its end, or where a number makes no sense: CorruptError."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if size > self.left:
            raise CorruptError(f"{self._what} ends early: {size} bytes wanted, {self.left} left")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        """All bytes not read yet."""
        return self.take(self.left)

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def varint(self, limit: int = 2**64 - 1) -> int:
        """A number of 0..limit."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                if value > limit:
                    raise CorruptError(f"{self._what}: number of at most {limit} wanted, got {value}")
                return value
        raise CorruptError(f"{self._what}: a number has more than 10 bytes")

    def signed(self) -> int:
        """A whole number of either sign."""
        return unfold(self.varint())

    def time(self) -> int:
        """A time in ticks, within 2**62 of 0."""
        value = self.signed()
        if not -TIME_LIMIT < value < TIME_LIMIT:
            raise CorruptError(f"{self._what}: time of {value} ticks")
        return value

    def count(self, limit: int, least: int) -> int:
        """A count of 0..limit things that take at least ``least`` bytes each: checked against the bytes left."""
        count = self.varint(limit)
        if count * least > self.left:
            raise CorruptError(f"{self._what} ends early: {count} entries do not fit in {self.left} bytes")
        return count

    def bytes(self) -> bytes:
        """Length and bytes."""
        return self.take(self.varint())

    def text(self) -> str:
        """Length and UTF-8; broken UTF-8 is shown with replacement characters."""
        return self.bytes().decode("utf-8", "replace")

    def fraction(self) -> Fraction:
        """Numerator and denominator, both below 2**32; the denominator is not 0."""
        numerator, denominator = self.varint(2**32 - 1), self.varint(2**32 - 1)
        if not denominator:
            raise CorruptError(f"{self._what}: fraction {numerator}/0")
        return Fraction(numerator, denominator)

    def numbers(self, count: int) -> list[int]:
        """``count`` numbers as write_numbers wrote them. The caller bounds ``count``: equal ones take no bytes."""
        low, bits = self.varint(), self.byte()
        if bits > MAX_BITS:
            raise CorruptError(f"{self._what}: a list takes {bits} bits a number")
        data, mask, out = self.take((bits * count + 7) // 8), (1 << bits) - 1, []
        for start in range(0, count, 8):
            packed = int.from_bytes(data[start // 8 * bits : (start // 8 + 1) * bits], "little")
            out += [low + (packed >> i * bits & mask) for i in range(min(8, count - start))]
        return out
