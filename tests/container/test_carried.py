from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import carried, unit
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import FormatError
from nvc.types import CarriedPacket, CarriedStream, Chapter

TIME = st.integers(-(2**61), 2**61)
PACKETS = st.builds(
    CarriedPacket, st.integers(0, 255), st.none() | TIME, st.none() | TIME, TIME, st.booleans(), st.binary(max_size=50)
)
RATES = st.fractions(Fraction(1, 1000), 1000, max_denominator=1001)
STREAMS = st.builds(
    CarriedStream, st.integers(0, 255), st.sampled_from(carried.STREAM_KINDS), st.text(max_size=9), RATES, st.binary()
)
CHAPTERS = st.builds(Chapter, TIME, TIME, RATES, st.lists(st.tuples(st.text(), st.text()), max_size=4).map(tuple))


def only(data: bytes) -> unit.Unit:
    (found,) = UnitScanner(open_source(data))
    assert isinstance(found, unit.Unit)
    return found


@given(STREAMS)
def test_a_stream_comes_back(stream: CarriedStream) -> None:
    found = only(carried.write_stream(stream))
    assert carried.read_stream(found) == stream
    assert unit.kind_name(found.kind) == ("attachment" if stream.kind == "attachment" else "stream")


@given(st.lists(CHAPTERS, max_size=5).map(tuple))
def test_chapters_come_back(chapters: tuple[Chapter, ...]) -> None:
    assert carried.read_chapters(only(carried.write_chapters(chapters))) == chapters


@given(st.lists(PACKETS, min_size=1, max_size=20))
def test_packets_come_back_in_order(packets: list[CarriedPacket]) -> None:
    batch = carried.CarriedBatch()
    data = b"".join(batch.add(p) for p in packets) + batch.flush()
    units = UnitScanner(open_source(data))
    assert [p for u in units for p in carried.read_carried(u)] == packets


def test_batches_are_bounded(make) -> None:
    batch = carried.CarriedBatch()
    written = [batch.add(p) for p in make.audio(1000, 100)]
    assert max(map(len, written)) < carried.BATCH_BYTES
    assert sum(map(bool, written)) == 1000 // carried.BATCH_PACKETS
    large = make.audio(1, 10**6)[0]
    units = list(UnitScanner(open_source(batch.add(large))))
    assert [len(carried.read_carried(u)) for u in units] == [1000 % carried.BATCH_PACKETS, 1]
    assert batch.flush() == b""


def test_sound_does_not_fall_far_behind(make) -> None:
    batch = carried.CarriedBatch()
    assert batch.shown(1000) == b""
    batch.add(make.audio(1)[0])
    assert [bool(batch.shown(16)) for _ in range(4)] == [False, True, False, False]


@pytest.mark.parametrize(("index", "kind"), [(256, "audio"), (0, "smell")])
def test_streams_that_cannot_be_written(index: int, kind: str) -> None:
    with pytest.raises(FormatError):
        carried.write_stream(CarriedStream(index, kind, "aac", Fraction(1), b""))


@given(st.sampled_from(["read_stream", "read_chapters", "read_carried"]), st.binary(max_size=80))
def test_any_body_gives_values_or_an_error(read: str, body: bytes) -> None:
    try:
        getattr(carried, read)(unit.Unit(0, unit.CARRIED, 0, body, len(body) + 14))
    except FormatError as error:
        assert str(error)
