import wave
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from nvc.errors import CorruptError, FormatError, InputError, UsageError
from nvc.io.demux import open_demuxer

SAMPLE = Path(__file__).resolve().parents[2] / "bench" / "data" / "sample.mp4"


def write(path: Path, pix_fmt: str = "yuv420p", count: int = 12, **options: str) -> None:
    """A short HEVC clip of 64x48."""
    with av.open(path, "w", container_options=options) as container:
        stream = container.add_stream("libx265", rate=25, width=64, height=48)
        stream.pix_fmt = pix_fmt
        stream.options = {"x265-params": "log-level=none:pools=none:frame-threads=1:info=0:keyint=6"}
        for i in range(count):
            picture = np.random.default_rng(i).integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)))
        container.mux(stream.encode(None))


def test_items_are_the_packets_of_the_file() -> None:
    with open_demuxer(SAMPLE) as demuxer, av.open(SAMPLE) as container:
        items = list(demuxer)
        packets = [
            (p.stream.type, p.pts, p.dts, p.duration, p.is_keyframe, bytes(p)) for p in container.demux() if p.size
        ]
    assert (demuxer.codec, [stream.kind for stream in demuxer.carried]) == ("h264", ["audio"])
    assert [item for kind, item in items if kind == "video"] == [p[1:] for p in packets if p[0] == "video"]
    carried = [(i.pts, i.dts, i.duration, i.is_key, i.data) for kind, i in items if kind == "carried"]
    assert carried == [p[1:] for p in packets if p[0] == "audio"]


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file"])
def test_sources(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.mp4"
    write(path)
    source = {"path": path, "text": str(path), "bytes": path.read_bytes(), "file": BytesIO(path.read_bytes())}[kind]
    with open_demuxer(source) as demuxer:
        info = demuxer.info
        assert (info.width, info.height, info.frame_rate, info.n_frames) == (64, 48, Fraction(25), 12)
        assert len(list(demuxer)) == 12


@pytest.mark.parametrize(("ending", "options"), [("mkv", {}), ("mp4", {"movflags": "faststart"})])
def test_a_cut_file_gives_what_is_whole_and_says_so(tmp_path: Path, ending: str, options: dict) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, **options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    got = []
    with pytest.raises(CorruptError, match="cut short|breaks off"):
        for item in open_demuxer(path):
            got.append(item)
    assert 0 < len(got) < 12


def test_a_file_without_its_index_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(CorruptError, match="cut short"):
        open_demuxer(path)


@pytest.mark.parametrize("data", [b"", b"no video at all", bytes(5000)])
def test_what_is_no_video_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    for source in (tmp_path / "a.mp4", data):
        with pytest.raises((InputError, CorruptError)):
            open_demuxer(source)


def test_missing_files_and_streams_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        open_demuxer(tmp_path / "none.mp4")
    with pytest.raises(UsageError, match="1 video stream"):
        open_demuxer(SAMPLE, video_stream=1)


def test_other_layouts_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", "yuv444p")
    with pytest.raises(FormatError, match="yuv444p"):
        open_demuxer(tmp_path / "a.mkv")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    with pytest.raises(InputError, match="no video stream"):
        open_demuxer(tmp_path / "a.wav")
