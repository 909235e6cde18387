"""Speed reports: sizes, clips that are the same anywhere, and the text."""

from pathlib import Path

import pytest

from nvc.bench import speed
from nvc.bench.planes import PlaneReader
from nvc.bench.speed import JobSpeed, SizeSpeed, SpeedReport, format_speed, make_clip, parse_size, run_speed
from nvc.errors import UsageError


@pytest.mark.parametrize("text", ["416", "416x", "15x16", "20000x20", "axb", "416 x 240"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        parse_size(text)


def test_clips_are_made_twice_alike(tmp_path: Path) -> None:
    paths = [tmp_path / "a.y4m", tmp_path / "b.y4m"]
    for path in paths:
        make_clip(path, 96, 64, 125)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with PlaneReader(paths[0]) as reader:
        assert len(list(reader)) == 125  # the sample has 120: it goes round
        assert (reader.picture.width, reader.picture.height) == (96, 64)


def test_text_and_json() -> None:
    encode = JobSpeed(10, 4.0, 1.5, {"motion search": 3.0, "other": 1.0, "nothing": 0.0}, 200 * 2**20)
    report = SpeedReport("a machine", 2, 32, (SizeSpeed(100, 50, 999, encode, encode),), {"bf16, 1 thread": 123.4}, 0.5)
    text = format_speed(report)
    for piece in ("100x50", "2.50", "200", "motion search 75%, other 25%", "bf16, 1 thread: 123", "before: 0.5"):
        assert piece in text
    assert "nothing" not in text
    assert report.to_dict()["sizes"][0]["encode"]["fps"] == 2.5


def test_run_asks_one_process_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def worker(job: dict, threads: int | None) -> dict:
        asked.append((job["job"], threads))
        Path(job.get("out", "/dev/null")).write_bytes(b"12345")
        return {"frames": 2, "seconds": 1.0, "startup": 0.5, "stages": {}, "peak_bytes": 1}

    monkeypatch.setattr(speed, "_worker", worker)
    report = run_speed(sizes=["32x32"], frames=2, threads=1)
    assert asked == [("encode", 1), ("decode", 1), ("convolution", 2)]
    assert report.sizes[0].bytes == 5 and report.sizes[0].encode.fps == 2


def test_a_real_run() -> None:
    report = run_speed(sizes=["64x48"], frames=3, threads=1)
    size = report.sizes[0]
    for job in (size.encode, size.decode):
        assert job.frames == 3 and job.fps > 0 and job.peak_bytes > 2**20
        assert {"read", "write", "other", "intra"} <= job.stages.keys()
    assert set(report.convolution) == {f"{k}, {n}" for k in ("bf16", "fp32") for n in ("1 thread", "2 threads")}
