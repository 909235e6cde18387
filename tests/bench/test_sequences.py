"""Test sets: names, sizes and files, on synthetic files of those names."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from nvc.bench import sequences
from nvc.bench.lines import line_by_id
from nvc.bench.sequences import Sequence, find_sequences, load_profile, profile_names
from nvc.errors import InputError, UsageError

KNOWN = ("hevc-b", "hevc-c", "hevc-d", "hevc-e", "uvg")
# as they are named where the sets are handed out
FILES = {
    "uvg": ("Beauty_1920x1080_120fps_420_8bit_YUV.yuv", "Bosphorus_1920x1080_120fps_420_8bit_YUV.yuv",
            "HoneyBee_1920x1080_120fps_420_8bit_YUV.yuv", "Jockey_1920x1080_120fps_420_8bit_YUV.yuv",
            "ReadySetGo_1920x1080_120fps_420_8bit_YUV.yuv", "ShakeNDry_1920x1080_120fps_420_8bit_YUV.yuv",
            "YachtRide_1920x1080_120fps_420_8bit_YUV.yuv"),
    "hevc-b": ("BasketballDrive_1920x1080_50.yuv", "BQTerrace_1920x1080_60.yuv", "Cactus_1920x1080_50.yuv",
               "Kimono1_1920x1080_24.yuv", "ParkScene_1920x1080_24.yuv"),
    "hevc-c": ("BasketballDrill_832x480_50.yuv", "BQMall_832x480_60.yuv", "PartyScene_832x480_50.yuv",
               "RaceHorses_832x480_30.yuv"),
    "hevc-d": ("BasketballPass_416x240_50.yuv", "BlowingBubbles_416x240_50.yuv", "BQSquare_416x240_60.yuv",
               "RaceHorses_416x240_30.yuv"),
    "hevc-e": ("FourPeople_1280x720_60.yuv", "Johnny_1280x720_60.yuv", "KristenAndSara_1280x720_60.yuv"),
}  # fmt: skip


def sparse(path: Path, size: int) -> Path:
    """A file of a size that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def test_names_of_profiles() -> None:
    assert profile_names() == ("smoke", "public", *KNOWN)
    with pytest.raises(UsageError, match="hevc-d"):
        load_profile("mcl")


@pytest.mark.parametrize("name", ["smoke", "public", *KNOWN])
def test_profiles_are_whole(name: str) -> None:
    profile = load_profile(name)
    assert all(line_by_id(line) for line in profile.lines)
    for points in (profile.qualities, profile.crfs, profile.av1_crfs, profile.vvc_qps):
        assert len(points) >= 4 and list(points) == sorted(set(points))
    assert max(profile.qualities) <= 63 and max(profile.av1_crfs) <= 63 and max(profile.vvc_qps) <= 63
    assert bool(profile.sequence) == (name in KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_files_as_people_have_them_are_found(tmp_path: Path, name: str) -> None:
    profile = load_profile(name)
    for sequence, file in zip(profile.sequence, FILES[name], strict=True):
        sparse(tmp_path / "deep" / file, sequence.frames * sequence.frame_bytes)
    found = find_sequences(profile, tmp_path)
    assert [(one.name, one.path.name) for one in found] == list(
        zip([s.name for s in profile.sequence], FILES[name], strict=True)
    )
    assert [(one.problem, one.note, one.is_raw) for one in found] == [("", "", True)] * len(found)
    assert [(one.frames, one.picture.width) for one in found] == [(s.frames, s.width) for s in profile.sequence]


def test_what_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    profile = load_profile("hevc-d")
    frame = profile.sequence[0].frame_bytes
    sparse(tmp_path / "basketballpass_416X240_50.YUV", 500 * frame)
    sparse(tmp_path / "BlowingBubbles_416x240_50.yuv", 500 * frame + 1)
    sparse(tmp_path / "BQSquare_416x240_60.yuv", 97 * frame)
    good, odd, short, gone = find_sequences(profile, tmp_path)
    assert good.problem == good.note == ""
    assert "no whole number of frames of 149,760 bytes" in odd.problem
    assert short.problem == "" and short.note == "97 frames, the set's file has 600"
    assert gone.path is None and gone.problem.startswith("missing: no file RaceHorses_416x240*.yuv")
    text = sequences.format_found(profile, (good, odd, short, gone))
    assert "2 of 4 sequences" in text and "NO RaceHorses" in text and "ok BQSquare" in text
    assert gone.to_dict()["file"] is None and good.to_dict()["picture"]["frame_rate"] == "50"


def test_y4m_of_a_known_set(tmp_path: Path, y4m: Callable) -> None:
    y4m("RaceHorses_416x240_30.y4m", 416, 240, 2)
    y4m("BQSquare_416x240_60.y4m", 64, 64, 2)
    found = {one.name: one for one in find_sequences(load_profile("hevc-d"), tmp_path)}
    assert found["RaceHorses"].problem == "" and not found["RaceHorses"].is_raw
    assert found["BQSquare"].problem == "pictures must be 416x240, 8 bit, got 64x64, 8 bit"


def test_folder_of_clips(tmp_path: Path, y4m: Callable) -> None:
    y4m("walk.y4m", 64, 64, 2)
    y4m("screen_a.y4m", 64, 64, 2)
    y4m("odd.y4m", 65, 64, 2)
    (tmp_path / "broken.mkv").write_bytes(b"nothing")
    found = {one.name: one for one in find_sequences(load_profile("public"), tmp_path)}
    assert list(found) == ["broken", "odd", "screen_a", "walk"]
    assert found["screen_a"].is_screen and not found["walk"].is_screen
    assert "even sizes" in found["odd"].problem and "no pictures" in found["broken"].problem
    assert found["walk"].problem == ""


def test_the_sample_needs_no_folder() -> None:
    (sample,) = find_sequences(load_profile("smoke"), None)
    assert sample.name == "sample" and sample.problem == ""


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sequences"):
        find_sequences(load_profile("uvg"), None)
    for name in ("uvg", "public"):
        with pytest.raises(InputError, match="none"):
            find_sequences(load_profile(name), tmp_path / "none")


def test_bytes_of_ten_bits_are_two() -> None:
    assert Sequence("a", 4, 2, Fraction(25), 1, 10, ()).frame_bytes == 24


def test_list_names_every_sequence() -> None:
    text = sequences.format_profiles()
    assert all(s.name in text for name in KNOWN for s in load_profile(name).sequence)
