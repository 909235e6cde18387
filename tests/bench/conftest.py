"""Small clips for the tests of the bench."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


def write_y4m(path: Path, width: int, height: int, frames: int, depth: int = 8, rate: str = "25:1") -> Path:
    """A moving texture, written by hand: what the reader under test gives must be what stands here."""
    layout = "420jpeg" if depth == 8 else "420p10"
    dtype, top = ("u1", 256) if depth == 8 else ("<u2", 1024)
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate} Ip A0:0 C{layout}\n".encode())
        for i in range(frames):
            file.write(b"FRAME\n")
            for rows, columns in ((height, width), *[((height + 1) // 2, (width + 1) // 2)] * 2):
                y, x = np.mgrid[:rows, :columns]
                plane = top * (0.5 + 0.2 * np.sin((x + 2 * i) / 5) * np.cos((y + i) / 7) + 0.1 * ((x * y) % 3 == 0))
                file.write(plane.astype(dtype).tobytes())
    return path


@pytest.fixture(autouse=True)
def no_profiles_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles that somebody added here take no part."""
    monkeypatch.setenv("NVC_PROFILES", str(tmp_path / "own-profiles"))


@pytest.fixture
def y4m(tmp_path: Path) -> Callable[..., Path]:
    """Maker of clips: y4m("name.y4m", width, height, frames, depth)."""
    return lambda name, *shape, **more: write_y4m(tmp_path / name, *shape, **more)
