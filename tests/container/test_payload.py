from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container.nal import join_annex_b, join_lengths, split_annex_b, split_lengths
from nvc.container.payload import LayeredPayload, read_payload, slice_sum, write_payload
from nvc.container.sei import sei_nal
from nvc.errors import CorruptError, FormatError, LimitError

TICK = Fraction(1, 90000)


def payload_of(pts: list[int], durations: list[int] | None = None, **fields) -> LayeredPayload:
    if durations is None:
        durations = [b - a for a, b in zip(pts, pts[1:], strict=False)] + [7]
    values = {"width": 321, "height": 181, "time_base": TICK, "key_sum": 0xDEADBEEF, "period_sum": 5} | fields
    return LayeredPayload(pts=tuple(pts), durations=tuple(durations), **values)


PAYLOADS = {
    "one frame": payload_of([0]),
    "constant": payload_of(list(range(0, 64 * 3600, 3600))),
    "rounded": payload_of([round(i * 1001 / 24) for i in range(64)], time_base=Fraction(1, 1000)),
    "vfr": payload_of([-5, 0, 1, 1000, 2**40]),
    "no durations": payload_of([0, 10, 20], [0, 0, 0]),
    "odd time base": payload_of([3, 4], time_base=Fraction(1001, 30000)),
    "steered": payload_of([0, 1], weights="a1b2", parameters=bytes(40), chroma_location=3),
    "long": payload_of(list(range(65535))),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_payload_comes_back(name: str) -> None:
    assert read_payload(write_payload(PAYLOADS[name])) == PAYLOADS[name]


@given(st.lists(st.integers(1, 2**20), max_size=40), st.integers(-(2**40), 2**40), st.data())
def test_any_times_come_back(steps: list[int], start: int, data: st.DataObject) -> None:
    pts = [start]
    for step in steps:
        pts.append(pts[-1] + step)
    durations = data.draw(st.lists(st.integers(0, 2**30), min_size=len(pts), max_size=len(pts)))
    payload = payload_of(pts, durations)
    assert read_payload(write_payload(payload)) == payload


@pytest.mark.parametrize("name", ["constant", "rounded"])
def test_a_plain_period_costs_64_bytes_at_most(name: str) -> None:
    assert len(join_annex_b([sei_nal(write_payload(PAYLOADS[name]))])) <= 64


def test_every_flipped_byte_is_found() -> None:
    data = write_payload(PAYLOADS["steered"])
    for at in range(1, len(data)):
        with pytest.raises(CorruptError):
            read_payload(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])


@pytest.mark.parametrize("size", range(1, 20))
def test_cut_payloads_are_refused(size: int) -> None:
    with pytest.raises(CorruptError):
        read_payload(write_payload(PAYLOADS["vfr"])[:size])


@pytest.mark.parametrize("data", [b"", b"\x02abc", b"\xff" * 40])
def test_another_version_is_said(data: bytes) -> None:
    with pytest.raises(FormatError, match="version"):
        read_payload(data)


@pytest.mark.parametrize(
    "change",
    [{"width": 0}, {"width": 16384, "height": 16384}, {"durations": ()}, {"parameters": bytes(2**20 + 1)}],
)
def test_limits(change: dict) -> None:
    with pytest.raises(LimitError):
        replace(PAYLOADS["constant"], **change)


def test_times_that_do_not_rise_are_refused() -> None:
    with pytest.raises(FormatError, match="rise"):
        write_payload(payload_of([5, 5]))


def test_slice_sum_is_of_slices_and_not_of_their_wrapping() -> None:
    slices = [b"\x28\x01\xaf\x11", b"\x02\x01\xd0"]
    others = [b"\x40\x01\x0c", sei_nal(b"abc")]
    want = slice_sum(slices)
    assert slice_sum([others[0], slices[0], others[1], slices[1]]) == want
    assert slice_sum(split_annex_b(join_annex_b(slices))) == slice_sum(split_lengths(join_lengths(slices))) == want
    assert slice_sum(slices[1:], slice_sum(slices[:1])) == want
    assert slice_sum(slices[::-1]) != want
