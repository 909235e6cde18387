"""The HEVC base of layered mode: x265 in memory, one instance for each I period.

A running x265 carries rate control and history from one I period to the next. A fresh instance for each makes its
bytes depend on the period's own frames only, so that resume, seek and parallel coding give the same stream.
"""

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import Flags

from nvc.codec.base_planes import PIXEL_FORMATS, Planes, max_pixels, to_av_frame
from nvc.codec.intra_hevc import coded_size
from nvc.color import pad_planes
from nvc.container.nal import PARAMETER_SETS, is_slice, join_annex_b, nal_type, split_annex_b
from nvc.errors import CorruptError, NvcError, UsageError
from nvc.types import MAX_SIDE, VideoInfo

REORDER = 2  # pictures that x265 may show after ones decoded later: 2 with its B pyramid
SMALL_SIDE = 64  # x265's cutree writes past its memory on some pictures with a smaller side
# Where a picture has a single row or column of coding tree units, x265 reads memory that nobody wrote, and its bytes
# change from run to run. Smaller units make it two; a side of 16 stays with one.
_TREE_UNITS = (64, 32, 16)
_FALLBACK_RATE = Fraction(25)
# Pools, frame threads and wavefronts off: with them on, bytes depend on the machine. Every switch needs its value.
_PARAMS = "scenecut=0:open-gop=0:pools=none:frame-threads=1:wpp=0:info=0:log-level=none"


def quality_to_crf(quality: int) -> float:
    """CRF of x265 for a quality 0..63 (0: 47, 63: 19.28)."""
    return 47 - 0.44 * quality


@dataclass(frozen=True, slots=True)
class BaseSettings:
    """How the base is coded: crf 0..51, keyint = frames an I period, preset of x265, bframes False for low delay."""

    crf: float
    keyint: int
    preset: str = "medium"
    bframes: bool = True


class HevcBase:
    """Makes one encoder for each I period.

    size            (width, height) that is coded
    parameter_sets  VPS, SPS, PPS (and HDR10 messages) as Annex B, the same for every period
    """

    def __init__(self, info: VideoInfo, settings: BaseSettings) -> None:
        self.info = info
        self.settings = settings
        self.size = coded_size(info.width, info.height)
        self.parameter_sets = join_annex_b(split_annex_b(bytes(self._open().extradata or b"")))

    def open_period(self) -> "HevcPeriod":
        """An encoder for the next I period."""
        return HevcPeriod(self._open(), self.size, self.info.bit_depth)

    def _open(self) -> av.VideoCodecContext:
        context = av.CodecContext.create("libx265", "w")
        context.width, context.height = self.size
        context.pix_fmt = PIXEL_FORMATS[self.info.bit_depth][0]
        rate = self.info.frame_rate or _FALLBACK_RATE
        rate = min(max(rate.limit_denominator(65535), Fraction(1)), Fraction(1000))
        context.time_base, context.framerate = 1 / rate, rate
        context.thread_count = 1
        context.flags |= Flags.global_header
        _set_colors(context, self.info)
        context.options = {
            "preset": self.settings.preset,
            "tune": "psnr",
            "crf": f"{self.settings.crf:.2f}",
            "x265-params": _x265_params(self.info, self.settings, min(self.size)),
        }
        try:
            context.open()
        except av.FFmpegError as error:
            raise NvcError(f"x265 refused a base of {self.size[0]}x{self.size[1]}: {error}") from error
        return context


