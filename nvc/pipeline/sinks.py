"""Where coded packets go: a .nvc stream, or the track of an .mp4 or .mkv; carried packets beside them in time."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, BinaryIO

from nvc.errors import NvcError
from nvc.pipeline.packets import Coded, carried_seconds, starts_period, times_of
from nvc.types import CarriedPacket, CarriedStream, Chapter, LayeredPacket, StreamHeader, VideoInfo


class NvcSink:
    """Writes a .nvc stream to a binary file."""

    def __init__(
        self, file: BinaryIO, header: StreamHeader, carried: Sequence[CarriedStream], chapters: Sequence[Chapter]
    ) -> None:
        from nvc.container import StreamWriter

        self.notices: list[str] = []
        self._writer = StreamWriter(file, header, carried=carried, chapters=chapters)
        self._sync: Callable[[], None] | None = getattr(file, "sync", None)

    @property
    def bytes(self) -> int:
        """Bytes written so far."""
        return self._writer.bytes_written

    @property
    def video_bytes(self) -> int:
        """Bytes written but those of carried streams."""
        return self._writer.video_bytes

    def write(self, item: Coded | CarriedPacket) -> None:
        """Write one packet. With each that starts an I period all before it is had on disk, where the file can."""
        self._writer.write(item)
        if self._sync is not None and not isinstance(item, CarriedPacket) and starts_period(item):
            self._sync()

    def close(self) -> None:
        """Write index and tail."""
        self._writer.close()


class MuxSink:
    """Writes layered packets as an ordinary HEVC track to a seekable binary file. format: "mp4" or "mkv"."""

    def __init__(
        self,
        file: BinaryIO,
        header: StreamHeader,
        carried: Sequence[CarriedStream],
        chapters: Sequence[Chapter],
        format: str,
    ) -> None:
        from nvc.io.mux import open_muxer

        self._file = file
        self._carried_bytes = 0
        self._size: int | None = None
        self._muxer = open_muxer(
            file, _coded_info(header.info), extradata=header.parameter_sets, carried=carried, chapters=chapters,
            format=format, start_pts=header.start_pts,
        )  # fmt: skip
        self.notices: list[str] = self._muxer.notices

    @property
    def bytes(self) -> int:
        """Bytes written so far; the whole file after close."""
        return self._file.tell() if self._size is None else self._size

    @property
    def video_bytes(self) -> int:
        """Bytes written but the data of carried packets; the container's own bytes count as video.

        After close by the carried packets that the file gives back, as ``nvc info`` counts: a subtitle may have changed
        its form, and a stream that the file cannot hold is not in it.
        """
        return self.bytes - self._carried_bytes

    def write(self, item: Coded | CarriedPacket) -> None:
        """Write one packet, the access units of a period with our parameters in the first."""
        if isinstance(item, CarriedPacket):
            self._carried_bytes += len(item.data)
            self._muxer.write_carried(item)
            return
        from nvc.codec.layered import access_units

        if not isinstance(item, LayeredPacket):
            raise NvcError("only layered packets go into .mp4 and .mkv")
        for unit in access_units(item):
            self._muxer.write_sample(*unit)

    def close(self) -> None:
        """Finish the file."""
        from nvc.io.demux import open_demuxer

        self._muxer.close()
        self._size = self._file.seek(0, 2)
        if self._file.readable():
            self._file.seek(0)
            with open_demuxer(self._file) as demuxer:
                self._carried_bytes = sum(len(item.data) for _, item in demuxer if isinstance(item, CarriedPacket))
            self._file.seek(0, 2)


def _coded_info(info: VideoInfo) -> VideoInfo:
    """The info at the size that the base is coded at, which players see."""
    from nvc.codec.intra_hevc import coded_size

    width, height = coded_size(info.width, info.height)
    return replace(info, width=width, height=height)


def open_sink(
    file: BinaryIO, header: StreamHeader, carried: Sequence[CarriedStream], chapters: Sequence[Chapter], format: str
) -> NvcSink | MuxSink:
    """The sink of a format, "nvc", "mp4" or "mkv"; arguments of both kinds."""
    if format in ("mp4", "mkv"):
        return MuxSink(file, header, carried, chapters, format)
    return NvcSink(file, header, carried, chapters)


class Interleaver:
    """Holds carried packets back until the coded video has come as far, so that a seek finds them beside it.

    An encoder gives packets late, by a mini-GOP or an I period: that much of the carried streams is held.
    """

    def __init__(self, sink: Any, time_base: Fraction, carried: Sequence[CarriedStream]) -> None:
        self._sink, self._time_base, self._streams = sink, time_base, carried
        self._waiting: dict[int, deque[tuple[Fraction | None, CarriedPacket]]] = {}
        self._reached: Fraction | None = None

    def write(self, item: Coded | CarriedPacket) -> None:
        """Take a packet of either kind, in the order of its own stream."""
        if isinstance(item, CarriedPacket):
            due = carried_seconds(item, self._streams)
            self._waiting.setdefault(item.stream, deque()).append((due, item))
        else:
            self._sink.write(item)
            self._reached = max(pts for pts, _ in times_of(item).values()) * self._time_base
        self._release()

    def flush(self) -> None:
        """Write all that waits: the video is at its end."""
        for queue in self._waiting.values():
            for _, item in queue:
                self._sink.write(item)
            queue.clear()

    def _release(self) -> None:
        for queue in self._waiting.values():
            while queue and (queue[0][0] is None or (self._reached is not None and queue[0][0] <= self._reached)):
                self._sink.write(queue.popleft()[1])
