"""An encode that was cut off anywhere and resumed makes the bytes of an unbroken one, or is refused and left alone."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nvc.errors import CorruptError, InputError, OutputError, UsageError
from nvc.io import open_demuxer, open_video, open_writer
from nvc.pipeline import encode_file, part, probe_file
from nvc.pipeline.resume import read_unfinished
from nvc.types import Event, Frame, Settings, VideoInfo

RA = Settings(quality=30, keyint=12, mini_gop=8, threads=1)
WAYS = {
    "ra": RA,
    "hash": replace(RA, hash=True, keyint=9),
    "as short as an I frame waits": replace(RA, keyint=7),
    "shorter than an I frame waits": replace(RA, keyint=5),
    "I frames alone": replace(RA, keyint=1),
    "ld": replace(RA, structure="ld", keyint=10),
    "intra": replace(RA, structure="intra"),
    "layered": replace(RA, mode="layered", keyint=8, base_preset="ultrafast"),
    "layered, low delay": replace(RA, mode="layered", structure="ld", keyint=7, base_preset="ultrafast"),
}
FRAMES = 50


@pytest.fixture(scope="module")
def sounding_clip(sample: Path, source_planes: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 small frames with the sound of the sample beside them."""
    path = tmp_path_factory.mktemp("resume") / "clip.mkv"
    with open_video(sample, frames=FRAMES) as video:
        times = [(frame.pts, frame.duration) for frame in video]
        info = replace(VideoInfo(64, 48, video.info.time_base), frame_rate=video.info.frame_rate)
        with open_writer(path, info, codec="ffv1", carried=video.carried) as writer:
            for index, (pts, duration) in enumerate(times):
                writer.write(Frame(*source_planes(index), pts, info, duration))
            for packet in video.take_carried():
                writer.write_carried(packet)
    with open_demuxer(path) as demuxer:
        assert [s.kind for s in demuxer.carried] == ["audio"]
    return path


@pytest.fixture(scope="module")
def whole(sounding_clip: Path) -> Callable[[str], bytes]:
    """name of a way -> bytes of an unbroken encode."""
    made: dict[str, bytes] = {}

    def make(way: str) -> bytes:
        if way not in made:
            out = sounding_clip.with_name("whole.nvc")
            encode_file(sounding_clip, out, WAYS[way], overwrite=True)
            made[way] = out.read_bytes()
        return made[way]

    return make


def resume(source: Path, out: Path, left: bytes, settings: Settings, **options) -> int:
    """Resume from these bytes; the frame that the encode went on from."""
    said: list[str] = []
    out.with_name(out.name + ".part").write_bytes(left)
    encode_file(source, out, settings, resume=True, overwrite=True,
                progress=lambda e: said.append(e.message) if e.kind == "start" else None, **options)  # fmt: skip
    assert not out.with_name(out.name + ".part").exists()
    return int(said[0].partition("going on at frame ")[2] or -1)


