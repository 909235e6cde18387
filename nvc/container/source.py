"""A window over the bytes of a stream: the same for bytes, files and pipes."""

import io
import re
from typing import BinaryIO

from nvc.errors import InputError, UsageError

CHUNK = 2**16
MAX_READ = 2**20  # one read asks for no more, so that a false size allocates nothing


class ByteSource:
    """Bytes from ``offset`` on, as far as asked for; moves forward, and anywhere where the file can.

    Several sources may share one seekable file: each puts it where it needs it before it reads.
    """

    def __init__(self, file: BinaryIO, *, origin: int | None, size: int | None, offset: int = 0) -> None:
        """origin: place of the stream's first byte in the file, None for a pipe; size: of the stream where known."""
        self.file, self.origin, self.size = file, origin, size
        self._buffer = bytearray()
        self._start = offset  # offset of the buffer's first byte
        self._at = 0  # place in the buffer of the next byte
        self._ended = False
        self._read = file.read if origin is not None else getattr(file, "read1", file.read)

    @property
    def offset(self) -> int:
        """Offset of the next byte, from the start of the stream."""
        return self._start + self._at

    @property
    def left(self) -> int | None:
        """Bytes to the end of the stream, None for a pipe that has not ended."""
        if self._ended:
            return len(self._buffer) - self._at
        return None if self.size is None else max(0, self.size - self.offset)

    def at(self, offset: int) -> "ByteSource":
        """Another source over the same file, at ``offset``. InputError for a pipe."""
        if self.origin is None:
            raise InputError("a pipe cannot be read from another place: use a file")
        return ByteSource(self.file, origin=self.origin, size=self.size, offset=offset)

    def fill(self, count: int) -> int:
        """Have up to ``count`` bytes at hand; fewer only at the end. Returns how many (at most ``count``)."""
        while len(self._buffer) - self._at < count and not self._ended:
            self._more(count - (len(self._buffer) - self._at))
        return min(count, len(self._buffer) - self._at)

    def _more(self, wanted: int) -> None:
        if self._at > MAX_READ or self._at == len(self._buffer):
            del self._buffer[: self._at]
            self._start, self._at = self._start + self._at, 0
        try:
            if self.origin is not None:
                self.file.seek(self.origin + self._start + len(self._buffer))
            data = self._read(min(MAX_READ, max(CHUNK, wanted)))
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read the stream: {error}") from error
        if not isinstance(data, bytes):
            raise UsageError(f"the source must give bytes and wait for them, got {type(data).__name__}")
        self._ended = not data
        self._buffer += data

    def peek(self, count: int, start: int = 0) -> bytes:
        """The next bytes from place ``start`` to ``count``, not taken; fewer only at the end."""
        count = self.fill(count)
        with memoryview(self._buffer) as view:
            return view[self._at + start : self._at + count].tobytes()

    def skip(self, count: int) -> None:
        """Move past ``count`` bytes that were filled."""
        self._at += count

    def skip_to_sync(self, pattern: re.Pattern[bytes]) -> bool:
        """Move past at least one byte to the next match of a compiled pattern of at most 4 bytes; False at the end."""
        self.skip(self.fill(1))
        while True:
            found = pattern.search(self._buffer, self._at)
            if found:
                self._at = found.start()
                return True
            if self._ended:
                self._at = len(self._buffer)
                return False
            self._at = max(self._at, len(self._buffer) - 3)  # a sync may lie across the end of the window
            self._more(CHUNK)


def open_source(source: bytes | bytearray | memoryview | BinaryIO) -> ByteSource:
    """A source over bytes, a seekable file (from where it stands) or a pipe."""
    if isinstance(source, bytes | bytearray | memoryview):
        source = io.BytesIO(source)
    if not hasattr(source, "read"):
        raise UsageError(f"a stream is read from bytes or a binary file, got {type(source).__name__}")
    try:
        if not source.seekable():
            return ByteSource(source, origin=None, size=None)
        origin = source.tell()
        size = source.seek(0, io.SEEK_END) - origin
        source.seek(origin)
    except (OSError, AttributeError):  # says that it can seek and cannot
        return ByteSource(source, origin=None, size=None)
    return ByteSource(source, origin=origin, size=size)
