import errno
import io

import pytest

from nvc.container import StreamWriter
from nvc.container.varint import Cursor
from nvc.errors import FormatError, OutputError
from nvc.types import CarriedPacket, Chapter, Packet

HEAD = 14
CODER = 6  # bytes that the entropy coder itself takes for one stream of one lane


def cost(make, items: list, **head: object) -> tuple[int, list[int]]:
    """(overhead of header, index and tail; overhead of each item)."""
    file = io.BytesIO()
    writer = StreamWriter(file, make.header(**head))
    ends, each = writer.overhead_bytes, []
    for item in items:
        before = writer.overhead_bytes
        writer.write(item)
        each.append(writer.overhead_bytes - before)
    before = writer.overhead_bytes
    writer.close()
    assert writer.bytes_written == len(file.getvalue())
    return ends + writer.overhead_bytes - before, each


def hour(make, size: int) -> list[Packet]:
    """The head of a film and one I period far inside it would not be neighbours: all periods are written."""
    return [p for i in range(0, 50 * 33, 33) for p in make.period(i, size=size)]


@pytest.mark.parametrize("size", [50, 1120, 40000])
def test_overhead_of_ra(make, size: int) -> None:
    packets = hour(make, size)
    _, each = cost(make, packets)
    assert max(c for c, p in zip(each, packets, strict=True) if p.kind == "gop") + CODER <= 48
    assert max(c for c, p in zip(each, packets, strict=True) if p.kind == "intra") <= 24


def test_overhead_far_inside_a_stream(make) -> None:
    """Numbers of frames grow to four bytes after 2,097,152 frames, ten hours at 60 a second."""
    from nvc.container.packet import write_packet

    intra = make.packet("intra", 2**20, symbol_hash=7)
    gop = make.packet("gop", 2**21 + 1, 16, symbol_hash=7)
    assert len(write_packet(intra, make.header())) - 200 <= 24
    assert len(write_packet(gop, make.header())) - 200 + CODER <= 48


@pytest.mark.parametrize("size", [60, 120, 128, 400, 16000])
def test_overhead_of_ld(make, size: int) -> None:
    _, each = cost(make, make.ld_frames(0, 65, size), structure="ld", keyint=65)
    assert sum(each[1:]) / 64 <= 10
    assert max(each[1:15]) <= 10


def test_overhead_of_a_file(make) -> None:
    packets = [p for i in range(0, 132, 33) for p in make.period(i)]
    file, _ = cost(make, packets)
    assert file <= 200
    long, _ = cost(make, hour(make, 1000), weights="0123456789abcdef")
    assert long <= 200 + 16 + 3 * 50


def test_video_bytes_leave_out_what_is_carried(make) -> None:
    chapters = (Chapter(0, 10, make.sound().time_base),)
    plain, full = io.BytesIO(), io.BytesIO()
    without = StreamWriter(plain, make.header(), chapters=chapters)
    writer = StreamWriter(full, make.header(), carried=[make.sound()], chapters=chapters)
    for packet in make.period(0):
        without.write(packet)
        for sound in make.audio(70):
            writer.write(sound)
        writer.write(packet)
    without.close()
    writer.close()
    assert writer.bytes_written > without.bytes_written + 3 * 70 * 100
    assert abs(writer.video_bytes - without.bytes_written) <= 3  # larger offsets in index
    assert writer.overhead_bytes == writer.video_bytes - sum(len(p.payloads[0]) for p in make.period(0))


def test_what_is_written_so_far_is_a_stream(make) -> None:
    file = io.BytesIO()
    writer = StreamWriter(file, make.header())
    for packet in make.period(0):
        writer.write(packet)
        reader = make.reader(file.getvalue())
        assert list(reader.items())[-1] == packet
        assert not reader.complete
    assert writer.index[0].frames == 33


def test_closing(make) -> None:
    file = io.BytesIO()
    with StreamWriter(file, make.header()) as writer:
        writer.write(make.packet("intra", 0))
    size = len(file.getvalue())
    writer.close()
    assert len(file.getvalue()) == size
    with pytest.raises(FormatError, match="closed"):
        writer.write(make.packet("intra", 1))
    with pytest.raises(RuntimeError), StreamWriter(file := io.BytesIO(), make.header()):
        raise RuntimeError
    assert not make.reader(file.getvalue()).complete


@pytest.mark.parametrize("what", ["gap", "no I", "large", "stranger"])
def test_items_in_a_wrong_place(make, what: str) -> None:
    writer = StreamWriter(io.BytesIO(), make.header(mini_gop=8 if what == "large" else 16))
    items = {
        "gap": [make.packet("intra", 0), make.packet("gop", 2, 4)],
        "no I": [make.packet("gop", 0, 4)],
        "large": [make.packet("intra", 0), make.packet("gop", 1, 16)],
        "stranger": [CarriedPacket(3, 0, 0, 1, True, b"")],
    }
    with pytest.raises(FormatError):
        for item in items[what]:
            writer.write(item)


class Full(io.RawIOBase):
    """Takes few bytes at once and no more than ``room``."""

    def __init__(self, room: int, error: OSError) -> None:
        self.room, self.error, self.data = room, error, b""

    def writable(self) -> bool:
        return True

    def write(self, data: memoryview) -> int:
        if len(self.data) >= self.room:
            raise self.error
        self.data += bytes(data[:7])
        return min(7, len(data))


def test_raw_files_that_take_a_few_bytes(make) -> None:
    file = Full(10**9, OSError())
    with StreamWriter(file, make.header()) as writer:
        writer.write(make.packet("intra", 0))
    assert file.data == make.stream([make.packet("intra", 0)])


def test_a_full_disk_and_a_broken_pipe(make) -> None:
    writer = StreamWriter(Full(150, OSError(errno.ENOSPC, "No space left on device")), make.header(parameter_sets=b""))
    with pytest.raises(OutputError, match="No space left"):
        writer.write(make.packet("intra", 0))
    with pytest.raises(BrokenPipeError):
        StreamWriter(Full(50, BrokenPipeError()), make.header())


def test_the_layout_is_as_the_format_says(make) -> None:
    data = make.stream([make.packet("intra", 0)])
    assert data[:4] == b"\x89NVC" and data[HEAD : HEAD + 8] == b"\x89NVC\r\n\x1a\n"
    assert data[-16:-12] == b"NVCE"
    place = int.from_bytes(data[-12:-4], "little")
    assert data[place : place + 5] == b"\x89NVC\x0d"
    assert Cursor(data[place + HEAD :], "index").varint() == 1
