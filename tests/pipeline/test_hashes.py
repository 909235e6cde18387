"""Hashes of frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvc.codec.references import plane_hash
from nvc.errors import UsageError
from nvc.pipeline.hashes import HEAD, HashFile, frame_hash
from nvc.types import Frame, VideoInfo


def frame(bit_depth: int = 8, pts: int = 3) -> Frame:
    info = VideoInfo(5, 3, Fraction(1, 25), bit_depth=bit_depth)
    planes = (np.arange(size, dtype=info.dtype) for size in (15, 6, 6))
    y, u, v = (p.reshape(size) for p, size in zip(planes, ((3, 5), (2, 3), (2, 3)), strict=True))
    return Frame(y, u, v, pts, info)


@pytest.mark.parametrize("bit_depth", [8, 10])
def test_the_hash_is_the_one_that_streams_carry(bit_depth: int) -> None:
    one = frame(bit_depth)
    assert frame_hash(one) == plane_hash(one.planes, one.info)


def test_the_file(tmp_path: Path) -> None:
    with HashFile(tmp_path / "h", False) as hashes:
        hashes.add(frame())
        hashes.add(frame(pts=4))
    crc = f"{frame_hash(frame()):08x}"
    assert (tmp_path / "h").read_text() == f"{HEAD}\n0 3 {crc}\n1 4 {crc}\n"
    with pytest.raises(UsageError):
        HashFile(tmp_path / "h", False)


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), HashFile(tmp_path / "h", False):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_no_name_no_file(tmp_path: Path) -> None:
    with HashFile(None, False) as hashes:
        hashes.add(frame())
    assert list(tmp_path.iterdir()) == []
