"""Bits by frame of x265: every byte is some frame's, in display order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench.anchors import Anchor
from nvc.bench.child import file_url, run
from nvc.bench.x265_frames import noting_sizes, x265_pictures


@pytest.fixture
def coded(y4m: Callable, tmp_path: Path) -> tuple[Path, Path]:
    """Nine frames with B frames as a stream, and the notes of its sizes."""
    stream, log = tmp_path / "a.hevc", tmp_path / "sizes.txt"
    clip = y4m("clip.y4m", 128, 96, 9)
    command = Anchor("medium", 8).command(file_url(clip), file_url(stream), 30, 9, "yuv420p")
    run(noting_sizes(command, file_url(stream), str(log)), threads=1)
    return stream, log


def test_every_byte_is_a_frame_s(coded: tuple[Path, Path]) -> None:
    pictures = x265_pictures(*coded)
    assert [p["index"] for p in pictures] == list(range(9))
    assert sum(p["bits"]["base"] for p in pictures) == 8 * coded[0].stat().st_size
    kinds = "".join(p["type"] for p in pictures)
    assert kinds[0] == kinds[8] == "I" and "B" in kinds[1:8] and "I" not in kinds[1:8]
    order = [int(line.split()[0]) for line in coded[1].read_text().splitlines()]
    assert order != sorted(order)
    sizes = [int(line.split()[1]) for line in coded[1].read_text().splitlines()]
    assert pictures[order[1]]["bits"]["base"] == 8 * sizes[1]


def test_notes_that_do_not_fit_are_not_used(coded: tuple[Path, Path]) -> None:
    stream, log = coded
    text = log.read_text()
    for other in ("\n".join(text.splitlines()[:-1]), text + "9 1\n", "x y\n", text.replace("\n1 ", "\n0 ")):
        log.write_text(other)
        assert x265_pictures(stream, log) is None
    log.unlink()
    assert x265_pictures(stream, log) is None


def test_the_options_stand_before_the_output() -> None:
    words = noting_sizes(["ffmpeg", "-i", "a", "out", "-y"], "out", "log")
    assert words == ["ffmpeg", "-i", "a", "-stats_enc_post", "log", "-stats_enc_post_fmt", "{pts} {size}", "out", "-y"]
