"""Reads what PyAV opens: decoded frames of one video track, packets of all the others, and what went wrong."""

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av

from nvc.errors import CorruptError, InputError, UsageError
from nvc.io import color_tags, passthrough, probe, truncated
from nvc.io.coding import CodingReader, HeaderReader
from nvc.io.pixels import plan_conversion, planes_of
from nvc.io.reader_base import Picture, VideoReader
from nvc.types import CarriedPacket, CarriedStream, Frame, VideoInfo

KINDS = frozenset({"audio", "subtitle", "attachment", "video"})
_TEXT_DEMUXERS = {"tty", "ansi", "bin", "xbin", "adf", "idf"}  # they draw any text file as a video
_THREADS = max(1, min(4, os.cpu_count() or 1))
# Formats whose head tells the duration, and by how much (s) the packets may fall short of it.
_TIMED_FORMATS = ("matroska", "mov,", "flv", "asf", "avi", "nut")
_TIME_TOLERANCE = Fraction(1)


class AvReader(VideoReader):
    """Reader of a media file. ``source`` is a path or a binary stream, ``carry`` the kinds of streams that are
    handed out beside the pictures, ``coded`` reads how each picture was coded."""

    def __init__(
        self,
        source: Path | BinaryIO,
        name: str,
        *,
        video_stream: int = 0,
        start: int = 0,
        frames: int | None = None,
        carry: frozenset[str] = KINDS,
        owned: bool = False,
        coded: HeaderReader | None = None,
    ) -> None:
        super().__init__(name, start=start, frames=frames)
        self._source, self._owned = source, owned
        self._bad = ""  # the first damage met
        self._any_whole = False
        self._queue: list[tuple[CarriedPacket, Fraction | None, Fraction | None]] = []  # packet, begin and end in s
        self._first: Fraction | None = None  # time of the first frame given out
        self._now: Fraction | None = None  # begin and end of the latest
        self._end: Fraction | None = None
        self._reached = Fraction(0)  # where the packets seen end, s
        self._video_packets = 0
        self._container = _open(source, name)
        try:
            self._stream = _choose(self._container, video_stream, name)
            self._carry(carry)
            self._coding = CodingReader(self._stream.codec_context, coded) if coded else None
            self._prepare()
        except BaseException:
            self.close()
            raise

    def take_carried(self) -> list[CarriedPacket]:
        """Carried packets demuxed since the last call; with a start or a frame count only those of that range."""
        if self._first is None:
            return []
        taken, kept = [], []
        for entry in self._queue:
            packet, begin, end = entry
            if begin is None:
                taken.append(packet)
            elif self._start and end is not None and end <= self._first:
                continue
            elif self._limit is not None and self._end is not None and begin >= self._end:
                kept.append(entry)
            else:
                taken.append(packet)
        self._queue = kept
        return taken

    def close(self) -> None:
        """Close the input."""
        self._container.close()
        if self._owned and not isinstance(self._source, Path) and self._source is not sys.stdin.buffer:
            self._source.close()

    # What is in the file

    def _carry(self, kinds: frozenset[str]) -> None:
        self._carried_index: dict[int, int] = {}
        carried: list[CarriedStream] = []
        streams: list[Any] = list(self._container.streams)
        for stream in streams:
            if stream.index == self._stream.index:
                continue
            described = passthrough.describe(stream, len(carried)) if kinds else None
            if described is not None and described.kind in kinds:
                self._carried_index[stream.index] = described.index
                carried.append(described)
                if stream.type == "attachment":
                    self._queue.append((CarriedPacket(described.index, None, None, 0, True, stream.data), None, None))
                if described.kind == "video":
                    self.notice(f"video stream {stream.index} is carried as it is, not coded")
            elif kinds and described is None and not passthrough.is_chapter_track(self._container, stream):
                self.notice(f"stream {stream.index} ({_what(stream)}) cannot be carried and is left out")
        self.carried = tuple(carried)
        self.chapters = passthrough.read_chapters(self._container)

    def _prepare(self) -> None:
        """Decode the first frame: only it tells size, format and side data for sure."""
        context = self._stream.codec_context
        VideoInfo(max(1, context.width), max(1, context.height), Fraction(1))  # LimitError before anything is decoded
        self._stream.thread_type = "AUTO"
        context.thread_count = _THREADS
        wanted = [s for s in self._container.streams if s.index == self._stream.index or s.index in self._carried_index]
        for stream in self._container.streams:
            if stream not in wanted:
                stream.discard = av.stream.Discard.all
        self._packets = self._container.demux([s for s in wanted if s.type != "attachment"])
        self._key_packet: av.Packet | None = None
        self._decoded = self._decode_all()
        first = next(self._decoded, None)
        if first is None:
            if self._bad or self._cut():
                raise CorruptError(f"{self._damage()}; 0 whole frames were read", frames=0)
            raise InputError(f"{self.name} holds no video frames")
        self._pushed_back: av.VideoFrame | None = first
        try:
            self._conversion = plan_conversion(first.format.name, first.height)
        except ValueError as error:
            raise InputError(f"{self.name}: pixel format {first.format.name} cannot be read") from error
        self._size = first.width, first.height
        info = probe.video_info(self._stream, first, self._conversion, key_packet=self._key_packet)
        count = None if info.n_frames is None else self.clip_count(info.n_frames)
        self.info = replace(info, n_frames=count, tags=passthrough.read_tags(self._container))
        self._tell(first)

    def _tell(self, frame: av.VideoFrame) -> None:
        self.notice(self._conversion.notice)
        if not color_tags.rotation_of(frame.rotation)[1]:
            self.notice(f"a rotation of {frame.rotation} degrees is taken as {self.info.rotation}")
        if color_tags.is_mirrored(probe.side_data(frame).get("DISPLAYMATRIX", b"")):
            self.notice("the file asks players to mirror the picture; that is not kept")

    # Frames

    def _pictures(self) -> Iterator[Picture]:
        skip = self._start
        for number, frame in enumerate(self._frames()):
            if (frame.width, frame.height) != self._size:
                old, new = "{}x{}".format(*self._size), f"{frame.width}x{frame.height}"
                raise CorruptError(f"{self.name}: the picture size changes from {old} to {new} at frame {number}")
            if number < skip:
                self._prune(frame)
                continue
            if frame.interlaced_frame:
                self.notice("interlaced material is coded as progressive frames")
            planes = planes_of(frame, self._conversion)
            coded = self._coding.coded_as(frame) if self._coding else None
            yield Picture(planes, self._ticks(frame), frame.duration or 0, frame.is_corrupt, coded)
        if self._bad or self._cut():
            raise CorruptError(self._damage())

    def _frames(self) -> Iterator[av.VideoFrame]:
        if self._pushed_back is not None:
            first, self._pushed_back = self._pushed_back, None
            yield first
        yield from self._decoded

    def _decode_all(self) -> Iterator[av.VideoFrame]:
        """All frames, past damaged packets too: what cannot be decoded is noted in ``_bad``."""
        try:
            for packet in self._packets:
                if not packet.size:  # the marks at the end, which do not tell their stream
                    continue
                if packet.stream_index != self._stream.index:
                    self._keep(packet)
                    continue
                self._note_packet(packet)
                if packet.is_corrupt:
                    self._note("a coded picture is incomplete")
                    continue
                yield from self._decode(packet)
        except av.FFmpegError as error:
            self._note(f"the file cannot be read on ({error.strerror})")
        yield from self._decode(None)

    def _decode(self, packet: av.Packet | None) -> Iterator[av.VideoFrame]:
        try:
            if self._coding is not None and packet is not None:
                self._coding.note(packet)
            frames = self._stream.decode(packet)
        except EOFError:
            return
        except av.FFmpegError as error:
            if not self._any_whole and self._key_packet is None:
                self.notice("the video begins inside a group of pictures; what cannot be decoded there is left out")
            else:
                self._note(f"a coded picture cannot be decoded ({error.strerror})")
            return
        for frame in frames:
            if frame.is_corrupt and self._any_whole:
                self._note("a picture is damaged and was concealed")
            elif frame.is_corrupt:
                self.notice("the video begins inside a group of pictures; what cannot be decoded there is left out")
                continue
            self._any_whole = True
            yield frame

    def _ticks(self, frame: av.VideoFrame) -> int | None:
        pts = frame.pts if frame.pts is not None else frame.dts
        base = self.info.time_base
        if pts is None or frame.time_base in (None, base):
            return pts
        return round(pts * frame.time_base / base)

    # The end

    def _note(self, what: str) -> None:
        self._bad = self._bad or what

    def _note_packet(self, packet: av.Packet) -> None:
        self._video_packets += 1
        if packet.is_keyframe and self._key_packet is None:
            self._key_packet = packet
        self._note_end(packet)

    def _note_end(self, packet: av.Packet) -> None:
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base:
            self._reached = max(self._reached, (time + (packet.duration or 0)) * packet.time_base)

    def _cut(self) -> bool:
        """Whether the file ended before it should: by its structure, its frame count or its duration."""
        by_structure = _structure_cut(self._source)
        if by_structure is not None:
            return by_structure
        format_name, total = self._container.format.name, self._stream.frames
        if format_name.startswith("mov,") and total:
            return self._video_packets < total
        if not format_name.startswith(_TIMED_FORMATS) or not self._container.duration:
            return False
        missing = Fraction(self._container.duration, av.time_base) - self._reached
        return missing > max(_TIME_TOLERANCE, 3 / (self.info.frame_rate or 25) if self._any_whole else 0)

    def _damage(self) -> str:
        cut = f"{self.name} is cut short" if self._cut() else f"{self.name} is damaged"
        return f"{cut} ({self._bad})" if self._bad else cut

    # What is carried

    def _keep(self, packet: av.Packet) -> None:
        self._note_end(packet)
        index = self._carried_index.get(packet.stream_index)
        if index is None:
            return
        duration = packet.duration or 0
        item = CarriedPacket(index, packet.pts, packet.dts, duration, bool(packet.is_keyframe), bytes(packet))
        time = packet.pts if packet.pts is not None else packet.dts
        base = packet.time_base or self.carried[index].time_base
        if time is None or self.carried[index].kind == "attachment":
            self._queue.append((item, None, None))
        else:
            self._queue.append((item, time * base, (time + max(duration, 1)) * base))

    def _prune(self, frame: av.VideoFrame) -> None:
        """Forget carried packets that end before a skipped frame."""
        if frame.time is not None:
            self._queue = [e for e in self._queue if e[2] is None or float(e[2]) > frame.time]

    def _gave(self, frame: Frame) -> None:
        time = frame.pts * self.info.time_base
        if self._first is None:
            self._first = time
        self._end = time + max(frame.duration, 1) * self.info.time_base

    def _done(self) -> None:
        """After the last of a limited number of frames: carried packets up to its end may still lie ahead."""
        if self._limit is None or self._end is None or not self._carried_index:
            return
        try:
            for packet in self._packets:
                if not packet.size:
                    continue
                self._keep(packet)
                time = packet.dts if packet.dts is not None else packet.pts
                if time is not None and time * packet.time_base > self._end + 1:
                    break
        except av.FFmpegError:
            return


