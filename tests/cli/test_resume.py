"""``encode --resume`` as a user meets it: processes killed at any moment, and what is said on the way."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

WORDS = ["--keyint", "8", "--mini-gop", "8", "--threads", "1", "--json"]
FRAMES = 240


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 frames of 48x32 with some noise, as y4m."""
    path = tmp_path_factory.mktemp("long") / "clip.y4m"
    rng = np.random.default_rng(2)
    noise = rng.integers(60, 200, (32 + FRAMES, 48), np.uint8)
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W48 H32 F25:1 Ip C420jpeg\n")
        for index in range(FRAMES):
            luma = noise[index // 2 : index // 2 + 32]
            file.write(b"FRAME\n" + luma.tobytes() + 2 * luma[::2, ::2].tobytes())
    return path


def start(*words: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "nvc", "encode", *map(str, words), *WORDS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def killed(source: Path, out: Path, seconds: float) -> bool:
    """Resume an encode and kill it some time after it began to work; False where it was through before, or had
    given the file its name already."""
    job = start(source, out, "--resume")
    assert json.loads(job.stdout.readline())["type"] == "start"
    time.sleep(seconds)
    job.send_signal(signal.SIGKILL)
    job.communicate(timeout=60)
    return job.returncode == -signal.SIGKILL and not out.exists()


def test_killed_at_random_times(run, long_clip: Path, tmp_path: Path) -> None:
    want, out = tmp_path / "want.nvc", tmp_path / "out.nvc"
    assert run("encode", long_clip, want, *WORDS)[0] == 0
    rng, kills = random.Random(9), 0
    while kills < 5 and killed(long_clip, out, rng.choice((0, 0.1, 0.3, 0.6)) * rng.random() if kills else 0):
        kills += 1
        assert os.path.exists(f"{out}.part")
    if not out.exists():
        code, text, _ = run("encode", long_clip, out, "--resume", *WORDS)
        assert code == 0 and json.loads(text.splitlines()[-1])["frames"] == FRAMES
    assert kills and out.read_bytes() == want.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["out.nvc", "want.nvc"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_can_be_resumed_says_so(long_clip: Path, tmp_path: Path, number: int) -> None:
    """The pipe stays open after a part of the clip: the encode waits in the middle of its work."""
    out = tmp_path / "out.nvc"
    job = start("-", out, stdin=subprocess.PIPE)
    job.stdin.write(long_clip.read_bytes()[: 100 * 2310])
    job.stdin.flush()
    part = Path(f"{out}.part")
    deadline = time.monotonic() + 100
    while not (part.exists() and part.stat().st_size > 20000) and time.monotonic() < deadline:
        time.sleep(0.05)
    job.send_signal(number)
    text, _ = job.communicate(timeout=120)
    last = json.loads(text.splitlines()[-1])
    assert (job.returncode, last["code"], os.listdir(tmp_path)) == (130, 130, ["out.nvc.part"])
    assert "--resume" in last["message"] and "out.nvc.part keeps" in last["message"]


def test_what_does_not_fit_is_refused(run, long_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    assert run("encode", long_clip, out, "--frames", 30, *WORDS)[0] == 0
    part = Path(f"{out}.part")
    part.write_bytes(out.read_bytes()[:-100])
    left = part.read_bytes()
    out.unlink()
    code, _, err = run("encode", long_clip, out, "--frames", 30, "--resume", *WORDS[:-1], "-q", "12")
    assert code == 2 and "quality" in err and len(err.splitlines()) == 1
    assert part.read_bytes() == left and os.listdir(tmp_path) == ["out.nvc.part"]
    code, _, err = run("encode", long_clip, tmp_path / "out.mp4", "--resume")
    assert code == 2 and len(err.splitlines()) == 1
