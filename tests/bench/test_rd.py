"""The measurement as a whole, with x265 on both sides: its own points must give its own rate."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nvc.bench import rd
from nvc.bench.anchors import Anchor, Point, x265_point
from nvc.bench.ours import Ours
from nvc.bench.planes import Quality
from nvc.bench.rd_text import format_rd
from nvc.errors import InputError, UsageError

run_rd = partial(rd.run_rd, anchor="ultrafast", crfs=(18, 24, 30, 36), qualities=(18, 24, 30, 36), cache=None, jobs=1)


@pytest.fixture
def x265_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """x265 in our place, at twice its bytes: the BD-rate must be +100 %."""

    def point(source: Path, ours: Ours, quality: int, frames: int | None) -> Point:
        found = x265_point(source, Anchor("ultrafast", ours.keyint), quality, frames, None)
        return Point(quality, 2 * found.bytes, found.quality, found.seconds, "nvc encode SOURCE OUT")

    monkeypatch.setattr(rd, "nvc_point", point)


def test_twice_the_bytes_is_plus_100(x265_as_ours: None, y4m: Callable) -> None:
    events = []
    clips = [y4m("walk.y4m", 64, 64, 3), y4m("screen_a.y4m", 96, 64, 3)]
    report = run_rd(clips, frames=3, emit=events.append)
    assert [s.curves[1].bd_y.percent for s in report.sources] == pytest.approx([100, 100])
    assert report.mean_611 == report.worst_611 == report.sources[0].curves[1].bd_611.percent
    assert [s.is_screen for s in report.sources] == [False, True]
    assert len(events) == 16 and events[-1]["done"] == events[-1]["total"] == 16
    points = report.sources[0].curves[0].points
    assert [p.setting for p in points] == [36, 30, 24, 18]
    assert report.to_dict()["sources"][0]["picture"]["frame_rate"] == "25"
    assert {"nvc", "x265", "ffmpeg"} <= report.versions.keys()


def test_open_gop_is_shown_beside(x265_as_ours: None, y4m: Callable) -> None:
    report = run_rd([y4m("a.y4m", 64, 64, 5)], keyint=2, open_gop=True)
    assert [c.name for c in report.sources[0].curves] == [
        "x265 ultrafast",
        "nvc neural",
        "x265 ultrafast open GOP",
    ]
    assert report.sources[0].frames == 5


def test_what_a_tool_brings(y4m: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the tool half the bytes: -50 %, in the report and in its text."""

    def point(source: Path, ours: Ours, quality: int, frames: int | None) -> Point:
        found = x265_point(source, Anchor("ultrafast", ours.keyint), quality, frames, None)
        factor = 2 if "networks" in ours.disable else 1
        return Point(quality, factor * found.bytes, found.quality, found.seconds, "nvc encode SOURCE OUT")

    monkeypatch.setattr(rd, "nvc_point", point)
    report = run_rd([y4m("walk.y4m", 64, 64, 3)], without=["networks"])
    assert [c.name for c in report.sources[0].curves][1:] == ["nvc neural", "nvc neural without networks"]
    assert report.mean_gain == report.worst_gain == report.sources[0].percent_gain == pytest.approx(-50)
    assert "against nvc neural without networks: mean -50.00 %" in format_rd(report)
    assert run_rd([y4m("b.y4m", 64, 64, 2)]).mean_gain is None


def test_layered_is_measured_on_its_own_preset(y4m: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()

    def point(source: Path, ours: Ours, quality: int, frames: int | None) -> Point:
        asked.add(" ".join(ours.encode_words(quality, frames, 1)[4:]))
        return x265_point(source, Anchor("ultrafast"), quality, frames, None)

    monkeypatch.setattr(rd, "nvc_point", point)
    run_rd([y4m("a.y4m", 64, 64, 2)], mode="layered", frames=2)
    assert asked == {"--keyint 32 --frames 2 --threads 1 --base-preset ultrafast"}


def test_code_that_changes_meanwhile_is_told(
    x265_as_ours: None, y4m: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = iter(("before", "after"))
    monkeypatch.setattr(rd, "code_hash", lambda: next(hashes))
    report = run_rd([y4m("a.y4m", 64, 64, 2)])
    assert "before" in report.versions["nvc"] and "changed while" in report.warnings[0]
    assert "warning: the codec's files changed" in format_rd(report)


def test_a_source_without_a_number_leaves_no_mean() -> None:
    def points(*pairs: tuple[int, float]) -> dict:
        return {s: Point(s, s, Quality(1, q, q, q, q), 0, "") for s, q in pairs}

    anchor, ours, path = Anchor(), Ours(), Path("a.mkv")
    table = {(path, anchor, s): p for s, p in points((100, 30.0), (200, 33.0)).items()}
    table |= {(path, ours, s): p for s, p in points((100, 40.0), (200, 43.0)).items()}
    compared = rd.curves_of(path, ours, [anchor], table)
    assert compared[1].bd_611.percent is None and "overlap" in compared[1].bd_611.reason
    assert rd.mean_of([compared[1].bd_611.percent, 3.0]) is None
    assert rd.mean_of([1.0, 3.0]) == 2.0
    assert rd.mean_of([]) is None


def test_folders_are_taken_by_name(y4m: Callable, tmp_path: Path) -> None:
    clips = [y4m(name, 32, 32, 1) for name in ("b.y4m", "a.y4m")]
    (tmp_path / "notes.txt").write_text("")
    assert rd.expand_sources([tmp_path, clips[0]]) == sorted(clips)


@pytest.mark.parametrize("missing", ["none.mkv", "empty"])
def test_sources_that_are_not_there(tmp_path: Path, missing: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=missing):
        run_rd([tmp_path / missing])


def test_what_cannot_be_compared_is_refused(y4m: Callable) -> None:
    with pytest.raises(UsageError, match="even"):
        run_rd([y4m("odd.y4m", 33, 32, 1)])
    with pytest.raises(UsageError, match="2 different"):
        run_rd([y4m("a.y4m", 32, 32, 1)], qualities=(20, 20))


def test_the_first_failure_ends_the_run(y4m: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Point:
        raise InputError("broken on purpose")

    monkeypatch.setattr(rd, "nvc_point", fail)
    with pytest.raises(InputError, match="on purpose"):
        run_rd([y4m("a.y4m", 32, 32, 1)])


def test_our_own_codec_end_to_end(y4m: Callable) -> None:
    report = rd.run_rd([y4m("a.y4m", 64, 64, 5)], qualities=(16, 32), crfs=(20, 40), anchor="ultrafast", cache=None)
    ours = report.sources[0].curves[1].points
    assert [p.setting for p in ours] == [16, 32]
    assert all(p.quality.frames == 5 and 20 < p.quality.psnr_y < 60 for p in ours)
    assert np.all(np.diff([p.quality.psnr_611 for p in ours]) > 0)
