import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import nal
from nvc.errors import CorruptError

NALS = [b"\x40\x01\x0c", b"\x42\x01\x00\x00\x03\x01", b"\x28\x01\xaf"]
HVCC = (
    bytes([1, 1, 0x60]) + bytes(18) + bytes([0xF3, 2])  # 4-byte lengths, two arrays
    + bytes([0xA0, 0, 1, 0, 3]) + NALS[0]
    + bytes([0xA1, 0, 1, 0, 6]) + NALS[1]
)  # fmt: skip


def test_types_of_nal_units() -> None:
    assert [nal.nal_type(n) for n in NALS] == [nal.VPS, nal.SPS, 20]
    assert [nal.is_slice(n) for n in NALS] == [False, False, True]
    assert nal.nal_type(b"") == -1 and not nal.is_slice(b"")


@pytest.mark.parametrize(
    ("join", "split"),
    [
        (nal.join_annex_b, nal.split_annex_b),
        (nal.join_compact, nal.split_compact),
        (nal.join_lengths, nal.split_lengths),
    ],
)
def test_split_undoes_join(join, split) -> None:
    assert split(join(NALS)) == NALS
    assert split(join([])) == []


def test_annex_b_takes_both_start_codes_and_drops_what_lies_before() -> None:
    data = b"\xff\xff" + b"\x00\x00\x01" + NALS[0] + b"\x00\x00\x00\x01" + NALS[2] + b"\x00\x00"
    assert nal.split_annex_b(data) == [NALS[0], NALS[2]]


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x05\x28\x01", b"\x00\x00\x00"])
def test_a_length_past_the_end_is_said(data: bytes) -> None:
    with pytest.raises(CorruptError, match="past the end"):
        nal.split_lengths(data)


def test_lengths_of_two_bytes() -> None:
    assert nal.split_lengths(b"\x00\x02ab\x00\x00\x00\x01c", 2) == [b"ab", b"c"]


@pytest.mark.parametrize(
    ("rbsp", "escaped"),
    [
        (b"\x00\x00\x00\x00\x00\x80", b"\x00\x00\x03\x00\x00\x03\x00\x80"),
        (b"\x00\x00\x01\x80", b"\x00\x00\x03\x01\x80"),
        (b"\x00\x00\x04\x80", b"\x00\x00\x04\x80"),
        (b"\x00\x00\x03\x80", b"\x00\x00\x03\x03\x80"),
    ],
)
def test_emulation_prevention(rbsp: bytes, escaped: bytes) -> None:
    assert nal.escape(rbsp) == escaped
    assert nal.unescape(escaped) == rbsp


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=60))
def test_escaped_bytes_hold_no_start_code_and_come_back(values: list[int]) -> None:
    rbsp = bytes(values) + b"\x80"
    escaped = nal.escape(rbsp)
    assert not any(code in escaped for code in (b"\x00\x00\x00", b"\x00\x00\x01", b"\x00\x00\x02"))
    assert nal.unescape(escaped) == rbsp


def test_configuration_record() -> None:
    assert nal.is_hvcc(HVCC) and not nal.is_hvcc(nal.join_annex_b(NALS))
    assert nal.hvcc_length_size(HVCC) == 4
    assert nal.hvcc_parameter_sets(HVCC) == NALS[:2]
    assert nal.parameter_sets(HVCC) == nal.join_annex_b(NALS[:2]) == nal.parameter_sets(nal.join_annex_b(NALS))


@pytest.mark.parametrize("size", [24, 30, len(HVCC) - 1])
def test_a_short_configuration_record_is_said(size: int) -> None:
    with pytest.raises(CorruptError, match="cut short"):
        nal.hvcc_parameter_sets(HVCC[:size])


def test_split_sample_goes_by_the_extradata() -> None:
    assert nal.split_sample(nal.join_lengths(NALS), HVCC) == NALS
    assert nal.split_sample(nal.join_annex_b(NALS), b"") == NALS


def test_slice_type_of_what_is_no_first_slice() -> None:
    assert nal.slice_type(NALS[0]) == ""
    assert nal.slice_type(b"\x02\x01\x00") == ""


@pytest.mark.parametrize(("first", "reference"), [(0, False), (1, True), (2, False), (19, True), (39, False)])
def test_reference_pictures(first: int, reference: bool) -> None:
    assert nal.is_reference(bytes([first << 1, 1])) is reference
