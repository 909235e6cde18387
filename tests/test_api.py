"""The Python side: the examples of its docstrings, and a coded file as a sequence."""

import doctest
import os
import shutil
import threading
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import nvc
from nvc import api
from nvc.bench import sample_path
from nvc.codec.decoder import Decoder as RealDecoder
from nvc.codec.layered import LayeredDecoder
from nvc.errors import CorruptError, UsageError
from nvc.types import Settings, VideoInfo

FRAMES = 26


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 frames of 64x48 that each differ, with variable times, as .nvc and layered .mp4 (I frames at 0, 8, 16, 24)."""
    folder = tmp_path_factory.mktemp("api")
    rows, columns = np.mgrid[0:48, 0:64]
    data = [b"YUV4MPEG2 W64 H48 F25:1 C420jpeg\n"]
    for index in range(FRAMES):
        luma = (128 + 60 * np.sin((columns - 3 * index) / 7) * np.cos((rows + index) / 9)).astype(np.uint8)
        data += [b"FRAME\n", luma.tobytes(), 2 * luma[::2, ::2].tobytes()]
    (folder / "clip.y4m").write_bytes(b"".join(data))
    for name in ("clip.nvc", "clip.mp4"):
        nvc.encode(folder / "clip.y4m", folder / name, quality=30, keyint=8, mini_gop=8)
    return folder


@pytest.fixture(params=["clip.nvc", "clip.mp4"])
def path(request, folder: Path) -> Path:
    """Both kinds of file."""
    return folder / request.param


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """First frames of the packets that were decoded."""
    seen: list[int] = []
    for kind, name in ((RealDecoder, "push"), (LayeredDecoder, "frames")):
        real = getattr(kind, name)
        monkeypatch.setattr(
            kind, name, lambda self, packet, real=real: (seen.append(packet.start), real(self, packet))[1]
        )
    return seen


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(sample_path(), tmp_path / "sample.mp4")
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(api)
    assert found.failed == 0 and found.attempted > 15


def test_a_video_is_a_sequence(path: Path) -> None:
    with nvc.open(path) as video:
        frames = list(video)
        assert len(video) == video.info.n_frames == len(frames) == FRAMES
        assert all(np.array_equal(video[i].y, frames[i].y) for i in range(FRAMES))
        assert [f.pts for f in frames] == sorted({f.pts for f in frames})
        assert video[-1].pts == frames[-1].pts and video[np.int64(3)].pts == frames[3].pts
        for outside in (FRAMES, -FRAMES - 1):
            with pytest.raises(IndexError):
                video[outside]


def test_any_order_gives_the_same_frames(path: Path) -> None:
    with nvc.open(path) as video:
        want = [frame.y.tobytes() for frame in video]
        for index in np.random.default_rng(3).integers(0, FRAMES, 40):
            assert video[index].y.tobytes() == want[index]


@pytest.mark.parametrize("key", [slice(3, 11), slice(20, 2, -5), slice(None, None, 9), slice(-3, None), slice(5, 5)])
def test_slices(path: Path, key: slice) -> None:
    with nvc.open(path) as video:
        want = [frame.pts for frame in video][key]
        got = video[key]
        assert isinstance(got, list) and [frame.pts for frame in got] == want


def test_a_seek_decodes_its_period_only(path: Path, pushed: list[int]) -> None:
    with nvc.open(path) as video:
        video[17]
        assert min(pushed) == 16 and max(pushed) <= 17
        pushed.clear()
        video[18], video[17]
        assert pushed == []
        video[2]
        assert max(pushed) < 8


def test_going_on_decodes_nothing_twice(path: Path, pushed: list[int]) -> None:
    with nvc.open(path) as video:
        for index in range(FRAMES):
            video[index]
    assert len(pushed) == len(set(pushed))


@pytest.mark.parametrize(
    ("seconds", "index"), [(0, 0), (0.039, 0), (0.04, 1), (0.28, 7), (Fraction(1, 3), 8), (1.0, 25), (1.0399, 25)]
)
def test_frames_by_time(path: Path, seconds: float, index: int) -> None:
    with nvc.open(path) as video:
        assert video.at(seconds).pts == video[index].pts


@pytest.mark.parametrize("seconds", [-0.01, 1.04, 99, float("inf"), float("-inf"), float("nan")])
def test_times_outside(path: Path, seconds: float) -> None:
    with nvc.open(path) as video, pytest.raises(IndexError):
        video.at(seconds)


def test_a_frame(path: Path) -> None:
    with nvc.open(path) as video:
        frame = video[9]
    assert [plane.shape for plane in frame.planes] == [(48, 64), (24, 32), (24, 32)]
    assert frame.rgb().shape == (48, 64, 3) and frame.rgb().dtype == np.uint8
    assert tuple(frame.tensor().shape) == (3, 48, 64)
    assert np.array_equal(frame.tensor().numpy().transpose(1, 2, 0), frame.rgb())
    assert frame.seconds == pytest.approx(9 / 25)


@pytest.mark.parametrize("kind", ["bytes", "file object", "pipe"])
def test_sources(path: Path, kind: str) -> None:
    data = path.read_bytes()
    reader, writer = os.pipe()
    feed = threading.Thread(target=lambda: os.fdopen(writer, "wb").write(data))
    feed.start()
    with os.fdopen(reader, "rb") as pipe:
        source = {"bytes": data, "file object": BytesIO(data), "pipe": pipe}[kind]
        with nvc.open(source) as video, nvc.open(path) as other:
            assert np.array_equal(video[20].y, other[20].y) and len(video) == FRAMES
        pipe.read()
    feed.join()


def test_loops_do_not_disturb_each_other(path: Path) -> None:
    with nvc.open(path) as video:
        want = [frame.pts for frame in video]
        pairs = [(a.pts, b.pts, video[5].pts) for a, b in zip(video, video, strict=True)]
    assert pairs == [(pts, pts, want[5]) for pts in want]


def test_a_stream_without_its_index(folder: Path) -> None:
    data = (folder / "clip.nvc").read_bytes()
    with nvc.open(data[:-40]) as video, nvc.open(data) as whole:
        assert len(video) == FRAMES
        assert np.array_equal(video[21].y, whole[21].y)


def test_damage_is_raised_where_it_is(folder: Path) -> None:
    data = bytearray((folder / "clip.nvc").read_bytes())
    with nvc.open(bytes(data)) as video:
        entry = video._index()[1]
    from nvc.container import StreamReader

    data[StreamReader(bytes(data)).index[1].offset + 20] ^= 1
    with nvc.open(bytes(data)) as video:
        assert entry.start == 8
        with pytest.raises(CorruptError):
            video[9]
        assert video[17].pts == 17 * entry.pts // 8
        with pytest.raises(CorruptError) as caught:
            list(video)
        assert caught.value.frames == 8


def test_encode_and_decode_between_objects(folder: Path) -> None:
    coded, back = BytesIO(), BytesIO()
    events = []
    done = nvc.encode(
        BytesIO((folder / "clip.y4m").read_bytes()), coded, frames=5, progress=events.append, structure="ld"
    )
    assert done.frames == 5 and done.bytes == len(coded.getvalue()) and events[-1].kind == "done"
    assert nvc.decode(coded.getvalue(), back, format="y4m").frames == 5
    layered = BytesIO()
    nvc.encode(folder / "clip.y4m", layered, format="mkv", frames=4)
    assert nvc.open(layered.getvalue()).header.mode == "layered"


def test_settings_as_keywords() -> None:
    info = VideoInfo(64, 48, Fraction(1, 25))
    encoder = nvc.Encoder(info, quality=9, disable=["merge"])
    assert encoder.header.quality == 9 and encoder.header.disabled == ("merge", "networks")
    encoder.close()
    assert nvc.Encoder(info, Settings(mode="layered")).header.mode == "layered"
    assert nvc.Encoder(info, disable="merge").header.disabled == ("merge", "networks")
    for options in ({"colour": 3}, {"quality": 99}, {"disable": 5}):
        with pytest.raises(UsageError):
            nvc.Encoder(info, **options)
    with pytest.raises(UsageError):
        nvc.Encoder(info, Settings(), quality=3)


def test_the_public_names() -> None:
    assert nvc.encode is api.encode and nvc.decode is api.decode and nvc.open is api.open
    assert nvc.Encoder is api.Encoder and nvc.Decoder is api.Decoder
    with pytest.raises(AttributeError):
        nvc.transcode  # noqa: B018


@pytest.mark.parametrize(
    "call",
    [
        lambda clip, coded: nvc.encode(clip, BytesIO(), format="mp4", mode="neural"),
        lambda clip, coded: nvc.encode(clip, BytesIO(), format="xyz"),
        lambda clip, coded: nvc.encode(5, BytesIO()),
        lambda clip, coded: nvc.encode(clip, 5),
        lambda clip, coded: nvc.encode(clip, BytesIO(), frames=0),
        lambda clip, coded: nvc.decode(coded, BytesIO(), format="y4m", frames=0),
        lambda clip, coded: nvc.decode(coded, BytesIO(), format="y4m", threads="x"),
        lambda clip, coded: nvc.decode(5, BytesIO(), format="y4m"),
        lambda clip, coded: nvc.open(5),
        lambda clip, coded: nvc.open(coded, threads="x"),
    ],
)
def test_arguments_that_cannot_be_taken(folder: Path, call) -> None:
    with pytest.raises(UsageError):
        call((folder / "clip.y4m").read_bytes(), folder / "clip.nvc")


@pytest.mark.parametrize("use", [len, list, lambda video: video[0], lambda video: video.at(0), lambda v: v.__enter__()])
def test_a_closed_video(path: Path, use) -> None:
    video = nvc.open(path)
    assert video[0].pts == 0
    frames = iter(video)
    next(frames)
    video.close()
    video.close()
    for call in (use, lambda _: next(frames)):
        with pytest.raises(UsageError, match="closed"):
            call(video)


@pytest.mark.parametrize("mode", ["neural", "layered"])
def test_times_must_rise(folder: Path, mode: str) -> None:
    with nvc.open(folder / "clip.nvc") as video:
        frames = video[:2]
    for second in (frames[0], frames[1]):
        encoder = nvc.Encoder(frames[0].info, mode=mode)
        encoder.push(frames[1])
        with pytest.raises(UsageError, match="pts must rise"):
            encoder.push(second)
        encoder.close()
