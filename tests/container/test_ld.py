from dataclasses import replace

import pytest

from nvc.container import unit
from nvc.container.ld import LdChain
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import CorruptError
from nvc.types import Packet


def through(make, packets: list[Packet]) -> list[unit.Unit]:
    """Write and read a row of packets after an I frame; compare; returns the units."""
    writer, reader, units = LdChain(make.header()), LdChain(make.header()), []
    for chain in (writer, reader):
        chain.follow(make.packet("intra", 0))
    for packet in packets:
        found = next(UnitScanner(open_source(writer.write(packet))))
        assert reader.read(found, make.schedule) == packet
        writer.follow(packet)
        reader.follow(packet)
        units.append(found)
    return units


def test_most_frames_say_nothing_but_their_payload(make) -> None:
    units = through(make, make.ld_frames(0, 40)[1:])
    assert [u.kind for u in units[:3]] == [unit.LD_QUALITY, unit.LD_NEXT, unit.LD_NEXT]
    assert [i for i, u in enumerate(units) if u.kind == unit.LD] == [15, 31]
    assert {u.size - 200 for u in units if u.kind == unit.LD_NEXT} == {9}


@pytest.mark.parametrize(
    "change",
    [
        {"default": False},
        {"lanes": ()},
        {"lanes": (256,)},
        {"payloads": (b"a", b"b"), "lanes": (1, 1)},
        {"plane_hashes": (7,)},
        {"symbol_hash": 0},
        {"payloads": (bytes(2**16 - 1),)},
        {"payloads": (bytes(2**17),)},
    ],
)
def test_frames_that_differ_say_so(make, change: dict) -> None:
    packets = make.ld_frames(0, 6)[1:]
    packets[3] = replace(packets[3], **change)
    units = through(make, packets)
    assert units[3].kind == unit.LD
    assert units[4].kind == unit.LD_NEXT


def test_quality_and_time_may_change(make) -> None:
    packets = make.ld_frames(0, 8)[1:]
    packets[2] = replace(packets[2], frames=(replace(packets[2].frames[0], quality=9),))
    packets[5] = replace(packets[5], frames=(replace(packets[5].frames[0], duration=9),))
    assert [u.kind for u in through(make, packets)] == [
        unit.LD_QUALITY, unit.LD_NEXT, unit.LD_QUALITY, unit.LD_QUALITY, unit.LD_NEXT, unit.LD, unit.LD_NEXT,
    ]  # fmt: skip


@pytest.mark.parametrize("lanes", [1, 2, 32, 128])
def test_lanes_and_empty_payloads(make, lanes: int) -> None:
    packets = [replace(p, lanes=(lanes,), payloads=(b"",)) for p in make.ld_frames(0, 4)[1:]]
    assert [u.flags for u in through(make, packets)] == [lanes.bit_length() - 1] * 3


def test_after_a_loss_only_a_full_unit_is_read(make) -> None:
    chain = LdChain(make.header())
    chain.follow(make.packet("intra", 0))
    first, second, third = make.ld_frames(0, 4)[1:]
    units = []
    for packet in (first, second, third):
        units.append(next(UnitScanner(open_source(chain.write(packet)))))
        chain.follow(packet)
    chain.reset()
    for found in units:
        with pytest.raises(CorruptError, match="without the one before"):
            chain.read(found, make.schedule)
    full = next(UnitScanner(open_source(chain.write(second))))
    assert chain.read(full, make.schedule) == second


@pytest.mark.parametrize("body", [b"", b"\x40data"])
def test_a_quality_out_of_range_is_corrupt(make, body: bytes) -> None:
    chain = LdChain(make.header())
    chain.follow(make.packet("intra", 0))
    with pytest.raises(CorruptError):
        chain.read(unit.Unit(0, unit.LD_QUALITY, 0, body, len(body) + 8), make.schedule)


def test_lanes_beyond_the_short_head_are_corrupt(make) -> None:
    chain = LdChain(make.header())
    chain.follow(make.packet("intra", 0))
    with pytest.raises(CorruptError, match="lanes"):
        chain.read(unit.Unit(0, unit.LD_QUALITY, 255, b"\x05data", 19), make.schedule)
