"""Pixels of FFmpeg's formats into our planes: 4:2:0 as it is, everything else converted by libswscale."""

from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from nvc.io.color_tags import MATRIX_601, MATRIX_709

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]

# Formats that hold the same numbers as our planes: (bit depth, reader).
NATIVE = {
    "yuv420p": 8,
    "yuvj420p": 8,
    "nv12": 8,
    "nv21": 8,
    "gray": 8,
    "yuv420p10le": 10,
    "yuv420p10be": 10,
    "p010le": 10,
    "gray10le": 10,
}


@dataclass(frozen=True, slots=True)
class Conversion:
    """How frames of one format become our planes.

    source       FFmpeg's name of the format
    bit_depth    of the planes, 8 or 10
    matrix       the matrix (H.273) of the planes where the conversion sets it (from RGB), else None
    color_range  the range (FFmpeg's number) where the conversion or the format sets it, else None
    notice       what the user should know, or ""
    """

    source: str
    bit_depth: int
    matrix: int | None = None
    color_range: int | None = None
    notice: str = ""

    @property
    def native(self) -> bool:
        """True where no number is changed."""
        return self.source in NATIVE


def plan_conversion(format_name: str, height: int) -> Conversion:
    """The conversion for frames of a format and height; ValueError for a format that FFmpeg does not know."""
    full = 2 if format_name.startswith("yuvj") else None
    if format_name in NATIVE:
        notice = "grey pictures are coded with neutral chroma" if format_name.startswith("gray") else ""
        return Conversion(format_name, NATIVE[format_name], color_range=full, notice=notice)
    form = av.VideoFormat(format_name)
    bit_depth = 10 if max(c.bits for c in form.components) > 8 else 8
    target = f"{bit_depth}-bit 4:2:0"
    lost = ", transparency is dropped" if _has_alpha(format_name, form) else ""
    if form.is_rgb or form.has_palette:
        matrix = MATRIX_709 if height >= 720 else MATRIX_601
        return Conversion(format_name, bit_depth, matrix, 1, f"{format_name} is converted to {target}{lost}")
    return Conversion(format_name, bit_depth, None, full, f"{format_name} is converted to {target}{lost}")


def planes_of(frame: av.VideoFrame, conversion: Conversion) -> Planes:
    """Own copies of the planes of a frame: uint8, or uint16 with 10 bit. The frame may have any format."""
    if frame.format.name in NATIVE and NATIVE[frame.format.name] == conversion.bit_depth:
        return _native_planes(frame)
    return _native_planes(_convert(frame, conversion))


def frame_of(planes: Planes, format_name: str) -> av.VideoFrame:
    """A new frame of a planar format, filled with planes of that format's sizes and type."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, format_name)
    for target, plane in zip(frame.planes, planes, strict=True):
        size = plane.dtype.itemsize
        rows = np.ndarray((target.height, target.line_size // size), plane.dtype, buffer=memoryview(target))
        rows[:, : plane.shape[1]] = plane
    return frame


def _native_planes(frame: av.VideoFrame) -> Planes:
    name = frame.format.name
    height, width = frame.height, frame.width
    half = (height + 1) // 2, (width + 1) // 2
    luma = _rows(frame, 0, height, width, name)
    if name.startswith("gray"):
        neutral = np.full(half, 512 if NATIVE[name] == 10 else 128, luma.dtype)
        return luma.copy(), neutral, neutral.copy()
    if name in ("nv12", "nv21", "p010le"):
        pairs = _rows(frame, 1, half[0], 2 * half[1], name)
        first, second = np.ascontiguousarray(pairs[:, 0::2]), np.ascontiguousarray(pairs[:, 1::2])
        if name == "p010le":  # the ten bits are the upper ones
            return luma >> 6, first >> 6, second >> 6
        return (luma.copy(), first, second) if name == "nv12" else (luma.copy(), second, first)
    planes = luma, _rows(frame, 1, *half, name), _rows(frame, 2, *half, name)
    if name.endswith("be"):
        return tuple(p.astype(np.uint16) for p in planes)  # type: ignore[return-value]
    return tuple(p.copy() for p in planes)  # type: ignore[return-value]


def _rows(frame: av.VideoFrame, index: int, height: int, width: int, name: str) -> np.ndarray:
    """A view of a plane's buffer without the padding of its lines, (height, width)."""
    dtype = np.dtype(np.uint8) if NATIVE[name] == 8 else np.dtype(">u2" if name.endswith("be") else "<u2")
    plane = frame.planes[index]
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, plane.line_size // dtype.itemsize)[
        :height, :width
    ]


def _convert(frame: av.VideoFrame, conversion: Conversion) -> av.VideoFrame:
    """Matrix and range stay, but for RGB, which has none: limited range and the matrix of the plan."""
    target = "yuv420p" if conversion.bit_depth == 8 else "yuv420p10le"
    flags: dict[str, Any] = {"interpolation": "BICUBIC", "threads": 1}
    if conversion.matrix is not None:
        space = "ITU709" if conversion.matrix == MATRIX_709 else "ITU601"
        return frame.reformat(format=target, dst_colorspace=space, dst_color_range="MPEG", **flags)
    color_range = "JPEG" if frame.color_range == 2 or conversion.color_range == 2 else "MPEG"
    return frame.reformat(format=target, src_color_range=color_range, dst_color_range=color_range, **flags)


def _has_alpha(name: str, form: av.VideoFormat) -> bool:
    return len(form.components) in (2, 4) or name.startswith(("pal8", "rgba", "bgra", "argb", "abgr"))
