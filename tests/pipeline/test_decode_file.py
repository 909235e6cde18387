"""From a coded file to a video: pictures, ranges, damage, and that nothing half done is left."""

import os
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from nvc.errors import CorruptError, FormatError, InputError, LimitError, UsageError
from nvc.io import open_video, open_writer
from nvc.io.demux import open_demuxer
from nvc.metrics import psnr
from nvc.pipeline import Limits, decode_file, encode_file
from nvc.types import Event, Frame, Settings


def frames_of(path: Path | bytes) -> list[Frame]:
    with open_video(path) as video:
        return list(video)


def lumas(path: Path | bytes) -> list[bytes]:
    return [frame.y.tobytes() for frame in frames_of(path)]


def decoded(source, **options) -> bytes:
    out = BytesIO()
    decode_file(source, out, format="y4m", **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def all_lumas(coded: Path) -> list[bytes]:
    """Every frame of the coded clip, decoded in one go."""
    return lumas(decoded(coded))


@pytest.mark.parametrize("name", ["coded", "layered"])
def test_pictures_are_those_that_went_in(name: str, source_planes, tmp_path: Path, request) -> None:
    out = tmp_path / "out.y4m"
    done = decode_file(request.getfixturevalue(name), out)
    got = frames_of(out)
    assert done.frames == len(got) == 26 and done.damaged_frames == 0
    assert set(done.to_dict()) == {"frames", "seconds", "fps", "damaged_frames"}
    assert min(psnr(frame.y, source_planes(i)[0]) for i, frame in enumerate(got)) > 30
    assert os.listdir(tmp_path) == ["out.y4m"]


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4"])
def test_times_come_back(coded: Path, clip: Path, tmp_path: Path, name: str) -> None:
    decode_file(coded, tmp_path / name)
    got = [frame.pts * frame.info.time_base for frame in frames_of(tmp_path / name)]
    assert got == [frame.pts * frame.info.time_base for frame in frames_of(clip)]


def test_exact_pixels_in_mkv(coded: Path, tmp_path: Path, all_lumas: list[bytes]) -> None:
    decode_file(coded, tmp_path / "out.mkv", codec="ffv1")
    assert lumas(tmp_path / "out.mkv") == all_lumas


@pytest.mark.parametrize(("start", "frames"), [(0, 5), (7, 1), (8, 3), (13, 9), (25, 1), (20, None), (24, 99)])
@pytest.mark.parametrize("name", ["coded", "layered"])
def test_ranges_are_slices(name: str, start: int, frames: int | None, request) -> None:
    source = request.getfixturevalue(name)
    want = lumas(decoded(source))[start : None if frames is None else start + frames]
    assert lumas(decoded(source, start=start, frames=frames)) == want


def test_a_range_decodes_only_its_periods(coded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nvc.codec.decoder import Decoder

    seen: list[int] = []
    push = Decoder.push
    monkeypatch.setattr(Decoder, "push", lambda self, packet: (seen.append(packet.start), push(self, packet))[1])
    decoded(coded, start=10, frames=6)
    assert seen == [8, 9]


def test_a_start_behind_the_end(coded: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="26"):
        decode_file(coded, tmp_path / "out.y4m", start=26)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["bytes", "file object", "pipe"])
def test_sources(coded: Path, all_lumas: list[bytes], kind: str) -> None:
    if kind != "pipe":
        source = coded.read_bytes() if kind == "bytes" else BytesIO(coded.read_bytes())
        assert lumas(decoded(source)) == all_lumas
        return
    reader, writer = os.pipe()
    os.write(writer, coded.read_bytes())
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert lumas(decoded(pipe)) == all_lumas


def test_sound_comes_along(sounding: Path, tmp_path: Path) -> None:
    decode_file(sounding, tmp_path / "out.mkv")
    with open_demuxer(tmp_path / "out.mkv") as demuxer:
        assert [s.codec for s in demuxer.carried] == ["aac"]
        sound = [item for kind, item in demuxer if kind == "carried"]
    assert len(sound) > 20


def test_sound_of_a_range_is_that_of_the_range(sounding: Path, tmp_path: Path) -> None:
    decode_file(sounding, tmp_path / "out.mkv", start=10)
    with open_demuxer(tmp_path / "out.mkv") as demuxer:
        base = demuxer.carried[0].time_base
        times = [item.pts * base for kind, item in demuxer if kind == "carried"]
    assert times and Fraction(38, 100) <= times[0] < Fraction(45, 100)


def test_plain_hevc_is_shown_as_it_is(clip: Path, tmp_path: Path) -> None:
    with open_video(clip) as video, open_writer(tmp_path / "plain.mkv", video.info, codec="x265", crf=20) as writer:
        for frame in video:
            writer.write(frame)
    out = BytesIO()
    done = decode_file(tmp_path / "plain.mkv", out, format="y4m")
    assert lumas(out.getvalue()) == lumas(tmp_path / "plain.mkv")
    assert "plain HEVC base" in done.warnings[0]


@pytest.mark.parametrize("name", ["h264.mp4", "clip.y4m", "text.nvc", "text.mp4"])
def test_what_is_not_ours(sample: Path, clip: Path, tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    source.write_bytes(
        {"h264.mp4": sample, "clip.y4m": clip}[name].read_bytes() if "text" not in name else b"text" * 99
    )
    with pytest.raises(FormatError) as caught:
        decode_file(source, tmp_path / "out.y4m")
    assert caught.value.exit_code == 4
    assert not (tmp_path / "out.y4m").exists()


def test_a_missing_input(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        decode_file(tmp_path / "no.nvc", tmp_path / "out.y4m")


# The I frame at 8 is damaged, so frames 8 to 15 are lost.
def test_stop_writes_what_was_whole(damage, tmp_path: Path, all_lumas: list[bytes]) -> None:
    with pytest.raises(CorruptError, match="after 8 whole frames") as caught:
        decode_file(damage(8), tmp_path / "out.y4m")
    assert caught.value.frames == 8
    assert lumas(tmp_path / "out.y4m") == all_lumas[:8]


def test_hold_repeats_the_last_good_frame(damage, tmp_path: Path, all_lumas: list[bytes]) -> None:
    done = decode_file(damage(8), tmp_path / "out.mkv", codec="ffv1", on_damage="hold")
    assert (done.frames, done.damaged_frames) == (26, 8)
    assert lumas(tmp_path / "out.mkv") == all_lumas[:8] + [all_lumas[7]] * 8 + all_lumas[16:]
    got = [frame.pts * frame.info.time_base for frame in frames_of(tmp_path / "out.mkv")]
    assert got == [Fraction(i, 25) for i in range(26)]
    assert any("damaged" in warning for warning in done.warnings)


def test_skip_leaves_them_out_and_keeps_the_times(damage, tmp_path: Path, all_lumas: list[bytes]) -> None:
    done = decode_file(damage(8), tmp_path / "out.mkv", codec="ffv1", on_damage="skip")
    assert (done.frames, done.damaged_frames) == (18, 8)
    assert lumas(tmp_path / "out.mkv") == all_lumas[:8] + all_lumas[16:]
    assert frames_of(tmp_path / "out.mkv")[8].pts == 640


def test_strict_fails_in_the_end(damage, tmp_path: Path) -> None:
    with pytest.raises(CorruptError):
        decode_file(damage(8), tmp_path / "out.y4m", on_damage="hold", strict=True)
    assert len(frames_of(tmp_path / "out.y4m")) == 26


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_cut_file(coded: Path, tmp_path: Path, share: float, all_lumas: list[bytes]) -> None:
    data = coded.read_bytes()[: int(share * coded.stat().st_size)]
    with pytest.raises(CorruptError) as caught:
        decode_file(data, tmp_path / "out.y4m")
    assert caught.value.frames and lumas(tmp_path / "out.y4m") == all_lumas[: caught.value.frames]
    done = decode_file(data, tmp_path / "skip.y4m", on_damage="skip")
    assert lumas(tmp_path / "skip.y4m") == all_lumas[: done.frames] and done.warnings


def test_a_file_without_its_index_is_decoded_and_said_to_be_cut(coded: Path, tmp_path: Path) -> None:
    from nvc.container import StreamReader

    place = next(u.offset for u in StreamReader(coded.read_bytes()).units() if u.kind == "index")
    with pytest.raises(CorruptError, match="26 frames"):
        decode_file(coded.read_bytes()[:place], tmp_path / "out.y4m")
    assert len(frames_of(tmp_path / "out.y4m")) == 26
    assert decode_file(coded.read_bytes()[:place], BytesIO(), format="y4m", on_damage="hold").frames == 26


def test_a_damaged_layered_file_shows_its_base(layered: Path) -> None:
    data = bytearray(layered.read_bytes())
    place = data.index(b"mdat") + len(data[data.index(b"mdat") :]) // 3
    data[place] ^= 0x10
    done = decode_file(bytes(data), BytesIO(), format="y4m", on_damage="hold")
    assert done.frames == 26
    assert any("plain base" in w or "damaged" in w for w in done.warnings)


def test_a_hash_of_each_frame(coded: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        decode_file(coded, BytesIO(), format="y4m", hash_file=tmp_path / name, threads=1 + (name == "two"))
    one = (tmp_path / "one").read_text()
    assert one == (tmp_path / "two").read_text()
    assert len(one.splitlines()) == 27


def test_nothing_is_overwritten_unasked(coded: Path, tmp_path: Path) -> None:
    for name in ("out.y4m", "hashes"):
        (tmp_path / name).write_bytes(b"precious")
        with pytest.raises(UsageError, match="-y"):
            decode_file(coded, tmp_path / "out.y4m", hash_file=tmp_path / "hashes")
    decode_file(coded, tmp_path / "out.y4m", hash_file=tmp_path / "hashes", overwrite=True)
    assert len(frames_of(tmp_path / "out.y4m")) == 26


def test_the_input_is_not_the_output(layered: Path, tmp_path: Path) -> None:
    source = tmp_path / "video.mp4"
    source.write_bytes(layered.read_bytes())
    with pytest.raises(UsageError, match="same file"):
        decode_file(source, source, overwrite=True)
    assert source.read_bytes() == layered.read_bytes()


def test_an_interrupt_leaves_nothing(coded: Path, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.frame == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_file(coded, tmp_path / "out.mkv", hash_file=tmp_path / "hashes", progress=interrupt)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("limits", [Limits(max_pixels=3000), Limits(max_frames=25), Limits(max_memory=1000)])
@pytest.mark.parametrize("name", ["coded", "layered"])
def test_limits(name: str, tmp_path: Path, limits: Limits, request) -> None:
    with pytest.raises(LimitError):
        decode_file(request.getfixturevalue(name), tmp_path / "out.y4m", limits=limits)
    assert os.listdir(tmp_path) == []


def test_odd_sizes_and_one_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for width, height in ((17, 33), (16, 16), (21, 18)):
        half = ((height + 1) // 2) * ((width + 1) // 2)
        data = f"YUV4MPEG2 W{width} H{height} F25:1 C420jpeg\nFRAME\n".encode()
        data += rng.integers(90, 110, width * height + 2 * half, np.uint8).tobytes()
        for mode in ("neural", "layered"):
            coded = BytesIO()
            encode_file(data, coded, Settings(quality=40), mode=mode)
            (frame,) = frames_of(decoded(coded.getvalue()))
            assert frame.y.shape == (height, width)


@pytest.mark.parametrize("on_damage", ["skip", "hold"])
def test_a_range_that_is_lost_is_damage(damage, tmp_path: Path, on_damage: str) -> None:
    with pytest.raises(CorruptError, match="no frame could be decoded"):
        decode_file(damage(8), tmp_path / "out.y4m", start=9, frames=2, on_damage=on_damage)
    assert not (tmp_path / "out.y4m").exists()
