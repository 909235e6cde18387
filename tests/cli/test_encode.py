"""nvc encode."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DONE = {"type", "frames", "bytes", "video_bytes", "seconds", "fps", "bitrate_kbps", "weights"}


def test_json(objects, clip: Path, tmp_path: Path) -> None:
    code, found = objects("encode", clip, tmp_path / "out.nvc", "-q", 20)
    assert code == 0
    assert [o["type"] for o in found if o["type"] != "progress"] == ["start", "done"]
    assert set(found[-1]) == DONE
    assert (found[-1]["frames"], found[-1]["bytes"]) == (20, (tmp_path / "out.nvc").stat().st_size)


def test_text(run, clip: Path, tmp_path: Path) -> None:
    code, out, err = run("encode", clip, tmp_path / "out.nvc", "--frames", 3, "--verify")
    assert (code, out) == (0, "")
    assert "3 frames" in err and "verified" in err
    assert run("encode", clip, tmp_path / "out.nvc", "--frames", 3, "-y", "--quiet") == (0, "", "")


def test_options_reach_the_encoder(run, objects, clip: Path, tmp_path: Path) -> None:
    words = "--structure ld --keyint 5 --disable merge --disable obmc --start 2 --frames 11 --hash --threads 1".split()
    assert run("encode", clip, tmp_path / "out.nvc", *words)[0] == 0
    _, (found,) = objects("info", tmp_path / "out.nvc")
    assert (found["structure"], found["keyint"], found["frames"]) == ("ld", 5, 11)
    assert sorted(found["disabled"]) == ["merge", "networks", "obmc"]
    assert [gop["frames"] for gop in found["gops"]] == [5, 5, 1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["IN", "out.mp4", "--mode", "neural"], 2),
        (["IN", "out.webm"], 2),
        (["IN", "-"], 2),
        (["IN", "out.nvc", "-q", "64"], 2),
        (["IN", "out.nvc", "--disable", "magic"], 2),
        (["IN", "out.mp4", "--base-preset", "magic"], 2),
        (["IN", "out.nvc", "--video-stream", "3"], 2),
        (["no.mp4", "out.nvc"], 3),
        (["IN", "no/folder/out.nvc"], 3),
        (["IN", "out.nvc", "--max-frames", "19"], 8),
        (["IN", "out.nvc", "--max-pixels", "3000"], 8),
        (["IN", "out.nvc", "--max-memory", "0.001"], 8),
    ],
)
def test_exit_codes(
    objects, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    got, found = objects("encode", *[clip if word == "IN" else word for word in words])
    assert got == code
    assert (found[-1]["type"], found[-1]["code"]) == ("error", code)
    assert os.listdir(tmp_path) == []


def test_an_output_that_exists(run, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    out.write_bytes(b"precious")
    code, _, err = run("encode", clip, out)
    assert code == 2 and "-y" in err and len(err.splitlines()) == 1
    assert out.read_bytes() == b"precious"


def test_a_cut_input_is_said_to_be(objects, clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.y4m"
    cut.write_bytes(clip.read_bytes()[:30000])
    code, found = objects("encode", cut, tmp_path / "out.nvc")
    assert (code, found[-1]["type"], found[-1]["code"], found[-1]["frames"]) == (5, "error", 5, 6)
    assert objects("info", tmp_path / "out.nvc")[1][0]["frames"] == 6


def test_y4m_from_a_pipe(clip: Path, coded: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "nvc", "encode", "-", str(tmp_path / "out.nvc"), "--keyint", "8", "--mini-gop", "8"]
    with clip.open("rb") as file:
        done = subprocess.run([*words, "--json"], stdin=file, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["frames"] == 20
    assert (tmp_path / "out.nvc").read_bytes() == coded.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(clip: Path, tmp_path: Path, number: int) -> None:
    """The input is a pipe that stays open, so the encode is still at work when the signal comes."""
    words = [sys.executable, "-m", "nvc", "encode", "-", str(tmp_path / "out.nvc"), "--json"]
    job = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False)
    job.stdin.write(clip.read_bytes())
    job.stdin.flush()
    assert json.loads(job.stdout.readline())["type"] == "start"
    job.send_signal(number)
    out, _ = job.communicate(timeout=120)
    assert job.returncode == 130
    assert json.loads(out.splitlines()[-1]) == {"type": "error", "code": 130, "message": "interrupted"}
    assert os.listdir(tmp_path) == []


def test_layered_mode_says_what_has_no_effect(objects, clip: Path, tmp_path: Path) -> None:
    words = "--mini-gop 8 --intra hevc --hash --disable merge --disable networks --frames 2".split()
    _, found = objects("encode", clip, tmp_path / "out.mp4", *words)
    said = [o["message"] for o in found if o["type"] == "warning"]
    assert said == ["no effect in layered mode: --mini-gop, --intra, --hash, --disable merge"]
    for name, more in (("out.nvc", words), ("plain.mp4", ["--structure", "ld", "--frames", 2])):
        _, found = objects("encode", clip, tmp_path / name, *more)
        assert "warning" not in [o["type"] for o in found]
