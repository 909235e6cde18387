"""x265's command lines, and points measured and kept."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench import anchors
from nvc.bench.anchors import Anchor, crf_for_bytes, x265_point
from nvc.errors import UsageError


@pytest.mark.parametrize(
    ("anchor", "has", "lacks"),
    [
        (Anchor("medium", 32), "keyint=32:min-keyint=32:scenecut=0:open-gop=0:info=0", "bframes"),
        (Anchor("veryslow", 64, "ld"), "bframes=0:b-adapt=0:rc-lookahead=0:no-cutree=1", "open-gop=1"),
        (Anchor("medium", 32, "intra"), "keyint=1:min-keyint=1:", "bframes"),
        (Anchor("medium", 32, open_gop=True), "open-gop=1", "open-gop=0"),
    ],
)
def test_command_lines(anchor: Anchor, has: str, lacks: str) -> None:
    command = anchor.command("file:in", "file:out", 28, 32, "yuv420p")
    params = command[command.index("-x265-params") + 1]
    assert has in params and lacks not in params
    assert params.endswith("pools=none:frame-threads=1:wpp=0")
    pairs = dict(zip(command, command[1:], strict=False))
    wanted = {"-preset": anchor.preset, "-tune": "psnr", "-crf": "28", "-frames:v": "32", "-i": "file:in"}
    assert wanted.items() <= pairs.items()


def test_frames_none_is_all() -> None:
    assert "-frames:v" not in Anchor().command("a", "b", 28, None, "yuv420p")


def test_unknown_preset() -> None:
    with pytest.raises(UsageError, match="placebo"):
        Anchor("placebo")


def test_points_fall_with_crf_and_say_what_they_are(y4m: Callable) -> None:
    clip = y4m("a.y4m", 64, 64, 4)
    fine, coarse = (x265_point(clip, Anchor("ultrafast"), crf, 3, None) for crf in (20, 40))
    assert fine.bytes > coarse.bytes > 0
    assert fine.quality.psnr_611 > coarse.quality.psnr_611
    assert fine.quality.frames == 3
    assert "SOURCE" in fine.command and str(clip) not in fine.command


def test_ten_bits_stay_ten(y4m: Callable) -> None:
    point = x265_point(y4m("a.y4m", 64, 64, 2, depth=10), Anchor("ultrafast"), 20, None, None)
    assert "yuv420p10le" in point.command
    assert 25 < point.quality.psnr_y < 70


def test_cache_knows_content_and_command(y4m: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, cache, runs = y4m("a.y4m", 64, 64, 2), tmp_path / "cache", []
    real = anchors.encode_x265
    monkeypatch.setattr(anchors, "encode_x265", lambda *a: runs.append(a) or real(*a))
    first = x265_point(clip, Anchor("ultrafast"), 30, None, cache)
    assert x265_point(clip.rename(tmp_path / "other name.y4m"), Anchor("ultrafast"), 30, None, cache) == first
    assert len(runs) == 1
    x265_point(tmp_path / "other name.y4m", Anchor("ultrafast"), 31, None, cache)
    x265_point(y4m("b.y4m", 64, 64, 3), Anchor("ultrafast"), 30, None, cache)
    assert len(runs) == 3
    for entry in cache.iterdir():
        entry.write_text("{broken")
    assert x265_point(tmp_path / "other name.y4m", Anchor("ultrafast"), 30, None, cache).bytes == first.bytes
    assert len(runs) == 4


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.delenv("NVC_CACHE", raising=False)
    assert anchors.cache_folder() == Path("/x/nvc/x265")
    monkeypatch.setenv("NVC_CACHE", "/y")
    assert anchors.cache_folder() == Path("/y/x265")


def test_x265_names_its_version() -> None:
    assert anchors.x265_version()[0].isdigit()


@pytest.mark.parametrize("wanted", [200, 5000, 22097, 900_000])
def test_crf_for_bytes(wanted: int) -> None:
    crf = crf_for_bytes([(c, round(1e6 * 2 ** (-c / 6))) for c in (30, 33, 36)], wanted)
    assert crf == pytest.approx(min(51, max(0, 6 * math.log2(1e6 / wanted))), abs=0.2)
    assert crf_for_bytes([(30, 50), (33, 50)], wanted) == 30
