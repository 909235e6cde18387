from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.intra_hevc import HevcIntra, HevcIntraDecoder, coded_size
from nvc.container.nal import split_compact
from nvc.errors import CorruptError, FormatError
from nvc.types import VideoInfo

SIZES = [(16, 16), (17, 33), (1, 1), (34, 24), (48, 26), (321, 181)]


def picture(info: VideoInfo, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smooth wave with a little noise, full of values of the info's depth."""
    rng, top = np.random.default_rng(seed), (1 << info.bit_depth) - 1
    rows, columns = np.mgrid[: info.height, : info.width]
    wave = top * (0.5 + 0.4 * np.sin(rows / 9 + seed) * np.cos(columns / 13))
    y = np.clip(wave + rng.normal(0, top / 200, wave.shape), 0, top).astype(info.dtype)
    u, v = (np.full(info.chroma_size, top // 2 + k, info.dtype) for k in (3, 9))
    return y, u, v


def info_of(width: int, height: int, bit_depth: int) -> VideoInfo:
    return VideoInfo(width, height, Fraction(1, 25), bit_depth=bit_depth)


def psnr(a: np.ndarray, b: np.ndarray, bit_depth: int) -> float:
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(((1 << bit_depth) - 1) ** 2 / error))


@pytest.mark.parametrize(
    ("size", "coded"), [((1, 1), (16, 16)), ((17, 33), (18, 34)), ((16, 17), (16, 18)), ((416, 240), (416, 240))]
)
def test_coded_size(size: tuple, coded: tuple) -> None:
    assert coded_size(*size) == coded


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_round_trip(width: int, height: int, bit_depth: int) -> None:
    info = info_of(width, height, bit_depth)
    coder = HevcIntra(info, preset="medium")
    decoder = HevcIntraDecoder(coder.parameter_sets, bit_depth, coder.size)
    planes = picture(info)
    sizes = []
    for qp, least in ((8, 45), (45, 25)):
        data = coder.encode(planes, qp)
        y, u, v = decoder.decode(data)
        assert y.shape == coder.size[::-1] and u.shape == v.shape == (coder.size[1] // 2, coder.size[0] // 2)
        assert y.dtype == info.dtype
        assert psnr(y[:height, :width], planes[0], bit_depth) > least
        sizes.append(len(data))
    assert sizes[1] < sizes[0]


def test_bytes_depend_on_the_picture_and_qp_only() -> None:
    info = info_of(64, 48, 8)
    coder, other = HevcIntra(info), HevcIntra(info)
    first = [coder.encode(picture(info, seed), 30) for seed in (1, 2, 1)]
    assert first[0] == first[2] != first[1]
    assert other.encode(picture(info, 2), 30) == first[1]
    assert other.parameter_sets == coder.parameter_sets


def test_pictures_decode_in_any_order() -> None:
    info = info_of(64, 48, 10)
    coder = HevcIntra(info, preset="medium")
    coded = [coder.encode(picture(info, seed), qp) for seed, qp in ((1, 20), (2, 30), (3, 40))]
    decoder = HevcIntraDecoder(coder.parameter_sets, 10)
    forward = [decoder.decode(data) for data in coded]
    for want, data in zip(forward[::-1], coded[::-1], strict=True):
        np.testing.assert_array_equal(HevcIntraDecoder(coder.parameter_sets, 10).decode(data)[0], want[0])
        np.testing.assert_array_equal(decoder.decode(data)[0], want[0])


def test_the_payload_holds_slices_only_and_no_first_start_code() -> None:
    coder = HevcIntra(info_of(64, 48, 8))
    data = coder.encode(picture(info_of(64, 48, 8)), 30)
    assert not data.startswith(b"\x00")
    assert [nal[0] >> 1 for nal in split_compact(data)] == [20]
    assert [nal[0] >> 1 for nal in split_compact(coder.parameter_sets)] == [32, 33, 34]
    assert len(coder.parameter_sets) < 90


@pytest.mark.parametrize("data", [b"", b"\x28", b"\x28\x01\xaf", b"\x42\x01\x01", bytes(100), b"\xff" * 100])
def test_junk_is_corrupt_and_the_decoder_lives_on(data: bytes) -> None:
    info = info_of(64, 48, 8)
    coder = HevcIntra(info, preset="medium")
    decoder = HevcIntraDecoder(coder.parameter_sets, 8, coder.size)
    good = coder.encode(picture(info), 30)
    want = decoder.decode(good)[0]
    with pytest.raises(CorruptError):
        decoder.decode(data)
    np.testing.assert_array_equal(decoder.decode(good)[0], want)


def test_another_size_or_depth_is_corrupt() -> None:
    info = info_of(64, 48, 8)
    coder = HevcIntra(info, preset="medium")
    data = coder.encode(picture(info), 30)
    with pytest.raises(CorruptError, match="64x48, not 32x32"):
        HevcIntraDecoder(coder.parameter_sets, 8, (32, 32)).decode(data)
    with pytest.raises(CorruptError, match="not 10 bit"):
        HevcIntraDecoder(coder.parameter_sets, 10).decode(data)


def test_a_picture_far_too_large_is_not_decoded() -> None:
    info = info_of(640, 480, 8)
    coder = HevcIntra(info, preset="ultrafast")
    data = coder.encode(picture(info), 50)
    with pytest.raises(CorruptError):
        HevcIntraDecoder(coder.parameter_sets, 8, (16, 16)).decode(data)


@pytest.mark.parametrize("qp", [-1, 52])
def test_qp_out_of_range(qp: int) -> None:
    info = info_of(16, 16, 8)
    with pytest.raises(FormatError, match="0..51"):
        HevcIntra(info, preset="medium").encode(picture(info), qp)


def test_planes_of_another_size_or_type_are_refused() -> None:
    coder = HevcIntra(info_of(16, 16, 8), preset="medium")
    with pytest.raises(FormatError, match="16x16 uint8, got 18x16"):
        coder.encode(picture(info_of(18, 16, 8)), 30)
    with pytest.raises(FormatError, match="uint8"):
        coder.encode(picture(info_of(16, 16, 10)), 30)
