"""Coded samples out of a file as they are, for layered mode: one video track, and what travels beside it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import av
from av.stream import AttachmentStream

from nvc.errors import CorruptError, FormatError, InputError, UsageError
from nvc.io import passthrough, probe
from nvc.io.pixels import NATIVE, plan_conversion
from nvc.io.truncated import is_cut
from nvc.types import CarriedPacket, CarriedStream, VideoInfo

Source = str | Path | bytes | BinaryIO
Sample = tuple[int | None, int | None, int, bool, bytes]
_PROBED_PACKETS = 256  # of all streams: a picture must come out of so many


class Demuxer:
    """Reads coded access units as they are, and carried packets between them. Context manager; iterate once.

    info       of the track: coded size, its own time base; rotation, HDR10 data and the like of the first picture
    format     FFmpeg's name of the container
    codec      FFmpeg's name of the video codec
    extradata  decoder configuration record, or Annex B parameter sets, or b""
    carried, chapters, notices  as VideoReader's
    Items are ("carried", CarriedPacket), attachments first, and ("video", (pts, dts, duration, is_key, data)), data as
    in the file. Iteration raises CorruptError where the file ends or breaks within.
    """

    def __init__(self, source: Source, video_stream: int = 0) -> None:
        self.notices: list[str] = []
        self._name = _name(source)
        self._cut = _is_cut(source)
        self._container = _open(source, self._name, self._cut)
        try:
            self._video = _choose(self._container, video_stream, self._name)
            context = self._video.codec_context
            self.format = self._container.format.name
            self.codec = context.codec.canonical_name
            self.extradata = bytes(context.extradata or b"")
            self.chapters = passthrough.read_chapters(self._container)
            self._attachments: list[CarriedPacket] = []
            self._places: dict[int, int] = {}
            self.carried = self._carry()
            self._packets = self._container.demux([s for s in self._container.streams if s.type != "attachment"])
            self._ahead: deque[av.Packet] = deque()
            self.info = self._read_info()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[tuple[str, Sample] | tuple[str, CarriedPacket]]:
        for item in self._attachments:
            yield "carried", item
        for packet in self._all_packets():
            times = packet.pts, packet.dts, packet.duration or 0
            if not packet.size:
                continue
            if packet.stream_index == self._video.index:
                yield "video", (*times, bool(packet.is_keyframe), bytes(packet))
            elif packet.stream_index in self._places:
                place = self._places[packet.stream_index]
                yield "carried", CarriedPacket(place, *times, bool(packet.is_keyframe), bytes(packet))

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def __enter__(self) -> "Demuxer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _carry(self) -> tuple[CarriedStream, ...]:
        carried: list[CarriedStream] = []
        for stream in self._container.streams:
            if stream.index == self._video.index:
                continue
            described = passthrough.describe(stream, len(carried))
            if described is None and passthrough.is_chapter_track(self._container, stream):
                continue
            if described is None:
                self.notices.append(f"stream {stream.index} ({stream.type}) cannot be carried and is left out")
                continue
            carried.append(described)
            self._places[stream.index] = described.index
            if isinstance(stream, AttachmentStream):
                self._attachments.append(CarriedPacket(described.index, None, None, 0, True, stream.data))
        return tuple(carried)

    def _all_packets(self) -> Iterator[av.Packet]:
        covers = {s.index for s in self._container.streams.video if passthrough.is_cover(s)}
        yield from (packet for packet in self._ahead if packet.stream_index in covers)
        while self._ahead:
            packet = self._ahead.popleft()
            if packet.stream_index not in covers:
                yield packet
        try:
            yield from self._packets
        except (av.FFmpegError, OSError) as error:
            raise CorruptError(f"{self._name} breaks off: {error.strerror or error}") from error
        if self._cut:
            raise CorruptError(f"{self._name} is cut short")

    def _read_info(self) -> VideoInfo:
        picture, key_packet = self._first_picture()
        if picture.format.name not in NATIVE:
            raise FormatError(f"{self._name}: the video is {picture.format.name}, a base is 8 or 10 bit 4:2:0")
        conversion = plan_conversion(picture.format.name, picture.height)
        info = probe.video_info(self._video, picture, conversion, key_packet=key_packet)
        return replace(info, tags=passthrough.read_tags(self._container))

    def _first_picture(self) -> tuple[av.VideoFrame, av.Packet | None]:
        """Decode until a picture comes: the only place where PyAV shows rotation and HDR10 data."""
        self._video.codec_context.thread_count = 1
        key_packet = None
        try:
            for packet in self._packets:
                self._ahead.append(packet)
                if packet.stream_index != self._video.index:
                    continue
                if key_packet is None and packet.is_keyframe:
                    key_packet = packet
                frames = _decode(self._video, packet)
                if frames:
                    return frames[0], key_packet
                if len(self._ahead) >= _PROBED_PACKETS:
                    break
        except (av.FFmpegError, OSError) as error:
            raise CorruptError(f"{self._name} breaks off: {error.strerror or error}", frames=0) from error
        if any(p.stream_index == self._video.index and p.size for p in self._ahead):
            raise CorruptError(f"{self._name}: no picture decodes at its start", frames=0)
        if self._cut:
            raise CorruptError(f"{self._name} is cut short", frames=0)
        raise InputError(f"{self._name} holds no video frames")


def open_demuxer(source: Source, *, video_stream: int = 0) -> Demuxer:
    """A Demuxer of a file's video track. ``source``: path, bytes, or a seekable binary stream.

    Raises InputError where it cannot be opened or has no frames, CorruptError where it is damaged from its start on,
    FormatError where the picture is not 8 or 10 bit 4:2:0.
    """
    return Demuxer(source, video_stream)


def _open(source: Source, name: str, cut: bool) -> av.container.InputContainer:
    options = {}
    if isinstance(source, str | Path):
        source, options = f"file:{source}", {"protocol_whitelist": "file"}  # no network, whatever a name looks like
    elif isinstance(source, bytes):
        source = BytesIO(source)
    try:
        return av.open(source, "r", container_options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        if cut:
            raise CorruptError(f"{name} is cut short, 0 frames can be read", frames=0) from error
        raise InputError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error


def _choose(container: av.container.InputContainer, number: int, name: str) -> av.VideoStream:
    streams = [s for s in container.streams.video if not passthrough.is_cover(s)]
    if not streams:
        raise InputError(f"{name} has no video stream")
    if not 0 <= number < len(streams):
        raise UsageError(f"{name} has {len(streams)} video stream(s), counted from 0; got {number}")
    if streams[number].codec_context is None:
        raise InputError(f"{name}: no decoder for video stream {number}")
    return streams[number]


def _decode(stream: av.VideoStream, packet: av.Packet) -> list[av.VideoFrame]:
    try:
        return stream.decode(packet)
    except (av.FFmpegError, EOFError):
        return []


def _is_cut(source: Source) -> bool:
    """FFmpeg reads a cut file to its end without a word; see nvc.io.truncated."""
    if isinstance(source, bytes):
        return bool(is_cut(BytesIO(source)))
    if isinstance(source, str | Path):
        try:
            with open(source, "rb") as file:
                return file.seekable() and bool(is_cut(file))
        except OSError as error:
            raise InputError(f"cannot read {source}: {error.strerror or error}") from error
    if not source.seekable():
        return False
    place = source.tell()
    cut = bool(is_cut(source))
    source.seek(place)
    return cut


def _name(source: Source) -> str:
    if isinstance(source, str | Path):
        return str(source)
    return str(getattr(source, "name", "")) or "the input"
