"""XPSNR: frames counted, equal frames at the cap, worse is lower, a binary without the filter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench import xpsnr
from nvc.bench.anchors import Anchor, encode_x265
from nvc.bench.planes import write_y4m
from nvc.bench.xpsnr import has_xpsnr, measure_xpsnr, parse_log, xpsnr_command
from nvc.errors import CorruptError

LOG = """n:    1  XPSNR y: 36.7063  XPSNR u: 41.3388  XPSNR v: 44.8531
n:    2  XPSNR y: inf  XPSNR u: inf  XPSNR v: inf

XPSNR average, 2 frames  y: 28.2779  u: 33.7965  v: 36.1880  (minimum: 28.2779)
"""


def decoded(clip: Path, folder: Path, crf: int) -> Path:
    stream, out = folder / f"{crf}.hevc", folder / f"{crf}.y4m"
    encode_x265(clip, stream, Anchor("ultrafast"), crf, 4)
    write_y4m(stream, out)
    return out


def test_log_is_read_without_its_summary() -> None:
    assert parse_log(LOG) == (36.7063, 100.0)


@pytest.mark.skipif(not has_xpsnr(), reason="this ffmpeg binary has no xpsnr")
def test_worse_is_lower_and_frames_are_counted(y4m: Callable, tmp_path: Path) -> None:
    clip = y4m("clip.y4m", 128, 96, 5)
    good, bad = (measure_xpsnr(clip, decoded(clip, tmp_path, crf), 4) for crf in (20, 40))
    assert len(good) == len(bad) == 4 and all(a > b + 3 for a, b in zip(good, bad, strict=True))
    assert measure_xpsnr(clip, y4m("same.y4m", 128, 96, 5), 5) == (100.0,) * 5
    with pytest.raises(CorruptError, match="4 frames, expected 5"):
        measure_xpsnr(clip, tmp_path / "20.y4m", 5)


def test_frames_are_paired_by_number_and_the_distorted_file_is_first() -> None:
    words = xpsnr_command("file:source", "file:decoded", 4, "log")
    assert words.index("file:decoded") < words.index("file:source")
    graph = words[words.index("-filter_complex") + 1]
    assert graph.count("setpts=N") == 2 and "xpsnr" in graph


def test_without_the_filter_or_with_values_that_cannot_be(y4m: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = y4m("a.y4m", 64, 64, 2), y4m("b.y4m", 64, 64, 2)
    monkeypatch.setattr(xpsnr, "has_xpsnr", lambda: False)
    assert measure_xpsnr(*pair, 2) is None
    monkeypatch.setattr(xpsnr, "has_xpsnr", lambda: True)
    monkeypatch.setattr(xpsnr, "run", lambda command, threads: Path(next(
        word.split("stats_file=")[1].split("[")[0] for word in command if "stats_file=" in word
    )).write_text(LOG.replace("36.7063", "0.0050")))  # fmt: skip
    assert measure_xpsnr(*pair, 2) is None
