import io
import os
import random
import struct
import tracemalloc
from dataclasses import replace

import pytest

from nvc.container import Damage, StreamReader, unit
from nvc.container.header import write_header
from nvc.errors import CorruptError, FormatError, InputError, LimitError, NvcError, UsageError
from nvc.types import CarriedPacket, CarriedStream, Chapter, LayeredPacket, Packet


def neural(make, **options: object) -> tuple[bytes, list]:
    """A stream of two I periods with sound, and its items."""
    sound = make.audio(6)
    items = [*make.period(0), *sound[:3], *make.period(33), *sound[3:]]
    return make.stream(items, carried=[make.sound()], **options), items


def by_kind(items: list) -> tuple[list, list, list]:
    """(pictures, carried packets, damage)."""
    pictures = [i for i in items if isinstance(i, Packet | LayeredPacket)]
    return pictures, [i for i in items if isinstance(i, CarriedPacket)], [i for i in items if isinstance(i, Damage)]


SHAPES = ("ra", "ld", "layered")


def shape(make, name: str) -> tuple[bytes, list]:
    """A small stream of each shape, and its items."""
    if name == "ra":
        return neural(make)
    if name == "ld":
        items = make.ld_frames(0, 20, 20) + make.ld_frames(20, 6, 130)
        return make.stream(items, header=make.header(structure="ld")), items
    items = [make.layered(i * 8) for i in range(3)]
    return make.stream(items, header=make.header(mode="layered")), items


