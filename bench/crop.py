"""Part of a frame, of the source and of what was decoded, as PNG: for the page, to be looked at."""

import base64
import tempfile
from pathlib import Path

import numpy as np

from nvc.bench.picture import busiest_window, write_png
from nvc.bench.planes import Planes, read_frame

WIDTH, HEIGHT = 320, 240


def shown_frame(frames: int) -> int:
    """Index of the frame that is shown: two fifths through, where usual settings have no I frame or key picture."""
    return frames * 2 // 5


def make_crop(source: str | Path, decoded: str | Path, frames: int) -> dict:
    """The busiest part of one frame, at the same place in both files.

    Returns frame, top, left, width, height (in pixels) and source, coded (PNG files in base64).
    """
    index = shown_frame(frames)
    before, after = (to_8_bit(read_frame(path, index)) for path in (source, decoded))
    rows, columns = before[0].shape
    height, width = min(HEIGHT, rows) & ~1, min(WIDTH, columns) & ~1
    top, left = busiest_window(before[0], height, width)
    made = {name: _png(_cut(planes, top, left, height, width)) for name, planes in
            (("source", before), ("coded", after))}  # fmt: skip
    return {"frame": index, "top": top, "left": left, "width": width, "height": height, **made}


def to_8_bit(planes: Planes) -> Planes:
    """8-bit planes as they are, others (10 bit in uint16) rounded."""
    y, u, v = (
        plane if plane.dtype == np.uint8 else np.minimum((plane + 2) >> 2, 255).astype(np.uint8) for plane in planes
    )
    return y, u, v


def _cut(planes: Planes, top: int, left: int, height: int, width: int) -> Planes:
    y, u, v = planes
    half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
    return y[top : top + height, left : left + width], u[half], v[half]


def _png(planes: Planes) -> str:
    with tempfile.TemporaryDirectory(prefix="nvc-crop-") as work:
        path = Path(work) / "crop.png"
        write_png(planes, path)
        return base64.b64encode(path.read_bytes()).decode()
