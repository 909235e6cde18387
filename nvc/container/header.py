"""The header unit: all that is needed to decode any unit of the stream (docs/format.md, "Header")."""

import struct
from fractions import Fraction

from nvc.container.unit import HEAD_SIZE, HEADER, SYNC, Unit, pack_unit
from nvc.container.varint import (
    Cursor,
    write_bytes,
    write_fraction,
    write_text,
    write_time,
    write_varint,
)
from nvc.errors import CorruptError, FormatError, LimitError
from nvc.types import MasteringDisplay, StreamHeader, VideoInfo

MAGIC = b"\x89NVC\r\n\x1a\n"
MAJOR = 0
MAX_HEADER = 64 * 2**10
MAX_EXTRAS = 256
STRUCTURES = ("ra", "ld", "intra")
MODES = ("neural", "layered")
# Bit of each tool in the header's number of tools that are off. A released bit is never given away.
TOOL_BITS = {
    "networks": 0,
    "merge": 1,
    "obmc": 2,
    "scenecut": 3,
    "rdoq": 4,
    "bipred": 5,
    "split": 6,
    "deblock": 7,
    "stills": 8,
    "mirror": 9,
    "mctf": 10,
    "alf": 11,
    "contexts": 12,
}
COLOUR, ASPECT, RATE, STEP_RATE, COUNT = 1, 2, 4, 8, 16
MASTERING_EXTRA, LIGHT_EXTRA, TAG_EXTRA = 1, 2, 3
MAX_TAGS, MAX_TAG_BYTES = 128, 16 * 2**10  # what is more is left out: a header has its limit


def write_header(header: StreamHeader) -> bytes:
    """The header unit. LimitError above 64 KiB, FormatError for a field that the format cannot say."""
    info = header.info
    unknown = sorted(set(header.disabled) - set(TOOL_BITS))
    if unknown or header.major != MAJOR:
        raise FormatError(f"no header of version {header.major} with tools off: {', '.join(unknown) or 'any'}")
    if not 0 < header.keyint < 2**16 or not 0 <= header.frame_step < 2**32:
        raise FormatError(f"no header with keyint {header.keyint} and a frame step of {header.frame_step} ticks")
    flags, fields = _optional_fields(header)
    out = MAGIC + bytes([header.major, header.minor, _packed_choices(header), flags])
    out += write_varint(info.width) + write_varint(info.height) + write_fraction(info.time_base)
    out += write_varint(header.keyint) + bytes([header.quality]) + write_varint(header.frame_step)
    out += write_time(header.start_pts) + fields
    out += write_varint(sum(1 << TOOL_BITS[tool] for tool in header.disabled))
    out += write_text("" if header.weights == "none" else header.weights) + write_text(header.intra)
    out += write_bytes(header.parameter_sets) + _extras(info)
    if len(out) > MAX_HEADER:
        raise LimitError(f"a header holds at most {MAX_HEADER} bytes, this one needs {len(out)}")
    return pack_unit(HEADER, out)


def _packed_choices(header: StreamHeader) -> int:
    """Bit depth, mode, structure, mini-GOP and rotation in one byte."""
    info = header.info
    return (
        (info.bit_depth == 10)
        | MODES.index(header.mode) << 1
        | STRUCTURES.index(header.structure) << 2
        | (8, 16, 32).index(header.mini_gop) << 4
        | info.rotation // 90 << 6
    )


def _optional_fields(header: StreamHeader) -> tuple[int, bytes]:
    """(flags, bytes) of what most streams leave out or foretell."""
    info, flags, out = header.info, 0, b""
    colour = (info.matrix, info.primaries, info.transfer, info.color_range | info.chroma_location << 4)
    if colour != (2, 2, 2, 0):
        flags, out = flags | COLOUR, out + bytes(colour)
    if info.sample_aspect:
        flags, out = flags | ASPECT, out + write_fraction(info.sample_aspect)
    if header.frame_step and info.frame_rate == 1 / (info.time_base * header.frame_step):
        flags |= STEP_RATE
    elif info.frame_rate is not None:
        flags, out = flags | RATE, out + write_fraction(info.frame_rate)
    if info.n_frames is not None:
        flags, out = flags | COUNT, out + write_varint(info.n_frames)
    return flags, out


def _extras(info: VideoInfo) -> bytes:
    """Type, size and bytes of each extra."""
    out = b""
    if info.mastering:
        points = [v for pair in info.mastering.primaries for v in pair]
        out += write_varint(MASTERING_EXTRA) + write_bytes(struct.pack("<8H2I", *points, *info.mastering.luminance))
    if info.content_light:
        out += write_varint(LIGHT_EXTRA) + write_bytes(struct.pack("<2H", *info.content_light))
    left = MAX_TAG_BYTES
    for key, value in info.tags[:MAX_TAGS]:
        tag = write_text(key) + write_text(value)
        if len(tag) <= left:
            left -= len(tag)
            out += write_varint(TAG_EXTRA) + write_bytes(tag)
    return out


