"""Streams that travel beside the video: told as bytes, made again, and written into .mp4 and .mkv.

A description is zlib over one line of JSON (names, disposition, metadata) and, for audio, subtitles and further
video, a tiny file of that stream with one dummy packet: FFmpeg reads from it the same codec parameters.
"""

import io
import json
import zlib
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from nvc.errors import FormatError
from nvc.io import subtitles
from nvc.types import CarriedPacket, CarriedStream, Chapter

ATTACHED_PIC = 1 << 10
# Tried in this order until the stream read back is the stream put in. NUT is the smallest and most general.
_HOLDERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("nut", {}),
    ("matroska", {}),
    ("mov", {"movflags": "empty_moov"}),
    ("mp4", {"movflags": "empty_moov"}),
    ("avi", {}),
    ("mpegts", {}),
)
_MAX_HEAD = 1 << 20
_MAX_UNDATED = 32  # video packets that wait for a dts: no codec reorders further
# What a muxer says of its own file.
_OWN_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_IMAGE_TYPES = {"mjpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "gif": "image/gif", "webp": "image/webp"}
_IMAGE_FORMATS = {"mjpeg": "jpeg_pipe", "png": "png_pipe", "bmp": "bmp_pipe"}


def is_cover(stream: av.stream.Stream) -> bool:
    """True for a picture that illustrates the file, such as cover art."""
    return stream.type == "video" and bool(int(stream.disposition) & ATTACHED_PIC)


def codec_name(stream: av.stream.Stream) -> str:
    """FFmpeg's name of the codec (not of a decoder): mp3, subrip, av1; "none" for attachments."""
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else "none"


def describe(stream: av.stream.Stream, index: int) -> CarriedStream | None:
    """The CarriedStream of an input stream, None where it cannot be carried (data tracks, unknown codecs)."""
    kind = "attachment" if is_cover(stream) else stream.type
    if kind not in ("audio", "subtitle", "attachment", "video"):
        return None
    codec = codec_name(stream)
    about: dict[str, Any] = {"codec": codec, "disposition": int(stream.disposition), "metadata": dict(stream.metadata)}
    holder = b""
    if kind == "attachment":
        about["metadata"].setdefault("mimetype", _IMAGE_TYPES.get(codec, "application/octet-stream"))
    else:
        holder = _hold(stream)
        if not holder:
            return None
    head = json.dumps(about, separators=(",", ":"), sort_keys=True).encode()
    time_base = stream.time_base or Fraction(1, 1000)
    return CarriedStream(index, kind, codec, time_base, zlib.compress(head + b"\n" + holder, 9))


def read_description(carried: CarriedStream) -> tuple[dict, bytes]:
    """(codec, disposition and metadata, the tiny file or b""). FormatError for bytes that are no description."""
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(carried.description, _MAX_HEAD)
        head, _, holder = data.partition(b"\n")
        about = json.loads(head)
        metadata = {str(k): str(v) for k, v in about["metadata"].items()}
        return {"codec": str(about["codec"]), "disposition": int(about["disposition"]), "metadata": metadata}, holder
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"carried stream {carried.index} has an unreadable description") from error


