"""Encodes frames into .mp4 and .mkv with x264, x265 or FFV1, and muxes what is carried beside them."""

import bisect
import contextlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.codec.context import Flags

from nvc.errors import NvcError, OutputError, UsageError
from nvc.io import passthrough
from nvc.io.atomic import output_error
from nvc.io.color_tags import hdr_params
from nvc.io.pixels import Planes, frame_of
from nvc.io.writer import CODECS, Output, VideoWriter, _check_frame
from nvc.types import CarriedPacket, CarriedStream, Chapter, Frame, VideoInfo

DEFAULT_CRF = 12.0
_ENCODERS = {"x264": "libx264", "x265": "libx265", "ffv1": "ffv1"}
_LOCATIONS = {1: "left", 2: "center", 3: "topleft", 4: "top", 5: "bottomleft", 6: "bottom"}
_SMALL = 64  # x265 damages memory on sides below this unless cutree is off
_TINY = 16
_REORDERED = 3  # frames from which on libx265 gives each packet its decoding time
# Carried packets wait for the video that is shown with them, up to so many bytes.
_MAX_WAITING = 32 << 20
# How far libavformat may hold packets back for a stream that has none now (µs): subtitles are often silent.
_INTERLEAVE = "1000000"
_MAX_TIMESCALE = 2**31 - 1


def check_options(kind: str, codec: str | None, crf: float | None) -> None:
    """UsageError for a codec or crf that does not fit the output."""
    if codec is not None and codec not in CODECS:
        raise UsageError(f"codec must be one of {', '.join(CODECS)}, got {codec!r}")
    if codec == "ffv1" and kind != "matroska":
        raise UsageError("codec ffv1 goes into .mkv")
    if crf is not None and codec == "ffv1":
        raise UsageError("codec ffv1 is exact and takes no crf")
    if crf is not None and not 0 <= crf <= 51:
        raise UsageError(f"crf must be 0 to 51, got {crf}")


