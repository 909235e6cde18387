"""Pixel formats: which pass unchanged, which are converted, and how."""

import av
import numpy as np
import pytest

from nvc.io.pixels import frame_of, plan_conversion, planes_of


@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p", "nv12", "nv21", "p010le", "yuv420p10be", "yuv420p10le"])
@pytest.mark.parametrize("size", [(17, 33), (2, 2), (1, 1)])
def test_native_formats_hold_the_same_numbers(make_picture, name, size):
    bit_depth = 10 if "10" in name else 8
    planes = make_picture(*size, 3, bit_depth)
    plan = plan_conversion(name, size[1])
    assert plan.native and plan.notice == "" and plan.bit_depth == bit_depth
    got = planes_of(av_frame_in(planes, name), plan)
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(got, planes, strict=True))


def av_frame_in(planes, name) -> av.VideoFrame:
    """A frame with given 4:2:0 numbers in any of FFmpeg's layouts for them, written byte by byte."""
    y, u, v = planes
    if name in ("nv12", "nv21", "p010le"):
        pairs = np.stack((v, u) if name == "nv21" else (u, v), axis=-1).reshape(u.shape[0], -1)
        parts = (y, pairs) if name != "p010le" else (y << 6, pairs << 6)
    else:
        parts = tuple(p.astype(">u2") for p in planes) if name.endswith("be") else planes
    frame = av.VideoFrame(y.shape[1], y.shape[0], name)
    for target, part in zip(frame.planes, parts, strict=True):
        rows = np.ndarray((target.height, target.line_size), np.uint8, buffer=memoryview(target))
        data = np.frombuffer(part.tobytes(), np.uint8).reshape(part.shape[0], -1)
        rows[:, : data.shape[1]] = data
    return frame


def test_grey_gets_neutral_chroma(make_picture):
    y = make_picture(5, 3, 1)[0]
    plan = plan_conversion("gray", 3)
    got = planes_of(frame_of((y,), "gray"), plan)
    assert np.array_equal(got[0], y) and (got[1] == 128).all() and got[1].shape == (2, 3) and plan.notice


@pytest.mark.parametrize("name, bit_depth", [("yuv422p", 8), ("yuv444p10le", 10), ("yuv420p12le", 10), ("yuva420p", 8)])
def test_other_layouts_keep_flat_colour_and_range(name, bit_depth):
    for color_range in (1, 2):
        bits = av.VideoFormat(name).components[0].bits
        frame = av.VideoFrame(16, 16, name)
        frame.color_range = color_range
        for plane, value in zip(frame.planes, (200, 90, 160, 255), strict=False):
            dtype = np.uint8 if bits == 8 else np.uint16
            plane.update(np.full(plane.buffer_size // dtype().itemsize, value << (bits - 8), dtype).tobytes())
        plan = plan_conversion(name, 16)
        assert (plan.native, plan.bit_depth, plan.matrix) == (False, bit_depth, None) and plan.notice
        for plane, value in zip(planes_of(frame, plan), (200, 90, 160), strict=True):
            assert np.abs(plane.astype(int) - (value << (bit_depth - 8))).max() <= 1


@pytest.mark.parametrize("height, matrix", [(240, 6), (720, 1)])
@pytest.mark.parametrize("name", ["rgb24", "gbrp", "rgba", "bgr24"])
def test_rgb_becomes_limited_yuv(height, matrix, name):
    plan = plan_conversion(name, height)
    assert (plan.matrix, plan.color_range) == (matrix, 1)
    red = np.zeros((height, 16, 3), np.uint8)
    red[..., 0] = 255
    y, u, v = planes_of(av.VideoFrame.from_ndarray(red, format="rgb24").reformat(format=name), plan)
    want = {6: (81, 90, 240), 1: (63, 102, 240)}[matrix]
    assert all(np.abs(p.astype(int) - w).max() <= 2 for p, w in zip((y, u, v), want, strict=True))


def test_alpha_is_said():
    assert "transparency" in plan_conversion("yuva420p", 16).notice
    assert "transparency" not in plan_conversion("yuv422p", 16).notice
