from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.layered_decoder import LayeredDecoder
from nvc.codec.layered_encoder import LayeredEncoder, access_units
from nvc.codec.layered_source import PLAIN_PERIOD, LayeredSource, periods_from_samples
from nvc.container.nal import join_lengths, nal_type, split_annex_b
from nvc.container.sei import take_payload
from nvc.errors import InputError
from nvc.types import CarriedPacket, Frame, LayeredPacket, Settings, StreamHeader, VideoInfo

INFO = VideoInfo(67, 65, Fraction(1, 90000), Fraction(25), chroma_location=3)
TIMES = [3600 * i + 77 for i in range(10)]
SOUND = CarriedPacket(0, 5, 5, 1, True, b"sound")


def encode(times: list[int]) -> tuple[StreamHeader, list[LayeredPacket]]:
    encoder = LayeredEncoder(INFO, Settings(mode="layered", keyint=4))
    rows, columns = np.mgrid[: INFO.height, : INFO.width]
    u, v = (np.full(INFO.chroma_size, 120 + k, np.uint8) for k in (3, 9))
    packets = []
    for i, pts in enumerate(times):
        packets += encoder.push(Frame(((rows + 2 * columns + 3 * i) % 256).astype(np.uint8), u, v, pts, INFO, 3600))
    return encoder.header, packets + encoder.flush()


HEADER, PACKETS = encode(TIMES)
HVCC = (
    bytes([1]) + bytes(20) + bytes([0xF3, 3])
    + b"".join(
        bytes([0x80 | nal_type(nal), 0, 1]) + len(nal).to_bytes(2, "big") + nal
        for nal in split_annex_b(HEADER.parameter_sets)
    )
)  # fmt: skip


def file_items(clock: Fraction = INFO.time_base, shift: Fraction = Fraction(0), payload: bool = True) -> list:
    """What a demuxer would give: length-prefixed samples, times of the file's clock, sound after each period."""

    def ticks(pts: int) -> int:
        return round((pts * INFO.time_base + shift) / clock)

    items = []
    for packet in PACKETS:
        units = access_units(packet) if payload else packet.samples
        for pts, dts, duration, is_key, data in units:
            sample = (ticks(pts), ticks(dts), round(duration * INFO.time_base / clock), is_key)
            items.append(("video", (*sample, join_lengths(split_annex_b(data)))))
        items.append(("carried", SOUND))
    return items


def source_of(items: list, clock: Fraction = INFO.time_base) -> LayeredSource:
    return LayeredSource(VideoInfo(68, 66, clock, INFO.frame_rate), HVCC, items)


def periods(source: LayeredSource) -> list[LayeredPacket]:
    return [item for item in source if isinstance(item, LayeredPacket)]


def test_periods_come_back_as_they_were() -> None:
    source = source_of(file_items())
    assert not source.plain
    assert source.header == replace(HEADER, quality=0)
    items = list(source)
    assert [item for item in items if isinstance(item, LayeredPacket)] == PACKETS
    assert [item is SOUND for item in items] == [True, False] * 3  # a period is there when the next one begins


def test_carried_packets_before_the_first_sample_are_kept() -> None:
    source = source_of([("carried", SOUND), *file_items()])
    assert next(iter(source)) is SOUND


@pytest.mark.parametrize("clock", [Fraction(1, 1000), Fraction(1, 600), Fraction(1, 10**9)])
def test_times_are_those_of_the_payload_on_any_clock(clock: Fraction) -> None:
    source = source_of(file_items(clock), clock)
    assert source.header.info == INFO
    assert [pts for packet in periods(source) for pts in packet.pts] == TIMES


@pytest.mark.parametrize("shift", [Fraction(-2), Fraction(1, 2), Fraction(3600)])
def test_a_file_that_was_moved_moves_all_times_alike(shift: Fraction) -> None:
    clock = Fraction(1, 1000)
    times = [pts for packet in periods(source_of(file_items(clock, shift), clock)) for pts in packet.pts]
    assert len({got - want for got, want in zip(times, TIMES, strict=True)}) == 1
    assert abs((times[0] - TIMES[0]) * INFO.time_base - shift) <= clock / 2


def test_a_plain_file_keeps_its_own_times() -> None:
    clock = Fraction(1, 1000)
    source = source_of(file_items(clock, payload=False), clock)
    assert source.plain
    assert (source.header.info.width, source.header.info.height) == (68, 66)
    got = periods(source)
    assert [packet.payload for packet in got] == [b"", b"", b""]
    assert [pts for packet in got for pts in packet.pts] == [round(pts / 90) for pts in TIMES]


def test_a_period_that_was_cut_keeps_the_times_of_the_file() -> None:
    items = file_items()
    got = periods(source_of(items[:3]))
    assert len(got[0].pts) == 3
    assert set(got[0].pts) == {item[1][0] for item in items[:3]}
    assert take_payload(split_annex_b(got[0].samples[0][4]))[1] is None and got[0].payload == PACKETS[0].payload


def test_samples_without_times_get_some() -> None:
    items = [("video", (None, None, *sample[2:])) for kind, sample in file_items() if kind == "video"]
    assert [pts for packet in periods(source_of(items)) for pts in packet.pts] == TIMES
    plain = periods(source_of(items[1:4]))[0]
    assert list(plain.pts) == sorted(set(plain.pts))


def test_a_sample_with_broken_lengths_costs_no_more_than_its_period() -> None:
    items = file_items()
    items[6] = ("video", (*items[6][1][:4], b"\x7f" + items[6][1][4][1:]))
    source = source_of(items)
    decoder = LayeredDecoder(source.header, threads=1)
    frames = [frame for packet in periods(source) for frame in decoder.push(packet)] + decoder.flush()
    assert [f.pts for f in frames[:4]] == TIMES[:4] and [f.pts for f in frames[-2:]] == TIMES[8:]
    assert "damaged or missing" in decoder.warnings[0]


def test_a_long_plain_stream_comes_in_pieces() -> None:
    data = join_lengths([b"\x02\x01\xd0"])
    items = [("video", (i, i, 1, i == 0, data)) for i in range(2 * PLAIN_PERIOD + 5)]
    got = periods(source_of(items))
    assert [len(packet.pts) for packet in got] == [PLAIN_PERIOD, PLAIN_PERIOD, 5]
    assert [packet.start for packet in got] == [0, PLAIN_PERIOD, 2 * PLAIN_PERIOD]


def test_no_video_is_said() -> None:
    with pytest.raises(InputError, match="no frames"):
        source_of([("carried", SOUND)])


def test_periods_from_samples_is_the_iteration() -> None:
    info = VideoInfo(68, 66, INFO.time_base)
    items = list(periods_from_samples(file_items(), info, HVCC))
    assert [item for item in items if isinstance(item, LayeredPacket)] == PACKETS


def test_what_comes_back_decodes() -> None:
    source = source_of(file_items())
    decoder = LayeredDecoder(source.header, threads=1)
    frames = [frame for packet in periods(source) for frame in decoder.push(packet)]
    assert [frame.pts for frame in frames] == TIMES and decoder.warnings == []