def _open(source: Path | BinaryIO, name: str) -> av.container.InputContainer:
    target = f"file:{source}" if isinstance(source, Path) else source
    options = {"protocol_whitelist": "file"} if isinstance(source, Path) else {}
    try:
        container = cast(
            av.container.InputContainer, av.open(target, container_options=options, metadata_errors="replace")
        )
    except av.FFmpegError as error:
        if _structure_cut(source) or _no_index(source):
            raise CorruptError(f"{name} is cut short, its index is missing; 0 frames can be read", frames=0) from error
        raise InputError(f"{name} is not a video that can be read ({error.strerror})") from error
    if container.format.name in _TEXT_DEMUXERS:
        container.close()
        raise InputError(f"{name} is not a video")
    return container


def _choose(container: av.container.InputContainer, number: int, name: str) -> av.VideoStream:
    streams = [s for s in container.streams.video if not passthrough.is_cover(s)]
    if not streams:
        raise InputError(f"{name} has no video stream" + (" (only cover art)" if container.streams.video else ""))
    if not 0 <= number < len(streams):
        raise UsageError(f"{name} has {len(streams)} video stream(s), counted from 0; got {number}")
    if streams[number].codec_context is None:
        raise InputError(f"{name}: no decoder for video stream {number}")
    return streams[number]


def _structure_cut(source: Path | BinaryIO) -> bool | None:
    """truncated.is_cut for a path or a seekable stream; the position of a stream is kept."""
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                return truncated.is_cut(file)
        if not source.seekable():
            return None
        here = source.tell()
        cut = truncated.is_cut(source)
        source.seek(here)
        return cut
    except (OSError, AttributeError, io.UnsupportedOperation):
        return None


def _no_index(source: Path | BinaryIO) -> bool:
    """An mp4 that begins as one but has no moov box: it was cut, or its writer was stopped."""
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                return file.read(8)[4:] == b"ftyp" and not truncated.has_box(file, b"moov")
        source.seek(0)
        return source.read(8)[4:] == b"ftyp" and not truncated.has_box(source, b"moov")
    except (OSError, AttributeError, io.UnsupportedOperation):
        return False


def _what(stream: av.stream.Stream) -> str:
    name = getattr(stream, "name", None)
    return f"{stream.type}, {name}" if name else str(stream.type)
