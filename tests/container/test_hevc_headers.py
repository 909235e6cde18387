import pytest

from nvc.container.hevc_headers import Bits, HeaderError, HevcHeaders, _read_set
from nvc.container.nal import PPS, SPS, escape
from nvc.types import CodedAs


class Writer:
    """Bits of a header, written one after the other."""

    def __init__(self) -> None:
        self.bits = ""

    def u(self, count: int, value: int) -> "Writer":
        self.bits += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> "Writer":
        for value in values:
            code = f"{value + 1:b}"
            self.bits += "0" * (len(code) - 1) + code
        return self

    def se(self, *values: int) -> "Writer":
        return self.ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def nal(self, kind: int) -> bytes:
        text = self.bits + "1"
        text += "0" * (-len(text) % 8)
        return bytes([kind << 1, 1]) + escape(int(text, 2).to_bytes(len(text) // 8, "big"))


def sps(*, sets: bool = False, long_term: bool = False, scaling: bool = False, layers: int = 0) -> bytes:
    w = Writer().u(4, 0).u(3, layers).u(1, 1).u(88, 1).u(8, 93)
    if layers:
        w.u(2 * layers, (1 << 2 * layers) - 1).u(2 * (8 - layers), 0).u(96 * layers, 5)
    w.ue(0, 1, 64, 48).u(1, 1).ue(0, 0, 0, 1).ue(0, 0).ue(4).u(1, 0).ue(4, 2, 0).ue(0, 3, 0, 3, 1, 1)
    w.u(1, int(scaling))
    if scaling:
        w.u(1, 1)
        for size in range(4):
            for matrix in range(0, 6, 3 if size == 3 else 1):
                if matrix:
                    w.u(1, 0).ue(1)
                else:
                    w.u(1, 1).se(*([3] if size > 1 else []), *([1] * min(64, 1 << 4 + 2 * size)))
    w.u(1, 0).u(1, 1).u(1, 1).u(8, 0).ue(0, 0).u(1, 0)
    if sets:
        w.ue(2).ue(2, 1).ue(0).u(1, 1).ue(1).u(1, 1).ue(0).u(1, 1)  # -1, -3, +1
        w.u(1, 1).u(1, 0).ue(0).u(1, 1).u(1, 0).u(1, 0).u(1, 1).u(1, 1)  # moved by 1: +2, 0 falls out, -2 not kept
    else:
        w.ue(0)
    w.u(1, int(long_term))
    if long_term:
        w.ue(2).u(8, 3).u(1, 1).u(8, 4).u(1, 0)
    return w.u(1, 1).u(8, 0).nal(SPS)


def pps(*, init: int = 30, weighted: int = 0, lists: int = 0, tiles: bool = False, extra: int = 0) -> bytes:
    w = Writer().ue(0, 0).u(1, 0).u(1, 1).u(3, extra).u(1, 0).u(1, 1).ue(1, 0).se(init - 26)
    w.u(2, 0).u(1, 1).ue(1).se(2, -2).u(1, 0).u(1, weighted).u(1, weighted).u(1, 0).u(1, int(tiles)).u(1, 0)
    if tiles:
        w.ue(1, 1).u(1, 0).ue(1, 1).u(1, 1)
    return w.u(1, 0).u(1, 1).u(1, 0).u(1, 0).se(1, 1).u(1, 0).u(1, lists).u(8, 0).nal(PPS)


def head_of(*nals: bytes) -> CodedAs | None:
    return HevcHeaders().picture(list(nals))


def test_idr() -> None:
    slice_ = Writer().u(1, 1).u(1, 0).ue(0).ue(2).u(1, 1).u(2, 3).se(-4).u(8, 0).nal(19)
    assert head_of(sps(scaling=True, layers=2), pps(tiles=True), slice_) == CodedAs("I", 26.0)


def test_b_slice_with_sets_of_its_own_weights_and_lists() -> None:
    w = Writer().u(1, 1).ue(0).u(2, 0).ue(0).u(1, 1).u(8, 7)  # extra bits, type B, output, order count
    w.u(1, 0).u(1, 0).ue(1, 1).ue(0).u(1, 1).ue(0).u(1, 1)  # own set: -1, +1
    w.u(1, 1).u(2, 3)  # temporal motion, SAO
    w.u(1, 1).ue(1, 1)  # two and two references
    w.u(1, 1).u(2, 2).u(1, 0)  # list 0 reordered: 1 bit each, list 1 not
    w.u(1, 0).u(1, 1).u(1, 0).ue(1)  # no zero differences, cabac init, collocated from list 1, its index
    w.ue(3).se(0)  # denominators
    w.u(2, 2).u(2, 1).se(1, -1).se(1, 2, 3, 4)  # list 0: luma of the first, chroma of the second
    w.u(2, 0).u(2, 0)
    w.ue(2).se(5).u(8, 0)
    own = sps(sets=True)
    assert head_of(own, pps(weighted=1, lists=1, extra=2), w.nal(1)) == CodedAs("B", 35.0)


def test_p_slice_with_a_named_set_and_long_term_pictures() -> None:
    w = Writer().u(1, 1).ue(0).ue(1).u(1, 1).u(8, 7).u(1, 1).u(1, 1)  # P, second set of the SPS
    w.ue(1, 1).u(1, 0).u(1, 1).ue(2)  # one long-term picture named, with its high bits
    w.u(8, 9).u(1, 1).u(1, 0)
    w.u(1, 0).u(2, 0).u(1, 0)  # no temporal motion, SAO off, no override
    w.u(1, 0)  # cabac init
    w.ue(0).se(-30).u(8, 0)
    assert head_of(sps(sets=True, long_term=True), pps(), w.nal(1)) == CodedAs("P", 0.0)


def test_sets_are_derived_from_others() -> None:
    first = ((-1, True), (-3, False), (1, True))
    bits = Writer().u(1, 1).u(1, 0).ue(0).u(1, 1).u(1, 0).u(1, 1).u(1, 0).u(1, 0).u(1, 1).u(8, 0)
    raw = bits.nal(1)[2:]
    # Moved by +1: -1 becomes 0 and falls out, -3 is kept but not used, 1 is not kept, the picture itself becomes 1.
    assert _read_set(Bits(raw), 1, [first], False) == ((-2, False), (1, True))


@pytest.mark.parametrize("cut", range(3, 12))
def test_cut_headers_say_nothing(cut: int) -> None:
    idr = Writer().u(1, 1).u(1, 0).ue(0).ue(2).u(1, 1).u(2, 3).se(-4).u(8, 0).nal(19)
    assert head_of(sps()[:cut], pps(), idr) is None
    assert head_of(sps(), pps()[:4], idr) is None
    assert head_of(sps(), pps(), idr[:3]) is None


def test_samples_in_both_forms_and_damage() -> None:
    idr = Writer().u(1, 1).u(1, 0).ue(0).ue(2).u(1, 1).u(2, 3).se(0).u(8, 0).nal(20)
    headers = HevcHeaders()
    headers.setup(b"".join(b"\x00\x00\x01" + nal for nal in (sps(), pps(init=22))))
    assert headers.sample(b"\x00\x00\x00\x01" + idr, b"") == CodedAs("I", 22.0)
    length_prefixed = bytes([1, *[0] * 20, 0xFF, 0])
    assert headers.sample(len(idr).to_bytes(4, "big") + idr, length_prefixed) == CodedAs("I", 22.0)
    assert headers.sample(b"\x00\x00\x10\x00" + idr, length_prefixed) is None
    HevcHeaders().setup(bytes([1, *[0] * 21, 9]))


def test_bits() -> None:
    assert Bits(b"\xa6").read(3) == 5
    with pytest.raises(HeaderError):
        Bits(b"\x00").ue()
    with pytest.raises(HeaderError):
        Bits(Writer().ue(9).nal(1)[2:]).count(8)
