"""open_video: one way in for files, bytes, streams and pipes."""

import io
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO, cast

from nvc.errors import InputError, UsageError
from nvc.io.av_reader import KINDS, AvReader
from nvc.io.coding import HeaderReader
from nvc.io.raw import RawFormat, RawReader
from nvc.io.reader_base import VideoReader
from nvc.io.y4m import MAGIC, Y4mReader

Source = str | Path | bytes | BinaryIO
RAW_SUFFIX = ".yuv"


def open_video(
    source: Source,
    *,
    video_stream: int = 0,
    start: int = 0,
    frames: int | None = None,
    raw: RawFormat | None = None,
    carry: bool | Collection[str] = True,
    coded: HeaderReader | None = None,
) -> VideoReader:
    """A VideoReader (context manager) for a path, bytes, a binary stream or "-" (standard input).

    video_stream  which video track, counted from 0, cover art not counted
    start, frames first frame (counted from 0) and how many; None = all
    raw           format of headerless video, from parse_raw
    carry         whether the other streams are handed out too; or the kinds ("audio", "subtitle", ...) that are
    coded         a reader of HEVC headers; with it ``Frame.coded`` says how pictures were coded: their type, and for
                  HEVC and H.264 their quantiser
    Raises InputError for what is missing, unreadable or no video, UsageError for options that do not fit,
    CorruptError for a file that is cut before its first frame, LimitError for a picture that is too large.
    """
    name = _name(source)
    stream, path = _stream(source, name)
    owned = isinstance(source, str | Path | bytes)
    span: dict[str, Any] = {"start": start, "frames": frames}
    try:
        if raw is not None:
            return RawReader(stream or _open(path, name), name, raw, **span, owned=owned)
        if path is not None and path.suffix.lower() == RAW_SUFFIX:
            raise UsageError(f"{name} has no header: say its format with --raw, e.g. --raw 416x240@50:yuv420p")
        head, stream = _peek(stream, path, name)
        if not head:
            raise InputError(f"{name} is empty")
        if head == MAGIC:
            _one_track(video_stream, name)
            return Y4mReader(stream or _open(path, name), name, **span, owned=owned)
        target = path if path is not None else stream
        kinds = (KINDS if carry else frozenset()) if isinstance(carry, bool) else frozenset(carry)
        return AvReader(
            cast(Path | BinaryIO, target),
            name,
            video_stream=video_stream,
            **span,
            carry=kinds,
            owned=owned,
            coded=coded,
        )
    except BaseException:
        if owned and stream is not None and stream is not sys.stdin.buffer:
            stream.close()
        raise


class _Peeked:
    """A pipe whose first bytes were already read."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """As of a binary stream."""
        if not self._head:
            return self._rest.read(size)
        if size < 0:
            head, self._head = self._head, b""
            return head + self._rest.read()
        part, self._head = self._head[:size], self._head[size:]
        return part

    def seekable(self) -> bool:
        """Pipes are not."""
        return False

    def close(self) -> None:
        """Close what is behind."""
        if self._rest is not sys.stdin.buffer:
            self._rest.close()


def _name(source: Source) -> str:
    if isinstance(source, str | Path):
        return "standard input" if str(source) == "-" else str(source)
    return "input" if isinstance(source, bytes) else str(getattr(source, "name", "input"))


def _stream(source: Source, name: str) -> tuple[BinaryIO | None, Path | None]:
    """(stream, None) or (None, path of an existing file)."""
    if isinstance(source, bytes):
        return io.BytesIO(source), None
    if not isinstance(source, str | Path):
        return source, None
    if str(source) == "-":
        return sys.stdin.buffer, None
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{name} is a folder, not a video")
    if not path.exists():
        raise InputError(f"{name} does not exist")
    if not path.is_file():  # a named pipe or device can be read only once, in order
        return _open(path, name), None
    return None, path


def _open(path: Path | None, name: str) -> BinaryIO:
    try:
        return cast(Path, path).open("rb")
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error


def _peek(stream: BinaryIO | None, path: Path | None, name: str) -> tuple[bytes, BinaryIO | None]:
    """The first bytes, and a stream that still begins with them."""
    if stream is None:
        with _open(path, name) as file:
            return file.read(len(MAGIC)), None
    try:
        head = stream.read(len(MAGIC))
        if _seekable(stream):
            stream.seek(-len(head), 1)
            return head, stream
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    return head, cast(BinaryIO, _Peeked(head, stream))


def _seekable(stream: BinaryIO) -> bool:
    try:
        return stream.seekable()
    except AttributeError:
        return False


def _one_track(video_stream: int, name: str) -> None:
    if video_stream:
        raise UsageError(f"{name} has 1 video stream(s), counted from 0; got {video_stream}")
