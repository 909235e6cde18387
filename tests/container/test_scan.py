import struct

import pytest

from nvc.container import scan, unit
from nvc.container.source import open_source

UNITS = [unit.pack_unit(i % 20 + 1, bytes([i]) * (i * 13)) for i in range(1, 20)]
SHORT = [unit.pack_short(i % 30 + 1, bytes([i]) * (i * 13)) for i in range(1, 20)]
MIXED = [u for pair in zip(UNITS, SHORT, strict=True) for u in pair]


def walk(data: bytes, make=None) -> list:
    return list(scan.UnitScanner(open_source(make.pipe(data, 100) if make else data)))


def covered(found: list) -> int:
    """The end of the bytes that the finds cover without a gap."""
    at = 0
    for item in found:
        assert item.offset == at
        at += item.size
    return at


@pytest.mark.parametrize("through_pipe", [False, True])
def test_whole_units(through_pipe: bool, make) -> None:
    found = walk(b"".join(MIXED), make if through_pipe else None)
    assert [u.size for u in found] == [len(u) for u in MIXED]
    assert all(isinstance(u, unit.Unit) for u in found)


@pytest.mark.parametrize("through_pipe", [False, True])
@pytest.mark.parametrize("lost", [0, 1, 7, 8, len(MIXED) - 1])
def test_one_damaged_unit_costs_one_unit(lost: int, through_pipe: bool, make) -> None:
    for place in range(len(MIXED[lost])):
        parts = [bytearray(u) for u in MIXED]
        parts[lost][place] ^= 0x10
        data = b"".join(parts)
        found = walk(data, make if through_pipe else None)
        assert covered(found) == len(data)
        assert [i for i, f in enumerate(found) if isinstance(f, unit.Damage)] == [lost]
        assert len(found) == len(MIXED)


def test_a_sync_inside_a_payload_is_not_taken() -> None:
    inner = unit.pack_unit(3, b"inside")
    outer = unit.pack_unit(2, b"x" + unit.SYNC + inner[:10] + unit.SHORT_SYNC + b"\x04\x01" + bytes(9) + unit.TAIL_SYNC)
    assert [u.kind for u in walk(outer + inner)] == [2, 3]
    broken = bytearray(outer)
    broken[-30] ^= 1
    found = walk(bytes(broken) + inner)
    assert [type(f).__name__ for f in found] == ["Damage", "Unit"]


def test_inserted_and_removed_bytes() -> None:
    data = b"".join(MIXED[:4]) + b"\x89NV\x9d" + b"".join(MIXED[4:8]) + b"".join(MIXED[8:])[5:]
    found = walk(data)
    assert covered(found) == len(data)
    assert [(i, f.size) for i, f in enumerate(found) if isinstance(f, unit.Damage)] == [(4, 4), (9, len(MIXED[8]) - 5)]


def test_messages_say_what_happened() -> None:
    data = b"".join(UNITS)
    assert "ends inside" in walk(data[:-3])[-1].message
    assert "wrong sum" in walk(data[:-1] + b"!")[-1].message
    large = bytearray(data)
    large[9] = 255
    assert "claims" in walk(bytes(large))[0].message
    large[9], large[8] = 0, 40
    assert "wrong size" in walk(bytes(large))[0].message


@pytest.mark.parametrize("through_pipe", [False, True])
def test_a_false_size_allocates_nothing(through_pipe: bool, make) -> None:
    import tracemalloc

    data = unit.SYNC + struct.pack("<BBII", 2, 0, unit.MAX_UNIT, 0) + bytes(1000)
    tracemalloc.start()
    found = walk(data, make if through_pipe else None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(f) for f in found] == [unit.Damage]
    assert peak < 2**20


def test_many_false_units_take_linear_time(monkeypatch) -> None:
    monkeypatch.setattr(scan, "FALSE_START", 2**20)
    head = unit.SYNC + struct.pack("<BBII", 2, 0, 2**20, 0)
    data = head * (2 * 2**20 // len(head))  # a false unit of 1 MiB at every head: 75 GB to sum
    scanner = scan.UnitScanner(open_source(data))
    found = list(scanner)
    assert covered(found) == len(data)
    assert scanner._false < 2**20 * (2 + 8 * 2)  # not the 75 GB that the false units claim together


def test_a_tail_ends_the_list() -> None:
    data = UNITS[0] + unit.pack_tail(0)
    assert [u.kind for u in walk(data)] == [UNITS[0][4], unit.TAIL]
    assert isinstance(walk(data[:-1])[-1], unit.Damage)
    after = walk(data + b"more")
    assert (after[-1].size, type(after[-1])) == (4, unit.Damage)
