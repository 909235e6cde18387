"""From a video to a coded file: what is written, what is refused, and that nothing half done is left."""

import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from nvc.container import StreamReader
from nvc.errors import CorruptError, FormatError, InputError, LimitError, OutputError, UsageError
from nvc.io import open_video
from nvc.io.demux import open_demuxer
from nvc.pipeline import Limits, decode_file, encode_file, probe_file, verify
from nvc.types import CarriedPacket, Event, Settings

QUICK = Settings(quality=20, keyint=8, mini_gop=8)


def carried_data(path: Path) -> list[bytes]:
    return [item.data for item in StreamReader(path.read_bytes(), schedule=schedule).items()
            if isinstance(item, CarriedPacket)]  # fmt: skip


def schedule(*words):
    from nvc.codec.schedule import default_entries

    return default_entries(*words)


def test_numbers_are_those_of_the_file(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    done = encode_file(clip, out, QUICK)
    found = probe_file(out, bits=False)
    assert (done.frames, done.bytes, done.weights) == (26, out.stat().st_size, "none")
    assert done.video_bytes == found["video_bytes"] == done.bytes
    assert done.bitrate_kbps == pytest.approx(done.bytes * 8 / 1000 / (26 / 25), abs=0.01)
    assert [gop["start"] for gop in found["gops"]] == [0, 8, 16, 24]
    assert set(done.to_dict()) == {"frames", "bytes", "video_bytes", "seconds", "fps", "bitrate_kbps", "weights"}
    assert os.listdir(tmp_path) == ["out.nvc"]


def test_progress_tells_of_every_frame(clip: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    encode_file(clip, tmp_path / "out.nvc", QUICK, frames=10, progress=events.append)
    assert [e.kind for e in events] == ["start"] + ["progress"] * 10 + ["done"]
    assert [e.frame for e in events] == [0, *range(1, 11), 10]
    assert {e.total for e in events} == {10}
    assert events[-1].bytes > events[1].bytes > 0


@pytest.mark.parametrize("kind", ["bytes", "file object", "text path"])
def test_sources_and_destinations(clip: Path, tmp_path: Path, kind: str) -> None:
    want = tmp_path / "path.nvc"
    encode_file(clip, want, QUICK, frames=9)
    out = BytesIO()
    source = {"bytes": clip.read_bytes(), "file object": BytesIO(clip.read_bytes()), "text path": str(clip)}[kind]
    done = encode_file(source, out, QUICK, frames=9, verify=True)
    assert out.getvalue() == want.read_bytes() and done.bytes == len(out.getvalue())


def test_a_range_of_frames(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    assert encode_file(clip, out, QUICK, start=5, frames=7).frames == 7
    with open_video(clip, start=5, frames=7) as video:
        assert probe_file(out, bits=False)["frames"] == len(list(video)) == 7


def test_ten_bits_stay_ten(clip_bytes, tmp_path: Path) -> None:
    out = tmp_path / "ten.nvc"
    encode_file(clip_bytes(5, 10), out, QUICK, verify=True)
    assert probe_file(out, bits=False)["bit_depth"] == 10


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_layered_files_are_hevc_to_everybody(clip: Path, tmp_path: Path, name: str) -> None:
    done = encode_file(clip, tmp_path / name, QUICK, verify=True)
    assert done.bytes == (tmp_path / name).stat().st_size
    with open_demuxer(tmp_path / name) as demuxer:
        assert demuxer.codec == "hevc"
        assert len([item for kind, item in demuxer if kind == "video"]) == 26


def test_layered_in_nvc(clip: Path, tmp_path: Path) -> None:
    encode_file(clip, tmp_path / "out.nvc", QUICK, mode="layered", verify=True)
    assert probe_file(tmp_path / "out.nvc")["mode"] == "layered"


def test_sound_is_carried_as_it_is_or_left_out(sample: Path, sounding: Path, tmp_path: Path) -> None:
    with open_demuxer(sample) as demuxer:
        sound = [item.data for kind, item in demuxer if kind == "carried"]
    got = carried_data(sounding)
    assert len(got) > 20 and got == sound[: len(got)]
    done = encode_file(sample, tmp_path / "mute.nvc", replace(QUICK, quality=5), frames=3, audio=False)
    assert carried_data(tmp_path / "mute.nvc") == []
    assert done.video_bytes == done.bytes


def test_video_bytes_leave_the_sound_out(sounding: Path) -> None:
    found = probe_file(sounding, bits=False)
    sound = sum(map(len, carried_data(sounding)))
    assert found["bytes"] - sound - 2000 < found["video_bytes"] <= found["bytes"] - sound


def test_nothing_is_overwritten_unasked(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    out.write_bytes(b"precious")
    with pytest.raises(UsageError, match="-y"):
        encode_file(clip, out, QUICK)
    assert out.read_bytes() == b"precious"
    encode_file(clip, out, QUICK, frames=2, overwrite=True)
    assert probe_file(out, bits=False)["frames"] == 2


@pytest.mark.parametrize("link", [os.link, os.symlink, lambda a, b: None], ids=["hard link", "symlink", "same name"])
def test_the_input_is_not_the_output(clip: Path, tmp_path: Path, link) -> None:
    source = tmp_path / "source.nvc"
    source.write_bytes(clip.read_bytes())
    link(source, tmp_path / "other.nvc")
    out = tmp_path / "other.nvc" if (tmp_path / "other.nvc").exists() else source
    with pytest.raises(UsageError, match="same file"):
        encode_file(source, out, QUICK, overwrite=True)
    assert source.read_bytes() == clip.read_bytes()


def test_the_part_of_the_output_is_not_the_input(clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "out.nvc.part"
    source.write_bytes(clip.read_bytes())
    with pytest.raises(UsageError, match="same file"):
        encode_file(source, tmp_path / "out.nvc", QUICK)
    assert source.read_bytes() == clip.read_bytes()


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.mp4", "neural"), ("a.mkv", "neural"), ("a.webm", None), ("a.y4m", None), ("a", None), ("-", None)],
)
def test_destinations_that_no_mode_writes(clip: Path, tmp_path: Path, name: str, mode: str | None) -> None:
    with pytest.raises(UsageError):
        encode_file(clip, name if name == "-" else tmp_path / name, QUICK, mode=mode)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, InputError),
        (b"", InputError),
        (b"no video at all" * 9, InputError),
        (b"YUV4MPEG2 W64 H48 F25:1\n", InputError),
    ],
)
def test_inputs_that_are_none(tmp_path: Path, content: bytes | None, error: type) -> None:
    source = tmp_path / "in.y4m"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(error):
        encode_file(source, tmp_path / "out.nvc", QUICK)
    assert not list(tmp_path.glob("out*"))


def test_a_cut_input_gives_what_was_whole(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    with pytest.raises(CorruptError, match="10 whole frames") as caught:
        encode_file(clip.read_bytes()[: 10 * 4615 + 300], out, QUICK)
    assert caught.value.frames == 10
    assert decode_file(out, BytesIO(), format="y4m").frames == 10


def test_an_interrupt_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.frame == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_file(clip, tmp_path / "out.nvc", QUICK, progress=interrupt)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        encode_file(clip, tmp_path / "no" / "out.nvc", QUICK)


@pytest.mark.parametrize("limits", [Limits(max_pixels=3000), Limits(max_frames=25), Limits(max_memory=1000)])
def test_limits(clip: Path, tmp_path: Path, limits: Limits) -> None:
    with pytest.raises(LimitError):
        encode_file(clip, tmp_path / "out.nvc", QUICK, limits=limits)
    assert os.listdir(tmp_path) == []


def test_what_does_not_verify_is_not_kept(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def push(self, packet):
            raise CorruptError("not the same symbols")

        def flush(self):
            return []

        def reset(self):
            pass

    monkeypatch.setattr(verify, "make_decoder", lambda header, **options: Broken())
    with pytest.raises(CorruptError, match="does not decode to what was encoded"):
        encode_file(clip, tmp_path / "out.nvc", QUICK, frames=3, verify=True)
    assert os.listdir(tmp_path) == []


def test_raw_video_needs_its_format(clip_bytes, tmp_path: Path) -> None:
    raw = tmp_path / "in.yuv"
    raw.write_bytes(b"".join(part for part in clip_bytes(3).split(b"FRAME\n")[1:]))
    with pytest.raises(UsageError, match="--raw"):
        encode_file(raw, tmp_path / "out.nvc", QUICK)
    with pytest.raises((UsageError, FormatError)):
        encode_file(raw, tmp_path / "out.nvc", QUICK, raw="64by48")
    encode_file(raw, tmp_path / "out.nvc", QUICK, raw="64x48@25:yuv420p")
    assert probe_file(tmp_path / "out.nvc", bits=False)["frames"] == 3
