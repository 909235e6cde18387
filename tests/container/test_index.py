import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import index, unit
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.container.varint import write_numbers, write_varint
from nvc.errors import CorruptError, FormatError


def entries_of(specs: list[tuple]) -> tuple[index.IndexEntry, ...]:
    out, start, offset = [], 0, 200
    for frames, size, gap, pts in specs:
        out.append(index.IndexEntry(start, frames, pts, offset + gap, size))
        start, offset = start + frames, offset + gap + size
    return tuple(out)


ENTRIES = st.lists(
    st.tuples(st.integers(1, 300), st.integers(15, 2**30), st.integers(0, 2**20), st.integers(-(2**60), 2**60))
).map(entries_of)


@given(ENTRIES)
def test_an_index_comes_back(make, entries: tuple) -> None:
    data = index.write_index(entries, make.header())
    found = next(UnitScanner(open_source(data)))
    placed = unit.Unit(2**40, found.kind, 0, found.payload, found.size)
    assert index.read_index(placed, make.header()) == entries


def test_a_regular_index_costs_three_bytes_a_period(make) -> None:
    specs = [(32, 20000 + 300 * (i % 9), 0, 1024 + 32 * i * 512) for i in range(200)]
    assert len(index.write_index(entries_of(specs), make.header())) <= 14 + 20 + 3 * 200


def body(count: int, *columns: list[int]) -> bytes:
    return write_varint(count) + b"".join(map(write_numbers, columns))


@pytest.mark.parametrize(
    "payload",
    [
        body(2**60, [0], [1], [0], [0], [15]),  # equal numbers take no bytes: the count must be bounded
        body(1, [0], [0], [0], [200], [100]),
        body(1, [0], [1], [0], [200], [14]),
        body(1, [0], [1], [0], [200], [9000]),
        body(1, [2**31], [1], [0], [200], [100]),
        body(1, [0], [1], [2**63], [200], [100]),
        body(1, [0], [1], [0], [200]),
        b"",
    ],
)
def test_an_index_that_makes_no_sense(make, payload: bytes) -> None:
    with pytest.raises(CorruptError):
        index.read_index(unit.Unit(1000, unit.INDEX, 0, payload, len(payload) + 14), make.header())


@given(st.binary(max_size=60))
def test_any_body_gives_an_index_or_an_error(make, payload: bytes) -> None:
    try:
        entries = index.read_index(unit.Unit(10**4, unit.INDEX, 0, payload, len(payload) + 14), make.header())
    except CorruptError:
        return
    assert all(a.start + a.frames <= b.start and a.offset + a.bytes <= b.offset for a, b in zip(entries, entries[1:]))  # noqa: B905


def test_the_builder_joins_packets_to_periods(make) -> None:
    builder = index.IndexBuilder()
    for i, packet in enumerate(make.period(0) + make.period(33)):
        builder.add(packet, 200 + 100 * i, 100)
    assert builder.entries == (
        index.IndexEntry(0, 33, 1024, 200, 300),
        index.IndexEntry(33, 33, 1024 + 33 * 512, 500, 300),
    )
    with pytest.raises(FormatError, match="I frame"):
        index.IndexBuilder().add(make.packet("gop", 0, 4), 0, 100)


def test_an_entry_is_found_by_frame() -> None:
    entries = entries_of([(10, 100, 0, 0), (5, 100, 0, 0), (1, 100, 0, 0)])
    found = [index.find_entry(entries, i) for i in (-1, 0, 9, 10, 14, 15, 99)]
    assert [e and e.start for e in found] == [None, 0, 0, 10, 10, 15, 15]
    assert index.find_entry((), 0) is None