@pytest.mark.parametrize("through_pipe", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_a_stream_comes_back(make, name: str, through_pipe: bool) -> None:
    data, items = shape(make, name)
    reader = make.reader(make.pipe(data, 61) if through_pipe else data)
    assert reader.complete != through_pipe
    assert by_kind(list(reader.items())) == by_kind(items)
    assert reader.complete
    assert reader.bytes_read == len(data)


def test_head_of_a_stream(make) -> None:
    font = CarriedStream(1, "attachment", "ttf", make.sound().time_base, bytes(5000))
    chapters = (Chapter(0, 5, font.time_base, (("title", "Anfang"),)), Chapter(5, 9, font.time_base))
    header = make.header(n_frames=33)
    data = make.stream(make.period(0), header=header, carried=[make.sound(), font], chapters=chapters)
    for source in (data, make.pipe(data)):
        reader = make.reader(source)
        assert (reader.header, reader.carried, reader.chapters) == (header, (make.sound(), font), chapters)


def test_index_and_count(make) -> None:
    data, _ = neural(make)
    reader = make.reader(data)
    assert [(e.start, e.frames, e.pts) for e in reader.index] == [(0, 33, 1024), (33, 33, 1024 + 33 * 512)]
    assert reader.n_frames == 66
    part = make.reader(neural(make, close=False)[0])
    assert (part.index, part.n_frames, part.complete) == (None, None, False)
    assert part.periods() == reader.index
    empty = make.reader(make.stream([]))
    assert (empty.index, empty.n_frames, list(empty.items()), empty.complete) == ((), 0, [], True)


@pytest.mark.parametrize("close", [True, False])
def test_seek(make, close: bool) -> None:
    data, items = neural(make, close=close)
    reader = make.reader(data)
    for frame, start in ((40, 33), (0, 0), (65, 33), (32, 0), (33, 33)):
        assert reader.seek_frame(frame).start == start
        assert next(iter(reader.items())) == make.packet("intra", start, size=600)
        assert next(iter(reader.items())).start == start + 1  # a second call goes on
    reader.seek_frame(0)
    assert by_kind(list(reader.items()))[0] == by_kind(items)[0]
    assert reader.bytes_read == len(data)  # each byte counted once
    with pytest.raises(UsageError):
        reader.seek_frame(-1)
    if close:
        with pytest.raises(UsageError, match="66 frames"):
            reader.seek_frame(66)


@pytest.mark.parametrize("close", [True, False])
def test_seek_in_layered_and_ld(make, close: bool) -> None:
    items = [make.layered(i * 8) for i in range(3)]
    reader = make.reader(make.stream(items, close=close, header=make.header(mode="layered")))
    reader.seek_frame(17)
    assert list(reader.items()) == items[2:]
    items = make.ld_frames(0, 20) + make.ld_frames(20, 20)
    reader = make.reader(make.stream(items, close=close, header=make.header(structure="ld")))
    reader.seek_frame(25)
    assert list(reader.items()) == items[20:]


def test_a_pipe_cannot_seek(make) -> None:
    reader = make.reader(make.pipe(neural(make)[0]))
    for call in (lambda: reader.seek_frame(0), reader.periods):
        with pytest.raises(InputError, match="pipe"):
            call()


def test_a_file_that_does_not_start_at_its_start(make) -> None:
    data, items = neural(make)
    file = io.BytesIO(b"something before" + data)
    file.seek(16)
    reader = make.reader(file)
    assert reader.seek_frame(40).start == 33
    assert reader.n_frames == 66


def test_units_are_listed(make) -> None:
    data, _ = neural(make)
    want = "header stream intra gop gop carried intra gop gop carried index tail".split()
    for source in (data, make.pipe(data)):
        reader = make.reader(source)
        units = list(reader.units())
        assert [u.kind for u in units] == want
        assert all(u.ok for u in units)
        assert sum(u.size for u in units) == len(data)
    broken = bytearray(data)
    broken[units[3].offset + 50] ^= 1
    found = list(make.reader(bytes(broken)).units())[3]
    assert (found.kind, found.ok, found.size) == ("damage", False, units[3].size)
    assert "wrong sum" in found.message


def test_bytes_are_accounted_as_the_writer_does(make) -> None:
    from nvc.container import StreamWriter

    for name in SHAPES:
        data, items = shape(make, name)
        reader = make.reader(data)
        list(reader.items())
        file = io.BytesIO()
        with StreamWriter(file, reader.header, carried=reader.carried) as writer:
            for item in items:
                writer.write(item)
        assert file.getvalue() == data
        assert (reader.video_bytes, reader.overhead_bytes) == (writer.video_bytes, writer.overhead_bytes)


def test_a_live_pipe_gives_each_packet_when_it_is_there(make) -> None:
    data, items = shape(make, "ld")
    ends = [u.offset + u.size for u in make.reader(data).units()][:5]
    read, write = os.pipe()
    with os.fdopen(read, "rb") as file, os.fdopen(write, "wb", buffering=0) as feed:
        feed.write(data[: ends[1]])
        found = make.reader(file).items()
        assert next(found) == items[0]
        for i in range(2, 5):
            feed.write(data[ends[i - 1] : ends[i]])
            assert next(found) == items[i - 1]  # the writer is open: waiting for more would hang


# Damage


def test_unknown_units_are_stepped_over(make) -> None:
    data, items = neural(make)
    units = list(make.reader(data).units())
    new, short = unit.pack_unit(200, b"from the future"), unit.pack_short(30, b"also", 5)
    pieces = [data[u.offset : u.offset + u.size] for u in units]
    mixed = b"".join(piece + new + short for piece in pieces[:-2])
    assert by_kind(list(make.reader(mixed).items())) == by_kind(items)


@pytest.mark.parametrize("name", SHAPES)
def test_cut_at_every_place(make, name: str) -> None:
    data, items = shape(make, name)
    pictures, sound, _ = by_kind(items)
    ends = [u.offset + u.size for u in make.reader(data).units()]
    for cut in range(len(data)):
        if cut < ends[0]:
            with pytest.raises(FormatError):
                make.reader(data[:cut])
            continue
        reader = make.reader(data[:cut])
        found = by_kind(list(reader.items()))
        whole = sum(end <= cut for end in ends)
        assert found[0] == pictures[: len(found[0])] and found[1] == sound[: len(found[1])]
        assert len(list(reader.units())) == whole + (cut not in ends)
        assert bool(found[2]) == (cut not in ends)
        assert not reader.complete


def flipped(data: bytes, seed: int, flips: int, start: int) -> tuple[bytes, list[int]]:
    out, chance = bytearray(data), random.Random(seed)
    places = [chance.randrange(start, len(data)) for _ in range(flips)]
    for place in places:
        out[place] ^= 1 << chance.randrange(8)
    return bytes(out), places


def without_parameters(packet: Packet | LayeredPacket) -> Packet | LayeredPacket:
    """A base may come without its parameters where their unit is damaged."""
    return replace(packet, payload=b"") if isinstance(packet, LayeredPacket) else packet


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("flips", [1, 5])
def test_hundreds_of_flips(make, name: str, flips: int) -> None:
    """No wrong packet is ever taken, and every unit without a flip is found."""
    data, items = shape(make, name)
    units = list(make.reader(data).units())
    genuine = {without_parameters(i) for i in by_kind(items)[0]}
    for seed in range(150):
        broken, places = flipped(data, seed, flips, units[0].size)
        if broken == data:
            continue
        reader = make.reader(broken)
        pictures, sound, damage = by_kind(list(reader.items()))
        assert damage or not reader.complete
        assert {without_parameters(i) for i in pictures} <= genuine
        assert set(sound) <= set(by_kind(items)[1])
        spared = {u.offset for u in units if not any(u.offset <= p < u.offset + u.size for p in places)}
        assert spared <= {u.offset for u in reader.units() if u.ok}


def test_after_damage_ra_loses_only_the_damaged_unit(make) -> None:
    data, items = neural(make)
    units = [u for u in make.reader(data).units() if u.kind in ("intra", "gop")]
    for lost, hit in enumerate(units):
        broken = bytearray(data)
        broken[hit.offset + hit.size - 1] ^= 1
        pictures, sound, damage = by_kind(list(make.reader(bytes(broken)).items()))
        want = by_kind(items)[0]
        assert pictures == want[:lost] + want[lost + 1 :]
        assert sound == by_kind(items)[1]
        assert [(d.offset, d.size) for d in damage] == [(hit.offset, hit.size)]


def test_after_damage_ld_goes_on_at_the_next_full_unit(make) -> None:
    data, items = shape(make, "ld")
    hit = list(make.reader(data).units())[4]
    broken = bytearray(data)
    broken[hit.offset + 20] ^= 1
    pictures, _, damage = by_kind(list(make.reader(bytes(broken)).items()))
    assert pictures == items[:3] + items[16:]  # frame 16 carries the hash and all its fields
    assert "without the one before" in damage[1].message


@pytest.mark.parametrize("place", [0, 3, 5, 10, 14, 18, 30, 100])
def test_a_damaged_header_is_said(make, place: int) -> None:
    data = bytearray(neural(make)[0])
    data[place] ^= 1
    with pytest.raises(CorruptError, match="header is damaged"):
        make.reader(bytes(data))


def test_a_damaged_head_does_not_stop_the_pictures(make) -> None:
    data, items = neural(make)
    stream = list(make.reader(data).units())[1]
    broken = bytearray(data)
    broken[stream.offset + 16] ^= 1
    reader = make.reader(bytes(broken))
    assert reader.carried == ()
    found = list(reader.items())
    assert isinstance(found[0], Damage)
    assert by_kind(found)[0] == by_kind(items)[0]


@pytest.mark.parametrize("index", [b"", b"\xff" * 9, bytes(40)])
def test_an_index_that_makes_no_sense_is_left_aside(make, index: bytes) -> None:
    data, items = neural(make, close=False)
    data = data + unit.pack_unit(unit.INDEX, b"\x05" + index) + unit.pack_tail(len(data))
    reader = make.reader(data)
    assert (reader.index, reader.complete) == (None, False)
    assert by_kind(list(reader.items()))[0] == by_kind(items)[0]


def test_a_lost_tail_leaves_the_index(make) -> None:
    data, _ = neural(make)
    reader = make.reader(data[:-16])
    list(reader.items())
    assert (reader.n_frames, reader.complete) == (66, False)


def test_a_second_stream_behind_is_not_read(make) -> None:
    data, items = neural(make)
    other = make.stream(make.period(0), header=make.header(quality=30))
    found = list(make.reader(data + other).items())
    assert "another header" in found[-1].message
    again = make.stream([], close=False) + make.stream(make.period(0))
    assert by_kind(list(make.reader(again).items())) == by_kind(make.period(0))  # the same header may come again


# Limits


def test_limits_of_the_caller(make) -> None:
    data, _ = neural(make)
    with pytest.raises(LimitError, match="352x288"):
        make.reader(data, max_pixels=352 * 288 - 1)
    with pytest.raises(LimitError, match="65 frames"):
        make.reader(data, max_frames=65)
    make.reader(data, max_pixels=352 * 288, max_frames=66)
    reader = make.reader(make.pipe(data), max_frames=40)
    with pytest.raises(LimitError, match="40 frames"):
        list(reader.items())
    with pytest.raises(LimitError):
        make.reader(make.stream([], header=make.header(n_frames=10**9)), max_frames=100)


def test_claims_allocate_nothing(make) -> None:
    """Sizes, counts and pictures beyond all bounds, with right sums."""
    head = write_header(make.header(mini_gop=32))
    claims = [
        unit.SYNC + struct.pack("<BBII", unit.GOP, 0, 2**32 - 1, 0),
        unit.SYNC + struct.pack("<BBII", unit.GOP, 0, unit.MAX_UNIT, 0),
        unit.pack_unit(unit.GOP, b"\x87\x00\x20" + bytes(6) + b"\x40" + b"\xff" * 7 + b"\x7f"),
        unit.pack_unit(unit.BASE, b"\x33" + b"\xff\xff\x03" * 3),
        unit.pack_unit(unit.CARRIED, b"\x00\x00\x00\xff\xff\xff\xff\xff\x7f"),
        unit.pack_unit(unit.CHAPTERS, b"\xff\xff\xff\xff\x7f"),
        unit.pack_unit(unit.INDEX, b"\xff\xff\xff\xff\x7f" + bytes(10)),
    ]
    for claim in claims:
        for source in (head + claim, make.pipe(head + claim)):
            tracemalloc.start()
            found = list(make.reader(source).items())
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert all(isinstance(i, Damage) for i in found)
            assert peak < 4 * 2**20


def test_large_headers_are_refused_unread(make) -> None:
    head = unit.SYNC + struct.pack("<BBII", unit.HEADER, 0, 2**31, 0) + write_header(make.header())[14:]
    with pytest.raises(LimitError, match="2147483648"):
        make.reader(head)


def test_hostile_streams_give_only_our_errors(make) -> None:
    """Random bytes behind a true header, in units with right sums."""
    head, chance = write_header(make.header()), random.Random(1)
    for _ in range(400):
        units = [unit.pack_unit(chance.randrange(16), chance.randbytes(chance.randrange(60))) for _ in range(8)]
        short = [unit.pack_short(chance.randrange(1, 9), chance.randbytes(chance.randrange(60))) for _ in range(8)]
        data = head + b"".join(chance.sample(units + short, 16))
        try:
            reader = make.reader(data + unit.pack_tail(chance.randrange(len(data))))
            list(reader.items())
            list(reader.units())
            reader.seek_frame(chance.randrange(50))
        except NvcError as error:
            assert str(error)


@pytest.mark.parametrize("data", [b"", b"GIF89a", bytes(100), b"\x89NVC", b"\x89NVC\r\n\x1a\n" + bytes(50)])
def test_what_is_no_stream(data: bytes, make) -> None:
    for source in (data, make.pipe(data)):
        with pytest.raises(FormatError):
            StreamReader(source)


def test_a_stream_of_single_frames_needs_no_schedule(make) -> None:
    data, items = shape(make, "ld")
    assert list(StreamReader(data).items()) == items
    with pytest.raises(UsageError, match="schedule"):
        list(StreamReader(neural(make)[0]).items())


def test_durations_and_times_of_a_variable_rate(make) -> None:
    gop = make.packet("gop", 1, 8)
    frames = tuple(replace(f, pts=f.pts + f.display_index**2, duration=f.display_index) for f in gop.frames)
    items = [make.packet("intra", 0), replace(gop, frames=frames)]
    assert list(make.reader(make.stream(items)).items()) == items
