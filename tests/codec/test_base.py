import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.base import REORDER, BaseSettings, HevcBase, HevcBaseDecoder, quality_to_crf
from nvc.codec.base_planes import from_av_frame
from nvc.container.nal import is_slice, join_annex_b, nal_type, split_annex_b
from nvc.container.sei import find_hdr
from nvc.errors import CorruptError, UsageError
from nvc.types import MasteringDisplay, VideoInfo

HDR = MasteringDisplay(((13250, 34500), (7500, 3000), (34000, 16000), (15635, 16450)), (10_000_000, 50))


def info_of(width: int, height: int, bit_depth: int = 8, **fields) -> VideoInfo:
    return VideoInfo(width, height, Fraction(1, 90000), Fraction(25), bit_depth, **fields)


def frames(info: VideoInfo, count: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    top = (1 << info.bit_depth) - 1
    rows, columns = np.mgrid[: info.height, : info.width]
    u, v = (np.full(info.chroma_size, top // 2 + k, info.dtype) for k in (3, 9))
    return [
        (((3 * rows + 2 * columns + 4 * i) * top // 255 % (top + 1)).astype(info.dtype), u, v) for i in range(count)
    ]


def code(base: HevcBase, pictures: list) -> list[tuple[int, list[bytes]]]:
    period = base.open_period()
    for picture in pictures:
        period.push(picture)
    return period.finish()


def decode(base: HevcBase, units: list, bit_depth: int = 8) -> list[np.ndarray]:
    decoder = HevcBaseDecoder(base.parameter_sets, bit_depth, threads=1)
    out = [frame for position, nals in units for frame in decoder.decode(join_annex_b(nals), position)]
    out += decoder.drain()
    assert [frame.pts for frame in out] == list(range(len(units)))
    return [from_av_frame(frame, bit_depth)[0] for frame in out]


@pytest.mark.parametrize(("quality", "crf"), [(0, 47), (20, 38.2), (63, 19.28)])
def test_quality_to_crf(quality: int, crf: float) -> None:
    assert quality_to_crf(quality) == pytest.approx(crf)


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 33), (48, 26), (66, 70)])
def test_a_period_is_closed_and_decodes_alone(width: int, height: int, count: int, bit_depth: int) -> None:
    info = info_of(width, height, bit_depth)
    base = HevcBase(info, BaseSettings(crf=24, keyint=16))
    pictures = frames(info, count)
    units = code(base, pictures)
    assert [is_slice(nals[-1]) and 16 <= nal_type(nals[-1]) <= 23 for _, nals in units] == [True] + [False] * (
        count - 1
    )
    assert all(position >= i - REORDER for i, (position, _) in enumerate(units))
    for want, got in zip(pictures, decode(base, units, bit_depth), strict=True):
        error = np.abs(got[:height, :width].astype(int) - want[0]).mean()
        assert error < 0.06 * (1 << bit_depth)


def test_periods_depend_on_their_own_frames_only() -> None:
    info = info_of(66, 64)
    base = HevcBase(info, BaseSettings(crf=30, keyint=8))
    pictures = frames(info, 16)
    together = [code(base, pictures[:8]), code(base, pictures[8:])]
    alone = code(HevcBase(info, BaseSettings(crf=30, keyint=8)), pictures[8:])
    assert together[1] == alone
    assert together[0] != alone


def test_parameter_sets_are_sent_once_and_do_not_hang_on_crf() -> None:
    info = info_of(64, 64)
    a, b = (HevcBase(info, BaseSettings(crf=crf, keyint=8)) for crf in (20, 45))
    assert a.parameter_sets == b.parameter_sets
    assert [nal_type(nal) for nal in split_annex_b(a.parameter_sets)] == [32, 33, 34]
    assert all(nal_type(nal) not in (32, 33, 34) for _, nals in code(a, frames(info, 3)) for nal in nals)


def test_low_delay_has_no_reordering() -> None:
    info = info_of(64, 64)
    units = code(HevcBase(info, BaseSettings(crf=30, keyint=8, bframes=False)), frames(info, 8))
    assert [position for position, _ in units] == list(range(8))


def test_hdr10_data_is_in_the_stream() -> None:
    info = info_of(64, 64, 10, primaries=9, transfer=16, matrix=9, mastering=HDR, content_light=(1000, 400))
    base = HevcBase(info, BaseSettings(crf=30, keyint=8))
    assert find_hdr(split_annex_b(base.parameter_sets)) == (HDR, (1000, 400))
    assert find_hdr(code(base, frames(info, 1))[0][1]) == (HDR, (1000, 400))


def test_junk_is_corrupt_or_nothing_and_drain_resets() -> None:
    info = info_of(64, 64)
    base = HevcBase(info, BaseSettings(crf=30, keyint=8))
    units = code(base, frames(info, 4))
    decoder = HevcBaseDecoder(base.parameter_sets, 8, threads=1)
    with pytest.raises(CorruptError):
        decoder.decode(b"\x00\x00\x01\x28\x01\xff\xff\xff\xff", 0)
        decoder.decode(b"\xff" * 50, 1)
    decoder.drain()
    out = [frame for position, nals in units for frame in decoder.decode(join_annex_b(nals), position)]
    assert [frame.pts for frame in [*out, *decoder.drain()]] == [0, 1, 2, 3]


def test_close_lets_go_in_the_middle_of_the_work() -> None:
    """Freeing a context whose threads are at work waits for ever now and then; a drained one is always let go."""
    info = info_of(96, 64)
    base = HevcBase(info, BaseSettings(crf=24, keyint=16))
    units = [(position, join_annex_b(nals)) for position, nals in code(base, frames(info, 12))]
    for count in range(12):
        decoder = HevcBaseDecoder(base.parameter_sets, 8, base.size, threads=3)
        for position, data in units[:count]:
            decoder.decode(data, position)
        decoder.close()
        decoder.close()
        assert decoder.drain() == []
        with pytest.raises(UsageError, match="closed"):
            decoder.decode(units[0][1], 0)


CHILD = """
import sys, zlib
from nvc.bench.golden import Case, make_clip
from nvc.codec.base import BaseSettings, HevcBase
for size in ((18, 33), (34, 64), (64, 64), (80, 64), (64, 130)):
    frames = make_clip(Case("any", *size, 6, 10))
    period = HevcBase(frames[0].info, BaseSettings(crf=33, keyint=8)).open_period()
    for frame in frames:
        period.push(frame.planes)
    print(size, [zlib.crc32(b"".join(nals)) for _, nals in period.finish()])
"""


def test_bytes_do_not_hang_on_what_lies_in_memory() -> None:
    """glibc fills fresh memory as MALLOC_PERTURB_ says; elsewhere this compares two equal runs."""
    runs = [
        subprocess.run([sys.executable, "-c", CHILD], env={**os.environ, "MALLOC_PERTURB_": fill}, capture_output=True)
        for fill in ("0", "1", "170")
    ]
    assert runs[0].returncode == 0, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout == runs[2].stdout
