"""Codes clips in memory as a user would with x265, x264 or SVT-AV1, and gives back what a player shows of them.

For training and measuring enhancement. Unlike the base of layered mode (codec/base) one encoder codes the whole clip.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av

from nvc.codec.base_planes import Planes, from_av_frame, to_av_frame
from nvc.color import pad_planes
from nvc.container.hevc_headers import HevcHeaders
from nvc.errors import NvcError
from nvc.io.coding import CodingReader
from nvc.types import CodedAs

_ENCODERS = {"x265": "libx265", "x264": "libx264", "svt-av1": "libsvtav1"}
_DECODERS = {"x265": "hevc", "x264": "h264", "svt-av1": "libdav1d"}
_RATE = Fraction(25)
_SMALL = 64  # x265's cutree writes past its memory on smaller sides


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """One way to code a clip.

    codec     "x265", "x264" or "svt-av1"
    preset    of that encoder
    constant  True: ``rate`` is a constant quantiser; False: a rate factor (crf)
    psnr      tune for PSNR, as benchmarks do; False is what users type
    """

    codec: str
    preset: str
    rate: float
    constant: bool = False
    psnr: bool = False


@dataclass(frozen=True, slots=True)
class CodedClip:
    """What became of a clip: pictures in display order, how each was coded, and bytes of the stream."""

    pictures: tuple[Planes, ...]
    coded: tuple[CodedAs, ...]
    bytes: int


def code_clip(frames: Sequence[Planes], settings: StreamSettings) -> CodedClip:
    """Code 8-bit frames of one size and decode them again; one thread.

    Raises NvcError where the encoder refuses, or a frame does not come back.
    """
    height, width = frames[0][0].shape
    even = width + width % 2, height + height % 2
    encoder = _encoder(even, settings)
    packets = []
    for k, planes in enumerate(frames):
        frame = to_av_frame(pad_planes(planes, *even[::-1]), 8)
        frame.pts, frame.time_base = k, encoder.time_base
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    shown = _decode(packets, bytes(encoder.extradata or b""), settings.codec)
    if len(shown) != len(frames):
        raise NvcError(f"{settings.codec} gave {len(shown)} of {len(frames)} frames")
    pictures = tuple(_cropped(planes, height, width) for planes, _ in shown)
    return CodedClip(pictures, tuple(coded for _, coded in shown), sum(packet.size for packet in packets))


def _encoder(size: tuple[int, int], settings: StreamSettings) -> av.VideoCodecContext:
    os.environ.setdefault("SVT_LOG", "1")  # errors only; read before the first encoder
    context = av.CodecContext.create(_ENCODERS[settings.codec], "w")
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base, context.framerate = 1 / _RATE, _RATE
    context.thread_count = 1
    context.options = _options(settings, min(size))
    try:
        context.open()
    except av.FFmpegError as error:
        raise NvcError(f"{settings.codec} refused {size[0]}x{size[1]}: {error}") from error
    return context


def _options(settings: StreamSettings, side: int) -> dict[str, str]:
    rate = f"{settings.rate:g}"
    if settings.codec == "svt-av1":
        name = "qp" if settings.constant else "crf"
        return {"preset": settings.preset, name: f"{round(settings.rate)}", "svtav1-params": "lp=1"}
    options = {"preset": settings.preset} | ({"tune": "psnr"} if settings.psnr else {})
    if settings.codec == "x264":
        return options | {"qp" if settings.constant else "crf": rate}
    params = "pools=none:frame-threads=1:wpp=0:info=0:log-level=none"
    if settings.constant:
        params += f":qp={round(settings.rate)}"
    if side < _SMALL:
        params += ":no-cutree=1"
    return options | {"x265-params": params} | ({} if settings.constant else {"crf": rate})


def _decode(packets: Sequence[av.Packet], extradata: bytes, codec: str) -> list[tuple[Planes, CodedAs]]:
    context = av.CodecContext.create(_DECODERS[codec], "r")
    context.thread_count = 1
    if extradata and codec != "svt-av1":
        context.extradata = extradata
    reader = CodingReader(context, HevcHeaders())
    shown = []
    for packet in [*packets, None]:
        if packet is not None:
            reader.note(packet)
        for frame in context.decode(packet):
            shown.append((from_av_frame(frame, 8), reader.coded_as(frame)))
    return shown


def _cropped(planes: Planes, height: int, width: int) -> Planes:
    y, u, v = planes
    rows, columns = (height + 1) // 2, (width + 1) // 2
    return y[:height, :width].copy(), u[:rows, :columns].copy(), v[:rows, :columns].copy()
