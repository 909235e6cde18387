"""Layered mode through real files: ordinary players, copies, cuts and filters."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from nvc.codec.layered import LayeredDecoder, LayeredEncoder, LayeredSource, access_units
from nvc.io.mux import open_demuxer, open_muxer
from nvc.types import Frame, LayeredPacket, Settings, StreamHeader, VideoInfo

INFO = VideoInfo(101, 77, Fraction(1, 90000), Fraction(25), primaries=1, transfer=1, matrix=1, color_range=1)
TIMES = [3600 * i + 77 for i in range(24)]


def frame_at(i: int, info: VideoInfo = INFO) -> Frame:
    rows, columns = np.mgrid[: info.height, : info.width]
    y = 128 + 90 * np.sin((rows + 3 * i) / 7) * np.cos((columns - 2 * i) / 11)
    u, v = (np.full(info.chroma_size, 120 + k, np.uint8) for k in (3, 9))
    return Frame(y.astype(np.uint8), u, v, TIMES[i], info, 3600)


@pytest.fixture(scope="module")
def coded() -> tuple[StreamHeader, list[LayeredPacket]]:
    encoder = LayeredEncoder(INFO, Settings(mode="layered", keyint=8))
    packets = [packet for i in range(len(TIMES)) for packet in encoder.push(frame_at(i))]
    return encoder.header, packets + encoder.flush()


@pytest.fixture(scope="module")
def want(coded) -> list[Frame]:
    decoder = LayeredDecoder(coded[0], threads=1)
    return [frame for packet in coded[1] for frame in decoder.push(packet)]


@pytest.fixture(scope="module")
def files(coded, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("layered")
    paths = {name: folder / f"base.{name}" for name in ("mp4", "mkv")}
    for path in paths.values():
        with open_muxer(path, INFO, extradata=coded[0].parameter_sets) as muxer:
            for packet in coded[1]:
                for unit in access_units(packet):
                    muxer.write_sample(*unit)
    return paths


def ffmpeg(*words: object) -> bytes:
    """Run the ffmpeg binary; anything it complains about is a failure."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin", "-y"]
    result = subprocess.run([*command, *map(str, words)], capture_output=True, check=True)
    assert result.stderr == b""
    return result.stdout


def read(path: Path) -> tuple[LayeredSource, LayeredDecoder, list[Frame]]:
    """What ``nvc decode`` does of a layered file."""
    with open_demuxer(path) as demuxer:
        source = LayeredSource(demuxer.info, demuxer.extradata, demuxer)
        decoder = LayeredDecoder(source.header, threads=1)
        frames = [frame for packet in source for frame in decoder.push(packet)]
    return source, decoder, frames + decoder.flush()


