"""nvc decode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NVC = [sys.executable, "-m", "nvc"]


def test_json(objects, coded: Path, tmp_path: Path) -> None:
    code, found = objects("decode", coded, tmp_path / "out.y4m")
    assert code == 0 and found[0]["type"] == "start"
    assert set(found[-1]) == {"type", "frames", "seconds", "fps", "damaged_frames"}
    assert (found[-1]["type"], found[-1]["frames"], found[-1]["damaged_frames"]) == ("done", 20, 0)


def test_to_stdout_and_from_stdin(coded: Path, run, tmp_path: Path) -> None:
    assert run("decode", coded, tmp_path / "out.y4m")[0] == 0
    with coded.open("rb") as file:
        done = subprocess.run([*NVC, "decode", "-", "-", "--json"], stdin=file, capture_output=True, timeout=300)
    assert done.returncode == 0
    assert done.stdout == (tmp_path / "out.y4m").read_bytes()
    assert [json.loads(line)["type"] for line in done.stderr.splitlines()][-1] == "done"


def test_a_reader_that_goes_away(coded: Path) -> None:
    job = subprocess.Popen([*NVC, "decode", str(coded), "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert job.stdout.read(10) == b"YUV4MPEG2 "
    job.stdout.close()
    error = job.stderr.read()
    assert (job.wait(timeout=120), error) == (141, b"")
    job.stderr.close()


def test_a_range_with_hashes(run, coded: Path, tmp_path: Path) -> None:
    words = ["--hash", tmp_path / "hashes", "--start", 5, "--frames", 4]
    assert run("decode", coded, tmp_path / "out.mkv", *words, "--codec", "ffv1")[0] == 0
    lines = (tmp_path / "hashes").read_text().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["0", "1", "2", "3"]


def test_pictures_as_files(run, coded: Path, tmp_path: Path) -> None:
    assert run("decode", coded, tmp_path / "pictures", "--frames", 3)[0] == 0
    assert len(os.listdir(tmp_path / "pictures")) == 3
    assert run("decode", coded, tmp_path / "pictures", "--frames", 3)[0] == 2


def test_damage_stops(objects, damaged: Path, tmp_path: Path) -> None:
    code, found = objects("decode", damaged, tmp_path / "out.y4m")
    assert (code, found[-1]["type"], found[-1]["code"]) == (5, "error", 5)
    assert 0 < found[-1]["frames"] < 20
    assert [o["type"] for o in found].count("error") == 1
    assert (tmp_path / "out.y4m").stat().st_size > found[-1]["frames"] * 4608


@pytest.mark.parametrize(("how", "frames"), [("hold", 20), ("skip", None)])
def test_damage_is_gone_over(objects, damaged: Path, tmp_path: Path, how: str, frames: int | None) -> None:
    code, found = objects("decode", damaged, tmp_path / "out.y4m", "--on-damage", how)
    done = found[-1]
    assert (code, done["type"]) == (0, "done")
    assert done["damaged_frames"] > 0
    assert done["frames"] == (frames or 20 - done["damaged_frames"])
    assert "warning" in [o["type"] for o in found]
    code, found = objects("decode", damaged, tmp_path / "out.y4m", "--on-damage", how, "--strict", "-y")
    assert (code, found[-1]["type"], found[-1]["code"]) == (5, "error", 5)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["IN", "out.avi"], 2),
        (["IN", "out.y4m", "--codec", "x264"], 2),
        (["IN", "out.mp4", "--codec", "ffv1"], 2),
        (["IN", "out.y4m", "--start", "20"], 3),
        (["IN", "no/out.y4m"], 3),
        (["no.nvc", "out.y4m"], 3),
        (["CLIP", "out.mp4"], 4),
        (["IN", "out.y4m", "--max-frames", "19"], 8),
        (["IN", "out.y4m", "--max-memory", "0.001"], 8),
    ],
)
def test_exit_codes(run, clip, coded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list, code: int) -> None:
    monkeypatch.chdir(tmp_path)
    got, out, err = run("decode", *[{"IN": coded, "CLIP": clip}.get(word, word) for word in words])
    assert (got, out, len(err.splitlines())) == (code, "", 1)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["out.y4m", "./out.y4m", "out.y4m.part", "coded.nvc"])
def test_hashes_need_a_file_of_their_own(
    run, coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coded.nvc").write_bytes(coded.read_bytes())
    code, _, err = run("decode", "coded.nvc", "out.y4m", "--hash", name, "-y")
    assert code == 2 and "same file" in err
    assert os.listdir(tmp_path) == ["coded.nvc"] and (tmp_path / "coded.nvc").read_bytes() == coded.read_bytes()


def test_no_picture_of_an_earlier_run_is_left(run, coded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    assert run("decode", coded, folder, "--frames", 5)[0] == 0
    (folder / "notes.txt").touch()
    (folder / "000004_mine.png").touch()
    assert run("decode", coded, folder, "--frames", 2)[0] == 2
    assert run("decode", coded, folder, "--frames", 2, "-y")[0] == 0
    assert sorted(os.listdir(folder)) == ["000000.png", "000001.png", "000004_mine.png", "notes.txt"]
