"""Units: the pieces a stream is made of. Each has a sync, a kind, a size and a sum (docs/format.md, "Units")."""

import re
import struct
import zlib
from dataclasses import dataclass

from nvc.container.varint import write_varint
from nvc.errors import FormatError, LimitError

SYNC = b"\x89NVC"
SHORT_SYNC = b"\x9dL"
TAIL_SYNC = b"NVCE"
MAX_UNIT = 64 * 2**20
MAX_SHORT = 2**16 - 1  # a short sync comes by chance once in 65,536 bytes: small units bound what a false one costs
HEAD_SIZE = 14
TAIL_SIZE = 16
LEAST_UNIT = 8  # a short head without payload
ANY_SYNC = re.compile(b"|".join(map(re.escape, (SYNC, SHORT_SYNC, TAIL_SYNC))))

# Kinds. TAIL is no unit: it stands for the last bytes of a stream where units are listed.
TAIL, HEADER, INTRA, GOP, LD, LD_NEXT, LD_QUALITY, BASE, PARAMETERS = range(9)
CARRIED_STREAM, ATTACHMENT, CARRIED, CHAPTERS, INDEX = range(9, 14)
KIND_NAMES = (
    "tail", "header", "intra", "gop", "ld", "ld", "ld", "base", "parameters",
    "stream", "attachment", "carried", "chapters", "index",
)  # fmt: skip
CARRIED_KINDS = (CARRIED_STREAM, ATTACHMENT, CARRIED)
SHORT_KINDS = 32  # kinds that fit a short head, which keeps 3 bits of its kind byte for flags
START_HERE = 1  # flag: a decoder may start at this unit


@dataclass(frozen=True, slots=True)
class Unit:
    """A whole unit whose sum is right.

    offset   of its first byte, counted from the start of the stream
    kind     one of the kinds above, or any other number up to 255
    flags    8 bits; 3 bits in a short unit
    payload  bytes after the head
    size     bytes of head and payload
    """

    offset: int
    kind: int
    flags: int
    payload: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that belong to no whole unit, or a unit that makes no sense where it stands.

    offset, size   where, in bytes from the start of the stream; size 0 where units are missing without a trace
    """

    offset: int
    size: int
    message: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a head of either form claims; nothing of it is checked but the sync.

    start   bytes of the head, size of the payload, seed = CRC-32 of the summed bytes of the head
    """

    kind: int
    flags: int
    start: int
    size: int
    sum: int
    seed: int


def kind_name(kind: int) -> str:
    """Name of a kind for lists and messages."""
    return KIND_NAMES[kind] if kind < len(KIND_NAMES) else f"unknown {kind}"


def pack_unit(kind: int, payload: bytes, flags: int = 0) -> bytes:
    """A unit with the long head of 14 bytes. LimitError above 64 MiB of payload."""
    if len(payload) > MAX_UNIT:
        raise LimitError(f"a unit holds at most {MAX_UNIT} bytes, a {kind_name(kind)} unit needs {len(payload)}")
    summed = struct.pack("<BBI", kind, flags, len(payload))
    return SYNC + summed + struct.pack("<I", zlib.crc32(payload, zlib.crc32(summed))) + payload


def pack_short(kind: int, payload: bytes, flags: int = 0) -> bytes:
    """A unit with the short head of 8 to 10 bytes; at most 65,535 bytes of payload, kind < 32, flags < 8."""
    if len(payload) > MAX_SHORT or not 0 < kind < SHORT_KINDS or not 0 <= flags < 8:
        raise FormatError(f"no short unit for kind {kind}, flags {flags} and {len(payload)} bytes")
    summed = bytes([kind | flags << 5]) + write_varint(len(payload))
    return SHORT_SYNC + summed + struct.pack("<I", zlib.crc32(payload, zlib.crc32(summed))) + payload


def pack_tail(index_offset: int) -> bytes:
    """The last 16 bytes of a finished stream."""
    data = TAIL_SYNC + struct.pack("<Q", index_offset)
    return data + struct.pack("<I", zlib.crc32(data))


def read_tail(data: bytes) -> int | None:
    """Offset of the index where ``data`` begins with a whole tail, else None."""
    tail = data[:TAIL_SIZE]
    if len(tail) < TAIL_SIZE or tail[:4] != TAIL_SYNC or zlib.crc32(tail[:12]) != struct.unpack("<I", tail[12:])[0]:
        return None
    return struct.unpack("<Q", tail[4:12])[0]


def head_size(data: bytes) -> int:
    """Bytes of the head (or tail) that begins with these 8 bytes: a live pipe may have no more than one unit yet."""
    if data[:2] == SHORT_SYNC:
        return LEAST_UNIT + (0 if data[3:4] < b"\x80" else 1 if data[4:5] < b"\x80" else 2)
    return TAIL_SIZE if data[:4] == TAIL_SYNC else HEAD_SIZE


def read_head(data: bytes) -> Head | str:
    """The head at the start of ``data`` (up to 14 bytes), or why there is none."""
    if data[:2] == SHORT_SYNC:
        return _read_short(data)
    if data[:4] != SYNC[: len(data)]:
        return "no unit starts here"
    if len(data) < HEAD_SIZE:
        return "the stream ends inside the head of a unit"
    kind, flags, size, total = struct.unpack("<BBII", data[4:HEAD_SIZE])
    if size > MAX_UNIT:
        return f"a unit claims {size} bytes, at most {MAX_UNIT} are allowed"
    return Head(kind, flags, HEAD_SIZE, size, total, zlib.crc32(data[4:10]))


def _read_short(data: bytes) -> Head | str:
    size, at = 0, 3
    for shift in (0, 7, 14):
        if at >= len(data):
            return "the stream ends inside the head of a unit"
        size |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            break
    if data[at - 1] > 127 or size > MAX_SHORT:
        return f"a short unit claims more than {MAX_SHORT} bytes"
    if len(data) < at + 4:
        return "the stream ends inside the head of a unit"
    total = struct.unpack("<I", data[at : at + 4])[0]
    return Head(data[2] & 31, data[2] >> 5, at + 4, size, total, zlib.crc32(data[2:at]))
