"""Packets to bytes: header, units, index, tail, written once from front to back."""

from collections.abc import Sequence
from typing import BinaryIO

from nvc.container.account import Account
from nvc.container.carried import CarriedBatch, write_chapters, write_stream
from nvc.container.header import write_header
from nvc.container.index import IndexBuilder, IndexEntry, write_index
from nvc.container.layered import picture_bytes, write_layered
from nvc.container.ld import LdChain
from nvc.container.packet import write_packet
from nvc.container.unit import BASE, CARRIED, CARRIED_STREAM, CHAPTERS, HEADER, INDEX, TAIL, pack_tail
from nvc.errors import FormatError, OutputError
from nvc.types import CarriedPacket, CarriedStream, Chapter, LayeredPacket, Packet, StreamHeader


class StreamWriter:
    """Writes a stream to a binary file or pipe; what is written so far is always a valid stream without index.

    file      gets bytes by ``write`` only; the caller opens, syncs and closes it
    carried   descriptions of the carried streams; they stand at the head, as the chapters do
    As a context manager it closes the stream where no error came. OutputError where the file takes no bytes
    (a broken pipe stays BrokenPipeError), FormatError and LimitError for what the format cannot say.
    """

    def __init__(
        self,
        file: BinaryIO,
        header: StreamHeader,
        *,
        carried: Sequence[CarriedStream] = (),
        chapters: Sequence[Chapter] = (),
    ) -> None:
        self._file, self._header = file, header
        self._account, self._index = Account(), IndexBuilder()
        self._chain, self._batch = LdChain(header), CarriedBatch()
        self._streams = {stream.index for stream in carried}
        self._next, self._closed = 0, False
        self._put(HEADER, write_header(header))
        if chapters:
            self._put(CHAPTERS, write_chapters(tuple(chapters)))
        for stream in carried:
            self._put(CARRIED_STREAM, write_stream(stream))

    def __enter__(self) -> "StreamWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()

    @property
    def bytes_written(self) -> int:
        """All bytes so far."""
        return self._account.total

    @property
    def video_bytes(self) -> int:
        """Bytes so far less units of carried streams and attachments."""
        return self._account.video

    @property
    def overhead_bytes(self) -> int:
        """Bytes so far that are neither coded pictures nor carried streams."""
        return self._account.overhead

    @property
    def index(self) -> tuple[IndexEntry, ...]:
        """The I periods so far."""
        return self._index.entries

    def write(self, item: Packet | LayeredPacket | CarriedPacket) -> None:
        """Write one item. Packets come in coding order and leave no frame out; carried packets may wait in a batch."""
        if self._closed:
            raise FormatError("the stream is closed")
        if isinstance(item, CarriedPacket):
            if item.stream not in self._streams:
                raise FormatError(f"a packet of carried stream {item.stream}, which was not described")
            self._put(CARRIED, self._batch.add(item))
            return
        frames = len(item.pts) if isinstance(item, LayeredPacket) else len(item.frames)
        if item.start != self._next:
            raise FormatError(f"frame {self._next} wanted next, got frame {item.start}")
        if isinstance(item, LayeredPacket) or item.kind == "intra":
            self._put(CARRIED, self._batch.flush())  # so that a seek meets the sound of its own period only
        data, pictures = self._pack(item)
        self._index.add(item, self.bytes_written, len(data))
        self._put(BASE, data, pictures)
        self._next += frames
        self._put(CARRIED, self._batch.shown(frames))

    def _pack(self, item: Packet | LayeredPacket) -> tuple[bytes, int]:
        """(units of a packet, bytes of coded pictures in them)."""
        if isinstance(item, LayeredPacket):
            return write_layered(item, self._header), picture_bytes(item)
        if len(item.frames) > self._header.mini_gop:
            raise FormatError(f"a mini-GOP of {len(item.frames)} frames, the header says {self._header.mini_gop}")
        data = self._chain.write(item) if item.kind == "ld" else write_packet(item, self._header)
        self._chain.follow(item)
        return data, sum(map(len, item.payloads))

    def _put(self, kind: int, data: bytes, pictures: int = 0) -> None:
        rest = memoryview(data)
        while rest:
            try:
                written = self._file.write(rest)
            except (BrokenPipeError, OutputError):
                raise
            except OSError as error:
                raise OutputError(f"cannot write the stream: {error}") from error
            rest = rest[len(rest) if written is None else written :]
        self._account.add(kind, len(data), pictures)

    def close(self) -> None:
        """Write index and tail; the file stays open. Once only: later calls do nothing."""
        if self._closed:
            return
        self._put(CARRIED, self._batch.flush())
        place = self.bytes_written
        self._put(INDEX, write_index(self._index.entries, self._header))
        self._put(TAIL, pack_tail(place))
        self._closed = True
