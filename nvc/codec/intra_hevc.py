"""The intra coder that is always there: HEVC intra stills, by x265 and libavcodec in memory.

A fresh x265 instance codes each picture, so its bytes depend on nothing but the picture and the QP: a running
instance remembers (one bit of the slice header changes), which would break equal bytes on resume and in parallel.
"""

from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags

from nvc.codec.base_planes import PIXEL_FORMATS, Planes, from_av_frame, max_pixels, to_av_frame
from nvc.color import pad_planes
from nvc.container.nal import PARAMETER_SETS as PARAMETER_SET_TYPES
from nvc.container.nal import SHORT_START_CODE, is_slice, join_compact, nal_type, split_annex_b, split_compact
from nvc.errors import CorruptError, FormatError, NvcError
from nvc.types import MAX_SIDE, VideoInfo

MIN_SIDE = 16  # x265 refuses less
MAX_QP = 51
# cutree corrupts memory on small pictures and has nothing to do in a still; every switch needs its value.
_PARAMS = (
    "qp={qp}:cbqpoffs={chroma}:crqpoffs={chroma}:keyint=1:bframes=0:rc-lookahead=0:scenecut=0:no-cutree=1:aq-mode=0:ipratio=1"
    ":pools=none:frame-threads=1:wpp=0:info=0:log-level=none"
)


def coded_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) that is coded for a picture of this size: even, 16 or more a side."""
    return max(MIN_SIDE, width + width % 2), max(MIN_SIDE, height + height % 2)


class HevcIntra:
    """Codes single pictures as HEVC intra.

    chroma_offset   added to the QP of chroma, -12..12
    parameter_sets  VPS, SPS and PPS in compact form (nvc.container.nal), the same for every QP: sent once
    """

    def __init__(self, info: VideoInfo, preset: str = "veryslow", chroma_offset: int = 0) -> None:
        self.bit_depth = info.bit_depth
        self.size = coded_size(info.width, info.height)
        self._preset, self._chroma_offset = preset, chroma_offset
        context = self._open(32)
        self.parameter_sets = join_compact(
            nal for nal in split_annex_b(bytes(context.extradata or b"")) if nal_type(nal) in PARAMETER_SET_TYPES
        )

    def encode(self, planes: Planes, qp: int) -> bytes:
        """Slice NAL units of one picture in compact form, without parameter sets.

        planes  y (H, W), u and v (H/2, W/2) of the picture or of its coded size (padded by the edge where smaller),
                uint8 or uint16 (10 bit)
        qp      0..51 of HEVC, as it is for 8 and 10 bit alike
        """
        if not 0 <= qp <= MAX_QP:
            raise FormatError(f"QP of an intra picture must be 0..{MAX_QP}, got {qp}")
        frame = to_av_frame(self._padded(planes), self.bit_depth)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        context = self._open(qp)
        packets = [*context.encode(frame), *context.encode(None)]
        slices = [nal for packet in packets for nal in split_annex_b(bytes(packet)) if is_slice(nal)]
        if len(packets) != 1 or not slices:
            raise NvcError(f"x265 gave {len(packets)} packets for one intra picture of {self.size[0]}x{self.size[1]}")
        return join_compact(slices)

    def _padded(self, planes: Planes) -> Planes:
        width, height = self.size
        rows, columns = planes[0].shape
        dtype = np.uint8 if self.bit_depth == 8 else np.uint16
        if rows > height or columns > width or any(p.dtype != dtype for p in planes):
            raise FormatError(f"an intra picture must be {width}x{height} {dtype.__name__}, got {columns}x{rows}")
        return pad_planes(planes, height, width)

    def _open(self, qp: int) -> av.VideoCodecContext:
        context = av.CodecContext.create("libx265", "w")
        context.width, context.height = self.size
        context.pix_fmt = PIXEL_FORMATS[self.bit_depth][0]
        context.time_base, context.framerate = Fraction(1, 25), Fraction(25, 1)
        context.thread_count = 1
        context.flags |= Flags.global_header
        parameters = _PARAMS.format(qp=qp, chroma=self._chroma_offset)
        context.options = {"preset": self._preset, "tune": "psnr", "x265-params": parameters}
        try:
            context.open()
        except av.FFmpegError as error:
            raise NvcError(f"x265 refused an intra picture of {self.size[0]}x{self.size[1]}: {error}") from error
        return context


class HevcIntraDecoder:
    """Decodes what HevcIntra made, pictures in any order.

    parameter_sets  of HevcIntra
    size            (width, height) coded, if given every picture is checked against it
    """

    def __init__(self, parameter_sets: bytes, bit_depth: int, size: tuple[int, int] | None = None) -> None:
        self.bit_depth = bit_depth
        self.size = size
        self._context = av.CodecContext.create("hevc", "r")
        self._context.extradata = SHORT_START_CODE + parameter_sets
        self._context.thread_count = 1
        self._context.options = {"max_pixels": str(max_pixels(*(size or (MAX_SIDE, MAX_SIDE))))}

    def decode(self, data: bytes) -> Planes:
        """Planes y (H, W), u and v (H/2, W/2) of the coded size, uint8 or uint16.

        libavcodec shows many a damaged picture without an error: check the sum of ``data`` before.
        Raises CorruptError when there is no picture, or one of another size or depth.
        """
        if not all(is_slice(nal) for nal in split_compact(data)):
            raise CorruptError("an intra picture holds other NAL units than slices")
        try:
            frames = self._context.decode(av.Packet(SHORT_START_CODE + data))
            frames += self._context.decode(None)
        except av.FFmpegError as error:
            raise CorruptError(f"the HEVC intra picture does not decode: {error}") from error
        finally:
            self._context.flush_buffers()
        if len(frames) != 1:
            raise CorruptError(f"an HEVC intra payload of {len(data)} bytes gave {len(frames)} pictures, not 1")
        return self._checked(frames[0])

    def _checked(self, frame: av.VideoFrame) -> Planes:
        if frame.format.name not in PIXEL_FORMATS[self.bit_depth]:
            raise CorruptError(f"the intra picture is {frame.format.name}, not {self.bit_depth} bit 4:2:0")
        if self.size is not None and (frame.width, frame.height) != self.size:
            want = f"{self.size[0]}x{self.size[1]}"
            raise CorruptError(f"the intra picture is {frame.width}x{frame.height}, not {want}")
        return from_av_frame(frame, self.bit_depth)
