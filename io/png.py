"""A frame as the bytes of a PNG file."""

import av

from nvc.io.color_tags import sws_space
from nvc.io.pixels import frame_of
from nvc.types import Frame


def encode_png(frame: Frame) -> bytes:
    """RGB by the frame's matrix and range; 8 bit from 8-bit frames, 16 bit from 10-bit ones."""
    info = frame.info
    wide = info.bit_depth == 10
    source = frame_of(frame.planes, "yuv420p10le" if wide else "yuv420p")
    space = sws_space(info)
    picture = source.reformat(
        format="rgb48be" if wide else "rgb24",
        src_colorspace=space,
        dst_colorspace=space,
        src_color_range="JPEG" if info.color_range == 2 else "MPEG",
        dst_color_range="JPEG",
        interpolation="BICUBIC",
        threads=1,
    )
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = info.width, info.height, picture.format.name
    context.time_base, context.thread_count = info.time_base, 1
    picture.pts, picture.time_base = 0, info.time_base
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])
