"""VVC intra stills: VVenC through the ffmpeg program when encoding, libavcodec's own decoder when decoding.

A fresh process codes each picture, so its bytes depend on nothing but the picture and the QP. VVenC takes 10 bit only:
8-bit pictures are coded as 10 bit and rounded on the way back, which is part of the format.
"""

import functools
import subprocess

import av
import numpy as np
from av.codec.context import Flags

from nvc.codec.base_planes import Planes, from_av_frame, max_pixels
from nvc.codec.intra_hevc import coded_size
from nvc.color import pad_planes
from nvc.container.nal import SHORT_START_CODE, join_compact, split_annex_b, split_compact
from nvc.errors import CorruptError, DeviceError, FormatError, LimitError, NvcError
from nvc.types import MAX_SIDE, VideoInfo

MAX_QP = 63
PRESETS = ("faster", "fast", "medium", "slow", "slower")
_DEPTH = 10
_FORMAT = "yuv420p10le"
# NAL unit types of ITU-T H.266, table 5.
_HEAD = range(13, 17)  # decoding capability, VPS, SPS, PPS
_PICTURE = frozenset((7, 8, 9, 17, 18))  # IDR and CRA slices, adaptation parameter sets
_SECONDS, _SECONDS_A_MEGAPIXEL = 600, 60
_EXTERNAL_ERROR = 187  # exit code of ffmpeg where a library that it calls gives up: AVERROR_EXTERNAL & 255


class RefusedError(NvcError):
    """VVenC does not code this picture."""


def vvc_nal_type(nal: bytes) -> int:
    """Type 0..31 of a VVC NAL unit (ITU-T H.266, 7.3.1.2), -1 for one without a whole head."""
    return nal[1] >> 3 if len(nal) > 1 else -1


@functools.cache
def vvenc() -> str | None:
    """The ffmpeg program where it has VVenC, else None."""
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        listed = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, timeout=60, check=True)
    except (RuntimeError, OSError, subprocess.SubprocessError):
        return None
    return program if b" libvvenc " in listed.stdout else None


@functools.cache
def can_decode() -> bool:
    """Whether libavcodec has a VVC decoder."""
    return "vvc" in av.codecs_available


