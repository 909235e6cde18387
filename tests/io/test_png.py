"""Frames as PNG."""

import io
from fractions import Fraction

import av
import numpy as np

from nvc.io.png import encode_png
from nvc.types import Frame, VideoInfo


def test_grey_png_values_follow_the_range(tmp_path):
    for color_range, luma in ((1, 126), (2, 128)):
        info = VideoInfo(16, 16, Fraction(1, 25), color_range=color_range)
        plane = np.full((8, 8), 128, np.uint8)
        data = encode_png(Frame(np.full((16, 16), luma, np.uint8), plane, plane, 0, info))
        with av.open(io.BytesIO(data)) as container:
            rgb = next(container.decode(video=0)).to_ndarray(format="rgb24")
        assert np.abs(rgb.astype(int) - 128).max() <= 1
