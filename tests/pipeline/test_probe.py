"""The object of nvc info."""

import json
from pathlib import Path

import av
import pytest

from nvc.errors import CorruptError, FormatError
from nvc.pipeline import encode_file, probe_file
from nvc.types import Settings

FIELDS = {
    "format", "width", "height", "fps", "frames", "duration", "mode", "structure", "keyint", "weights", "bytes",
    "video_bytes", "overhead_bytes", "gops", "pictures",
}  # fmt: skip
PARTS = {"motion", "latents", "hyper", "base", "side"}


@pytest.mark.parametrize("name", ["coded", "layered"])
def test_the_object(name: str, request) -> None:
    path = request.getfixturevalue(name)
    found = probe_file(path)
    assert set(found) >= FIELDS and json.dumps(found)
    assert (found["width"], found["height"], found["fps"], found["frames"]) == (64, 48, 25.0, 26)
    assert found["duration"] == pytest.approx(26 / 25)
    assert found["bytes"] == found["video_bytes"] == path.stat().st_size > found["overhead_bytes"] > 0
    assert found["format"] == {"coded": "nvc", "layered": "mp4"}[name]
    assert [set(gop) for gop in found["gops"]] == [{"start", "frames", "bytes", "symbol_hash"}] * 4
    assert sum(gop["bytes"] for gop in found["gops"]) == found["video_bytes"] - found["overhead_bytes"]
    assert [p["index"] for p in found["pictures"]] == list(range(26))
    assert all(set(p["bits"]) == PARTS and p["type"] in "IPB" for p in found["pictures"])
    assert [p["index"] for p in found["pictures"] if p["type"] == "I"] == [0, 8, 16, 24]
    assert found["warnings"] == []


def test_references_and_levels(coded: Path) -> None:
    pictures = probe_file(coded, bits=False)["pictures"]
    assert [p["refs"] for p in pictures[:8]] == [[], [0, 3], [1, 3], [0, 7], [3, 5], [3, 7], [5, 7], [0]]
    assert [p["level"] for p in pictures[:8]] == [0, 2, 3, 1, 3, 2, 3, 0]
    assert [p["refs"] for p in pictures[8:11]] == [[], [8, 11], [9, 11]]


def test_bits_add_up_to_the_payloads(coded: Path) -> None:
    found = probe_file(coded)
    for gop in found["gops"]:
        inside = found["pictures"][gop["start"] : gop["start"] + gop["frames"]]
        bits = sum(sum(p["bits"].values()) for p in inside)
        assert 0.9 * bits - 400 < 8 * gop["bytes"] < 1.1 * bits + 800


def test_bits_need_decoding_and_can_be_left_out(coded: Path) -> None:
    assert probe_file(coded, bits=False)["pictures"][3]["bits"] == dict.fromkeys(PARTS)


def test_layered_says_what_decoding_adds(layered: Path, coded: Path) -> None:
    assert probe_file(layered)["enhancement"] == "identity"
    assert probe_file(coded, bits=False)["enhancement"] is None


def test_equal_symbols_have_equal_hashes(clip: Path, tmp_path: Path) -> None:
    sums = []
    for threads in (1, 2):
        out = tmp_path / f"{threads}.nvc"
        encode_file(clip, out, Settings(quality=30, keyint=8, mini_gop=8, threads=threads))
        sums.append([gop["symbol_hash"] for gop in probe_file(out, bits=False)["gops"]])
    other = tmp_path / "other.nvc"
    encode_file(clip, other, Settings(quality=29, keyint=8, mini_gop=8))
    assert sums[0] == sums[1] != [gop["symbol_hash"] for gop in probe_file(other, bits=False)["gops"]]


def test_carried_streams_are_listed(sounding: Path) -> None:
    found = probe_file(sounding, bits=False, units=True)
    assert found["carried"] == [{"kind": "audio", "codec": "aac"}]
    assert {"header", "intra", "gop", "carried", "index", "tail"} <= {u["what"] for u in found["units"]}


def test_damage_is_told(damage, coded: Path) -> None:
    found = probe_file(damage(8))
    assert found["warnings"] and found["frames"] == len(found["pictures"]) == 25
    whole = {gop["start"]: gop["frames"] for gop in probe_file(coded)["gops"]}
    # The I period that lost its I frame is left out, and no other counts its frames.
    assert {gop["start"]: gop["frames"] for gop in found["gops"]} == {s: n for s, n in whole.items() if s != 8}
    lost = [p for p in found["pictures"] if 8 < p["index"] < 16]
    assert all(p["bits"]["latents"] is None for p in lost)
    assert all(p["bits"]["latents"] is not None for p in found["pictures"] if p["index"] > 16)


def test_nothing_to_tell(coded: Path, tmp_path: Path) -> None:
    with pytest.raises(CorruptError):
        probe_file(coded.read_bytes()[:200])
    with pytest.raises(FormatError):
        probe_file(b"nothing of ours")


def test_a_plain_hevc_file_is_a_plain_base(layered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nvc.codec.layered_source.take_payload", lambda nals: (nals, None))
    found = probe_file(layered)
    asked = [found[name] for name in ("mode", "structure", "keyint", "quality")]
    assert asked == ["plain", None, None, None]


def test_low_delay_levels(clip: Path, tmp_path: Path) -> None:
    encode_file(clip, tmp_path / "ld.nvc", Settings(quality=30, keyint=10, structure="ld"), frames=12)
    pictures = probe_file(tmp_path / "ld.nvc")["pictures"]
    assert [p["level"] for p in pictures] == [0, 2, 1, 2, 0, 2, 1, 2, 0, 2, 0, 2]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_video_bytes_are_those_of_the_encode(sample: Path, tmp_path: Path, suffix: str) -> None:
    """With sound, and with subtitles that become mov_text in .mp4 and are padded there."""
    source, out = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    titles = tmp_path / "titles.srt"
    titles.write_text("1\n00:00:00,100 --> 00:00:00,200\n<b>one</b>\n\n2\n00:00:00,300 --> 00:00:00,350\ntwo\n")
    with av.open(sample) as video, av.open(titles) as text, av.open(source, "w") as both:
        inputs = [*video.streams.video[:1], *video.streams.audio[:1], *text.streams]
        outputs = {id(one): both.add_stream_from_template(one, opaque=True) for one in inputs}
        for packet in [*text.demux(), *video.demux(*inputs[:2])]:
            if packet.dts is not None:
                packet.stream = outputs[id(packet.stream)]
                both.mux(packet)
    done = encode_file(source, out, Settings(quality=10), frames=20)
    found = probe_file(out)
    assert {one["kind"] for one in found["carried"]} == {"audio", "subtitle"}
    assert (done.bytes, done.video_bytes) == (found["bytes"], found["video_bytes"])
    assert done.video_bytes < done.bytes
