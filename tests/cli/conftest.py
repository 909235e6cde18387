"""A small clip and what it becomes, and the command as a function."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nvc.cli import main

WIDTH, HEIGHT, FRAMES = 64, 48, 20


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames of a moving pattern, 64x48, as y4m."""
    path = tmp_path_factory.mktemp("clip") / "clip.y4m"
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(FRAMES):
            luma = (128 + 60 * np.sin((columns - 2 * index) / 7) * np.cos(rows / 9)).astype(np.uint8)
            file.write(b"FRAME\n" + luma.tobytes() + 2 * luma[::2, ::2].tobytes())
    return path


@pytest.fixture(scope="session")
def coded(clip: Path) -> Path:
    """The clip as .nvc, I frames at 0, 8 and 16."""
    path = clip.with_name("coded.nvc")
    assert main(["encode", str(clip), str(path), "--keyint", "8", "--mini-gop", "8", "--quiet"]) == 0
    return path


@pytest.fixture
def damaged(coded: Path, tmp_path: Path) -> Path:
    """The coded clip with a flipped byte in the second third."""
    data = bytearray(coded.read_bytes())
    data[len(data) // 2] ^= 0x11
    path = tmp_path / "damaged.nvc"
    path.write_bytes(data)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    """Words -> (exit code, stdout, stderr)."""

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def objects(run: Callable) -> Callable[..., tuple[int, list[dict]]]:
    """Words -> (exit code, objects of --json on stdout)."""

    def call(*words: object) -> tuple[int, list[dict]]:
        code, out, _ = run(*words, "--json")
        return code, [json.loads(line) for line in out.splitlines()]

    return call
