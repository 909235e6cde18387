import pytest

from nvc.container import unit
from nvc.container.assemble import Assembler, single_frames
from nvc.container.carried import write_stream
from nvc.container.layered import write_layered
from nvc.container.packet import write_packet
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import UsageError
from nvc.types import LayeredPacket, Packet


def units_of(data: bytes) -> list:
    return list(UnitScanner(open_source(data)))


def assemble(make, units: list, *, mode: str = "neural", total: int | None = None) -> list:
    assembler = Assembler(make.header(mode=mode), make.schedule)
    assembler.total = total
    out = [item for found in units for item in assembler.take(found)]
    return out + list(assembler.missing_at_end(10**6))


def names(items: list) -> list:
    """Start of each packet, message of each damage."""
    return [item.message if isinstance(item, unit.Damage) else item.start for item in items]


@pytest.fixture
def units(make) -> list:
    return units_of(b"".join(write_packet(p, make.header()) for p in make.period(0) + make.period(33)))


def test_packets_in_order(make, units: list) -> None:
    assert assemble(make, units, total=66) == make.period(0) + make.period(33)


def test_units_that_are_missing_without_a_trace(make, units: list) -> None:
    assert names(assemble(make, units[:1] + units[2:4])) == [0, "frames 1 to 16 are missing", 17, 33]
    assert names(assemble(make, units[1:2])) == ["frames 0 to 0 are missing", 1]
    assert names(assemble(make, units[:5], total=66))[-1] == "frames 50 to 65 are missing"


def test_units_that_come_twice_or_swapped(make, units: list) -> None:
    twice = names(assemble(make, [units[0], units[1], units[1], units[2]]))
    assert twice == [0, 1, "frame 1 comes again or late, frame 17 was wanted", 17]
    swapped = names(assemble(make, [units[0], units[2], units[1], units[3]]))
    assert swapped[:3] == [0, "frames 1 to 16 are missing", 17]
    assert (swapped[3][:7], swapped[4]) == ("frame 1", 33)


def test_damage_is_said_once(make, units: list) -> None:
    damage = unit.Damage(100, 50, "broken")
    assert names(assemble(make, [units[0], damage, units[2]], total=33)) == [0, "broken", 17]
    assert names(assemble(make, [units[0], units[1], damage], total=33)) == [0, 1, "broken"]


def test_frames_beyond_the_index_are_refused(make, units: list) -> None:
    assert names(assemble(make, units[:3], total=20))[2] == "frame 32 in a stream of 20 frames"


def test_a_unit_that_makes_no_sense_is_damage(make, units: list) -> None:
    wrong = unit.Unit(77, unit.GOP, 0, b"\x07\x01\x40" + bytes(30), 47)
    items = assemble(make, [units[0], wrong, units[2]])
    assert [type(i) for i in items] == [Packet, unit.Damage, Packet]
    assert (items[1].offset, items[1].size) == (77, 47)


def test_after_a_restart_any_frame_may_come(make, units: list) -> None:
    assembler = Assembler(make.header(), make.schedule)
    assembler.restart()
    assert names([i for u in units[3:] for i in assembler.take(u)]) == [33, 34, 50]


def test_a_base_keeps_its_parameters_only(make) -> None:
    header = make.header(mode="layered")
    first, second = (units_of(write_layered(make.layered(i * 8), header)) for i in range(2))
    items = assemble(make, [*first, second[0], first[0], second[1]], mode="layered")
    assert all(isinstance(i, LayeredPacket) for i in items)
    assert [i.payload for i in items] == [b"parameters", b""]


def test_modes_do_not_mix(make, units: list) -> None:
    base = units_of(write_layered(make.layered(0), make.header(mode="layered")))
    assert [type(i) for i in assemble(make, base)] == [unit.Damage]
    assert [type(i) for i in assemble(make, units[:1], mode="layered")] == [unit.Damage]


def test_units_of_other_kinds_give_nothing(make) -> None:
    assert assemble(make, units_of(unit.pack_unit(99, b"new") + write_stream(make.sound()))) == []


def test_mini_gops_need_a_schedule() -> None:
    assert single_frames("intra", 1, 16) == ((0, "I", 0),)
    assert single_frames("ld", 1, 16) == ((0, "P", 0),)
    with pytest.raises(UsageError, match="schedule"):
        single_frames("gop", 4, 16)
