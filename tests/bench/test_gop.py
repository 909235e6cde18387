"""Bits and quality by frame: of a made-up probe, and of a real file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nvc import pipeline
from nvc.bench.gop import format_gop, run_gop
from nvc.bench.ours import encode_nvc
from nvc.errors import CorruptError, InputError

PICTURES = [
    {"index": 0, "type": "I", "level": 0, "quality": 32, "refs": [], "bits": {"base": 8000}},
    {"index": 1, "type": "B", "level": 1, "quality": 30, "refs": [0, 2], "bits": {"motion": 100, "latents": 300}},
    {"index": 2, "type": "P", "level": 0, "quality": None, "refs": None, "bits": {"latents": 1600, "side": None}},
]


def probe(pictures: list, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let probe_file find these pictures."""
    found = {"pictures": pictures, "bytes": 1500, "video_bytes": 1400}
    monkeypatch.setattr(pipeline, "probe_file", lambda path: found, raising=False)


def test_bits_by_frame_and_level(monkeypatch: pytest.MonkeyPatch) -> None:
    probe(PICTURES, monkeypatch)
    events = []
    report = run_gop("x.nvc", emit=events.append)
    assert [f.bits for f in report.frames] == [8000, 400, 1600]
    assert [(s.type, s.level, s.frames, s.share) for s in report.levels] == [
        ("I", 0, 1, 0.8),
        ("P", 0, 1, 0.16),
        ("B", 1, 1, 0.04),
    ]
    assert [e["index"] for e in events] == [0, 1, 2]
    text = format_gop(report)
    assert "8,000" in text and "80.0%" in text and "6:1:1" not in text
    assert "-" in text.splitlines()[2]
    assert report.to_dict()["levels"][0]["share"] == 0.8


def test_no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    probe([], monkeypatch)
    with pytest.raises(InputError, match="no frames"):
        run_gop("x.nvc")


def test_a_real_file_with_its_source(y4m: Callable, tmp_path: Path) -> None:
    clip = y4m("a.y4m", 64, 48, 6)
    coded = tmp_path / "a.nvc"
    encode_nvc(clip, coded, ["--keyint", "8", "--threads", "1"], threads=1)
    report = run_gop(coded, source=clip)
    assert [f.index for f in report.frames] == list(range(6))
    assert report.frames[0].type == "I" and all(f.bits > 0 for f in report.frames[:1])
    assert sum(f.bits for f in report.frames) <= 8 * report.video_bytes
    assert all(20 < f.psnr[3] <= 100 for f in report.frames)
    assert "PSNR Y" in format_gop(report)
    with pytest.raises(CorruptError, match="more"):
        run_gop(coded, source=y4m("short.y4m", 64, 48, 5))