class AvWriter(VideoWriter):
    """One video track, encoded here, and carried streams. Times are exact in .mp4 and to 1 ms in .mkv."""

    def __init__(
        self,
        output: Output,
        kind: str,
        info: VideoInfo,
        codec: str,
        crf: float | None,
        carried: Sequence[CarriedStream],
        chapters: Sequence[Chapter],
        threads: int,
    ) -> None:
        super().__init__()
        self._output, self._kind, self._info, self._codec = output, kind, info, codec
        self._crf, self._threads = DEFAULT_CRF if crf is None else crf, threads
        self._carried_streams, self._chapters = tuple(carried), tuple(chapters)
        self._format = "yuv420p" if info.bit_depth == 8 else "yuv420p10le"
        self._coded = info.width, info.height
        if codec != "ffv1":
            self._coded = info.width + info.width % 2, info.height + info.height % 2
        self._durations: dict[int, int] = {}
        self._waiting: list[tuple[Fraction, int, av.Packet]] = []
        self._waiting_bytes = self._order = 0
        self._early: list[CarriedPacket] = []  # came before the first frame
        self._begun = False
        self._last_pts: int | None = None
        self._count = 0
        if self._coded != (info.width, info.height):
            size = "{}x{}".format(*self._coded)
            self.notice(f"{info.width}x{info.height} is padded to {size} by its edge: {codec} takes even sizes only")
        try:
            self._open()
        except BaseException:
            self.abort()
            raise

    # Opening

    def _open(self) -> None:
        info = self._info
        options = {"max_interleave_delta": _INTERLEAVE, "avoid_negative_ts": "disabled"}
        if self._kind != "matroska":
            if info.time_base.denominator <= _MAX_TIMESCALE:
                options["movie_timescale"] = str(info.time_base.denominator)
            if not self._output.file.seekable():
                options["movflags"] = "frag_keyframe+empty_moov+default_base_moof"
        with self._errors():
            self._container = av.open(self._output.file, "w", format=self._kind, container_options=options)
            added = self._container.add_stream(_ENCODERS[self._codec], info.frame_rate, options=self._options())
        self._stream = cast(av.VideoStream, added)
        self._set_up_stream()

    def _set_up_stream(self) -> None:
        info, stream = self._info, self._stream
        context: Any = stream.codec_context
        context.width, context.height = self._coded
        context.pix_fmt = self._format
        context.time_base = stream.time_base = info.time_base
        context.thread_count = self._threads
        context.color_primaries, context.color_trc = info.primaries, info.transfer
        context.colorspace, context.color_range = info.matrix, info.color_range
        if info.sample_aspect:
            context.sample_aspect_ratio = info.sample_aspect
        if self._codec == "x265" and self._kind != "matroska":
            context.codec_tag = "hvc1"  # the name that all players take
        if self._codec != "ffv1":
            context.flags |= Flags.frame_duration
        if info.rotation:
            stream.set_display_rotation(info.rotation)

    def _options(self) -> dict[str, str]:
        """Options of the encoder; notices for what FFV1 in Matroska cannot hold."""
        info, options = self._info, {}
        if info.chroma_location in _LOCATIONS:
            options["chroma_sample_location"] = _LOCATIONS[info.chroma_location]
        if self._codec == "ffv1":
            # Level 3 cuts the picture into slices, which tiny sizes refuse.
            options |= {"level": "1"} if min(self._coded) < _TINY else {"level": "3", "slicecrc": "1"}
            if info.sample_aspect not in (0, 1):
                self.notice(f"the sample aspect {info.sample_aspect} cannot be kept with ffv1")
            if info.mastering or info.content_light:
                self.notice("HDR10 mastering data cannot be kept with ffv1")
            return options
        options |= {"preset": "medium", "crf": f"{self._crf:g}"}
        if self._codec == "x264":
            params = hdr_params(info, ("mastering-display", "cll"))
            return options | ({"x264-params": ":".join(params)} if params else {})
        params = ["log-level=none", "info=0", *hdr_params(info, ("master-display", "max-cll"))]
        if len(params) > 2:
            params += ["hdr10=1", "repeat-headers=1"]
        if min(self._coded) < _SMALL:
            params.append("no-cutree=1")
        return options | {"x265-params": ":".join(params)}

    def _begin(self, pts: int) -> None:
        """Before the first frame: only now it is known whether times must be moved."""
        shift = Fraction(0)
        if pts < 0:
            shift = -pts * self._info.time_base
            self.notice(f"all times are moved by {float(shift):.3f} s: this file cannot start before 0")
        self._shift = -pts if pts < 0 else 0
        with self._errors():
            passthrough.write_chapters(self._container, self._chapters, shift)
            self._container.metadata.update(self._info.tags)
            self._carried = passthrough.CarriedOutputs(self._container, self._carried_streams, shift=shift)
            self._begun = True
            for item in self._early:
                self.write_carried(item)
            self._early = []
            self._carried.begin()
            self._start_encoding()
        self._take_notices()

    def _take_notices(self) -> None:
        for text in self._carried.notices:
            self.notice(text)

    def _start_encoding(self) -> None:
        try:
            self._container.start_encoding()
        except av.FFmpegError as error:
            size = "{}x{}".format(*self._coded)
            raise OutputError(f"{self._codec} cannot code {size} into this file ({error.strerror})") from error

    # Writing

    def write(self, frame: Frame) -> None:
        """Encode one frame; pts must rise strictly."""
        _check_frame(frame, self._info)
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise UsageError(f"times must rise: got {frame.pts} after {self._last_pts}")
        self._last_pts = frame.pts
        if not self._begun:
            self._begin(frame.pts)
        picture = frame_of(_padded(frame, *self._coded), self._format)
        picture.pts, picture.time_base = frame.pts + self._shift, self._info.time_base
        picture.pict_type = 0  # else the encoder takes over the frame types of the source
        picture.color_range, picture.colorspace = self._info.color_range, self._info.matrix
        if frame.duration:
            self._durations[picture.pts] = frame.duration
        self._count += 1
        with self._errors():
            self._mux_video(self._stream.encode(picture))

    def write_carried(self, packet: CarriedPacket) -> None:
        """A packet of a carried stream, in the order of the source; attachments before the first frame."""
        if not self._begun:
            self._early.append(packet)
            return
        with self._errors():
            self._wait(self._carried.packets(packet))
            self._take_notices()
            while self._waiting_bytes > _MAX_WAITING:
                self._mux_waiting(1)

    def _wait(self, packets: Sequence[av.Packet]) -> None:
        for packet in packets:
            time = packet.dts if packet.dts is not None else packet.pts
            seconds = Fraction(0) if time is None else time * packet.time_base
            self._order += 1
            bisect.insort(self._waiting, (seconds, self._order, packet))
            self._waiting_bytes += packet.size

    def close(self) -> None:
        """Flush the encoder, write the index, rename."""
        if not self._begun:
            self._begin(0)
        try:
            with self._errors():
                self._wait(self._carried.flush())
                self._mux_video(self._stream.encode(None))
                self._mux_waiting(len(self._waiting))
                self._container.close()
        except BaseException:
            self.abort()
            raise
        self._output.close()

    def abort(self) -> None:
        """Stop; nothing stays under the final name."""
        self._waiting, self._early = [], []
        container = getattr(self, "_container", None)  # None where opening failed
        if container is not None:
            with contextlib.suppress(Exception):
                container.close()
        self._output.abort()

    def _mux_video(self, packets: Sequence[av.Packet]) -> None:
        for packet in packets:
            duration = 0 if packet.pts is None else self._durations.pop(packet.pts, 0)
            if duration:
                packet.duration = duration
            if self._codec == "x265" and self._count < _REORDERED:  # it makes up the dts of clips that short
                packet.dts = packet.pts
            time = packet.dts if packet.dts is not None else packet.pts
            if time is not None:
                seconds = time * self._info.time_base
                self._mux_waiting(bisect.bisect(self._waiting, seconds, key=lambda entry: entry[0]))
            self._container.mux(packet)

    def _mux_waiting(self, count: int) -> None:
        due, self._waiting = self._waiting[:count], self._waiting[count:]
        for _, _, packet in due:
            self._waiting_bytes -= packet.size
            try:
                self._container.mux(packet)
            except (ValueError, av.error.ArgumentError):
                self.notice("carried packets with times that this kind of file cannot hold are left out")

    @contextlib.contextmanager
    def _errors(self):  # type: ignore[no-untyped-def]
        """FFmpeg's and the system's errors as OutputError; a broken pipe stays what it is."""
        try:
            yield
        except (NvcError, BrokenPipeError):
            raise
        except OSError as error:
            raise output_error(self._output.name, error) from error
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(f"cannot write {self._output.name}: {error}") from error


def _padded(frame: Frame, width: int, height: int) -> Planes:
    """The planes with their last column and row repeated up to an even size (chroma has that size already)."""
    y = frame.y
    if y.shape != (height, width):
        y = np.pad(y, ((0, height - y.shape[0]), (0, width - y.shape[1])), mode="edge")
    return y, frame.u, frame.v
