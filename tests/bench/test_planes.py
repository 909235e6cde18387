"""The reader of planes: exact samples, every frame once, and no pairing by guess."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvc.bench import sample_path
from nvc.bench.planes import (
    PlaneReader,
    mean_quality,
    parse_y4m_head,
    probe_picture,
    quality_by_frame,
    read_frame,
    write_y4m,
)
from nvc.errors import CorruptError, InputError


@pytest.mark.parametrize(("width", "height", "depth"), [(64, 48, 8), (17, 33, 8), (34, 18, 10)])
def test_samples_are_those_of_the_file(y4m: Callable, width: int, height: int, depth: int) -> None:
    path = y4m("a%d:b.y4m", width, height, 3, depth=depth)
    body = path.read_bytes().split(b"\n", 1)[1]
    with PlaneReader(path) as reader:
        read = b"".join(b"FRAME\n" + b"".join(p.tobytes() for p in planes) for planes in reader)
        assert (reader.picture.width, reader.picture.height, reader.picture.bit_depth) == (width, height, depth)
    assert read == body
    assert reader.count == 3


def test_probe_of_the_sample() -> None:
    found = probe_picture(sample_path())
    assert (found.width, found.height, found.bit_depth, found.frame_rate) == (640, 360, 8, 25)
    assert found.pixel_format == "yuv420p"


def test_frames_limit(y4m: Callable) -> None:
    with PlaneReader(y4m("a.y4m", 32, 32, 5), 2) as reader:
        assert len(list(reader)) == 2


def test_equal_files_measure_100(y4m: Callable) -> None:
    path = y4m("a.y4m", 32, 32, 3)
    assert quality_by_frame(path, path) == [(100.0, 100.0, 100.0)] * 3


@pytest.mark.parametrize(("frames", "word"), [(2, "fewer"), (4, "more")])
def test_counts_must_agree(y4m: Callable, frames: int, word: str) -> None:
    with pytest.raises(CorruptError, match=word):
        quality_by_frame(y4m("a.y4m", 32, 32, 3), y4m("b.y4m", 32, 32, frames))


def test_a_limit_on_the_source_counts_there_only(y4m: Callable) -> None:
    assert len(quality_by_frame(y4m("a.y4m", 32, 32, 5), y4m("b.y4m", 32, 32, 3), 3)) == 3


@pytest.mark.parametrize("other", [(32, 34, 1, 8), (32, 32, 1, 10)])
def test_sizes_and_depths_must_agree(y4m: Callable, other: tuple) -> None:
    with pytest.raises(InputError, match="expected 32x32 8 bit"):
        quality_by_frame(y4m("a.y4m", 32, 32, 1), y4m("b.y4m", *other[:3], depth=other[3]))


def test_mean_is_over_frames_in_db() -> None:
    quality = mean_quality([(30.0, 40.0, 42.0), (40.0, 44.0, 46.0)])
    assert (quality.frames, quality.psnr_y, quality.psnr_u) == (2, 35.0, 42.0)
    assert quality.psnr_611 == pytest.approx(((180 + 82) / 8 + (240 + 90) / 8) / 2)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mkv").write_bytes(bytes(1000))
    for path in (tmp_path / "x.mkv", tmp_path / "missing.mp4"):
        with pytest.raises(InputError, match="no pictures"):
            probe_picture(path)


def test_y4m_head() -> None:
    found = parse_y4m_head(b"YUV4MPEG2 W17 H33 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2\n")
    assert found.frame_rate == Fraction(30000, 1001)
    assert found.plane_shapes == ((33, 17), (17, 9), (17, 9))
    with pytest.raises(InputError, match="444"):
        parse_y4m_head(b"YUV4MPEG2 W16 H16 F25:1 C444\n")


def test_planes_keep_ten_bits(y4m: Callable) -> None:
    with PlaneReader(y4m("a.y4m", 32, 32, 1, depth=10)) as reader:
        assert next(iter(reader))[0].dtype == np.uint16


@pytest.mark.parametrize("depth", [8, 10])
def test_frames_are_written_as_they_are_read(y4m: Callable, tmp_path: Path, depth: int) -> None:
    clip, out = y4m("a.y4m", 34, 22, 4, depth), tmp_path / "b.y4m"
    write_y4m(clip, out, 3)
    write_y4m(clip, out, 2)
    with PlaneReader(clip) as a, PlaneReader(out) as b:
        assert a.picture == b.picture
        pairs = list(zip(a, b, strict=False))
    assert len(pairs) == 2 and all(np.array_equal(p, q) for x, y in pairs for p, q in zip(x, y, strict=True))
    assert np.array_equal(read_frame(clip, 1)[0], pairs[1][1][0])
