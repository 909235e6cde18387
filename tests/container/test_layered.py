from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import layered, unit
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import FormatError
from nvc.types import LayeredPacket


def through(make, packet: LayeredPacket) -> bytes:
    """Write, read back, compare; returns the units' bytes."""
    header = make.header(mode="layered")
    data = layered.write_layered(packet, header)
    units = list(UnitScanner(open_source(data)))
    read, has_parameters = layered.read_base(units[-1], header)
    assert has_parameters == bool(packet.payload) == (len(units) == 2)
    if has_parameters:
        assert layered.read_parameters(units[0]) == (packet.start, packet.payload)
    assert replace(read, payload=packet.payload) == packet
    return data


@pytest.mark.parametrize("count", [1, 2, 3, 8, 65])
@pytest.mark.parametrize("payload", [b"", b"parameters"])
def test_an_i_period_comes_back(make, count: int, payload: bytes) -> None:
    through(make, make.layered(64, count, payload))


def test_a_regular_period_costs_three_bytes_a_frame(make) -> None:
    packet = make.layered(0, 64, b"")
    assert len(through(make, packet)) - layered.picture_bytes(packet) <= 14 + 16 + 3 * 64
    assert layered.picture_bytes(packet) == 64 * 90  # start codes are not written


def odd_samples(packet: LayeredPacket) -> list[tuple]:
    """Samples as only strange sources have them."""
    first, second, *rest = packet.samples
    pts, dts, duration, _, data = second
    return [
        (first, (pts + 1, dts, duration, False, data), *rest),
        (first, (pts, dts - 5000, duration, True, data), *rest),
        (first, (pts, dts, duration + 1, False, data), *rest),
        (first, (pts, dts, duration, False, b"\0\0\1" + data), *rest),
        (first, (pts, dts, duration, False, b""), *rest),
        (first, second),
        (first, second, *rest, second),
    ]


def test_odd_samples_come_back(make) -> None:
    packet = make.layered(3)
    for samples in odd_samples(packet):
        through(make, replace(packet, samples=samples))


@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.integers(0, 2**20),
                          st.booleans(), st.binary(max_size=9)), min_size=1, max_size=20))  # fmt: skip
def test_any_samples_come_back(make, samples: list[tuple]) -> None:
    through(make, replace(make.layered(3), samples=tuple(samples)))


@pytest.mark.parametrize("change", [{"pts": ()}, {"durations": (1,)}, {"samples": ()}, {"start": -1}, {"start": 2**31}])
def test_periods_that_cannot_be_written(make, change: dict) -> None:
    with pytest.raises(FormatError):
        layered.write_layered(replace(make.layered(0), **change), make.header())


@given(st.binary(max_size=150))
def test_any_body_gives_a_period_or_an_error(make, body: bytes) -> None:
    found = unit.Unit(0, unit.BASE, 0, body, len(body) + 14)
    try:
        packet, _ = layered.read_base(found, make.header())
    except FormatError:
        return
    assert 1 <= len(packet.pts) == len(packet.durations)
