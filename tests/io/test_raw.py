"""Raw formats and headerless planes."""

import io
from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import CorruptError, InputError, UsageError
from nvc.io import RawFormat, open_video, parse_raw


@pytest.mark.parametrize(
    "text, want",
    [
        ("416x240@50:yuv420p", RawFormat(416, 240, Fraction(50))),
        ("416x240@50", RawFormat(416, 240, Fraction(50))),
        ("1x1@30000/1001:yuv420p10", RawFormat(1, 1, Fraction(30000, 1001), "yuv420p10le")),
        ("17x33@29.97:p010", RawFormat(17, 33, Fraction(2997, 100), "p010le")),
    ],
)
def test_parse(text, want):
    assert parse_raw(text) == want


@pytest.mark.parametrize(
    "text", ["", "416x240", "416@50", "0x240@50", "416x240@0", "416x240@1/0", "416x240@50:rgb24", "-1x2@3", "4x4@50:"]
)
def test_parse_refuses(text):
    with pytest.raises(UsageError):
        parse_raw(text)


def raw_bytes(planes, pix_fmt) -> bytes:
    y, u, v = planes
    if pix_fmt == "gray":
        return y.tobytes()
    if pix_fmt in ("nv12", "nv21", "p010le"):
        pairs = np.stack((v, u) if pix_fmt == "nv21" else (u, v), axis=-1)
        return (y << 6).tobytes() + (pairs << 6).tobytes() if pix_fmt == "p010le" else y.tobytes() + pairs.tobytes()
    return b"".join(p.tobytes() for p in planes)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "nv12", "nv21", "yuvj420p", "yuv420p10le", "p010le"])
@pytest.mark.parametrize("size", [(17, 33), (1, 1), (16, 16)])
def test_native_layouts_are_exact(make_picture, pix_fmt, size):
    bit_depth = 10 if "10" in pix_fmt else 8
    planes = [make_picture(*size, i, bit_depth) for i in range(3)]
    data = b"".join(raw_bytes(p, pix_fmt) for p in planes)
    with open_video(data, raw=RawFormat(*size, Fraction(50), pix_fmt)) as reader:
        frames = list(reader)
        assert reader.notices == [] and reader.info.n_frames == 3 and reader.info.bit_depth == bit_depth
        assert reader.info.color_range == (2 if pix_fmt == "yuvj420p" else 0)
    for frame, want in zip(frames, planes, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(frame.planes, want, strict=True))
    assert [f.pts for f in frames] == [0, 1, 2] and frames[0].info.time_base == Fraction(1, 50)


@pytest.mark.parametrize("pix_fmt, size", [("yuv422p", 15 + 18), ("yuv444p", 45), ("gray", 15), ("yuv444p12le", 90)])
def test_other_layouts_are_converted_with_a_notice(pix_fmt, size):
    with open_video(bytes(2 * size), raw=RawFormat(5, 3, Fraction(1), pix_fmt)) as reader:
        assert len(list(reader)) == 2
        assert len(reader.notices) == 1


def test_parts_of_frames_are_damage():
    for extra in range(1, 12):
        with open_video(bytes(2 * 12 + extra), raw=parse_raw("4x2@5")) as reader:
            with pytest.raises(CorruptError, match=f"{extra} of the 12") as caught:
                list(reader)
        assert caught.value.frames == 2


def test_start_and_frames():
    data = b"".join(bytes([i]) * 12 for i in range(6))
    with open_video(io.BytesIO(data), raw=parse_raw("4x2@5"), start=2, frames=3) as reader:
        assert [int(f.y[0, 0]) for f in reader] == [2, 3, 4]
    with open_video(data[:40], raw=parse_raw("4x2@5"), start=3) as reader, pytest.raises(CorruptError):
        list(reader)
    with open_video(data, raw=parse_raw("4x2@5"), start=6) as reader, pytest.raises(InputError, match="no frame 6"):
        list(reader)


def test_no_frames():
    with open_video(b"", raw=parse_raw("4x2@5")) as reader, pytest.raises(InputError, match="no video frames"):
        list(reader)