def check_start(data: bytes) -> None:
    """Refuse what does not begin as a stream of this version: ``data`` are the first 24 bytes, or all there are.

    FormatError: not an nvc stream, or another major version. LimitError: a header of more than 64 KiB.
    CorruptError: it ends inside. One broken byte in sync or magic is left to the sum.
    """
    if not data:
        raise FormatError("not an nvc stream: it is empty")
    magic = data[HEAD_SIZE : HEAD_SIZE + 8]
    if data[:4] != SYNC[: len(data)] and magic != MAGIC:
        raise FormatError("not an nvc stream: it does not begin with the nvc signature")
    if len(data) < HEAD_SIZE + 10:
        raise CorruptError("the stream ends inside its header", frames=0)
    # Before the sum: another major version may sum otherwise.
    if magic == MAGIC and data[HEAD_SIZE + 8] != MAJOR:
        raise FormatError(f"stream of version {data[22]}.{data[23]}; this program reads version {MAJOR}")
    size = struct.unpack("<I", data[6:10])[0]
    if size > MAX_HEADER:
        raise LimitError(f"a header holds at most {MAX_HEADER} bytes, this one claims {size}")


def read_header(unit: Unit) -> StreamHeader:
    """The header of a whole header unit.

    FormatError for another version or a field that makes no sense, LimitError for a picture above the limits.
    """
    if unit.kind != HEADER or unit.payload[:8] != MAGIC:
        raise FormatError("not an nvc stream: it does not begin with a header")
    cursor = Cursor(unit.payload, "the header")
    cursor.take(8)
    major, minor, choices, flags = cursor.take(4)
    if major != MAJOR:
        raise FormatError(f"stream of version {major}.{minor}; this program reads version {MAJOR}")
    width, height, time_base = cursor.varint(), cursor.varint(), cursor.fraction()
    keyint, quality, frame_step = cursor.varint(65535), cursor.byte(), cursor.varint(2**32 - 1)
    start_pts = cursor.time()
    optional = _read_optional(cursor, flags, time_base, frame_step)
    tools, weights, intra, sets = cursor.varint(), cursor.text(), cursor.text(), cursor.bytes()
    structure, size = choices >> 2 & 3, choices >> 4 & 3
    if structure > 2 or size > 2 or not keyint:
        raise FormatError(f"header with structure {structure}, mini-GOP code {size} and keyint {keyint}")
    info = VideoInfo(
        width, height, time_base, bit_depth=10 if choices & 1 else 8, rotation=(choices >> 6) * 90,
        **optional, **_read_extras(cursor),
    )  # fmt: skip
    return StreamHeader(
        info, MODES[choices >> 1 & 1], STRUCTURES[structure], keyint, (8, 16, 32)[size], quality,  # type: ignore[arg-type]
        frame_step, start_pts, weights or "none", _read_tools(tools), intra, sets, major, minor,
    )  # fmt: skip


def _read_tools(bits: int) -> tuple[str, ...]:
    known = {bit: tool for tool, bit in TOOL_BITS.items()}
    off = [bit for bit in range(64) if bits >> bit & 1]
    if any(bit not in known for bit in off):
        raise FormatError(f"the stream turns off tools that this version does not know (bits {off})")
    return tuple(known[bit] for bit in off)


def _read_optional(cursor: Cursor, flags: int, time_base: Fraction, frame_step: int) -> dict:
    """The fields of VideoInfo that _optional_fields wrote."""
    out: dict = {}
    if flags & COLOUR:
        out["matrix"], out["primaries"], out["transfer"], last = cursor.take(4)
        out["color_range"], out["chroma_location"] = last & 15, last >> 4
        if out["color_range"] > 2 or out["chroma_location"] > 6:
            raise FormatError(f"header with colour range {last & 15} and chroma location {last >> 4}")
    if flags & ASPECT:
        out["sample_aspect"] = cursor.fraction()
    if flags & STEP_RATE:
        if not frame_step or not time_base:
            raise FormatError("header with a frame rate from a frame step of 0")
        out["frame_rate"] = 1 / (time_base * frame_step)
    elif flags & RATE:
        out["frame_rate"] = cursor.fraction()
    if flags & COUNT:
        out["n_frames"] = cursor.varint(2**48)
    return out


def _read_extras(cursor: Cursor) -> dict:
    """HDR10 side data and tags; other extras are stepped over."""
    out: dict = {}
    tags: list[tuple[str, str]] = []
    seen = 0
    while cursor.left:
        seen += 1
        if seen > MAX_EXTRAS:
            raise LimitError(f"header with more than {MAX_EXTRAS} extras")
        kind, data = cursor.varint(), cursor.bytes()
        if kind == MASTERING_EXTRA and len(data) == 24:
            n = struct.unpack("<8H2I", data)
            out["mastering"] = MasteringDisplay(((n[0], n[1]), (n[2], n[3]), (n[4], n[5]), (n[6], n[7])), (n[8], n[9]))
        elif kind == LIGHT_EXTRA and len(data) == 4:
            out["content_light"] = struct.unpack("<2H", data)
        elif kind == TAG_EXTRA:
            tag = Cursor(data, "a tag of the header")
            tags.append((tag.text(), tag.text()))
    return {**out, "tags": tuple(tags)}
