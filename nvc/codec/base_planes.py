"""NumPy planes in and out of PyAV frames, shared by the coders that run in memory."""

import av
import numpy as np
from av.video.plane import VideoPlane

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
PIXEL_FORMATS = {8: ("yuv420p", "yuvj420p"), 10: ("yuv420p10le",)}  # the j form: full range, as old decoders call it


def max_pixels(width: int, height: int) -> int:
    """What libavcodec may allocate for a picture of this size: it aligns sides before it looks at its limit."""
    return (width + 128) * (height + 128)


def to_av_frame(planes: Planes, bit_depth: int) -> av.VideoFrame:
    """A PyAV frame with a copy of the planes: y (H, W) even, u and v (H/2, W/2), uint8 or uint16 (10 bit)."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, PIXEL_FORMATS[bit_depth][0])
    for source, target in zip(planes, frame.planes, strict=True):
        _rows(target, bit_depth)[:, : source.shape[1]] = source
    return frame


def from_av_frame(frame: av.VideoFrame, bit_depth: int) -> Planes:
    """Copies of the planes of a 4:2:0 frame of ``bit_depth``: y (H, W), u and v halves, uint8 or uint16."""
    y, u, v = (_rows(p, bit_depth)[: p.height, : p.width].copy() for p in frame.planes)
    return y, u, v


def _rows(plane: VideoPlane, bit_depth: int) -> np.ndarray:
    """The memory of a PyAV plane as (rows, samples a line, padding included)."""
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    shape = plane.height, plane.line_size // np.dtype(dtype).itemsize
    return np.ndarray(shape, dtype, buffer=memoryview(plane))