class CarriedOutputs:
    """The carried streams of one output container, which must not have begun to mux.

    notices  what this container cannot hold or holds changed, each once
    Call ``begin`` before the first packet of any stream is muxed; attachments must have come before it.
    """

    def __init__(
        self, container: OutputContainer, carried: Iterable[CarriedStream], *, shift: Fraction = Fraction(0)
    ) -> None:
        self.notices: list[str] = []
        self.shift = shift
        self._container = container
        self._is_mp4 = "matroska" not in container.format.name and "webm" not in container.format.name
        self._streams: dict[int, tuple[CarriedStream, av.stream.Stream, str]] = {}
        self._attachments: dict[int, CarriedStream] = {}
        self._undated: dict[int, list[av.Packet]] = {}
        self._begun = False
        for item in carried:
            if item.kind == "attachment":
                self._attachments[item.index] = item
            else:
                self._add(item)

    def begin(self) -> None:
        """From now on no stream can be added: attachments that come later are left out."""
        self._begun = True

    def packets(self, item: CarriedPacket) -> list[av.Packet]:
        """What to mux for a carried packet: its own bytes, but for text subtitles that had to change format.

        Nothing for an attachment (it is in the file's head then) and for a stream left out. Video packets without a
        dts wait for the first that has one, and come with it.
        """
        packet = self._packet(item)
        if packet is None or packet.stream.type != "video" or item.stream in self._attachments:
            return [] if packet is None else [packet]
        waiting = self._undated.setdefault(item.stream, [])
        if packet.dts is None and packet.pts is not None and len(waiting) < _MAX_UNDATED:
            waiting.append(packet)
            return []
        return [*self._dated(item.stream, packet.dts), packet]

    def flush(self) -> list[av.Packet]:
        """The packets that still wait for a dts: their streams end here."""
        return [packet for stream in list(self._undated) for packet in self._dated(stream, None)]

    def _dated(self, stream: int, following: int | None) -> list[av.Packet]:
        """Waiting packets with a dts: Matroska tells none for the first packets of a stream with B frames. They stand
        one tick apart before the ``following`` dts, so none comes after it or after its own pts."""
        packets = self._undated.pop(stream, [])
        first = min((packet.pts or 0 for packet in packets), default=0) + 1 if following is None else following
        for place, packet in enumerate(packets):
            packet.dts = first - len(packets) + place
        return packets

    def _packet(self, item: CarriedPacket) -> av.Packet | None:
        if item.stream in self._attachments:
            return self._attach(self._attachments[item.stream], item.data)
        if item.stream not in self._streams:
            return None
        carried, stream, change = self._streams[item.stream]
        data = item.data if not change else subtitles.convert(item.data, carried.codec, change)
        if data is None:
            return None
        shift = round(self.shift / carried.time_base)
        pts = None if item.pts is None else item.pts + shift
        dts = None if item.dts is None else item.dts + shift
        if dts is None and carried.kind != "video":
            dts = pts
        packet = av.Packet(data)
        packet.pts, packet.dts, packet.duration = pts, dts, item.duration
        packet.is_keyframe = item.is_key
        packet.time_base, packet.stream = carried.time_base, stream
        return packet

    def _add(self, carried: CarriedStream) -> None:
        about, holder = read_description(carried)
        change = subtitles.target_codec(carried.codec, self._is_mp4) if carried.kind == "subtitle" else ""
        if change is None or not change and not _accepts(self._container.format.name, holder):
            self._say(carried, "cannot be held by this kind of file and is left out")
            return
        if change:
            self._say(carried, f"is written as {change}")
            stream = subtitles.add_stream(self._container, change)
        else:
            with av.open(io.BytesIO(holder)) as source:
                stream = self._container.add_stream_from_template(source.streams[0], opaque=True)
        stream.time_base = carried.time_base
        stream.metadata.update(about["metadata"])
        stream.disposition = about["disposition"]
        self._streams[carried.index] = carried, stream, change

    def _attach(self, carried: CarriedStream, data: bytes) -> av.Packet | None:
        if self._begun:
            self._say(carried, "came too late and is left out")
            return None
        about, _ = read_description(carried)
        metadata = about["metadata"]
        if not self._is_mp4:
            kind = metadata.get("mimetype", "application/octet-stream")
            name = metadata.get("filename") or f"cover.{kind.rpartition('/')[2].replace('jpeg', 'jpg')}"
            self._container.add_attachment(name, kind, data)
            return None
        if carried.codec not in _IMAGE_FORMATS:
            self._say(carried, "cannot be held by this kind of file and is left out")
            return None
        return self._cover_packet(carried, data)

    def _cover_packet(self, carried: CarriedStream, data: bytes) -> av.Packet | None:
        try:
            with av.open(io.BytesIO(data), format=_IMAGE_FORMATS[carried.codec]) as source:
                stream = self._container.add_stream_from_template(source.streams[0], opaque=True)
        except (av.FFmpegError, ValueError, IndexError):
            self._say(carried, "is not a readable picture and is left out")
            return None
        stream.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(data)
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        packet.time_base, packet.stream = Fraction(1, 1000), stream
        return packet

    def _say(self, carried: CarriedStream, what: str) -> None:
        self.notices.append(f"{carried.kind} stream {carried.index} ({carried.codec}) {what}")


