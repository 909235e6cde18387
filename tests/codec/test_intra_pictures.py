import numpy as np
import pytest

from nvc.codec.intra_coders import QP_OFFSETS
from nvc.codec.intra_pictures import (
    FALLBACK,
    IntraPictureDecoder,
    IntraPictureEncoder,
    split_payload,
    split_payloads,
)
from nvc.codec.intra_vvc import RefusedError, VvcIntra, can_decode, vvenc
from nvc.codec.references import Planes
from nvc.errors import CorruptError

needs_vvc = pytest.mark.skipif(not can_decode() or vvenc() is None, reason="no VVenC here")


def planes_of(frame) -> Planes:
    return tuple(p.astype(np.uint16) for p in frame.planes)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["hevc", pytest.param("vvc", marks=needs_vvc)])
@pytest.mark.parametrize("depth", [8, 10])
def test_a_picture_comes_back(clip, name: str, depth: int) -> None:
    frame = clip(48, 32, 1, depth)[0]
    encoder = IntraPictureEncoder(name, frame.info)
    note, data = encoder.code(planes_of(frame), 22)
    picture = encoder.shown(planes_of(frame), note, data, 40, 1.0)
    assert note == b"" and picture.payloads == (data,) and picture.payload == b"\0" + data
    assert picture.bits["base"] == 8 * len(data)
    decoder = IntraPictureDecoder(name, encoder.parameter_sets, depth, (48, 32))
    assert all(np.array_equal(a, b) for a, b in zip(decoder.picture(note, data), picture.planes, strict=True))
    assert np.abs(picture.planes[0].astype(int) - frame.y).mean() < 4 << (depth - 8)


@needs_vvc
@pytest.mark.parametrize("qp", [0, 20])
def test_dense_noise_which_vvenc_refuses_is_coded_by_hevc(clip, qp: int) -> None:
    info = clip(256, 256, 1)[0].info
    rng = np.random.default_rng(0)
    source: Planes = tuple(rng.integers(0, 256, (n, n)).astype(np.uint16) for n in (256, 128, 128))  # type: ignore
    encoder = IntraPictureEncoder("vvc", info)
    note, data = encoder.code(source, qp)
    try:
        VvcIntra(info).encode(tuple(p.astype(np.uint8) for p in source), qp + QP_OFFSETS["vvc"])  # type: ignore[arg-type]
        refused = b""
    except RefusedError:
        refused = bytes([FALLBACK])
    assert note == refused
    decoded = IntraPictureDecoder("vvc", encoder.parameter_sets, 8, (256, 256)).picture(note, data)
    assert np.abs(decoded[0].astype(int) - source[0]).mean() < (1 if qp == 0 else 6)


@needs_vvc
def test_a_refused_picture_says_so(clip, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = clip(48, 32, 1)[0]
    encoder = IntraPictureEncoder("vvc", frame.info)

    def refuse(self, planes, qp):
        raise RefusedError("no")

    monkeypatch.setattr("nvc.codec.intra_vvc.VvcIntra.encode", refuse)
    note, data = encoder.code(planes_of(frame), 22)
    picture = encoder.shown(planes_of(frame), note, data, 40, 1.0)
    assert note == bytes([FALLBACK]) and split_payload(picture.payload) == split_payloads(picture.payloads)
    decoder = IntraPictureDecoder("vvc", encoder.parameter_sets, 8, (48, 32))
    assert np.array_equal(decoder.refine(decoder.picture(note, data), note, 40)[0], picture.planes[0])
    with pytest.raises(CorruptError):
        decoder.refine(picture.planes, b"\3", 40)


@pytest.mark.parametrize("payload", [b"", b"\0", b"\3ab", b"\2ab"])
def test_a_payload_that_ends_in_its_note(payload: bytes) -> None:
    with pytest.raises(CorruptError):
        split_payload(payload)


@pytest.mark.parametrize("payloads", [(), (b"", b"x"), (b"a", b"b", b"c")])
def test_payloads_that_are_no_picture(payloads: tuple[bytes, ...]) -> None:
    with pytest.raises(CorruptError):
        split_payloads(payloads)
