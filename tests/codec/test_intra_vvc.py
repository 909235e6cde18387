import os
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.intra_hevc import HevcIntra, HevcIntraDecoder
from nvc.codec.intra_vvc import VvcIntra, VvcIntraDecoder, can_decode, vvc_nal_type, vvenc
from nvc.container.nal import SHORT_START_CODE, join_compact, split_compact
from nvc.errors import CorruptError, DeviceError, FormatError, LimitError
from nvc.metrics import psnr
from nvc.types import Settings, VideoInfo

needed = pytest.mark.skipif(vvenc() is None or not can_decode(), reason="no VVenC or no VVC decoder here")


def picture(info: VideoInfo, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smooth wave, full of values of the info's depth."""
    top = (1 << info.bit_depth) - 1
    rows, columns = np.mgrid[: info.height, : info.width]
    y = (top * (0.5 + 0.4 * np.sin(rows / 9 + seed) * np.cos(columns / 13))).astype(info.dtype)
    u, v = (np.full(info.chroma_size, top // 2 + k, info.dtype) for k in (3, 9))
    return y, u, v


def info_of(width: int, height: int, bit_depth: int = 8) -> VideoInfo:
    return VideoInfo(width, height, Fraction(1, 25), bit_depth=bit_depth)


@needed
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 33), (64, 48)])
def test_round_trip(width: int, height: int, bit_depth: int) -> None:
    info = info_of(width, height, bit_depth)
    coder = VvcIntra(info, preset="faster")
    decoder = VvcIntraDecoder(coder.parameter_sets, bit_depth, coder.size)
    planes, sizes = picture(info), []
    for qp, least in ((8, 42), (45, 22)):
        data = coder.encode(planes, qp)
        y, u, v = decoder.decode(data)
        assert y.shape == coder.size[::-1] and u.shape == v.shape == (coder.size[1] // 2, coder.size[0] // 2)
        assert y.dtype == info.dtype
        assert psnr(y[:height, :width], planes[0], (1 << bit_depth) - 1) > least
        sizes.append(len(data))
    assert sizes[1] <= sizes[0]


def chroma_gain(kind: type, decoder_kind: type, qp: int) -> tuple[float, float]:
    """Bits and squared error of chroma that an offset of -6 leaves, as shares of those without."""
    info = info_of(64, 64)
    rng = np.random.default_rng(0)
    smooth = rng.integers(60, 190, (2, 8, 8)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    planes = (picture(info)[0], smooth[0], smooth[1])
    sizes, errors = [], []
    for offset in (0, -6):
        coder = kind(info, "medium", chroma_offset=offset)
        data = coder.encode(planes, qp)
        decoded = decoder_kind(coder.parameter_sets, 8).decode(data)
        sizes.append(len(data))
        errors.append(
            sum(float(np.square(p.astype(float) - q).sum()) for p, q in zip(decoded[1:], smooth, strict=True))
        )
    return sizes[1] / sizes[0], errors[1] / errors[0]


@needed
def test_an_offset_moves_bits_to_chroma() -> None:
    size, error = chroma_gain(VvcIntra, VvcIntraDecoder, 38)
    assert size > 1.05 and error < 0.7


def test_an_offset_moves_bits_to_chroma_in_hevc_too() -> None:
    size, error = chroma_gain(HevcIntra, HevcIntraDecoder, 36)
    assert size > 1.05 and error < 0.7


@needed
def test_pictures_stand_alone() -> None:
    """Equal bytes for equal pictures, whatever was coded before; decoded in any order."""
    info = info_of(64, 48)
    coder, other = VvcIntra(info, "faster"), VvcIntra(info, "faster")
    first = [coder.encode(picture(info, seed), 30) for seed in (1, 2, 1)]
    assert first[0] == first[2] != first[1] and other.encode(picture(info, 2), 30) == first[1]
    assert other.parameter_sets == coder.parameter_sets
    decoder = VvcIntraDecoder(coder.parameter_sets, 8)
    forward = [decoder.decode(data)[0] for data in first[:2]]
    assert np.array_equal(decoder.decode(first[1])[0], forward[1])
    assert np.array_equal(decoder.decode(first[0])[0], forward[0])


@needed
def test_damage_is_refused() -> None:
    info = info_of(64, 48)
    coder = VvcIntra(info, "faster")
    data = coder.encode(picture(info), 30)
    decoder = VvcIntraDecoder(coder.parameter_sets, 8, coder.size)
    for wrong in (
        b"",
        data[:3],
        join_compact([coder.parameter_sets, data]),
        data + SHORT_START_CODE + data,
    ):
        with pytest.raises(CorruptError):
            decoder.decode(wrong)
    assert decoder.decode(data)[0].shape == (48, 64)
    with pytest.raises(CorruptError, match="not 32x32"):
        VvcIntraDecoder(coder.parameter_sets, 8, (32, 32)).decode(data)
    assert {vvc_nal_type(nal) for nal in split_compact(data)} <= {7, 8, 9, 17, 18} and vvc_nal_type(b"") == -1


@needed
@pytest.mark.parametrize("depth", [8, 10])
def test_a_stream_with_vvc_pictures(clip, decode, depth) -> None:
    frames = clip(50, 34, 6, depth)
    encoder = Encoder(frames[0].info, Settings(quality=30, keyint=4, intra="vvc", threads=1, mini_gop=8, hash=True))
    packets = [p for f in frames for p in encoder.push(f)] + encoder.flush()
    assert encoder.header.intra == "vvc"
    decoder = Decoder(encoder.header, threads=1)
    shown = [f for p in packets for f in decoder.push(p)]
    assert not decoder.warnings and [f.pts for f in shown] == [f.pts for f in frames]
    assert min(psnr(a.y, b.y, (1 << depth) - 1) for a, b in zip(shown, frames, strict=True)) > 27


def test_without_vvenc_it_is_said(monkeypatch) -> None:
    monkeypatch.setattr("nvc.codec.intra_vvc.vvenc", lambda: None)
    with pytest.raises(DeviceError, match="VVenC"):
        VvcIntra(info_of(16, 16))
    with pytest.raises(FormatError, match="preset"):
        VvcIntra(info_of(16, 16), "placebo")


@needed
@pytest.mark.parametrize("qp", [-1, 64])
def test_an_impossible_qp_is_refused(qp: int) -> None:
    info = info_of(16, 16)
    with pytest.raises(FormatError, match="QP"):
        VvcIntra(info, "faster").encode(picture(info), qp)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_vvenc_that_is_killed_is_no_refusal(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fallback then would make the bytes of a stream hang on the machine's memory."""
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr("nvc.codec.intra_vvc.vvenc", lambda: str(program))
    with pytest.raises(LimitError, match="signal 9"):
        VvcIntra(VideoInfo(32, 32, Fraction(1, 25)))
    program.write_text("#!/bin/sh\ncat > /dev/null; exit 1\n")
    with pytest.raises(DeviceError, match=r"no output.*--intra hevc"):
        VvcIntra(VideoInfo(32, 32, Fraction(1, 25)))
