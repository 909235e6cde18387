"""open_video on files, bytes, streams and pipes."""

import io
from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import CorruptError, InputError, UsageError
from nvc.io import open_video

SIZES = [(17, 33), (321, 181), (16, 16), (48, 32), (3, 5), (1, 1)]


def same(frames, planes) -> bool:
    """All planes of all frames equal."""
    pairs = list(zip(frames, planes, strict=True))
    return all(np.array_equal(a, b) for f, p in pairs for a, b in zip(f.planes, p, strict=True))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_native_planes_are_exact(tmp_path, clip, size, pix_fmt):
    path = tmp_path / "a.mkv"
    planes = clip(*size, count=3, pix_fmt=pix_fmt, options={"level": "1" if min(size) < 16 else "3"}).write(
        path, "matroska"
    )
    with open_video(path) as reader:
        frames = list(reader)
        assert (reader.info.width, reader.info.height) == size
        assert reader.info.bit_depth == (10 if "10" in pix_fmt else 8)
        assert same(frames, planes)
        assert reader.notices == []


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "stream"])
def test_every_kind_of_source(tmp_path, clip, kind):
    path = tmp_path / "a.mkv"
    planes = clip().write(path, "matroska")
    sources = {"path": path, "str": str(path), "bytes": path.read_bytes(), "stream": io.BytesIO(path.read_bytes())}
    with open_video(sources[kind]) as reader:
        assert same(list(reader), planes)


def test_a_path_that_looks_like_a_protocol(tmp_path, clip, monkeypatch):
    clip(count=2).write(tmp_path / "http:x.mkv", "matroska")
    monkeypatch.chdir(tmp_path)
    with open_video("http:x.mkv") as reader:
        assert len(list(reader)) == 2


def test_media_from_a_pipe(tmp_path, clip, monkeypatch):
    planes = clip().write(tmp_path / "a.mkv", "matroska")

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *args):
            raise io.UnsupportedOperation

    with open_video(Pipe((tmp_path / "a.mkv").read_bytes())) as reader:
        assert same(list(reader), planes)


def test_vfr_times_are_exact(tmp_path, clip):
    pts = [0, 7, 8, 100, 101, 350, 1000, 1001]
    clip(codec="libx264", time_base=Fraction(1, 90000), pts=pts, options={"bf": "0"}).write(tmp_path / "a.mp4", "mp4")
    with open_video(tmp_path / "a.mp4") as reader:
        frames = list(reader)
    assert [f.pts for f in frames] == pts
    assert [f.duration for f in frames[:-1]] == list(np.diff(pts))
    assert frames[0].info.time_base == Fraction(1, 90000)


@pytest.mark.parametrize("start, frames, want", [(0, 3, [0, 1, 2]), (5, None, [5, 6, 7]), (2, 2, [2, 3]), (7, 9, [7])])
def test_start_and_frames(tmp_path, clip, start, frames, want):
    planes = clip().write(tmp_path / "a.mkv", "matroska")
    with open_video(tmp_path / "a.mkv", start=start, frames=frames) as reader:
        got = list(reader)
    assert same(got, [planes[i] for i in want])
    assert [f.pts for f in got] == [40 * i for i in want]
    assert [f.duration for f in got] == [40] * len(want)


def test_start_behind_the_end(tmp_path, clip):
    clip().write(tmp_path / "a.mkv", "matroska")
    with open_video(tmp_path / "a.mkv", start=8) as reader, pytest.raises(InputError, match="no frame 8"):
        list(reader)


@pytest.mark.parametrize("options", [{"start": -1}, {"frames": 0}, {"video_stream": 1}])
def test_options_that_cannot_be_taken(tmp_path, clip, options):
    clip(count=1).write(tmp_path / "a.mkv", "matroska")
    with pytest.raises(UsageError):
        open_video(tmp_path / "a.mkv", **options)


def test_carried_packets_belong_to_the_range(tmp_path, clip):
    clip(count=50, audio=("flac",)).write(tmp_path / "a.mkv", "matroska")
    with open_video(tmp_path / "a.mkv", start=20, frames=10) as reader:
        packets = []
        for _ in reader:
            packets += reader.take_carried()
        packets += reader.take_carried()
    ends = [p.pts + p.duration for p in packets]
    assert packets and packets[0].pts <= 800 < ends[0]
    assert packets[-1].pts < 1200 <= ends[-1] + 1


