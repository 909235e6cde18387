"""The y4m reader: headers, cuts at every byte, pipes."""

import io
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import CorruptError, InputError, LimitError, NvcError
from nvc.io import open_video, open_writer
from nvc.io.pixels import plan_conversion, planes_of
from nvc.io.y4m import Y4mHeader, parse_header
from nvc.types import VideoInfo


def stream(make_frames, width=5, height=3, count=3, bit_depth=8, **more) -> bytes:
    info = VideoInfo(width, height, Fraction(1, 25), Fraction(25), bit_depth, **more)
    file = io.BytesIO()
    with open_writer(file, info, format="y4m") as writer:
        for frame in make_frames(info, count):
            writer.write(frame)
    return file.getvalue()


@pytest.mark.parametrize(
    "line, want",
    [
        (b"YUV4MPEG2 W16 H8 F25:1", Y4mHeader(16, 8, Fraction(25), "yuv420p")),
        (
            b"YUV4MPEG2 W16 H8 F30000:1001 It A4:3 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL",
            Y4mHeader(16, 8, Fraction(30000, 1001), "yuv420p", True, Fraction(4, 3), 2, 1),
        ),
        (b"YUV4MPEG2 W1 H1 F0:0 Ip A0:0 C420p10", Y4mHeader(1, 1, None, "yuv420p10le")),
        (b"YUV4MPEG2 W1 H1 F5:1 Cmono", Y4mHeader(1, 1, Fraction(5), "gray")),
    ],
)
def test_headers(line, want):
    assert parse_header(line) == want


@pytest.mark.parametrize(
    "line",
    [b"YUV4MPEG W1 H1", b"YUV4MPEG2 H8 F25:1", b"YUV4MPEG2 Wx H8", b"YUV4MPEG2 W8 H8 C411", b"YUV4MPEG2 W8 H8 F1:x"],
)
def test_bad_headers(line):
    with pytest.raises(InputError):
        parse_header(line)


@pytest.mark.parametrize("size", [(0, 8), (99999, 8), (16384, 16384)])
def test_absurd_sizes(size):
    with pytest.raises(LimitError):
        open_video(b"YUV4MPEG2 W%d H%d F25:1\n" % size)


@pytest.mark.parametrize("bit_depth", [8, 10])
def test_every_cut(make_frames, bit_depth):
    data = stream(make_frames, bit_depth=bit_depth)
    head = data.index(b"\n") + 1
    size = (len(data) - head) // 3
    for length in range(head, len(data)):
        whole, rest = divmod(length - head, size)
        got = []
        with open_video(data[:length]) as reader:
            if rest:
                with pytest.raises(CorruptError, match="cut short") as caught:
                    got.extend(iter_into(reader, got))
                assert caught.value.frames == whole
            elif whole:
                got = list(reader)
            else:
                with pytest.raises(InputError, match="no video frames"):
                    list(reader)
        assert len(got) == whole


def iter_into(reader, got):
    for frame in reader:
        got.append(frame)
    return ()


def test_a_wrong_frame_head_is_damage(make_frames):
    data = stream(make_frames).replace(b"FRAME\n", b"FRANK\n", 2).replace(b"FRANK\n", b"FRAME\n", 1)
    with open_video(data) as reader, pytest.raises(CorruptError, match="damaged") as caught:
        list(reader)
    assert caught.value.frames == 1


@pytest.mark.parametrize("length", range(0, 39, 3))
def test_cut_in_the_header(make_frames, length):
    with pytest.raises(NvcError):
        open_video(stream(make_frames)[:length])


def test_frame_parameters_are_stepped_over(make_frames):
    data = stream(make_frames)
    with open_video(data.replace(b"FRAME\n", b"FRAME Ip X1\n")) as one, open_video(data) as other:
        assert all(np.array_equal(a.y, b.y) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("start, frames, want", [(0, 2, [0, 1]), (1, None, [1, 2]), (2, 5, [2])])
def test_start_and_frames(make_frames, start, frames, want):
    with open_video(stream(make_frames), start=start, frames=frames) as reader:
        assert reader.info.n_frames == len(want)
        assert [f.pts for f in reader] == want


def test_tags_come_back(make_frames):
    more = {"sample_aspect": Fraction(4, 3), "color_range": 2, "chroma_location": 1}
    with open_video(stream(make_frames, **more)) as reader:
        assert {key: getattr(reader.info, key) for key in more} == more


@pytest.mark.parametrize(
    "space, planes, said", [("422", (15, 9, 9), True), ("444", (15, 15, 15), True), ("mono", (15,), True)]
)
def test_other_layouts_are_converted_and_said_once(space, planes, said):
    data = b"YUV4MPEG2 W5 H3 F25:1 C" + space.encode() + b"\n" + (b"FRAME\n" + bytes([128]) * sum(planes)) * 2
    with open_video(data) as reader:
        frames = list(reader)
        assert len(reader.notices) == said
    assert len(frames) == 2 and all((p == 128).all() for p in frames[1].planes)


def test_interlaced_and_missing_rate_are_said():
    with open_video(b"YUV4MPEG2 W1 H1 Ib\nFRAME\n\0\0\0") as reader:
        assert len(reader.notices) == 2 and len(list(reader)) == 1


COPY = """
import sys
from nvc.io import open_video, open_writer
with open_video("-") as reader, open_writer("-", reader.info) as writer:
    for frame in reader:
        writer.write(frame)
"""


def test_standard_input_to_standard_output(make_frames, root):
    data = stream(make_frames, 33, 17, 10, 10)
    with subprocess.Popen([sys.executable, "-c", COPY], cwd=root, stdin=-1, stdout=-1) as process:
        for part in (data[:50], data[50:4001], data[4001:]):
            process.stdin.write(part)
            process.stdin.flush()
        assert process.communicate(timeout=60)[0] == data


def test_reads_and_is_read_by_ffmpeg(make_frames, tmp_path):
    import av

    (tmp_path / "a.y4m").write_bytes(stream(make_frames, 17, 9, 2, 10))
    with av.open(tmp_path / "a.y4m") as container, open_video(tmp_path / "a.y4m") as reader:
        for theirs, ours in zip(container.decode(video=0), reader, strict=True):
            assert theirs.format.name == "yuv420p10le"
            got = planes_of(theirs, plan_conversion("yuv420p10le", 9))
            assert all(np.array_equal(a, b) for a, b in zip(got, ours.planes, strict=True))
