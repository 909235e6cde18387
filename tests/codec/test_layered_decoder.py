from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.layered_decoder import ENHANCEMENT, LayeredDecoder
from nvc.codec.layered_encoder import LayeredEncoder
from nvc.container.payload import read_payload, write_payload
from nvc.errors import CorruptError, FormatError, ModelError
from nvc.types import Frame, LayeredPacket, Settings, StreamHeader, VideoInfo

TIMES = [5, 7, 9, 12, 100, 101, 110, 120, 121, 130]


def source(info: VideoInfo) -> list[Frame]:
    top = (1 << info.bit_depth) - 1
    rows, columns = np.mgrid[: info.height, : info.width]
    u, v = (np.full(info.chroma_size, top // 2 + k, info.dtype) for k in (3, 9))
    ys = [(top * (0.5 + 0.4 * np.sin((rows + columns + 2 * i) / 9))).astype(info.dtype) for i in range(len(TIMES))]
    return [Frame(y, u, v, pts, info, 3) for y, pts in zip(ys, TIMES, strict=True)]


def encode(info: VideoInfo, frames: list[Frame]) -> tuple[StreamHeader, list[LayeredPacket]]:
    encoder = LayeredEncoder(info, Settings(mode="layered", keyint=4, quality=50))
    packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    return encoder.header, packets


@pytest.fixture(scope="module")
def coded() -> tuple[StreamHeader, list[LayeredPacket]]:
    info = VideoInfo(67, 65, Fraction(1, 100))
    return encode(info, source(info))


def decode(header: StreamHeader, packets: list[LayeredPacket]) -> tuple[LayeredDecoder, list[Frame]]:
    decoder = LayeredDecoder(header, threads=1)
    frames = [frame for packet in packets for frame in decoder.push(packet)]
    return decoder, frames + decoder.flush()


def same(a: list[Frame], b: list[Frame]) -> bool:
    return len(a) == len(b) and all(
        x.pts == y.pts and all(np.array_equal(p, q) for p, q in zip(x.planes, y.planes, strict=True))
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 33), (1, 40), (66, 64), (121, 81)])
def test_round_trip(width: int, height: int, bit_depth: int) -> None:
    info = VideoInfo(width, height, Fraction(1, 100), bit_depth=bit_depth)
    frames = source(info)
    decoder, out = decode(*encode(info, frames))
    assert decoder.warnings == [] and decoder.plain_periods == 0
    assert [(f.pts, f.duration) for f in out] == [(f.pts, f.duration) for f in frames]
    for want, got in zip(frames, out, strict=True):
        assert np.abs(got.y.astype(int) - want.y).mean() < 0.02 * (1 << bit_depth)


def test_each_push_gives_its_period_and_any_order_will_do(coded) -> None:
    header, packets = coded
    _, forward = decode(header, packets)
    decoder = LayeredDecoder(header)
    assert [[f.pts for f in decoder.push(p)] for p in packets[::-1]] == [[121, 130], TIMES[4:8], TIMES[:4]]
    assert same(decoder.push(packets[1]), forward[4:8])


def test_enhancement_says_identity(coded) -> None:
    assert LayeredDecoder(coded[0]).enhancement == ENHANCEMENT == "identity"


def test_no_payload_is_the_plain_base_with_one_warning(coded) -> None:
    header, packets = coded
    _, want = decode(header, packets)
    decoder, got = decode(header, [replace(packet, payload=b"") for packet in packets])
    assert same(got, want)
    assert decoder.warnings == ["from frame 0 on: no enhancement parameters: showing the plain base"]
    assert decoder.plain_periods == 3


def test_a_plain_period_between_others_loses_nothing(coded) -> None:
    header, packets = coded
    _, want = decode(header, packets)
    decoder, got = decode(header, [packets[0], replace(packets[1], payload=b""), packets[2]])
    assert same(got, want)
    assert decoder.plain_periods == 1


def wrong_payload(packet: LayeredPacket, **fields) -> LayeredPacket:
    return replace(packet, payload=write_payload(replace(read_payload(packet.payload), **fields)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: wrong_payload(p, key_sum=1), "belong to other pictures"),
        (lambda p: wrong_payload(p, period_sum=1), "damaged or missing"),
        (lambda p: replace(p, payload=b"\x07what"), "version 7"),
        (lambda p: replace(p, payload=p.payload[:-1]), "sum of a layered payload is wrong"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_with_a_warning(coded, change, said: str) -> None:
    header, packets = coded
    _, want = decode(header, packets)
    decoder, got = decode(header, [packets[0], change(packets[1]), packets[2]])
    assert same(got, want)
    assert len(decoder.warnings) == 1 and said in decoder.warnings[0] and "from frame 4 on" in decoder.warnings[0]


def test_a_damaged_base_is_said_and_the_next_period_is_whole(coded) -> None:
    header, packets = coded
    _, want = decode(header, packets)
    samples = list(packets[1].samples)
    data = samples[0][4]
    samples[0] = (*samples[0][:4], data[: len(data) // 3])
    decoder, got = decode(header, [packets[0], replace(packets[1], samples=tuple(samples)), packets[2]])
    assert same(got[:4], want[:4]) and same(got[-2:], want[-2:])
    assert any("belong to other pictures" in line for line in decoder.warnings)


def test_a_missing_picture_is_said(coded) -> None:
    header, packets = coded
    cut = replace(packets[2], samples=packets[2].samples[:1], pts=packets[2].pts[:1], durations=(3,))
    decoder, got = decode(header, [cut])
    assert [frame.pts for frame in got] == [121]
    assert "damaged or missing" in decoder.warnings[0]


def test_weights_that_are_not_here(coded) -> None:
    header, packets = coded
    with pytest.raises(ModelError, match="'abc'"):
        LayeredDecoder(header).push(wrong_payload(packets[0], weights="abc"))


def test_a_base_of_another_size_or_depth_is_refused(coded) -> None:
    header, packets = coded
    with pytest.raises(CorruptError, match="68x66, the stream 32x32"):
        decode(replace(header, info=replace(header.info, width=32, height=32)), packets)
    with pytest.raises(FormatError, match="not 10 bit"):
        decode(replace(header, info=replace(header.info, bit_depth=10)), packets)


def test_reset_forgets(coded) -> None:
    header, packets = coded
    _, want = decode(header, packets)
    decoder = LayeredDecoder(header)
    decoder.push(replace(packets[0], payload=b""))
    decoder.reset()
    assert same(decoder.push(packets[1]), want[4:8])
    assert decoder.flush() == []


def test_close_in_the_middle_of_a_period(coded) -> None:
    header, packets = coded
    for count in range(5):
        decoder = LayeredDecoder(header, threads=3)
        frames = decoder.frames(packets[0])
        for _ in range(count):
            next(frames)
        decoder.close()
        decoder.close()
        assert decoder.flush() == []
