from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import packet as packets
from nvc.container import unit
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import FormatError
from nvc.types import FrameEntry, Packet

U32 = st.integers(0, 2**32 - 1)


def through(make, packet: Packet, header=None) -> bytes:
    """Write, read back, compare; returns the unit."""
    header = header or make.header()
    data = packets.write_packet(packet, header)
    found = next(UnitScanner(open_source(data)))
    assert packets.read_packet(found, header, make.schedule) == packet
    return data


@st.composite
def any_packets(draw) -> Packet:
    kind = draw(st.sampled_from(["intra", "gop", "ld"]))
    count = draw(st.integers(1, 16)) if kind == "gop" else 1
    start, step = draw(st.integers(0, 2**20)), draw(st.sampled_from([512, 500]))
    order = draw(st.permutations(range(count)))
    types = st.just("I") if kind == "intra" else st.sampled_from("PBI")
    frames = tuple(
        FrameEntry(start + i, draw(types), draw(st.integers(0, 6)), draw(st.integers(0, 63)), (start + i) * step, step)
        for i in order
    )
    stills = 0 if kind == "intra" else sum(frame.type == "I" for frame in frames)
    coded = draw(st.lists(st.binary(min_size=1, max_size=40), min_size=1 if stills < count else 0, max_size=7))
    payloads = tuple(coded + [draw(st.binary(min_size=1, max_size=40)) for _ in range(stills)]) or (b"",)
    lanes = () if kind == "intra" else draw(st.sampled_from([(), tuple(1 << i for i in range(len(coded)))]))
    hashes = tuple(draw(st.lists(U32, min_size=count, max_size=count))) if draw(st.booleans()) else ()
    return Packet(kind, frames, payloads, False, lanes, draw(st.none() | U32), hashes)


@given(any_packets())
def test_any_packet_comes_back(make, packet: Packet) -> None:
    through(make, packet)


@pytest.mark.parametrize("count", range(1, 17))
def test_default_mini_gops_come_back(make, count: int) -> None:
    plain = through(make, make.packet("gop", 33, count, symbol_hash=5))
    told = through(make, make.packet("gop", 33, count, symbol_hash=5, default=False))
    assert len(told) - len(plain) == 2 * count


@pytest.mark.parametrize(("count", "inner"), [(1, (0,)), (16, (0, 3)), (9, range(9)), (16, (15,))])
def test_frames_of_type_i_inside_default_mini_gops_come_back(make, count: int, inner) -> None:
    plain = make.packet("gop", 33, count, symbol_hash=5)
    frames = tuple(replace(f, type="I") if k in inner else f for k, f in enumerate(plain.frames))
    coded = plain.payloads[:1] if len(inner) < count else ()
    packet = replace(plain, frames=frames, payloads=coded + (b"note",) * len(inner), lanes=(4,) * len(coded))
    assert len(through(make, packet)) < len(through(make, replace(packet, default=False)))


def test_qualities_by_level_are_shorter(make) -> None:
    packet = make.packet("gop", 1, 16)
    other = replace(packet.frames[5], quality=3)
    assert (
        len(through(make, replace(packet, frames=(*packet.frames[:5], other, *packet.frames[6:]))))
        - len(through(make, packet))
        == 16 - 5
    )


def test_bits_are_not_written(make) -> None:
    packet = make.packet("gop", 1, 16, bits=({"motion": 3},) * 16)
    assert packets.write_packet(packet, make.header()) == packets.write_packet(replace(packet, bits=()), make.header())


def broken_packets(make) -> list[Packet]:
    gop, intra = make.packet("gop", 1, 4), make.packet("intra", 0)
    first, *rest = gop.frames
    return [
        replace(gop, frames=(replace(first, display_index=9), *rest)),
        replace(gop, frames=(rest[0], *rest)),
        replace(gop, frames=(replace(first, quality=64), *rest)),
        replace(gop, frames=(replace(first, level=64), *rest)),
        replace(gop, frames=tuple(replace(f, type="I") for f in gop.frames), payloads=(b"1",) * 3),
        replace(gop, frames=(replace(first, type="I"), *rest), payloads=(b"1", b"2"), lanes=(1, 1)),
        replace(gop, frames=(replace(first, pts=0), *rest)),
        replace(gop, payloads=()),
        replace(gop, lanes=(4, 4)),
        replace(gop, lanes=(3,)),
        replace(gop, plane_hashes=(1,)),
        replace(intra, frames=(replace(intra.frames[0], type="P"),)),
        replace(gop, kind="ld"),
        replace(gop, kind="more"),
    ]


def test_packets_that_cannot_be_written(make) -> None:
    for packet in broken_packets(make):
        with pytest.raises(FormatError):
            packets.write_packet(packet, make.header())


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (unit.GOP, b"\x07\x00\x00"),  # no frames
        (unit.GOP, b"\x07\x00\x11" + bytes(50)),  # 17 frames where the header says 16
        (unit.GOP, b"\x07\x00\xff" + bytes(50)),
        (unit.GOP, b"\x03\x00\x02\x00\x40\x00\x40" + bytes(50)),  # the same place twice
        (unit.GOP, b"\x03\x00\x01\x00\xc0" + bytes(50)),  # type 3
        (unit.GOP, b"\x07\x00\x84\x00" + bytes(50)),  # an empty mask
        (unit.GOP, b"\x07\x00\x84\x10" + bytes(50)),  # a mask of five frames where there are four
        (unit.GOP, b"\x03\x00\x81\x01\x00\x40" + bytes(50)),  # a mask beside entries
        (unit.GOP, b"\x07\x00\x84\x03" + bytes(50)),  # two frames of type I, one payload
        (unit.GOP, b"\x87\x00\x04" + bytes(4) + b"\x81\x01"),  # 129 payloads
        (unit.GOP, b"\x87\x00\x04" + bytes(4) + b"\x02\x09abc"),  # a payload beyond the end
        (unit.GOP, b"\x47\x00\x04" + bytes(4) + b"\x10"),  # 2^16 lanes
        (unit.INTRA, b"\x07\x00\x40"),  # quality 64
        (unit.INTRA, b"\x07\xff\xff\xff\xff\x0f\x00"),  # frame 2^32 - 1
        (unit.INTRA, b""),
    ],
)
def test_bodies_that_make_no_sense(make, kind: int, body: bytes) -> None:
    with pytest.raises(FormatError):
        packets.read_packet(unit.Unit(0, kind, 0, body, len(body) + 14), make.header(), make.schedule)


@given(st.sampled_from([unit.INTRA, unit.GOP, unit.LD]), st.binary(max_size=120))
def test_any_body_gives_a_packet_or_an_error(make, kind: int, body: bytes) -> None:
    try:
        packet = packets.read_packet(unit.Unit(0, kind, 0, body, len(body) + 14), make.header(), make.schedule)
    except FormatError as error:
        assert str(error)
        return
    packets.check_packet(packet)