def test_carry_can_be_switched_off_or_chosen(tmp_path, clip):
    clip(audio=("flac", "aac"), srt=True).write(tmp_path / "a.mkv", "matroska")
    for carry, kinds in ((True, ["audio", "audio", "subtitle"]), (False, []), ({"subtitle"}, ["subtitle"])):
        with open_video(tmp_path / "a.mkv", carry=carry) as reader:
            assert [c.kind for c in reader.carried] == kinds
            assert [c.index for c in reader.carried] == list(range(len(kinds)))


@pytest.mark.parametrize("data", [b"", b"hello, world\n" * 50, bytes(5000), b"\x1a\x45\xdf\xa3junk"])
def test_what_is_no_video(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(InputError) as caught:
        open_video(tmp_path / "a.txt")
    assert "\n" not in str(caught.value) and caught.value.exit_code == 3


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(InputError):
            open_video(path)


def test_raw_planes_need_a_format(tmp_path):
    (tmp_path / "a.yuv").write_bytes(bytes(600))
    with pytest.raises(UsageError, match="--raw"):
        open_video(tmp_path / "a.yuv")


def test_sound_only_is_no_video(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(4000))
    with pytest.raises(InputError, match="no video stream"):
        open_video(tmp_path / "a.wav")


@pytest.mark.parametrize("container_format, suffix", [("matroska", "mkv"), ("mp4", "mp4")])
@pytest.mark.parametrize("part", [0.4, 0.7, 0.95])
def test_cut_files_are_reported_after_their_whole_frames(tmp_path, clip, container_format, suffix, part):
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    maker = clip(96, 64, 30, "libx264", options={"qp": "20", "bf": "0"}, container_options=options)
    path = tmp_path / f"a.{suffix}"
    maker.write(path, container_format)
    with open_video(path) as reader:
        whole = list(reader)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    got = []
    with open_video(path) as reader, pytest.raises(CorruptError, match="cut short") as caught:
        for frame in reader:
            got.append(frame)
    assert 0 < len(got) < 30 and caught.value.frames == len(got)
    assert same(got, [f.planes for f in whole[: len(got)]])


def test_every_cut_of_a_file_is_noticed(tmp_path, clip):
    file = io.BytesIO()
    clip(16, 16, 6, "libx264", audio=("aac",)).write(file, "matroska")
    data = file.getvalue()
    for size in range(300, len(data), 97):
        with pytest.raises((CorruptError, InputError)):
            with open_video(data[:size]) as reader:
                list(reader)


def test_mp4_without_its_index(tmp_path, clip):
    clip(codec="libx264").write(tmp_path / "a.mp4", "mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    with pytest.raises(CorruptError, match="index is missing") as caught:
        open_video(data[:-300])
    assert caught.value.frames == 0


def test_a_limited_read_ends_before_the_damage(tmp_path, clip):
    file = io.BytesIO()
    clip(96, 64, 30, "libx264", options={"bf": "0"}).write(file, "matroska")
    data = file.getvalue()
    with open_video(data[: len(data) * 2 // 3], frames=3) as reader:
        assert len(list(reader)) == 3


def test_damage_in_the_middle_is_reported_at_the_end(clip):
    file = io.BytesIO()
    clip(96, 64, 30, "libx264", options={"bf": "0", "g": "10", "qp": "24"}).write(file, "matroska")
    data = bytearray(file.getvalue())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    got = []
    with open_video(bytes(data)) as reader, pytest.raises(CorruptError) as caught:
        for frame in reader:
            got.append(frame)
    assert len(got) > 15 and caught.value.frames == len(got)


def test_size_change_ends_with_what_came_before():
    import av

    def elementary(size):
        context = av.CodecContext.create("libx264", "w")
        context.width = context.height = size
        context.pix_fmt, context.time_base, context.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
        frames = []
        for index in range(5):
            frame = av.VideoFrame(size, size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = index
            frames.append(frame)
        return b"".join(bytes(p) for f in [*frames, None] for p in context.encode(f))

    with (
        open_video(elementary(32) + elementary(48)) as reader,
        pytest.raises(CorruptError, match="32x32 to 48x48") as e,
    ):
        assert reader.info.width == 32
        for _ in reader:
            pass
    assert e.value.frames == 5 and e.value.exit_code == 5
