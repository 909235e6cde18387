"""Profiles of one's own: what is kept of files and folders, and what cannot be."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from nvc.bench.own_profiles import own_folder
from nvc.bench.sequences import add_own, find_sequences, format_profiles, load_profile, profile_names
from nvc.errors import FormatError, InputError, OutputError, UsageError


def test_files_and_folders_become_a_profile(y4m: Callable, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    a, b = y4m("walk [1].y4m", 64, 48, 3, 10), y4m("set/run.y4m", 96, 64, 2)
    profile = add_own("my-set", [a, tmp_path / "set"], title='He said "go"', frames=2, keyint=16)
    assert profile_names()[-1] == "my-set" and "my-set: He said" in format_profiles()
    assert (profile.title, profile.frames, profile.keyint) == ('He said "go"', 2, 16)
    public = load_profile("public")
    assert (profile.lines, profile.crfs) == (public.lines, public.crfs) and not profile.folder
    found = find_sequences(profile, None)
    assert [(one.name, one.path, one.problem) for one in found] == [("walk [1]", a, ""), ("run", b, "")]
    assert found[0].picture.bit_depth == 10
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    b.rename(moved / "run.y4m")
    assert "missing" in find_sequences(profile, None)[1].problem
    assert find_sequences(profile, tmp_path)[1].path == moved / "run.y4m"
    assert find_sequences(profile, tmp_path)[0].path == a


@pytest.mark.parametrize(
    ("name", "raw", "rate", "depth"),
    [("a_64x48_50.yuv", None, 50, 8), ("a_64x48_120fps_420_8bit_YUV.yuv", None, 120, 8),
     ("64x48_25fps_10bit.yuv", None, 25, 10), ("a.yuv", "64x48@30000/1001:yuv420p10le", Fraction(30000, 1001), 10),
     ("b_352x288_30.yuv", "64x48@30", 30, 8)],
)  # fmt: skip
def test_bare_planes(tmp_path: Path, name: str, raw: str | None, rate: int, depth: int) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(2 * 64 * 48 * 3 // 2 * (1 if depth == 8 else 2)))
    profile = add_own("mine", [path], raw=raw)
    (one,) = find_sequences(profile, None)
    assert one.is_raw and one.frames == 2 and one.problem == ""
    assert (one.picture.width, one.picture.height) == (64, 48)
    assert (one.picture.frame_rate, one.picture.bit_depth) == (rate, depth)


def test_a_profile_is_written_over_on_request_and_read_anew(y4m: Callable) -> None:
    add_own("mine", [y4m("a.y4m", 64, 48, 1)])
    with pytest.raises(UsageError, match="-y"):
        add_own("mine", [y4m("b.y4m", 64, 48, 1)])
    again = add_own("mine", [y4m("b.y4m", 64, 48, 1)], overwrite=True)
    assert [s.name for s in again.sequence] == [s.name for s in load_profile("mine").sequence] == ["b"]


def test_what_cannot_be_added(y4m: Callable, tmp_path: Path) -> None:
    clip = y4m("a.y4m", 64, 48, 1)
    for folder in ("one", "two", "none"):
        (tmp_path / folder).mkdir()
    twice = [y4m(f"{folder}/a.y4m", 64, 48, 1) for folder in ("one", "two")]
    (tmp_path / "clip.yuv").write_bytes(bytes(10))
    (tmp_path / "clip_64x48_25.yuv").write_bytes(bytes(10))
    for name, paths, words in (
        ("smoke", [clip], "comes with nvc"), ("../x", [clip], "small letters"), ("x", twice, "called a"),
        ("x", [tmp_path / "clip.yuv"], "--raw"), ("x", [tmp_path / "clip_64x48_25.yuv"], "no whole number"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            add_own(name, paths)
    with pytest.raises(UsageError, match="416x240@50"):
        add_own("x", [tmp_path / "clip.yuv"], raw="64x48")
    for path in ("gone.mkv", "none"):
        with pytest.raises(InputError, match=path):
            add_own("x", [tmp_path / path])
    assert "x" not in profile_names()


def test_profiles_that_are_broken_or_cannot_be_written(y4m: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    own_folder().mkdir(parents=True)
    for text in ("a = [", 'title = "no points"', "[[sequence]]\nname = 1"):
        (own_folder() / "bad.toml").write_text(text)
        (own_folder() / "bad.toml").touch()
        with pytest.raises(FormatError, match="bad.toml: not a profile"):
            load_profile("bad")
        (own_folder() / "bad.toml").unlink()
    clip = y4m("a.y4m", 64, 48, 1)
    monkeypatch.setenv("NVC_PROFILES", str(clip / "under a file"))
    with pytest.raises(OutputError, match="cannot write"):
        add_own("x", [clip])
    monkeypatch.delenv("NVC_PROFILES")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert own_folder() == Path("/somewhere/nvc/profiles")