@pytest.mark.parametrize("way", WAYS)
def test_cut_anywhere_and_resumed(sounding_clip: Path, tmp_path: Path, whole, way: str) -> None:
    data, out = whole(way), tmp_path / "out.nvc"
    places = np.random.default_rng(5).integers(200, len(data), 9).tolist()
    began = []
    for place in [0, 1, 30, 300, *places, len(data) - 16, len(data) - 1, len(data)]:
        began.append(resume(sounding_clip, out, data[:place], WAYS[way]))
        assert out.read_bytes() == data, f"cut at {place}"
    assert began[:4] == [-1, -1, -1, -1] and max(began) >= FRAMES - 15


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"\x89NVC\x03\x00\xff\xff\x00\x00half a unit", b"NVCE"])
def test_what_is_torn_goes(sounding_clip: Path, tmp_path: Path, whole, tail: bytes) -> None:
    data = whole("ra")
    assert resume(sounding_clip, tmp_path / "out.nvc", data[: len(data) * 3 // 4] + tail, RA) > 0
    assert (tmp_path / "out.nvc").read_bytes() == data
    resume(sounding_clip, tmp_path / "out.nvc", data + tail, RA)
    assert (tmp_path / "out.nvc").read_bytes() == data


def test_resumed_and_verified(sounding_clip: Path, tmp_path: Path, whole) -> None:
    data = whole("ra")
    resume(sounding_clip, tmp_path / "out.nvc", data[: len(data) * 3 // 4], RA, verify=True)
    assert (tmp_path / "out.nvc").read_bytes() == data


def test_without_a_part_it_is_an_ordinary_encode(sounding_clip: Path, tmp_path: Path, whole) -> None:
    encode_file(sounding_clip, tmp_path / "out.nvc", RA, resume=True)
    assert (tmp_path / "out.nvc").read_bytes() == whole("ra")


@pytest.mark.parametrize(
    ("settings", "options", "reason"),
    [
        (replace(RA, quality=31), {}, "quality is 30, now 31"),
        (replace(RA, keyint=11), {}, "keyint is 12, now 11"),
        (replace(RA, structure="ld"), {}, "structure is ra, now ld"),
        (replace(RA, mode="layered"), {}, "mode is neural, now layered"),
        (replace(RA, disable=frozenset({"merge"})), {}, "tools off is networks, now merge, networks"),
        (replace(RA, hash=True), {}, "other bytes"),
        (RA, {"audio": False}, "other sound"),
        (RA, {"frames": 30}, "cannot resume"),
        (RA, {"start": 1}, "frame 0 is at 0"),
    ],
)
def test_other_settings_are_refused(
    sounding_clip: Path, tmp_path: Path, whole, settings: Settings, options: dict, reason: str
) -> None:
    left = whole("ra")[: len(whole("ra")) * 7 // 8]
    with pytest.raises(UsageError, match=reason) as caught:
        resume(sounding_clip, tmp_path / "out.nvc", left, settings, **options)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out.nvc.part").read_bytes() == left and os.listdir(tmp_path) == ["out.nvc.part"]


@pytest.mark.parametrize("other", ["pixels at the start", "pixels near the end", "shorter", "times"])
def test_another_input_is_refused(clip_bytes: Callable, tmp_path: Path, other: str) -> None:
    source, out = tmp_path / "clip.y4m", tmp_path / "out.nvc"
    data = bytearray(clip_bytes(50))
    source.write_bytes(data)
    encode_file(source, out, RA)
    left = out.read_bytes()[: out.stat().st_size * 15 // 16]
    out.unlink()
    frame = (len(data) - 60) // 50
    places = {"pixels at the start": 2000, "pixels near the end": 40 * frame}
    if other in places:
        data[places[other] : places[other] + 900] = bytes(range(1, 226)) * 4
    elif other == "shorter":
        del data[30 * frame :]
    else:
        data = data.replace(b"F25:1", b"F30:1", 1)
    source.write_bytes(data)
    with pytest.raises(UsageError, match="cannot resume"):
        resume(source, out, left, RA)
    assert (tmp_path / "out.nvc.part").read_bytes() == left


@pytest.mark.parametrize("content", [b"something of mine", b"\0" * 4000, b"YUV4MPEG2 W64 H48 F25:1\n"])
def test_a_part_that_is_no_stream_is_left_alone(clip: Path, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match="no unfinished stream"):
        resume(clip, tmp_path / "out.nvc", content, RA)
    assert (tmp_path / "out.nvc.part").read_bytes() == content


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_only_nvc_can_be_resumed(clip: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--resume"):
        encode_file(clip, tmp_path / name, Settings(), resume=True)
    assert os.listdir(tmp_path) == []


def stop_at(frame: int, error: BaseException) -> Callable[[Event], None]:
    def stop(event: Event) -> None:
        if event.frame == frame:
            raise error

    return stop


def test_an_interrupt_keeps_what_saves_work(sounding_clip: Path, tmp_path: Path, whole) -> None:
    out = tmp_path / "out.nvc"
    with pytest.raises(KeyboardInterrupt, match=r"out\.nvc\.part keeps 37 frames: --resume") as caught:
        encode_file(sounding_clip, out, RA, progress=stop_at(43, KeyboardInterrupt()))
    assert os.listdir(tmp_path) == ["out.nvc.part"] and "\n" not in str(caught.value)
    with pytest.raises(KeyboardInterrupt, match="keeps"):
        encode_file(sounding_clip, out, RA, resume=True, progress=stop_at(30, KeyboardInterrupt()))
    encode_file(sounding_clip, out, RA, resume=True)
    assert out.read_bytes() == whole("ra") and os.listdir(tmp_path) == ["out.nvc"]


@pytest.mark.parametrize(
    ("frame", "error"), [(6, KeyboardInterrupt()), (40, CorruptError("no")), (40, InputError("no"))]
)
def test_what_saves_nothing_goes(sounding_clip: Path, tmp_path: Path, frame: int, error: BaseException) -> None:
    with pytest.raises(type(error)):
        encode_file(sounding_clip, tmp_path / "out.nvc", RA, progress=stop_at(frame, error))
    assert os.listdir(tmp_path) == []


def test_a_resume_that_fails_loses_nothing(sounding_clip: Path, tmp_path: Path, whole) -> None:
    left, out = whole("ra")[:9000], tmp_path / "out.nvc"
    out.with_name("out.nvc.part").write_bytes(left)
    with pytest.raises(InputError):
        encode_file(sounding_clip, out, RA, resume=True, progress=stop_at(45, InputError("the input went away")))
    kept = (tmp_path / "out.nvc.part").read_bytes()
    assert len(kept) > len(left) and whole("ra").startswith(kept)


def test_each_period_is_on_disk_before_the_next(sounding_clip: Path, tmp_path: Path, monkeypatch) -> None:
    kept: list[int] = []
    sync = os.fsync

    def fsync(number: int) -> None:
        sync(number)
        found = read_unfinished(tmp_path / "out.nvc.part")
        kept.append(found.frames if found else 0)

    monkeypatch.setattr(part.os, "fsync", fsync)
    encode_file(sounding_clip, tmp_path / "out.nvc", RA)
    starts = [gop["start"] for gop in probe_file(tmp_path / "out.nvc", bits=False)["gops"]]
    assert kept == [*(start + 1 for start in starts), FRAMES]


def test_a_disk_that_fails_while_it_syncs(sounding_clip: Path, tmp_path: Path, monkeypatch) -> None:
    calls: list[int] = []

    def fsync(number: int) -> None:
        calls.append(number)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(part.os, "fsync", fsync)
    with pytest.raises(OutputError, match="disk is full.*--resume"):
        encode_file(sounding_clip, tmp_path / "out.nvc", RA)
    assert os.listdir(tmp_path) == ["out.nvc.part"]
