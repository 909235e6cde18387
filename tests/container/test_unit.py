import re
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import unit
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import FormatError, LimitError


def scan(data: bytes) -> list:
    return list(UnitScanner(open_source(data)))


@given(st.integers(1, 255), st.integers(0, 255), st.binary(max_size=300))
def test_a_unit_comes_back(kind: int, flags: int, payload: bytes) -> None:
    data = unit.pack_unit(kind, payload, flags)
    assert scan(data) == [unit.Unit(0, kind, flags, payload, len(payload) + 14)]


@given(st.integers(1, 31), st.integers(0, 7), st.binary(max_size=300))
def test_a_short_unit_comes_back(kind: int, flags: int, payload: bytes) -> None:
    data = unit.pack_short(kind, payload, flags)
    assert scan(data) == [unit.Unit(0, kind, flags, payload, len(data))]
    assert len(data) - len(payload) == (8 if len(payload) < 128 else 9)


def test_the_head_is_as_the_format_says() -> None:
    data = unit.pack_unit(7, b"abc", 1)
    assert data == b"\x89NVC" + struct.pack("<BBII", 7, 1, 3, zlib.crc32(b"\x07\x01\x03\0\0\0abc")) + b"abc"
    short = unit.pack_short(4, b"abc", 2)
    assert short == b"\x9dL" + bytes([4 | 2 << 5, 3]) + struct.pack("<I", zlib.crc32(b"\x44\x03abc")) + b"abc"
    assert unit.pack_tail(300)[:12] == b"NVCE" + struct.pack("<Q", 300)


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384, 65535])
def test_sizes_of_short_units(size: int) -> None:
    data = unit.pack_short(5, bytes(size))
    assert [u.size for u in scan(data)] == [len(data)]
    assert unit.head_size(data[:8]) == len(data) - size


def test_too_large_units_are_not_written() -> None:
    with pytest.raises(LimitError):
        unit.pack_unit(2, bytes(unit.MAX_UNIT + 1))
    with pytest.raises(FormatError):
        unit.pack_short(2, bytes(2**16))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"nonsense bytes", "no unit"),
        (b"\x89NVC\x02", "ends inside"),
        (b"\x9dL\x04", "ends inside"),
        (b"\x9dL\x04\x05\0", "ends inside"),
        (b"\x9dL\x04\xff\xff\xff\xff\xff\xff\xff", "claims more"),
        (b"\x89NVC\x02\0" + struct.pack("<II", 2**26 + 1, 0), "67108865"),
    ],
)
def test_heads_that_are_none(data: bytes, word: str) -> None:
    assert word in unit.read_head(data)


def test_a_wrong_tail_is_none() -> None:
    data = bytearray(unit.pack_tail(300))
    assert unit.read_tail(data) == 300
    data[5] ^= 1
    assert unit.read_tail(data) is None
    assert unit.read_tail(b"NVCE") is None


def test_every_kind_has_a_name() -> None:
    assert [unit.kind_name(k) for k in (unit.TAIL, unit.HEADER, unit.INDEX, 200)] == [
        "tail", "header", "index", "unknown 200",
    ]  # fmt: skip


def test_the_document_lists_the_kinds(root) -> None:
    text = (root / "docs" / "format.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\w+)[^|]* \| (?:long|short|either) \|", text, re.MULTILINE)
    assert [(int(kind), name) for kind, name in rows] == list(enumerate(unit.KIND_NAMES))[1:]