def is_chapter_track(container: InputContainer, stream: av.stream.Stream) -> bool:
    """True for the text track that holds the names of an mp4's chapters: FFmpeg reads and then discards it."""
    return stream.type == "data" and stream.discard == av.stream.Discard.all and bool(container.chapters())


def read_tags(container: InputContainer) -> tuple[tuple[str, str], ...]:
    """Tags of an opened file (title, artist, ...) but those that its muxer wrote of itself."""
    return tuple((key, value) for key, value in container.metadata.items() if key.lower() not in _OWN_TAGS)


def read_chapters(container: InputContainer) -> tuple[Chapter, ...]:
    """Chapters of an opened file."""
    return tuple(
        Chapter(c["start"], c["end"], Fraction(c["time_base"]), tuple(sorted(c["metadata"].items())))
        for c in container.chapters()
        if c["time_base"]
    )


def write_chapters(container: OutputContainer, chapters: Iterable[Chapter], shift: Fraction = Fraction(0)) -> None:
    """Give an output container its chapters, moved by ``shift`` seconds; before the first packet."""
    rows: list[Any] = []
    for number, chapter in enumerate(chapters):
        ticks = round(shift / chapter.time_base)
        rows.append(
            {
                "id": number + 1,
                "start": chapter.start + ticks,
                "end": chapter.end + ticks,
                "time_base": chapter.time_base,
                "metadata": dict(chapter.metadata),
            }
        )
    if rows:
        container.set_chapters(rows)


def _hold(stream: av.stream.Stream) -> bytes:
    """The smallest known file from which the stream's codec parameters come back, b"" where there is none."""
    for container_format, options in _HOLDERS:
        try:
            data = _write_holder(stream, container_format, options)
            with av.open(io.BytesIO(data)) as back:
                if len(back.streams) == 1 and _parameters(back.streams[0]) == _parameters(stream):
                    return data
        except (av.FFmpegError, ValueError, OSError):
            continue
    return b""


def _write_holder(stream: av.stream.Stream, container_format: str, options: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_format, options={"fflags": "+bitexact", **options}) as container:
        copy = container.add_stream_from_template(stream, opaque=True)
        container.start_encoding()
        if "movflags" not in options:  # Matroska and NUT are not recognised without any packet
            packet = av.Packet(b"\0")
            packet.pts = packet.dts = 0
            packet.is_keyframe, packet.stream = True, copy
            if copy.time_base:
                packet.time_base = copy.time_base
            container.mux(packet)
    return file.getvalue()


def _parameters(stream: av.stream.Stream) -> tuple:
    context: Any = stream.codec_context
    base = (stream.type, codec_name(stream), bytes(context.extradata or b""))
    if stream.type == "audio":
        return *base, context.sample_rate, context.layout.nb_channels
    if stream.type == "video":
        return *base, context.width, context.height
    return base


def _accepts(container_format: str, holder: bytes) -> bool:
    """Whether a format takes the stream: some refuse only when the head is written, so one is written."""
    try:
        with av.open(io.BytesIO(holder)) as source:
            options = {"movflags": "empty_moov"} if "mp4" in container_format or "mov" in container_format else {}
            with av.open(io.BytesIO(), "w", format=container_format, options=options) as trial:
                trial.add_stream_from_template(source.streams[0], opaque=True)
                trial.start_encoding()
        return True
    except (av.FFmpegError, ValueError, OSError, IndexError):
        return False