def same_pictures(a: list[Frame], b: list[Frame]) -> bool:
    return len(a) == len(b) and all(
        np.array_equal(p, q) for x, y in zip(a, b, strict=True) for p, q in zip(x.planes, y.planes, strict=True)
    )


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_nvc_reads_true_size_and_exact_times(files, want, name: str) -> None:
    source, decoder, got = read(files[name])
    assert same_pictures(got, want)
    assert [(f.pts, f.duration, f.info.time_base) for f in got] == [(pts, 3600, INFO.time_base) for pts in TIMES]
    assert decoder.warnings == [] and not source.plain


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_an_ordinary_player_shows_the_base(files, want, name: str) -> None:
    with av.open(files[name]) as container:
        stream = container.streams.video[0]
        shown = [(frame.pts, frame.to_ndarray()) for frame in container.decode(stream)]
        clock = stream.time_base
    off = [abs(pts * clock - time * INFO.time_base) for (pts, _), time in zip(shown, TIMES, strict=True)]
    assert max(off) <= (0 if name == "mp4" else Fraction(1, 2000))
    for (_, picture), frame in zip(shown, want, strict=True):
        assert picture.shape == (78 * 3 // 2, 102)  # even: HEVC cannot say an odd size
        np.testing.assert_array_equal(picture[:77, :101], frame.y)


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_the_ffmpeg_binary_shows_the_base(files, want, name: str) -> None:
    raw = ffmpeg("-i", files[name], "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    pictures = np.frombuffer(raw, np.uint8).reshape(len(TIMES), 78 * 3 // 2, 102)
    for picture, frame in zip(pictures, want, strict=True):
        np.testing.assert_array_equal(picture[:77, :101], frame.y)


@pytest.mark.parametrize(
    ("first", "hops"),
    [("mp4", ["mkv", "mp4"]), ("mkv", ["mp4", "mkv"]), ("mp4", ["mov"]), ("mp4", ["ts", "mp4"]), ("mkv", ["nut"])],
)
def test_payloads_survive_copies(files, want, tmp_path: Path, first: str, hops: list[str]) -> None:
    path = files[first]
    for i, hop in enumerate(hops):
        target = tmp_path / f"copy{i}.{hop}"
        ffmpeg("-i", path, "-c", "copy", target)
        path = target
    _, decoder, got = read(path)
    assert same_pictures(got, want) and decoder.warnings == []
    assert {g.pts - w.pts for g, w in zip(got, want, strict=True)} == {got[0].pts - TIMES[0]}
    assert {g.duration for g in got} == {3600}


def test_payload_after_a_cut(files, want, tmp_path: Path) -> None:
    """A cut goes on at a key picture, which lies before the edit list: a packet, but no frame for a player."""
    ffmpeg("-ss", 0.5, "-i", files["mp4"], "-c", "copy", tmp_path / "cut.mp4")
    source, decoder, got = read(tmp_path / "cut.mp4")
    assert not source.plain and decoder.warnings == []
    assert same_pictures(got, want[8:])
    assert np.diff([frame.pts for frame in got]).tolist() == [3600] * 15


def test_a_cut_end_is_the_plain_base_of_the_true_size(files, want, tmp_path: Path) -> None:
    ffmpeg("-i", files["mp4"], "-t", 0.5, "-c", "copy", tmp_path / "cut.mp4")
    _, decoder, got = read(tmp_path / "cut.mp4")
    assert same_pictures(got[:8], want[:8]) and 8 < len(got) < 24
    assert {frame.y.shape for frame in got} == {(77, 101)}
    assert len(decoder.warnings) == 1 and "damaged or missing" in decoder.warnings[0]


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_without_sei_it_is_a_plain_base(files, want, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"plain.{name}"
    ffmpeg("-i", files[name], "-c", "copy", "-bsf:v", "filter_units=remove_types=39", path)
    source, decoder, got = read(path)
    assert source.plain and len(decoder.warnings) == 1 and "plain base" in decoder.warnings[0]
    assert len(got) == len(want) and got[0].y.shape == (78, 102)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g.y[:77, :101], w.y)


def test_payloads_that_survived_a_transcode_are_refused(files, tmp_path: Path) -> None:
    """x265 and others may pass user data on to pictures that it no longer fits."""
    demuxer = open_demuxer(files["mp4"])
    other = LayeredEncoder(INFO, Settings(mode="layered", keyint=8, quality=10))
    packets = [packet for i in range(len(TIMES)) for packet in other.push(frame_at(i))] + other.flush()
    mixed = [
        LayeredPacket(p.start, p.pts, p.durations, q.samples, p.payload)
        for p, q in zip(LayeredSource(demuxer.info, demuxer.extradata, demuxer), packets, strict=True)
    ]
    decoder = LayeredDecoder(other.header)
    assert len([frame for packet in mixed for frame in decoder.push(packet)] + decoder.flush()) == len(TIMES)
    assert len(decoder.warnings) == 1 and "belong to other pictures" in decoder.warnings[0]


def test_a_foreign_hevc_file_with_an_open_gop_loses_no_picture(tmp_path: Path) -> None:
    params = "keyint=8:min-keyint=8:scenecut=0:open-gop=1:bframes=3:log-level=none:pools=none:frame-threads=1"
    source = ("-f", "lavfi", "-i", "testsrc=size=96x64:rate=25:duration=1", "-pix_fmt", "yuv420p")
    ffmpeg(*source, "-c:v", "libx265", "-x265-params", params, tmp_path / "open.mp4")
    with av.open(tmp_path / "open.mp4") as container:
        shown = [frame.to_ndarray() for frame in container.decode(video=0)]
    layered, decoder, got = read(tmp_path / "open.mp4")
    assert layered.plain and len(got) == len(shown) == 25
    assert [frame.pts for frame in got] == sorted(frame.pts for frame in got)
    for frame, picture in zip(got, shown, strict=True):
        np.testing.assert_array_equal(frame.y, picture[:64])
