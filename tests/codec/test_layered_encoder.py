from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.layered_encoder import LayeredEncoder, access_units, base_pictures, decode_times
from nvc.container.nal import nal_type, split_annex_b
from nvc.container.payload import read_payload, slice_sum
from nvc.container.sei import take_payload
from nvc.errors import FormatError, NvcError, UsageError
from nvc.types import Frame, LayeredPacket, Settings, VideoInfo

INFO = VideoInfo(65, 49, Fraction(1, 90000), Fraction(25))
CFR = [3600 * i for i in range(20)]
VFR = [7, 8, 9, 100, 5000, 5001, 5002, 90000, 90001, 91000]


def frame_at(pts: int, duration: int = 0, info: VideoInfo = INFO) -> Frame:
    rows, columns = np.mgrid[: info.height, : info.width]
    u, v = (np.full(info.chroma_size, 120 + k, info.dtype) for k in (3, 9))
    return Frame(((3 * rows + 2 * columns + pts // 900) % 256).astype(info.dtype), u, v, pts, info, duration)


def encode(times: list[int], **settings) -> tuple[LayeredEncoder, list[LayeredPacket]]:
    encoder = LayeredEncoder(INFO, Settings(mode="layered", **({"keyint": 8} | settings)))
    packets = [packet for pts in times for packet in encoder.push(frame_at(pts))]
    return encoder, packets + encoder.flush()


@pytest.mark.parametrize("structure", ["ra", "ld", "intra"])
@pytest.mark.parametrize("times", [CFR, VFR, CFR[:1], VFR[:2], CFR[:9]], ids=len)
def test_periods_hold_all_frames_with_legal_times(times: list[int], structure: str) -> None:
    _, packets = encode(times, structure=structure)
    assert [pts for packet in packets for pts in packet.pts] == times
    assert [packet.start for packet in packets] == list(range(0, len(times), 1 if structure == "intra" else 8))
    samples = [sample for packet in packets for sample in packet.samples]
    assert sorted(sample[0] for sample in samples) == times
    dts = [sample[1] for sample in samples]
    assert dts == sorted(set(dts))
    assert all(sample[1] <= sample[0] for sample in samples)
    assert [[sample[3] for sample in packet.samples] for packet in packets] == [
        [True] + [False] * (len(packet.pts) - 1) for packet in packets
    ]


def test_payload_says_size_times_and_sums() -> None:
    _, packets = encode(VFR)
    for packet in packets:
        payload = read_payload(packet.payload)
        assert (payload.width, payload.height, payload.time_base) == (65, 49, INFO.time_base)
        assert (payload.pts, payload.durations) == (packet.pts, packet.durations)
        nals = [nal for sample in packet.samples for nal in split_annex_b(sample[4])]
        assert payload.period_sum == slice_sum(nals)
        assert payload.key_sum == slice_sum(split_annex_b(packet.samples[0][4]))


def test_header() -> None:
    encoder, _ = encode(VFR, quality=20)
    header = encoder.header
    assert (header.mode, header.keyint, header.quality, header.start_pts) == ("layered", 8, 20, 7)
    assert header.frame_step == 3600
    assert [nal_type(nal) for nal in split_annex_b(header.parameter_sets)] == [32, 33, 34]


def test_higher_quality_takes_more_bytes() -> None:
    sizes = [sum(len(s[4]) for p in encode(CFR, quality=q)[1] for s in p.samples) for q in (0, 30, 60)]
    assert sizes == sorted(set(sizes))


def test_access_units_carry_the_payload_in_the_first() -> None:
    _, packets = encode(CFR)
    for packet in packets:
        units = access_units(packet)
        assert [unit[:4] for unit in units] == [sample[:4] for sample in packet.samples]
        nals, payload = take_payload(split_annex_b(units[0][4]))
        assert payload == packet.payload and nals == split_annex_b(packet.samples[0][4])
        assert [unit[4] for unit in units[1:]] == [sample[4] for sample in packet.samples[1:]]


def test_base_pictures_are_in_display_order_and_add_up() -> None:
    _, packets = encode(CFR)
    pictures = [picture for packet in packets for picture in base_pictures(packet)]
    assert [picture.display_index for picture in pictures] == list(range(20))
    assert [pictures[i].type for i in (0, 8, 16)] == ["I", "I", "I"]
    assert all(p.level == 0 if p.type in "IP" else p.level in (1, 2) for p in pictures)
    assert sum(p.base_bits for p in pictures) == 8 * sum(len(s[4]) for p in packets for s in p.samples)
    assert sum(p.side_bits for p in pictures) == 8 * sum(len(p.payload) for p in packets)


def test_wrong_frames_are_refused() -> None:
    encoder = LayeredEncoder(INFO, Settings(mode="layered", keyint=2))
    encoder.push(frame_at(10))
    encoder.push(frame_at(20))
    with pytest.raises(UsageError, match="pts must rise, got 20 after 20"):
        encoder.push(frame_at(20))
    with pytest.raises(FormatError, match="frame is 64x48 8 bit, the stream 65x49 8 bit"):
        encoder.push(frame_at(30, info=VideoInfo(64, 48, INFO.time_base)))


@pytest.mark.parametrize(
    ("pts", "order", "before", "dts"),
    [
        ([0], [0], (), [-10]),
        ([0, 4, 8, 12], [0, 3, 1, 2], (), [-8, -4, 0, 4]),
        ([12, 13, 99], [0, 1, 2], (4, 8), [4, 8, 12]),
        ([12, 13], [0, 1], (8,), [3, 8]),
    ],
)
def test_decode_times(pts: list[int], order: list[int], before: tuple, dts: list[int]) -> None:
    assert decode_times(pts, order, before, 5) == dts


def test_deep_reordering_is_refused() -> None:
    with pytest.raises(NvcError, match="more than 2"):
        decode_times([0, 1, 2, 3], [3, 2, 1, 0])


def test_skipped_frames_count_and_the_next_period_is_the_same() -> None:
    info = VideoInfo(64, 48, Fraction(1, 100))
    rng = np.random.default_rng(4)
    frames = [Frame(rng.integers(0, 99, (48, 64), np.uint8), *[np.full((24, 32), 9 * i, np.uint8)] * 2, 7 * i + i * i,
                    info, 5) for i in range(11)]  # fmt: skip
    settings = Settings(mode="layered", keyint=4, base_preset="ultrafast")
    encoder = LayeredEncoder(info, settings)
    whole = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    again = LayeredEncoder(info, settings)
    for frame in frames[:4]:
        again.skip(frame)
    assert [packet for frame in frames[4:] for packet in again.push(frame)] + again.flush() == whole[1:]
    assert again.header == encoder.header
