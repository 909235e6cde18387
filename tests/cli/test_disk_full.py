"""Outputs that cannot be written, or not to their end: one clear line, exit 3, and nothing lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
QUICK = ["--keyint", "8", "--mini-gop", "8", "--threads", "1"]


# Runs commands in one process, since starting one takes longer than they do: [[bytes a file may have, words], ...] as
# JSON on stdin, [[exit code, stdout, stderr], ...] on stdout. The first decode compiles what is to be compiled.
CHILD = """
import contextlib, io, json, resource, sys
from nvc.cli import main
results = []
for size, words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size or hard, hard))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""


def limited(*jobs: tuple[int, list]) -> list[tuple[int, str, str]]:
    """Run commands with files limited to some bytes, 0 for no limit; all but those must say that the disk is full."""
    lines = json.dumps([[size, [str(word) for word in words]] for size, words in jobs])
    done = subprocess.run([sys.executable, "-c", CHILD], input=lines, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = [tuple(result) for result in json.loads(done.stdout)]
    for (size, words), (code, out, err) in zip(jobs, results, strict=True):
        assert (code, out) == ((3, "") if size else (0, "")), (words, err)
        assert not size or (len(err.splitlines()) == 1 and "disk is full" in err), (words, err)
    return results


def test_nothing_is_left_and_what_was_there_stays(clip: Path, coded: Path, tmp_path: Path) -> None:
    there = {"a.nvc": ["encode", clip], "a.mp4": ["encode", clip], "b.y4m": ["decode", coded]}
    jobs = [(0, ["decode", coded, tmp_path / "first.y4m", "--quiet"])]
    jobs += [(1000, ["encode", clip, tmp_path / name, "--keyint", 8]) for name in ("out.mp4", "out.mkv")]
    jobs += [(300, ["encode", clip, tmp_path / "out.nvc", *QUICK])]
    jobs += [(2000, ["decode", coded, tmp_path / f"out{end}"]) for end in (".mp4", ".mkv", ".y4m", ".yuv", "")]
    for name, words in there.items():
        (tmp_path / name).write_bytes(b"precious")
        jobs.append((300, [*words, tmp_path / name, "-y"]))
    limited(*jobs)
    assert sorted(os.listdir(tmp_path)) == sorted([*there, "first.y4m"])
    assert all((tmp_path / name).read_bytes() == b"precious" for name in there)


def test_an_encode_keeps_what_can_be_resumed(run, clip: Path, coded: Path, tmp_path: Path) -> None:
    out, size = tmp_path / "out.nvc", coded.stat().st_size - 60
    words = ["encode", clip, out, *QUICK]
    first, again = limited((size, words), (size, [*words, "--resume"]))
    assert os.listdir(tmp_path) == ["out.nvc.part"]
    assert all("out.nvc.part keeps" in err for _, _, err in (first, again))
    assert coded.read_bytes().startswith((tmp_path / "out.nvc.part").read_bytes())
    assert run("encode", clip, out, *QUICK, "--resume")[0] == 0
    assert out.read_bytes() == coded.read_bytes()


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", [["decode", "CODED", "-"], ["info", "CODED", "--json"]])
def test_a_full_device_behind_stdout(coded: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "nvc", *[str(coded) if word == "CODED" else word for word in words]]
    with FULL.open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 3 and len(done.stderr.splitlines()) <= 1 and "Traceback" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("name", ["out.nvc", "out.mp4", "out.mkv"])
def test_a_full_device_under_the_name(run, clip: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(FULL)
    code, out, err = run("encode", clip, tmp_path / name, "-y", "--keyint", "8")
    assert (code, out) == (3, "") and "disk is full" in err and len(err.splitlines()) == 1
    assert (tmp_path / name).is_symlink() and FULL.is_char_device()


READ_ONLY = [Path("/sys"), Path("/proc")]


@pytest.mark.parametrize("folder", [*READ_ONLY, "folder"], ids=str)
@pytest.mark.parametrize("words", [["encode", "CLIP", "out.nvc"], ["encode", "CLIP", "out.mkv"],
                                   ["encode", "CLIP", "out.nvc", "--resume"], ["decode", "CODED", "out.mp4"],
                                   ["decode", "CODED", "out.y4m"], ["decode", "CODED", "pictures"]])  # fmt: skip
def test_a_folder_that_cannot_be_written(
    run, clip: Path, coded: Path, tmp_path: Path, folder: Path | str, words: list[str]
) -> None:
    if isinstance(folder, str):
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        folder = tmp_path / folder
        folder.mkdir(mode=0o555)
    elif not folder.is_dir():
        pytest.skip(f"no {folder} here")
    command, source, name, *rest = words
    code, out, err = run(command, {"CLIP": clip, "CODED": coded}[source], folder / name, *rest)
    assert (code, out) == (3, "")
    assert err.startswith(f"nvc: error: cannot write {folder / name}") and len(err.splitlines()) == 1
