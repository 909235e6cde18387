"""Media files through PyAV: times, carried packets, cuts, damage, changes inside a stream."""

import io
from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import CorruptError, InputError, LimitError
from nvc.io import open_video


def same(frames, planes) -> bool:
    """All planes of all frames equal."""
    pairs = list(zip(frames, planes, strict=True))
    return all(np.array_equal(a, b) for f, p in pairs for a, b in zip(f.planes, p, strict=True))


def test_vfr_times_are_exact(tmp_path, clip):
    pts = [0, 7, 8, 100, 101, 350, 1000, 1001]
    clip(codec="libx264", time_base=Fraction(1, 90000), pts=pts, options={"bf": "0"}).write(tmp_path / "a.mp4", "mp4")
    with open_video(tmp_path / "a.mp4") as reader:
        frames = list(reader)
    assert [f.pts for f in frames] == pts
    assert [f.duration for f in frames[:-1]] == list(np.diff(pts))
    assert frames[0].info.time_base == Fraction(1, 90000)


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


class Pipe(io.BytesIO):
    """A stream that cannot seek."""

    def seekable(self):
        return False

    def seek(self, *args):
        raise io.UnsupportedOperation


def test_a_cut_pipe_is_noticed_by_its_duration(clip):
    file = io.BytesIO()
    clip(32, 32, 100, "libx264", options={"bf": "0"}).write(file, "matroska")
    data = file.getvalue()
    with open_video(Pipe(data)) as reader:
        assert len(list(reader)) == 100
    with open_video(Pipe(data[: len(data) // 2])) as reader, pytest.raises(CorruptError, match="cut short") as caught:
        list(reader)
    assert 20 < caught.value.frames < 70


def test_audio_before_video_in_the_file(clip):
    import av

    file, turned = io.BytesIO(), io.BytesIO()
    planes = clip(audio=("flac",)).write(file, "matroska")
    file.seek(0)
    with av.open(file) as source, av.open(turned, "w", format="matroska") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in reversed(source.streams)}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    with open_video(turned.getvalue()) as reader:
        assert same(list(reader), planes) and [c.kind for c in reader.carried] == ["audio"]


def test_interlaced_is_said_once(clip):
    file = io.BytesIO()
    clip(64, 64, 4, "libx264", options={"x264-params": "tff=1"}).write(file, "mp4")
    with open_video(file.getvalue()) as reader:
        assert len(list(reader)) == 4 and len(reader.notices) == 1 and "interlaced" in reader.notices[0]


def test_converted_formats_are_said_once():
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 33, 17, "yuv444p"
        for index in range(3):
            picture = np.full((3, 17, 33), 60 + index, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv444p")))
        out.mux(stream.encode(None))
    with open_video(file.getvalue()) as reader:
        frames = list(reader)
        assert reader.notices == ["yuv444p is converted to 8-bit 4:2:0"]
    assert all((p == 60 + i).all() for i, f in enumerate(frames) for p in f.planes)


def test_text_is_not_drawn_as_video(tmp_path):
    for suffix in ("txt", "nfo", "ans", "md"):
        (tmp_path / f"a.{suffix}").write_text("hello, world\n" * 100)
        with pytest.raises(InputError):
            open_video(tmp_path / f"a.{suffix}")


def test_transport_stream_sound(clip):
    file = io.BytesIO()
    clip(count=30, codec="libx264", audio=("aac",), time_base=Fraction(1, 90000), step=3600).write(file, "mpegts")
    with open_video(file.getvalue()) as reader:
        assert len(list(reader)) == 30
        assert [c.codec for c in reader.carried] == ["aac"] and len(reader.take_carried()) > 5


def test_too_large_is_refused_before_decoding(monkeypatch, clip):
    file = io.BytesIO()
    clip(count=1).write(file, "matroska")
    monkeypatch.setattr("nvc.types.MAX_PIXELS", 48 * 32 - 1)
    with pytest.raises(LimitError):
        open_video(file.getvalue())


def test_flipped_bytes_never_escape_as_other_errors(clip):
    from nvc.errors import NvcError

    file = io.BytesIO()
    clip(32, 32, 6, "libx264", audio=("aac",)).write(file, "mp4")
    data = file.getvalue()
    for place in range(0, len(data), 41):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        try:
            with open_video(bytes(broken)) as reader:
                count = len(list(reader))
                assert count > 0
        except NvcError as error:
            assert error.exit_code in (3, 4, 5, 8) and "\n" not in str(error)
