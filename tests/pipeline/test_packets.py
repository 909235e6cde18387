"""What packets cover."""

import zlib
from fractions import Fraction

import pytest

from nvc.pipeline.packets import (
    carried_seconds,
    frame_count,
    join_sums,
    packet_sum,
    picture_bytes,
    starts_period,
    times_of,
)
from nvc.types import CarriedPacket, CarriedStream, FrameEntry, LayeredPacket, Packet

GOP = Packet(
    "gop", (FrameEntry(3, "P", 0, 9, 30, 5), FrameEntry(1, "B", 1, 9, 10, 5), FrameEntry(2, "B", 2, 9, 20, 6)),
    (b"abc", b"de"), symbol_hash=77,
)  # fmt: skip
INTRA = Packet("intra", (FrameEntry(0, "I", 0, 9, 0, 5),), (b"abcd",))
LAYERED = LayeredPacket(4, (40, 50), (10, 11), ((40, 20, 10, True, b"xyz"), (50, 30, 11, False, b"w")), b"params")


@pytest.mark.parametrize(
    ("packet", "times", "count", "starts", "size", "total"),
    [
        (GOP, {1: (10, 5), 2: (20, 6), 3: (30, 5)}, 3, False, 5, 77),
        (INTRA, {0: (0, 5)}, 1, True, 4, zlib.crc32(b"abcd")),
        (LAYERED, {4: (40, 10), 5: (50, 11)}, 2, True, 4, zlib.crc32(b"xyzw")),
    ],
    ids=["gop", "intra", "layered"],
)
def test_one_view_of_all_packets(packet, times, count, starts, size, total) -> None:
    assert times_of(packet) == times and list(times_of(packet)) == sorted(times)
    assert frame_count(packet) == count
    assert starts_period(packet) is starts
    assert picture_bytes(packet) == size
    assert packet_sum(packet) == total


def test_joined_sums_tell_the_order() -> None:
    assert join_sums([1, 2]) != join_sums([2, 1])
    assert join_sums([]) == 0


@pytest.mark.parametrize(("pts", "dts", "want"), [(44, 40, 4), (None, 33, 3), (None, None, None)])
def test_when_a_carried_packet_is_due(pts, dts, want) -> None:
    streams = (CarriedStream(0, "audio", "aac", Fraction(1, 11), b""),)
    assert carried_seconds(CarriedPacket(0, pts, dts, 1, True, b""), streams) == want
    assert carried_seconds(CarriedPacket(1, pts, dts, 1, True, b""), streams) is None
