"""The demonstration: its search and words on made-up points, and the whole of it with x265 made fast."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench import demo
from nvc.bench.anchors import Anchor, Point
from nvc.bench.demo import Need, enclosing_points, main, need_lines
from nvc.bench.planes import Quality
from nvc.errors import InputError


def quality(db: float) -> Quality:
    return Quality(10, db, db + 4, db + 4, db + 1)


def encoder(crf: int) -> Point:
    """6 CRF halve the rate; half a dB a CRF."""
    return Point(crf, round(1e6 * 2 ** (-crf / 6)), quality(55 - crf / 2), 0.0, "")


@pytest.mark.parametrize("wanted", [32, 33, 38.6, 46, 54])
def test_points_enclose_the_quality(wanted: float) -> None:
    points = enclosing_points(encoder, quality(wanted), first=33)
    values = [p.quality.psnr_y for p in points]
    assert values == sorted(values, reverse=True)
    if wanted < 50:
        assert min(values) <= wanted <= max(values)
    assert 3 <= len(points) <= 7


def test_words_say_more_less_and_unknown() -> None:
    need = Need("x265 medium", (), {"psnr_611": 1000.0, "psnr_y": None})
    lines = need_lines([need], 1250)
    assert "medium" in lines[1] and "1,000 bytes (nvc takes 25.0% more)" in lines[1]
    assert "Y: not enclosed" in lines[1]
    assert "20.0% less" in need_lines([need], 800)[1]


def test_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def fail(folder: str) -> None:
        raise InputError("nothing there")

    monkeypatch.setattr(demo, "run_demo", fail)
    assert main(["somewhere"]) == 3
    assert capsys.readouterr().err == "demo: nothing there\n"


def test_the_whole_on_a_tiny_clip(y4m: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = y4m("sample.y4m", 64, 48, 4)
    monkeypatch.setattr(demo, "sample_path", lambda: clip)
    monkeypatch.setenv("NVC_CACHE", str(tmp_path / "cache"))
    out, lines = tmp_path / "out", []
    for _ in range(2):  # the second run stands on the first one's files
        report = demo.run_demo(out, presets=("ultrafast",), say=lines.append)
    assert {p.name for p in out.iterdir()} == {
        *("sample.nvc", "sample-decoded.mp4", "x265-ultrafast.hevc", "compare.png", "report.json")
    }
    assert report.encode["frames"] == report.decode["frames"] == report.quality.frames == 4
    assert Anchor("ultrafast").name == report.needs[0].anchor
    assert any("fps" in line for line in lines) and any("same PSNR" in line for line in lines)
