from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import varint
from nvc.errors import CorruptError, FormatError

U64 = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))


@given(U64)
def test_a_number_comes_back(value: int) -> None:
    data = varint.write_varint(value)
    assert varint.Cursor(data, "test").varint() == value
    assert len(data) == max(1, -(-value.bit_length() // 7))


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_signed_number_comes_back(value: int) -> None:
    assert varint.Cursor(varint.write_signed(value), "test").signed() == value
    assert varint.unfold(varint.fold(value)) == value


@given(st.lists(U64, max_size=70))
def test_a_list_comes_back(values: list[int]) -> None:
    data = varint.write_numbers(values)
    cursor = varint.Cursor(data, "test")
    assert cursor.numbers(len(values)) == values
    assert cursor.left == 0


def test_equal_numbers_take_no_room() -> None:
    assert len(varint.write_numbers([33] * 1000)) == 2
    assert len(varint.write_numbers([33, 34] * 8)) == 2 + 2


@given(st.text(max_size=20), st.binary(max_size=20), st.fractions(0, 1, max_denominator=2**32 - 1))
def test_texts_bytes_and_fractions_come_back(text: str, data: bytes, fraction: Fraction) -> None:
    packed = varint.write_text(text) + varint.write_bytes(data) + varint.write_fraction(fraction)
    cursor = varint.Cursor(packed, "test")
    assert (cursor.text(), cursor.bytes(), cursor.fraction(), cursor.left) == (text, data, fraction, 0)


def test_lone_surrogates_can_be_written() -> None:
    assert varint.Cursor(varint.write_text("a\udcffb"), "test").text() == "a?b"


@pytest.mark.parametrize("value", [-1, 2**64])
def test_numbers_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(FormatError):
        varint.write_varint(value)


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"", "varint"),
        (b"\x80", "varint"),
        (b"\xff" * 11, "varint"),
        (b"\xff" * 9 + b"\x7f", "varint"),
        (b"\x05abc", "bytes"),
        (b"\x01\x00", "fraction"),
        (b"\xfe" + b"\xff" * 8 + b"\x01", "time"),
    ],
)
def test_broken_bytes_are_corrupt(data: bytes, read: str) -> None:
    with pytest.raises(CorruptError):
        getattr(varint.Cursor(data, "test"), read)()


def test_counts_and_lists_are_checked_against_the_bytes_left() -> None:
    with pytest.raises(CorruptError, match="do not fit"):
        varint.Cursor(varint.write_varint(10) + bytes(19), "test").count(100, 2)
    with pytest.raises(CorruptError, match="at most 9"):
        varint.Cursor(varint.write_varint(10) + bytes(19), "test").count(9, 0)
    with pytest.raises(CorruptError):
        varint.Cursor(b"\x00\x41" + bytes(100), "test").numbers(2)
    with pytest.raises(CorruptError):
        varint.Cursor(b"\x00\x20" + bytes(7), "test").numbers(2)


@given(st.binary(max_size=40), st.sampled_from(["varint", "signed", "time", "text", "bytes", "fraction"]))
def test_any_bytes_give_a_value_or_corrupt(data: bytes, read: str) -> None:
    try:
        getattr(varint.Cursor(data, "test"), read)()
    except CorruptError as error:
        assert "test" in str(error)
