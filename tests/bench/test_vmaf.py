"""VMAF: order of the inputs, frames paired by number, a short file found out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench.anchors import Anchor, encode_x265
from nvc.bench.vmaf import measure_vmaf, vmaf_command
from nvc.errors import CorruptError


@pytest.fixture
def coded(y4m: Callable, tmp_path: Path) -> tuple[Path, Path]:
    """A clip of five frames and its first four as a raw stream, which has no times."""
    clip, out = y4m("clip.y4m", 128, 96, 5), tmp_path / "coded.hevc"
    encode_x265(clip, out, Anchor("ultrafast"), 40, 4)
    return clip, out


def test_the_distorted_file_comes_first() -> None:
    words = vmaf_command("file:source", "file:decoded", 4, "log")
    assert words.index("file:decoded") < words.index("file:source")
    graph = words[words.index("-filter_complex") + 1]
    assert graph.count("settb=AVTB") == graph.count("setpts=N") == 2


def test_equal_files_are_nearly_perfect(y4m: Callable) -> None:
    found = measure_vmaf(y4m("a.y4m", 128, 96, 3), y4m("b.y4m", 128, 96, 3), 3)
    assert found.vmaf > 95 and len(found.by_frame) == 3


def test_raw_streams_are_paired_by_number(coded: tuple[Path, Path]) -> None:
    clip, stream = coded
    found = measure_vmaf(clip, stream, 4)
    assert 5 < found.vmaf < 97
    assert found.vmaf_neg <= found.vmaf + 1e-6
    assert found.vmaf == pytest.approx(sum(v for v, _ in found.by_frame) / 4)


def test_a_file_that_ends_early_is_found_out(coded: tuple[Path, Path]) -> None:
    with pytest.raises(CorruptError, match="4 frames, expected 5"):
        measure_vmaf(*coded, 5)