class VvcIntra:
    """Codes single pictures as VVC intra; as HevcIntra otherwise.

    chroma_offset   added to the QP of chroma, -12..12
    parameter_sets  decoding capability, VPS, SPS and PPS in compact form, the same for every QP
    Raises DeviceError where the ffmpeg program has no VVenC or fails, RefusedError for what it does not code.
    """

    def __init__(self, info: VideoInfo, preset: str = "medium", chroma_offset: int = 0) -> None:
        if preset not in PRESETS:
            raise FormatError(f"preset of VVC intra must be one of {', '.join(PRESETS)}, got {preset!r}")
        self.bit_depth = info.bit_depth
        self.size = coded_size(info.width, info.height)
        self._preset, self._chroma_offset = preset, chroma_offset
        width, height = self.size
        grey = tuple(np.full((height // n, width // n), 512, np.uint16) for n in (1, 2, 2))
        head, _ = self._run(grey, 63)  # type: ignore[arg-type]
        self.parameter_sets = join_compact(head)

    def encode(self, planes: Planes, qp: int) -> bytes:
        """NAL units of one picture in compact form, without parameter sets. planes, qp: as of HevcIntra, QP 0..63."""
        if not 0 <= qp <= MAX_QP:
            raise FormatError(f"QP of an intra picture must be 0..{MAX_QP}, got {qp}")
        width, height = self.size
        rows, columns = planes[0].shape
        if rows > height or columns > width:
            raise FormatError(f"an intra picture must be {width}x{height}, got {columns}x{rows}")
        scaled = tuple(p.astype(np.uint16) << (_DEPTH - self.bit_depth) for p in pad_planes(planes, height, width))
        head, picture = self._run(scaled, qp)  # type: ignore[arg-type]
        if join_compact(head) != self.parameter_sets:
            raise NvcError("VVenC changed its parameter sets from one picture to the next")
        return join_compact(picture)

    def _run(self, planes: Planes, qp: int) -> tuple[list[bytes], list[bytes]]:
        """(head, picture) as NAL units."""
        program = vvenc()
        if program is None:
            raise DeviceError("VVC intra needs an ffmpeg program with VVenC; use --intra hevc")
        width, height = self.size
        chroma = "".join(f":{name}QpOffset={self._chroma_offset}" for name in ("Cb", "Cr", "CbCr"))
        command = [
            program, "-v", "error", "-threads", "1", "-f", "rawvideo", "-pix_fmt", _FORMAT, "-s", f"{width}x{height}",
            "-r", "25", "-i", "-", "-c:v", "libvvenc", "-preset", self._preset, "-qp", str(qp), "-qpa", "0",
            "-vvenc-params", f"intraperiod=1:threads=1{chroma}", "-f", "vvc", "-",
        ]  # fmt: skip
        data = b"".join(np.ascontiguousarray(p, "<u2").tobytes() for p in planes)
        seconds = _SECONDS + _SECONDS_A_MEGAPIXEL * width * height / 1e6
        try:
            done = subprocess.run(command, input=data, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise LimitError(f"VVenC took more than {seconds:.0f} s for a picture of {width}x{height}") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise DeviceError(
                f"VVenC could not code an intra picture ({error}); --intra hevc does without it"
            ) from error
        nals = split_annex_b(done.stdout)
        head = [nal for nal in nals if vvc_nal_type(nal) in _HEAD]
        picture = [nal for nal in nals if vvc_nal_type(nal) in _PICTURE]
        if done.returncode or not head or not picture:
            if done.returncode < 0:
                raise LimitError(f"VVenC was killed by signal {-done.returncode}: too little memory?")
            said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no output"])[-1]
            # Only VVenC's own no is one: what is killed, or finds no memory, must not change the bytes of a stream.
            if done.returncode == _EXTERNAL_ERROR:
                raise RefusedError(f"VVenC gave no intra picture of {width}x{height}: {said}")
            raise DeviceError(f"VVenC gave no intra picture of {width}x{height} ({said}); --intra hevc does without it")
        return head, picture


class VvcIntraDecoder:
    """Decodes what VvcIntra made, pictures in any order; as HevcIntraDecoder otherwise."""

    def __init__(self, parameter_sets: bytes, bit_depth: int, size: tuple[int, int] | None = None) -> None:
        if not can_decode():
            raise FormatError("this libavcodec has no VVC decoder, which the I frames of this stream need")
        self.bit_depth = bit_depth
        self.size = size
        self._context = av.CodecContext.create("vvc", "r")
        self._context.extradata = SHORT_START_CODE + parameter_sets
        self._context.thread_count = 1
        self._context.flags |= Flags.low_delay
        self._context.options = {"max_pixels": str(max_pixels(*(size or (MAX_SIDE, MAX_SIDE))))}

    def decode(self, data: bytes) -> Planes:
        """Planes y (H, W), u and v (H/2, W/2) of the coded size, uint8 or uint16; 8 bit from 10 by (v + 2) >> 2.

        Raises CorruptError when there is no picture, or one of another size or format.
        """
        if any(vvc_nal_type(nal) not in _PICTURE for nal in split_compact(data)):
            raise CorruptError("an intra picture holds NAL units that are none of a VVC picture")
        try:
            frames = self._context.decode(av.Packet(SHORT_START_CODE + data))
            frames += self._context.decode(None)
        except av.FFmpegError as error:
            raise CorruptError(f"the VVC intra picture does not decode: {error}") from error
        finally:
            self._context.flush_buffers()
        if len(frames) != 1:
            raise CorruptError(f"a VVC intra payload of {len(data)} bytes gave {len(frames)} pictures, not 1")
        frame = frames[0]
        if frame.format.name != _FORMAT:
            raise CorruptError(f"the intra picture is {frame.format.name}, not {_FORMAT}")
        if self.size is not None and (frame.width, frame.height) != self.size:
            raise CorruptError(f"the intra picture is {frame.width}x{frame.height}, not {self.size[0]}x{self.size[1]}")
        y, u, v = from_av_frame(frame, _DEPTH)
        if self.bit_depth == _DEPTH:
            return y, u, v
        return _to_8_bit(y), _to_8_bit(u), _to_8_bit(v)


def _to_8_bit(plane: np.ndarray) -> np.ndarray:
    return np.minimum(255, (plane + 2) >> 2).astype(np.uint8)
