import io
import os
import re

import pytest

from nvc.container.source import CHUNK, ByteSource, open_source
from nvc.errors import InputError, UsageError

DATA = bytes(range(256)) * 1200


def walk(source: ByteSource) -> bytes:
    out = b""
    while source.fill(1):
        out += source.peek(777)
        source.skip(source.fill(777))
    assert source.left == 0
    return out


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "file", "pipe"])
def test_all_bytes_come_once(kind: str, make, tmp_path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    with open(tmp_path / "data", "rb") as file:
        sources = {"bytes": DATA, "bytearray": bytearray(DATA), "file": file, "pipe": make.pipe(DATA)}
        assert walk(open_source(sources[kind])) == DATA


def test_a_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"before" + DATA)
    file.seek(6)
    source = open_source(file)
    assert (source.peek(4), source.size, source.offset) == (DATA[:4], len(DATA), 0)
    assert source.at(1000).peek(8, 5) == DATA[1005:1008]


def test_two_sources_share_a_file() -> None:
    first = open_source(io.BytesIO(DATA))
    second = first.at(100)
    assert (walk(first), walk(second)) == (DATA, DATA[100:])


def test_a_live_pipe_gives_what_it_has() -> None:
    read, write = os.pipe()
    os.write(write, b"abc")
    with os.fdopen(read, "rb") as file:
        source = open_source(file)
        assert source.peek(3) == b"abc"  # the writer is open: waiting for more would hang
        assert source.left is None
        os.close(write)
        assert source.peek(10) == b"abc"
        with pytest.raises(InputError):
            source.at(0)


@pytest.mark.parametrize("place", [1, 5, CHUNK - 1, CHUNK - 2, CHUNK - 3, CHUNK, 3 * CHUNK - 1])
@pytest.mark.parametrize("piece", [7, 1000, CHUNK])
def test_a_sync_is_found_wherever_it_lies(place: int, piece: int, make) -> None:
    data = bytearray(4 * CHUNK)
    data[place : place + 4] = b"SYNC"
    source = open_source(make.pipe(bytes(data), piece))
    assert source.skip_to_sync(re.compile(b"SYNC"))
    assert (source.offset, source.peek(4)) == (place, b"SYNC")
    assert not source.skip_to_sync(re.compile(b"SYNC"))
    assert source.offset == len(data)


def test_what_cannot_be_read_is_said() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            raise OSError("disk on fire")

    with pytest.raises(InputError, match="on fire"):
        open_source(Broken(DATA)).peek(1)
    with pytest.raises(UsageError, match="str"):
        open_source("path.nvc")
    with pytest.raises(UsageError, match="bytes"):
        open_source(io.StringIO("text")).peek(1)
