"""What a PyAV stream and its first frame say of the track, as VideoInfo."""

import re
import threading
import time
from fractions import Fraction
from typing import Any

import av

from nvc.errors import FormatError
from nvc.io import color_tags
from nvc.io.pixels import Conversion
from nvc.types import VideoInfo

_CHROMA_FIELD = re.compile(r"\b(chroma_sample_loc_type_top_field|chroma_sample_position)\s+\S+ = (\d+)")
_TRACED = ("h264", "hevc", "av1", "vvc")
_AV1_LOCATIONS = {1: 1, 2: 3}  # vertical = left, colocated = top left
_TRACE_LOCK = threading.Lock()  # the log level belongs to the process


def video_info(
    stream: av.VideoStream, frame: av.VideoFrame, conversion: Conversion, *, key_packet: av.Packet | None = None
) -> VideoInfo:
    """VideoInfo of a decoded stream.

    stream      read from a container; frame is its first picture, conversion what is done to its pixels
    key_packet  a first coded packet, for streams whose parameter sets are inside the packets
    Raises LimitError for a picture too large, FormatError for a stream without a time base.
    """
    if not stream.time_base:
        raise FormatError("the video stream has no time base")
    size = max(1, frame.width), max(1, frame.height)
    sides = side_data(frame)
    matrix = conversion.matrix if conversion.matrix is not None else color_tags.code_point(frame.colorspace)
    color_range = conversion.color_range if conversion.color_range is not None else int(frame.color_range)
    return VideoInfo(
        *size,
        time_base=stream.time_base,
        frame_rate=frame_rate(stream),
        bit_depth=conversion.bit_depth,
        matrix=color_tags.UNSPECIFIED if matrix == 0 else matrix,  # 0 is RGB, which 4:2:0 cannot be
        primaries=color_tags.code_point(frame.color_primaries),
        transfer=color_tags.code_point(frame.color_trc),
        color_range=color_range if color_range in (0, 1, 2) else 0,
        chroma_location=chroma_location(stream, key_packet) if conversion.native else 0,
        sample_aspect=_aspect(stream),
        rotation=color_tags.rotation_of(frame.rotation)[0],
        mastering=color_tags.parse_mastering(sides.get("MASTERING_DISPLAY_METADATA", b"")),
        content_light=color_tags.parse_content_light(sides.get("CONTENT_LIGHT_LEVEL", b"")),
        n_frames=stream.frames or None,
    )


def side_data(frame: av.VideoFrame) -> dict[str, bytes]:
    """Side data of a frame by FFmpeg's name (iterating the mapping itself fails in PyAV 18)."""
    sides: Any = frame.side_data
    items = (sides[i] for i in range(len(sides)))
    return {item.type.name: bytes(item) for item in items}


def frame_rate(stream: av.VideoStream) -> Fraction | None:
    """The nominal rate: the average the container tells, else FFmpeg's guess, else None."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return None


def chroma_location(stream: av.VideoStream, key_packet: av.Packet | None = None) -> int:
    """VideoInfo.chroma_location as the parameter sets of H.264, HEVC, VVC and AV1 say it, 0 where they do not.

    PyAV does not expose it; FFmpeg's trace_headers filter logs it, first for the extradata.
    """
    name = stream.codec_context.codec.canonical_name
    if name not in _TRACED:
        return 0
    try:
        text = _trace(stream, key_packet)
    except (av.FFmpegError, ValueError):
        return 0
    found = _CHROMA_FIELD.search(text)
    if not found:
        return 0
    value = int(found[2])
    if name == "av1":
        return _AV1_LOCATIONS.get(value, 0)
    return value + 1 if value <= 5 else 0


def _trace(stream: av.VideoStream, packet: av.Packet | None) -> str:
    with _TRACE_LOCK:
        level = av.logging.get_level()
        try:
            with av.logging.Capture() as lines:
                av.logging.set_level(av.logging.TRACE)
                bsf = av.BitStreamFilterContext("trace_headers", stream)
                if packet is not None and not stream.codec_context.extradata:
                    bsf.filter(packet)
        finally:
            # Decoder threads may be inside the log callback, which cannot compare with None: let them leave first.
            av.logging.set_level(av.logging.PANIC)
            time.sleep(0.002)
            av.logging.set_level(level)
    return "".join(line[2] for line in lines)


def _aspect(stream: av.VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and aspect > 0 else Fraction(0)
