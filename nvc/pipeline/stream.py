"""A coded file as one thing, whatever it is: .nvc, or layered .mp4 and .mkv. Packets come from any I period on."""

import os
import sys
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nvc.container.header import MAGIC
from nvc.errors import CorruptError, FormatError, InputError
from nvc.pipeline.limits import Limits
from nvc.pipeline.packets import picture_bytes, starts_period
from nvc.pipeline.paths import NVC, PIPE, Source, is_path
from nvc.types import CarriedPacket, CarriedStream, Chapter, LayeredPacket, Packet, StreamHeader

if TYPE_CHECKING:
    from nvc.container import StreamReader

_LOOK = 64  # the magic stands within the first bytes


@dataclass(frozen=True, slots=True)
class Period:
    """One I period: display index of its first frame, number of frames, pts of the first, bytes of its coded video."""

    start: int
    frames: int
    pts: int
    bytes: int


class CodedStream(ABC):
    """What there is to know of a coded file before decoding it. Context manager.

    format    "nvc", "mp4" or "mkv"
    size      bytes of the file, None for a pipe
    n_frames  None where only reading to the end would tell
    whole     whether the file ends as it should; False for one that was cut
    plain     an ordinary HEVC file, not made by us
    """

    format = "nvc"
    header: StreamHeader
    carried: tuple[CarriedStream, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    size: int | None = None
    n_frames: int | None = None
    whole = True
    plain = False

    @abstractmethod
    def items(self, frame: int = 0) -> Iterator[Any]:
        """Packet | LayeredPacket | CarriedPacket | Damage from the I period that holds a frame on."""

    @property
    def promised(self) -> int | None:
        """Number of frames there should be where the end is missing, as the head says; known after the last item."""
        return None if self.whole else self.header.info.n_frames

    @abstractmethod
    def carried_before(self, frame: int) -> Iterator[CarriedPacket]:
        """Carried packets that stand before the I period which begins with a frame; of a pipe none."""

    @abstractmethod
    def periods(self) -> list[Period]:
        """Every I period in display order. Without an index this reads the whole file, but decodes nothing."""

    @abstractmethod
    def units(self) -> list[dict[str, Any]]:
        """Every piece of the file: {"offset", "bytes", "what"}."""

    @abstractmethod
    def account(self) -> tuple[int, int, int]:
        """(all bytes, those without carried streams, those that are no coded pictures either) after a whole pass."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> "CodedStream":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def period_at(periods: list[Period], frame: int) -> Period:
    """The I period that holds a frame."""
    return periods[max(bisect_right([p.start for p in periods], frame) - 1, 0)]


class NvcStream(CodedStream):
    """A .nvc stream: a file, bytes or a pipe. Each pass has a reader of its own, so passes may run side by side."""

    def __init__(self, file: BinaryIO, size: int | None, limits: Limits, *, owns: bool) -> None:
        self._file, self._owns, self._limits, self.size = file, owns, limits, size
        try:
            self._reader = self._open()
        except BaseException:
            self.close()
            raise
        self._unread = True
        self.header = self._reader.header

    def _open(self) -> "StreamReader":
        from nvc.codec.schedule import default_entries
        from nvc.container import StreamReader

        if self.size is not None:
            self._file.seek(0)
        limits = self._limits
        return StreamReader(
            self._file, schedule=default_entries, max_pixels=limits.max_pixels, max_frames=limits.max_frames
        )

    @property
    def carried(self) -> tuple[CarriedStream, ...]:  # type: ignore[override]
        """Streams that are carried."""
        return tuple(self._reader.carried)

    @property
    def chapters(self) -> tuple[Chapter, ...]:  # type: ignore[override]
        """Chapters."""
        return tuple(self._reader.chapters)

    @property
    def n_frames(self) -> int | None:  # type: ignore[override]
        """From the index."""
        return self._reader.n_frames

    @property
    def promised(self) -> int | None:
        """As CodedStream."""
        return self.n_frames if self.n_frames is not None else super().promised

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Whether index and tail are there; of a pipe known after the last item."""
        return self._reader.complete

    def items(self, frame: int = 0) -> Iterator[Any]:
        """As CodedStream; a pipe can be read once, from its start."""
        if self.size is not None and not self._unread:
            self._reader = self._open()
        self._unread = False
        if frame:
            self._reader.seek_frame(frame)
        return self._reader.items()

    def carried_before(self, frame: int) -> Iterator[CarriedPacket]:
        """As CodedStream; reads all that stands before."""
        if self.size is None or not self.carried:
            return
        for item in self._open().items():
            if isinstance(item, CarriedPacket):
                yield item
            elif isinstance(item, Packet | LayeredPacket) and item.start >= frame:
                return

    def periods(self) -> list[Period]:
        """As CodedStream."""
        return [Period(entry.start, entry.frames, entry.pts, entry.bytes) for entry in self._reader.periods()]

    def units(self) -> list[dict[str, Any]]:
        """As CodedStream; a pipe is used up by it."""
        return [
            {"offset": u.offset, "bytes": u.size, "what": u.kind + (f": {u.message}" if u.message else "")}
            for u in self._reader.units()
        ]

    def account(self) -> tuple[int, int, int]:
        """As CodedStream."""
        return self._reader.bytes_read, self._reader.video_bytes, self._reader.overhead_bytes

    def close(self) -> None:
        """Close the file if this opened it."""
        if self._owns:
            self._file.close()


class LayeredFile(CodedStream):
    """The HEVC track of an .mp4 or .mkv. The file is opened anew for each pass."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._source = source
        self.size = size_of(source)
        with self._open() as demuxer:
            self.format = _container_name(demuxer, source)
            if demuxer.codec != "hevc":
                raise FormatError(f"{name_of(source)}: {demuxer.codec} video is not an nvc stream, nor HEVC")
            periods = _layered_source(demuxer, [])
            self.header, self.plain = periods.header, periods.plain
            self.carried, self.chapters = tuple(demuxer.carried), tuple(demuxer.chapters)
            self.n_frames = None
            self._cut = False
        limits.check_size(self.header.info)
        self._limits = limits
        self._carried_bytes = self._picture_bytes = 0

    def items(self, frame: int = 0) -> Iterator[Any]:
        """As CodedStream."""
        from nvc.container.unit import Damage

        trouble: list[str] = []
        count = self._carried_bytes = self._picture_bytes = 0
        with self._open() as demuxer:
            for item in _layered_source(demuxer, trouble):
                if isinstance(item, LayeredPacket):
                    count += len(item.pts)
                    self._limits.check_frames(count)
                    self._picture_bytes += picture_bytes(item)
                else:
                    self._carried_bytes += len(item.data)
                if not frame or count > frame:
                    yield item
        self._cut = bool(trouble)
        for message in trouble:
            yield Damage(self.size or 0, 0, message)

    @property
    def promised(self) -> int | None:
        """As CodedStream."""
        frames, most = self.header.info.n_frames, self._limits.max_frames
        return None if not self._cut or frames is None else min(frames, most or frames)

    def carried_before(self, frame: int) -> Iterator[CarriedPacket]:
        """As CodedStream."""
        count = 0
        with self._open() as demuxer:
            for item in _layered_source(demuxer, []):
                if isinstance(item, CarriedPacket):
                    yield item
                elif (count := count + len(item.pts)) > frame:
                    return

    def periods(self) -> list[Period]:
        """As CodedStream."""
        return [
            Period(item.start, len(item.pts), item.pts[0], picture_bytes(item))
            for item in self.items()
            if isinstance(item, LayeredPacket)
        ]

    def units(self) -> list[dict[str, Any]]:
        """The samples as they lie in the file, without their places: a container has no units of ours."""
        found = []
        with self._open() as demuxer:
            for kind, item in demuxer:
                size, what = (len(item[4]), "sample") if kind == "video" else (len(item.data), f"carried {item.stream}")
                key = ", key" if kind == "video" and item[3] else ""
                found.append({"offset": None, "bytes": size, "what": what + key})
        return found

    def account(self) -> tuple[int, int, int]:
        """As CodedStream; the container's own bytes count with the video."""
        total = self.size if self.size is not None else self._carried_bytes + self._picture_bytes
        video = total - self._carried_bytes
        return total, video, video - self._picture_bytes

    def close(self) -> None:
        """Each pass closes what it opened."""

    def _open(self):
        from nvc.io.demux import open_demuxer

        if hasattr(self._source, "seek"):
            self._source.seek(0)  # type: ignore[union-attr]
        return open_demuxer(self._source)


def _layered_source(demuxer: Any, trouble: list[str]):
    """The I periods of a demuxer; what ends the file early goes to ``trouble``, after the frames before it."""
    from nvc.codec.layered import LayeredSource

    return LayeredSource(demuxer.info, demuxer.extradata, _until_trouble(demuxer, trouble))


def _until_trouble(items: Iterable, trouble: list[str]) -> Iterator[Any]:
    try:
        yield from items
    except CorruptError as error:
        trouble.append(str(error))


def attachments_first(items: Iterable[Any], streams: Iterable[CarriedStream]) -> Iterator[Any]:
    """The same items, but attachments before all else: older streams hold them behind their first pictures.

    Coded packets are held back for them, so far as attachments may lie behind: up to the second I period.
    """
    wanted = {stream.index for stream in streams if stream.kind == "attachment"}
    items, held, periods = iter(items), [], 0
    while wanted and periods < 2 and (item := next(items, None)) is not None:
        if isinstance(item, CarriedPacket) and item.stream in wanted:
            wanted.remove(item.stream)
            yield item
            continue
        held.append(item)
        periods += isinstance(item, Packet | LayeredPacket) and starts_period(item)
    yield from held
    yield from items


def open_stream(source: Source, limits: Limits | None = None) -> CodedStream:
    """Open what nvc encode wrote, or any HEVC file.

    source  path, "-" for .nvc on stdin, bytes, or a binary file object (a pipe holds .nvc)
    Raises InputError where it cannot be read, FormatError where it is neither, LimitError above the limits.
    """
    limits = limits or Limits()
    if isinstance(source, str) and source == PIPE:
        return NvcStream(sys.stdin.buffer, None, limits, owns=False)
    if isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
        is_nvc = _is_nvc(source[:_LOOK])
        return NvcStream(BytesIO(source), len(source), limits, owns=True) if is_nvc else _layered(source, limits)
    if is_path(source):
        return _open_path(Path(source), limits)  # type: ignore[arg-type]
    if not source.seekable():  # type: ignore[union-attr]
        return NvcStream(source, None, limits, owns=False)  # type: ignore[arg-type]
    source.seek(0)  # type: ignore[union-attr]
    head = source.read(_LOOK)  # type: ignore[union-attr]
    source.seek(0)  # type: ignore[union-attr]
    if _is_nvc(head):
        return NvcStream(source, size_of(source), limits, owns=False)  # type: ignore[arg-type]
    return _layered(source, limits)


def _open_path(path: Path, limits: Limits) -> CodedStream:
    try:
        file = path.open("rb")
        head = file.read(_LOOK) if file.seekable() else MAGIC
        if file.seekable():
            file.seek(0)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if _is_nvc(head) or path.name.lower().removesuffix(".part").endswith(NVC):
        return NvcStream(file, size_of(path), limits, owns=True)
    file.close()
    return _layered(path, limits)


def _layered(source: Source, limits: Limits) -> LayeredFile:
    """What is there and cannot be read as a video is of another format, not missing."""
    try:
        return LayeredFile(source, limits)
    except InputError as error:
        raise FormatError(f"{name_of(source)} is neither an nvc stream nor a video: {error}") from error


def _is_nvc(head: bytes) -> bool:
    return head[:4] == MAGIC[:4] or MAGIC in head


def size_of(source: Any) -> int | None:
    """Bytes of a source, None where that cannot be told."""
    if isinstance(source, bytes):
        return len(source)
    if is_path(source):
        path = Path(source)
        return path.stat().st_size if path.is_file() else None
    if not hasattr(source, "seekable") or not source.seekable():
        return None
    place = source.tell()
    size = source.seek(0, os.SEEK_END)
    source.seek(place)
    return size


def name_of(source: Any) -> str:
    """What to call a source or destination in a message."""
    if isinstance(source, bytes | bytearray):
        return f"{len(source)} bytes"
    return str(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "name", "the file object"))


def _container_name(demuxer: Any, source: Any) -> str:
    suffix = Path(name_of(source)).suffix.lower().lstrip(".")
    return suffix or getattr(demuxer, "format", "") or "video"
