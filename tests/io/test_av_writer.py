"""Encoded outputs: exactness, times, padding, memory, what is refused."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from nvc.errors import OutputError, UsageError
from nvc.io import open_video, open_writer
from nvc.types import CarriedPacket, VideoInfo


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


@pytest.mark.parametrize("size", [(17, 33), (48, 32), (321, 181)])
@pytest.mark.parametrize("bit_depth", [8, 10])
def test_ffv1_is_exact(tmp_path, make_frames, size, bit_depth):
    info = info_of(*size, bit_depth)
    frames = make_frames(info, 3)
    assert write_all(tmp_path / "a.mkv", info, frames, codec="ffv1") == []
    with open_video(tmp_path / "a.mkv") as reader:
        assert same(list(reader), frames)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_clips_shorter_than_the_reordering(tmp_path, make_frames, name, count):
    info = info_of(64, 64)
    frames = make_frames(info, count)
    for _ in range(3):  # what libx265 leaves open differs from one run to the next
        write_all(tmp_path / name, info, frames, codec="x265", overwrite=True)
        with open_video(tmp_path / name) as reader:
            times = [float(f.pts * reader.info.time_base) for f in reader]
        assert times == pytest.approx([float(f.pts * info.time_base) for f in frames], abs=1e-3)


@pytest.mark.parametrize(
    "name, codec, want", [("a.mp4", None, "h264"), ("a.mkv", "x264", "h264"), ("a.mp4", "x265", "hevc")]
)
@pytest.mark.parametrize("bit_depth", [8, 10])
def test_lossy_outputs(tmp_path, make_frames, name, codec, want, bit_depth):
    info = info_of(bit_depth=bit_depth)
    frames = make_frames(info, 6)
    write_all(tmp_path / name, info, frames, codec=codec)
    with open_video(tmp_path / name) as reader:
        got = list(reader)
        assert reader.info.bit_depth == bit_depth
    with av.open(tmp_path / name) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == want
    errors = [np.abs(a.y.astype(int) - b.y).mean() for a, b in zip(got, frames, strict=True)]
    assert max(errors) < 4 * 4 ** (bit_depth == 10)


def test_an_odd_size_is_padded_by_the_edge_and_said_once(tmp_path, make_frames):
    info = info_of(33, 17)
    notices = write_all(tmp_path / "a.mp4", info, make_frames(info, 3), crf=0)
    assert len(notices) == 1 and "34x18" in notices[0]
    with open_video(tmp_path / "a.mp4") as reader:
        got = next(iter(reader))
    assert (got.info.width, got.info.height) == (34, 18)
    assert np.array_equal(got.y[:17, :33], make_frames(info, 1)[0].y)
    assert np.array_equal(got.y[:, 33], got.y[:, 32]) and np.array_equal(got.y[17], got.y[16])


@pytest.mark.parametrize("first", [0, 500, -7])
@pytest.mark.parametrize("base", [Fraction(1, 90000), Fraction(1001, 30000), Fraction(1, 600), Fraction(1, 10**9)])
def test_mp4_keeps_times_exactly(tmp_path, make_frames, base, first):
    pts = [first + t for t in (0, 7, 8, 100, 101, 350, 1000, 1001)]
    info = VideoInfo(48, 32, base)
    write_all(tmp_path / "a.mp4", info, make_frames(info, 8, pts))
    with open_video(tmp_path / "a.mp4") as reader:
        got = [f.pts * reader.info.time_base for f in reader]
    assert got == [(t - min(first, 0)) * base for t in pts]


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_pipe_output(make_frames, form):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *args):
            raise io.UnsupportedOperation

        def tell(self):
            raise io.UnsupportedOperation

    info, file = info_of(), Pipe()
    write_all(file, info, make_frames(info, 5), format=form)
    with open_video(file.getvalue()) as reader:
        assert len(list(reader)) == 5


@pytest.mark.parametrize("size", [(3, 5), (7, 300), (1, 1), (15, 9)])
@pytest.mark.parametrize("bit_depth", [8, 10])
def test_tiny_sizes(make_frames, size, bit_depth):
    info = info_of(*size, bit_depth)
    frames = make_frames(info, 3)
    for codec, form in (("ffv1", "mkv"), ("x264", "mp4")):
        file = io.BytesIO()
        write_all(file, info, frames, codec=codec, format=form)
        with open_video(file.getvalue()) as reader:
            got = list(reader)
        assert len(got) == 3 and (codec == "x264" or same(got, frames))


def test_a_size_that_the_encoder_refuses(tmp_path, make_frames):
    info = info_of(4, 4)
    with pytest.raises(OutputError, match="x265 cannot code 4x4"):
        write_all(tmp_path / "a.mp4", info, make_frames(info, 1), codec="x265")
    assert list(tmp_path.iterdir()) == []


def test_times_must_rise(make_frames):
    info = info_of()
    with pytest.raises(UsageError, match="rise"):
        write_all(io.BytesIO(), info, make_frames(info, 2, [5, 5]), format="mkv")


def test_frame_types_of_the_source_are_not_forced(make_frames):
    info, file = info_of(), io.BytesIO()
    write_all(file, info, make_frames(info, 20), format="mp4")
    with av.open(io.BytesIO(file.getvalue())) as container:
        assert sum(p.is_keyframe for p in container.demux() if p.size) == 1


def test_waiting_packets_are_bounded(monkeypatch, clip, make_frames):
    monkeypatch.setattr("nvc.io.av_writer._MAX_WAITING", 1000)
    source, file = io.BytesIO(), io.BytesIO()
    clip(count=100, audio=("aac",)).write(source, "matroska")
    with open_video(source.getvalue()) as reader:
        frames = list(reader)
        packets = reader.take_carried()
    with open_writer(file, reader.info, format="mkv", carried=reader.carried) as writer:
        writer.write(frames[0])
        for packet in packets:  # all sound long before its pictures
            writer.write_carried(packet)
            assert writer._waiting_bytes <= 1000
        for frame in frames[1:]:
            writer.write(frame)
    with open_video(file.getvalue()) as reader:
        assert len(list(reader)) == 100
        assert [p.data for p in reader.take_carried()] == [p.data for p in packets]


def test_packets_of_unknown_streams_are_left_out(make_frames):
    info, file = info_of(), io.BytesIO()
    with open_writer(file, info, format="mp4") as writer:
        writer.write(make_frames(info, 1)[0])
        writer.write_carried(CarriedPacket(7, 0, 0, 1, True, b"x"))
    with open_video(file.getvalue()) as reader:
        assert len(list(reader)) == 1


def test_a_late_attachment_is_said(clip, make_frames):
    source, file = io.BytesIO(), io.BytesIO()
    clip(attachment=b"font").write(source, "matroska")
    with open_video(source.getvalue()) as reader:
        frames, packets = list(reader), reader.take_carried()
    with open_writer(file, reader.info, format="mkv", carried=reader.carried) as writer:
        writer.write(frames[0])
        writer.write_carried(packets[0])
    assert "too late" in writer.notices[0]
