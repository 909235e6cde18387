"""Coded samples into .mp4 and .mkv: the track of layered mode with its carried streams, no coding here."""

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import av

from nvc.errors import OutputError, UsageError
from nvc.io.demux import Demuxer, open_demuxer
from nvc.io.passthrough import CarriedOutputs, write_chapters
from nvc.types import CarriedPacket, CarriedStream, Chapter, VideoInfo

__all__ = ["Demuxer", "Muxer", "open_demuxer", "open_muxer"]

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
MAX_TIMESCALE = 2**31 - 1
# Demuxers of a bare stream, which give a stream object of that codec to start from.
_BARE = {"hevc": "hevc"}


class Muxer:
    """Writes coded access units as they are, and carried packets beside them. Context manager.

    notices  what this file cannot hold, said once
    Times are exact in .mp4 (its movie time scale is that of the track) and to 1 ms in .mkv.
    """

    def __init__(
        self,
        dest: str | Path | BinaryIO,
        info: VideoInfo,
        extradata: bytes,
        *,
        container_format: str = "mp4",
        codec: str = "hevc",
        carried: Sequence[CarriedStream] = (),
        chapters: Sequence[Chapter] = (),
        start_pts: int = 0,
    ) -> None:
        """As open_muxer; ``container_format`` is FFmpeg's name of it."""
        self._name = str(dest) if isinstance(dest, str | Path) else "the output"
        self._time_base = info.time_base
        shift = max(0, -start_pts) * info.time_base
        self._shift = max(0, -start_pts)
        options = _options(container_format, info.time_base)
        try:
            self._container = av.open(_target(dest), "w", format=container_format, container_options=options)
        except (av.FFmpegError, OSError) as error:
            raise self._error("write", error) from error
        self._video = _add_video(self._container, info, codec, extradata)
        self._outputs = CarriedOutputs(self._container, carried, shift=shift)
        self._attachments = {item.index for item in carried if item.kind == "attachment"}
        self._covers: list[av.Packet] = []
        self._begun = False
        self.notices = self._outputs.notices
        if shift:
            self.notices.append(f"times are moved by {float(shift):.3f} s: this file cannot start before 0")
        write_chapters(self._container, chapters, shift)
        self._container.metadata.update(info.tags)
        if not self._attachments:
            self._begin()

    def write_sample(self, pts: int, dts: int, duration: int, is_key: bool, data: bytes) -> None:
        """One access unit in decode order, Annex B; times in ticks of the info's time base."""
        packet = av.Packet(data)
        packet.pts, packet.dts = pts + self._shift, dts + self._shift
        packet.duration, packet.is_keyframe = duration, is_key
        packet.time_base, packet.stream = self._time_base, self._video
        self._begin()
        self._mux(packet)

    def write_carried(self, item: CarriedPacket) -> None:
        """One packet of a carried stream; attachments must come before all else."""
        if item.stream not in self._attachments:
            self._begin()
        for packet in self._outputs.packets(item):
            if self._begun:
                self._mux(packet)
            else:
                self._covers.append(packet)  # a picture: muxing it would close the list of streams

    def close(self) -> None:
        """Write what is left. Raises OutputError, as every write does, where the file cannot be written."""
        self._begin()
        try:
            for packet in self._outputs.flush():
                self._mux(packet)
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._error("finish", error) from error

    def _begin(self) -> None:
        """Write the file's head; no stream can be added after."""
        if self._begun:
            return
        self._begun = True
        self._outputs.begin()
        try:
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error("write", error) from error
        for packet in self._covers:
            self._mux(packet)

    def _mux(self, packet: av.Packet) -> None:
        try:
            self._container.mux_one(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._error("write", error) from error

    def _error(self, verb: str, error: Exception) -> OutputError:
        if isinstance(error, OutputError):
            return OutputError(str(error))
        return OutputError(f"cannot {verb} {self._name}: {getattr(error, 'strerror', None) or error}")

    def __enter__(self) -> "Muxer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.close()
            return
        with suppress(OutputError):  # the first error is the one to tell
            self.close()


def open_muxer(
    dest: str | Path | BinaryIO,
    info: VideoInfo,
    *,
    extradata: bytes,
    codec: str = "hevc",
    carried: Sequence[CarriedStream] = (),
    chapters: Sequence[Chapter] = (),
    format: str | None = None,
    start_pts: int = 0,
) -> Muxer:
    """A Muxer for one coded video track and the carried streams.

    info       colour, sample aspect, rotation, rate and time base of the track
    extradata  its parameter sets, Annex B; the size is theirs
    format     "mp4" or "mkv"; by default what ``dest`` ends with, ".part" apart
    start_pts  pts of the first frame; where it is negative all streams are moved so that it becomes 0
    Raises UsageError for another ending, OutputError for a place that cannot be written.
    """
    return Muxer(
        dest,
        info,
        extradata,
        container_format=_format(dest, format),
        codec=codec,
        carried=carried,
        chapters=chapters,
        start_pts=start_pts,
    )


def _format(dest: str | Path | BinaryIO, name: str | None) -> str:
    suffix = f".{name}" if name else ""
    if not name and isinstance(dest, str | Path):
        suffix = Path(str(dest).removesuffix(".part")).suffix
    if suffix.lower() not in FORMATS:
        raise UsageError(f"layered output must end in {', '.join(FORMATS)}, got {str(name or dest)!r}")
    return FORMATS[suffix.lower()]


def _target(dest: str | Path | BinaryIO) -> str | BinaryIO:
    return str(dest) if isinstance(dest, Path) else dest


def _options(container_format: str, time_base: Fraction) -> dict[str, str]:
    """Without these mp4 rounds a first pts to 1 ms, and mkv moves all streams for an audio that starts before 0."""
    options = {"avoid_negative_ts": "disabled"}
    if container_format in ("mp4", "mov") and time_base.denominator <= MAX_TIMESCALE:
        options["movie_timescale"] = str(time_base.denominator)
    return options


def _add_video(container: av.container.OutputContainer, info: VideoInfo, codec: str, extradata: bytes):
    """A stream for packets that are coded already. Its template is the bare stream of the parameter sets alone:
    so no encoder is opened, and the muxer gets our extradata."""
    with av.open(BytesIO(extradata), format=_BARE[codec]) as bare:
        stream = container.add_stream_from_template(bare.streams.video[0], opaque=True)
    context, coded = stream.codec_context, cast(av.VideoCodecContext, av.CodecContext.create(codec, "r"))
    coded.extradata = extradata
    coded.open()  # reads the coded size from the parameter sets: the info's may be odd, which HEVC cannot say
    context.width, context.height, context.pix_fmt = coded.width, coded.height, coded.pix_fmt
    context.extradata = extradata
    context.codec_tag = "hvc1"  # PyAV writes hev1, which players of one maker refuse
    context.color_primaries, context.color_trc = info.primaries, info.transfer
    context.colorspace, context.color_range = info.matrix, info.color_range
    if info.sample_aspect:
        context.sample_aspect_ratio = info.sample_aspect
    if info.frame_rate:
        context.framerate = info.frame_rate
    if info.rotation:
        stream.set_display_rotation(info.rotation)
    stream.time_base, stream.disposition = info.time_base, av.stream.Disposition.default
    return stream
