"""Memory stays flat however long the video is."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SHORT, LONG, SIDE = 200, 2000, 64

CHILD = """
import json, resource, sys
from nvc.pipeline import decode_file, encode_file
from nvc.types import Settings
source, folder, frames, options = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
out = f"{folder}/out.nvc"
if sys.argv[5] == "encode":
    done = encode_file(source, out, Settings(quality=24, threads=1, **options), frames=frames)
else:
    done = decode_file(out, f"{folder}/back.y4m", threads=1, overwrite=True)
print(done.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 frames of 64x64, which drift over noise."""
    path = tmp_path_factory.mktemp("memory") / "clip.y4m"
    noise = np.random.default_rng(6).integers(60, 200, (SIDE + 256, SIDE + 256), np.uint8)
    noise = (noise // 2 + np.roll(noise, 1, 1) // 4 + np.roll(noise, 1, 0) // 4).astype(np.uint8)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{SIDE} H{SIDE} F25:1 Ip C420jpeg\n".encode())
        for index in range(LONG):
            row, column = abs(index % 512 - 256) * 255 // 256, abs(index % 300 - 150)
            luma = noise[row : row + SIDE, column : column + SIDE]
            file.write(b"FRAME\n" + luma.tobytes() + 2 * luma[::2, ::2].tobytes())
    return path


def peak(what: str, clip: Path, folder: Path, frames: int, options: dict) -> int:
    """Peak resident memory in kB of a process that encodes or decodes so many frames."""
    words = [sys.executable, "-c", CHILD, str(clip), str(folder), str(frames), json.dumps(options), what]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    count, kilobytes = map(int, done.stdout.split())
    assert count == frames
    return kilobytes


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"structure": "ld"}, {"mode": "layered", "base_preset": "ultrafast"}],
    ids=["ra", "ld", "layered"],
)
def test_2000_frames_take_no_more_than_200(long_clip: Path, tmp_path: Path, options: dict) -> None:
    peaks: dict[str, list[int]] = {"encode": [], "decode": []}
    for frames in (SHORT, LONG):
        folder = tmp_path / str(frames)
        folder.mkdir()
        for what, found in peaks.items():
            found.append(peak(what, long_clip, folder, frames, options))
    for what, (short, long) in peaks.items():
        assert long < 1.1 * short, f"{what}: {short} kB for {SHORT} frames, {long} kB for {LONG}"
