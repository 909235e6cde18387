"""Whether a file is shorter than its own structure says: FFmpeg reads a cut .mkv or .mp4 without any error."""

from collections.abc import Iterator
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_cut(source: BinaryIO) -> bool | None:
    """True where the last box, segment or chunk of an mp4, Matroska or AVI file goes on behind the end of the file.

    False where the structure is whole, None where it does not tell (other formats, live Matroska).
    The position of ``source`` (seekable) is lost.
    """
    size = source.seek(0, 2)
    source.seek(0)
    head = source.read(12)
    if head[4:8] in (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        return _boxes_cut(source, size)
    if head.startswith(_EBML):
        return _matroska_cut(source, size)
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return _riff_cut(source, size)
    return None


def has_box(source: BinaryIO, kind: bytes) -> bool:
    """True where an mp4 file has a top-level box of that kind."""
    size = source.seek(0, 2)
    return any(name == kind for name, _, _ in _boxes(source, size))


def _boxes(source: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of each top-level box, also of one that ends behind the file; stops at what is no box."""
    offset = 0
    while offset + 8 <= size:
        source.seek(offset)
        head = source.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - offset
        if length < 8 or not kind.replace(b" ", b"").isalnum():
            return
        yield kind, offset, offset + length
        offset += length


def _boxes_cut(source: BinaryIO, size: int) -> bool:
    end = max((end for _, _, end in _boxes(source, size)), default=0)
    if end >= size:
        return end > size
    source.seek(end)
    rest = source.read(8)
    return len(rest) < 8 and any(rest)  # less than a head, and no padding


def _matroska_cut(source: BinaryIO, size: int) -> bool | None:
    source.seek(4)
    length = _vint(source)
    if length is None:
        return None
    source.seek(source.tell() + length)
    if source.read(4) != _SEGMENT:
        return None
    length = _vint(source)
    return None if length is None else source.tell() + length > size


def _vint(source: BinaryIO) -> int | None:
    """A Matroska size, None where it is unknown or missing."""
    first = source.read(1)
    if not first or not first[0]:
        return None
    extra = 8 - first[0].bit_length()
    value = (first[0] & ((1 << (7 - extra)) - 1)) << 8 * extra | int.from_bytes(source.read(extra), "big")
    return None if value == (1 << 7 * (extra + 1)) - 1 else value


def _riff_cut(source: BinaryIO, size: int) -> bool:
    offset = 0
    while offset + 8 <= size:  # large files hold several RIFF chunks
        source.seek(offset)
        head = source.read(8)
        if not head.startswith(b"RIFF"):
            return False
        offset += 8 + int.from_bytes(head[4:], "little")
    return offset > size
