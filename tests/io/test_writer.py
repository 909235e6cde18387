"""open_writer: which output an ending means, and what comes back from it."""

import io
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from nvc.errors import OutputError, UsageError
from nvc.io import open_video, open_writer, parse_raw
from nvc.types import VideoInfo


def info_of(width=48, height=32, bit_depth=8, **more) -> VideoInfo:
    return VideoInfo(width, height, Fraction(1, 25), Fraction(25), bit_depth, **more)


def write_all(dest, info, frames, **options) -> list[str]:
    with open_writer(dest, info, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.notices


def same(got, frames) -> bool:
    pairs = [(a, b) for f, g in zip(got, frames, strict=True) for a, b in zip(f.planes, g.planes, strict=True)]
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("size", [(17, 33), (321, 181), (16, 16), (1, 1)])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("suffix", ["y4m", "yuv"])
def test_planar_outputs_are_exact(tmp_path, make_frames, size, bit_depth, suffix):
    info = info_of(*size, bit_depth)
    frames = make_frames(info, 3)
    path = tmp_path / f"a.{suffix}"
    assert write_all(path, info, frames) == []
    raw = parse_raw("{}x{}@25:yuv420p{}".format(*size, "10" if bit_depth == 10 else "")) if suffix == "yuv" else None
    with open_video(path, raw=raw) as reader:
        assert same(list(reader), frames)
        assert reader.info.frame_rate == 25 and reader.info.n_frames == 3
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("rate", [Fraction(25), None])
@pytest.mark.parametrize("suffix", ["y4m", "yuv"])
def test_variable_times_are_told_once(tmp_path, make_frames, suffix, rate):
    info = replace(info_of(), frame_rate=rate)
    frames = [replace(frame, duration=1) for frame in make_frames(info, 4, [3, 4, 9, 20])]
    notices = write_all(tmp_path / f"a.{suffix}", info, frames)
    assert [text for text in notices if "no times" in text] == notices[-1:] != []
    assert not [text for text in write_all(tmp_path / f"b.{suffix}", info, frames[:2]) if "no times" in text]


@pytest.mark.parametrize("name", ["a.y4m", "a.yuv", "a/"])
def test_what_bare_pictures_cannot_say_is_told_once(tmp_path, make_frames, name):
    info = info_of(bit_depth=10, rotation=90, content_light=(1000, 400))
    (notice,) = write_all(f"{tmp_path}/{name}", info, make_frames(info, 2))
    assert "90 degrees" in notice and "HDR10" in notice


def test_png_folder(tmp_path, make_frames):
    for bit_depth, form in ((8, "rgb24"), (10, "rgb48be")):
        info = info_of(17, 33, bit_depth, color_range=2)
        path = tmp_path / f"frames{bit_depth}"
        write_all(f"{path}/", info, make_frames(info, 2))
        assert sorted(p.name for p in path.iterdir()) == ["000000.png", "000001.png"]
        with av.open(path / "000001.png") as container:
            frame = next(container.decode(video=0))
        assert (frame.width, frame.height, frame.format.name) == (17, 33, form)


@pytest.mark.parametrize(
    "name, options",
    [
        ("a.mp4", {"codec": "ffv1"}),
        ("a.mkv", {"codec": "vp9"}),
        ("a.mkv", {"codec": "ffv1", "crf": 3}),
        ("a.y4m", {"crf": 3}),
    ]
    + [("a.mp4", {"crf": 60}), ("a.avi", {}), ("a.mp4", {"format": "mpg"})],
)
def test_options_that_do_not_fit(tmp_path, name, options):
    with pytest.raises(UsageError):
        open_writer(tmp_path / name, info_of(), **options)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_another_size_are_refused(tmp_path, make_frames):
    with pytest.raises(UsageError, match="48x32"), open_writer(tmp_path / "a.yuv", info_of()) as writer:
        writer.write(make_frames(info_of(32, 32), 1)[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.y4m", "a.yuv", "folder"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_stays_after_an_error(tmp_path, make_frames, name, error):
    info = info_of()
    with pytest.raises(error), open_writer(tmp_path / name, info) as writer:
        writer.write(make_frames(info, 1)[0])
        raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.y4m", "folder"])
def test_no_overwrite_unless_told(tmp_path, make_frames, name):
    info = info_of()
    write_all(tmp_path / name, info, make_frames(info, 1))
    with pytest.raises(UsageError, match="exists"):
        open_writer(tmp_path / name, info)
    assert write_all(tmp_path / name, info, make_frames(info, 2), overwrite=True) == []


@pytest.mark.parametrize("name", ["none/a.mp4", "none/a.y4m", "none/folder"])
def test_missing_folder(tmp_path, name):
    with pytest.raises(OutputError):
        open_writer(tmp_path / name, info_of())


@pytest.mark.parametrize("form", ["mp4", "mkv", "y4m", "yuv"])
def test_binary_stream(make_frames, form):
    info, file = info_of(), io.BytesIO()
    write_all(file, info, make_frames(info, 3), format=form)
    with open_video(file.getvalue(), raw=parse_raw("48x32@25") if form == "yuv" else None) as reader:
        assert len(list(reader)) == 3
    with pytest.raises(UsageError):
        open_writer(io.BytesIO(), info)


def test_y4m_says_when_times_are_lost(tmp_path, make_frames):
    info = info_of()
    assert write_all(tmp_path / "a.y4m", info, make_frames(info, 3, [0, 5, 6])) != []


LIMITED = """
import resource, sys, numpy as np
from fractions import Fraction
from nvc.errors import OutputError
from nvc.io import open_writer
from nvc.types import Frame, VideoInfo
resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
info = VideoInfo(64, 64, Fraction(1, 25), Fraction(25))
rng = np.random.default_rng(1)
noise = lambda size: rng.integers(0, 255, (size, size), dtype=np.uint8)
try:
    with open_writer(sys.argv[1], info, codec=sys.argv[2] or None) as writer:
        for i in range(200):
            writer.write(Frame(noise(64), noise(32), noise(32), i, info))
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("name, codec", [("a.mp4", "x264"), ("a.mkv", "ffv1"), ("a.y4m", "")])
def test_full_disk(tmp_path, root, name, codec):
    command = [sys.executable, "-c", LIMITED, str(tmp_path / name), codec]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (3, "") and "disk is full" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_broken_pipe_passes_through(root):
    code = (
        "import sys; from fractions import Fraction; import numpy as np\n"
        "from nvc.io import open_writer; from nvc.types import Frame, VideoInfo\n"
        "info = VideoInfo(64, 64, Fraction(1, 25), Fraction(25)); z = np.zeros((64, 64), np.uint8)\n"
        "try:\n"
        "    with open_writer('-', info) as writer:\n"
        "        for i in range(2000): writer.write(Frame(z, z[:32, :32], z[:32, :32], i, info))\n"
        "except BrokenPipeError:\n"
        "    print('broken', file=sys.stderr); sys.stderr.flush(); import os; os._exit(0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=-1, stderr=-1) as process:
        assert process.stdout.read(9) == b"YUV4MPEG2"
        process.stdout.close()
        assert process.stderr.read() == b"broken\n"