class HevcPeriod:
    """Codes the frames of one I period; needs memory for x265's lookahead and the coded bytes only."""

    def __init__(self, context: av.VideoCodecContext, size: tuple[int, int], bit_depth: int) -> None:
        self._context, self._size, self._bit_depth = context, size, bit_depth
        self.units: list[tuple[int, list[bytes]]] = []  # given so far, as ``finish`` returns them
        self.n_frames = 0

    def push(self, planes: Planes) -> None:
        """Code the next frame: y (H, W), u and v halves, true or coded size, uint8 or uint16 (10 bit)."""
        frame = to_av_frame(pad_planes(planes, *self._size[::-1]), self._bit_depth)
        frame.pts, frame.time_base = self.n_frames, self._context.time_base
        self.n_frames += 1
        self._take(self._context.encode(frame))

    def finish(self) -> list[tuple[int, list[bytes]]]:
        """(position in display order, NAL units without parameter sets) of each access unit in decode order."""
        self._take(self._context.encode(None))
        if sorted(position for position, _ in self.units) != list(range(self.n_frames)):
            raise NvcError(f"x265 gave {len(self.units)} access units for {self.n_frames} frames")
        return self.units

    def _take(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            nals = [nal for nal in split_annex_b(bytes(packet)) if nal_type(nal) not in PARAMETER_SETS]
            if packet.pts is None or not any(map(is_slice, nals)):
                raise NvcError("x265 gave an access unit without a time or a slice")
            self.units.append((packet.pts, nals))


class HevcBaseDecoder:
    """Decodes access units of a base in decode order; pictures come out in display order, late by the reordering.

    parameter_sets  Annex B, as HevcBase names them
    size            (width, height) of the pictures: larger ones, which damage can name, are not decoded
    threads         0 = as many as libavcodec likes
    """

    def __init__(
        self, parameter_sets: bytes, bit_depth: int, size: tuple[int, int] = (MAX_SIDE, MAX_SIDE), threads: int = 0
    ) -> None:
        self.bit_depth = bit_depth
        self._closed = False
        self._context = av.CodecContext.create("hevc", "r")
        self._context.extradata = parameter_sets
        self._context.thread_count = threads
        self._context.thread_type = "AUTO"
        self._context.options = {"max_pixels": str(max_pixels(*size))}

    def decode(self, data: bytes, position: int) -> list[av.VideoFrame]:
        """Push one Annex B access unit; frames carry its ``position`` as their pts. CorruptError where refused."""
        if self._closed:
            raise UsageError("the decoder is closed")
        if not data:
            return []  # to libavcodec an empty packet is the end
        # A copy that libavcodec owns: freeing Python's own bytes needs the interpreter's lock, which closing a decoder
        # holds while it waits for its threads, and those free packets.
        packet = av.Packet(len(data))
        packet.update(data)
        packet.pts = position
        try:
            return self._context.decode(packet)
        except av.FFmpegError as error:
            raise CorruptError(f"a picture of the base does not decode: {error}") from error

    def drain(self) -> list[av.VideoFrame]:
        """The frames that are still held; the next access unit must be an I picture."""
        if self._closed:
            return []
        try:
            return self._context.decode(None)
        except av.FFmpegError as error:
            raise CorruptError(f"a picture of the base does not decode: {error}") from error
        finally:
            self._context.flush_buffers()

    def close(self) -> None:
        """Drain, so that no thread is at work when the context is freed: that can wait for ever. Safe to call again."""
        with suppress(CorruptError):
            self.drain()
        self._closed = True

    def __del__(self) -> None:
        if hasattr(self, "_context"):
            with suppress(Exception):  # the interpreter may be on its way out
                self.close()


def _set_colors(context: av.VideoCodecContext, info: VideoInfo) -> None:
    """Write what the picture means into the stream itself (VUI), so that it survives every container."""
    context.color_primaries = info.primaries
    context.color_trc = info.transfer
    context.colorspace = info.matrix
    context.color_range = info.color_range
    if info.sample_aspect:
        context.sample_aspect_ratio = info.sample_aspect


def _x265_params(info: VideoInfo, settings: BaseSettings, side: int) -> str:
    params = [f"keyint={settings.keyint}:min-keyint={settings.keyint}", _PARAMS]
    if not settings.bframes:
        params.append("bframes=0:b-adapt=0")
    if side < SMALL_SIDE:
        params.append("no-cutree=1")
    if side <= _TREE_UNITS[0]:
        params.append(f"ctu={next((unit for unit in _TREE_UNITS if unit < side), _TREE_UNITS[-1])}")
    if info.chroma_location:
        params.append(f"chromaloc={info.chroma_location - 1}")
    if info.mastering is not None:
        green, blue, red, white = (f"({x},{y})" for x, y in info.mastering.primaries)
        most, least = info.mastering.luminance
        params.append(f"master-display=G{green}B{blue}R{red}WP{white}L({most},{least})")
    if info.content_light is not None:
        params.append(f"max-cll={info.content_light[0]},{info.content_light[1]}")
    return ":".join(params)
