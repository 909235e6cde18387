"""Motion by distance: a translation is found, and costs little."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nvc.bench.motion import even_planes, format_motion, run_motion
from nvc.errors import InputError, UsageError


@pytest.fixture
def pan(tmp_path: Path) -> Path:
    """Nine frames of a window that moves three pixels a frame over one texture."""
    path = tmp_path / "pan.y4m"
    noise = np.random.default_rng(5).normal(0, 1, (96, 200))
    for axis in (0, 1):
        for _ in range(3):
            noise = noise + np.roll(noise, 1, axis)
    scaled = 128 + 50 * noise / np.abs(noise).max()
    with open(path, "wb") as file:
        file.write(b"YUV4MPEG2 W128 H96 F25:1 Ip A1:1 C420jpeg\n")
        for i in range(9):
            file.write(b"FRAME\n" + scaled[:, 4 + 3 * i : 132 + 3 * i].astype(np.uint8).tobytes() + bytes([128]) * 6144)
    return path


def test_a_translation_is_found(pan: Path) -> None:
    events = []
    report = run_motion([pan], distances=(2, 1), frames=9, emit=events.append)
    rows = report.sources[0].rows
    assert [(r.distance, r.kind) for r in rows] == [(1, "P"), (1, "B"), (2, "P"), (2, "B")]
    assert all(r.frames == 3 and r.psnr > r.copy + 5 and 0 < r.bits_per_pixel < 0.2 for r in rows)
    assert rows[2].copy < rows[0].copy
    assert events == [{"type": "progress", "done": 1, "total": 1, "source": "pan"}]
    assert report.to_dict()["sources"][0]["rows"][0]["distance"] == 1
    assert "pan: 128x96" in format_motion(report) and "bits/pixel" in format_motion(report)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"distances": ()}, UsageError, "distances"),
        ({"distances": (0,)}, UsageError, "distances"),
        ({"distances": (5,), "frames": 10}, UsageError, "half of 10"),
        ({"quality": 64}, UsageError, "quality"),
        ({"distances": (8,), "frames": 33}, InputError, "9 frames, more than 16"),
    ],
)
def test_what_cannot_be_measured(pan: Path, options: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        run_motion([pan], **options)


def test_odd_sizes_and_ten_bits(y4m: Callable) -> None:
    report = run_motion([y4m("odd.y4m", 65, 49, 3, depth=10)], distances=(1,), frames=3)
    assert all(15 < r.psnr <= 100 for r in report.sources[0].rows)
    planes = even_planes((np.zeros((49, 65), np.uint16), *[np.zeros((25, 33), np.uint16)] * 2))
    assert [p.shape for p in planes] == [(50, 66), (25, 33), (25, 33)]
