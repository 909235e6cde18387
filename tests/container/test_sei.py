import struct

import pytest

from nvc.container import sei
from nvc.container.nal import escape, nal_type
from nvc.types import MasteringDisplay

AUD, VPS, SLICE, OTHER_SLICE = b"\x46\x01\x10", b"\x40\x01\x0c", b"\x28\x01\xaf", b"\x02\x01\xd0"


@pytest.mark.parametrize("payload", [b"", b"a", bytes(20), bytes(range(256)) * 20, b"\x00\x00\x01\x00\x00\x00" * 50])
def test_payload_comes_back(payload: bytes) -> None:
    nal = sei.sei_nal(payload)
    assert nal_type(nal) == 39
    assert b"\x00\x00\x01" not in nal and b"\x00\x00\x00" not in nal
    assert sei.our_payload(nal) == payload


@pytest.mark.parametrize(("size", "cost"), [(0, 21), (20, 41), (238, 259), (239, 261)])
def test_cost_without_start_code(size: int, cost: int) -> None:
    assert len(sei.sei_nal(b"\xaa" * size)) == cost


def test_payload_goes_before_the_first_slice() -> None:
    nals = sei.insert_payload([AUD, VPS, SLICE, OTHER_SLICE], b"xyz")
    assert [nal_type(n) for n in nals] == [35, 32, 39, 20, 1]
    assert sei.take_payload(nals) == ([AUD, VPS, SLICE, OTHER_SLICE], b"xyz")


def test_the_first_payload_counts_and_all_are_taken() -> None:
    nals = [sei.sei_nal(b"one"), sei.sei_nal(b"two"), SLICE]
    assert sei.take_payload(nals) == ([SLICE], b"one")


def test_user_data_of_others_is_left_alone() -> None:
    other = bytes([39 << 1, 1, 5, 18]) + bytes(range(1, 17)) + b"hi\x80"
    assert sei.our_payload(other) is None
    assert sei.take_payload([other, SLICE]) == ([other, SLICE], None)


@pytest.mark.parametrize(
    "nal", [b"", b"\x4e\x01", b"\x4e\x01\x05", b"\x4e\x01\xff\xff\xff", b"\x4e\x01\x05\x30abc\x80"]
)
def test_messages_cut_short_are_none(nal: bytes) -> None:
    assert sei.our_payload(nal) is None


def test_ours_is_found_behind_another_message_and_left_there() -> None:
    ours = sei.sei_nal(b"here")
    both = ours[:2] + b"\x90\x01\x07" + ours[2:]
    assert sei.our_payload(both) == b"here"
    assert sei.take_payload([both, SLICE]) == ([both, SLICE], b"here")


def test_hdr_messages() -> None:
    numbers = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50)
    mastering = b"\x4e\x01" + escape(b"\x89\x18" + struct.pack(">8H2I", *numbers) + b"\x80")
    light = b"\x4e\x01" + escape(b"\x90\x04" + struct.pack(">2H", 1000, 400) + b"\x80")
    display = MasteringDisplay(((13250, 34500), (7500, 3000), (34000, 16000), (15635, 16450)), (10_000_000, 50))
    assert sei.find_hdr([VPS, light, mastering, SLICE]) == (display, (1000, 400))
    assert sei.find_hdr([VPS, SLICE, sei.sei_nal(b"x")]) == (None, None)
