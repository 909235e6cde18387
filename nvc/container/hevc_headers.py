"""Slice type and quantiser of HEVC pictures, read from parameter sets and slice headers (ITU-T H.265, 7.3)."""

from dataclasses import dataclass, field

from nvc.container.nal import PPS, SPS, is_slice, nal_type, parameter_sets, split_annex_b, split_sample, unescape
from nvc.errors import CorruptError
from nvc.types import CodedAs

_HEAD_BYTES = 2048  # of a slice NAL unit: more than its header takes
_IDR = (19, 20)
_IRAP = range(16, 24)
_MAX_SETS = 64
DeltaPocs = tuple[tuple[int, bool], ...]  # of a short-term reference picture set: (POC difference, used by current)


class HeaderError(ValueError):
    """A parameter set or slice header that ends early or holds a value that cannot be; never leaves this module."""


class Bits:
    """Reads bits of an RBSP (emulation prevention taken out). HeaderError past its end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, n: int = 1) -> int:
        """u(n)."""
        if n > self._left:
            raise HeaderError("cut short")
        self._left -= n
        return self._value >> self._left & (1 << n) - 1

    def skip(self, n: int) -> None:
        """Step over n bits."""
        self.read(n)

    def ue(self) -> int:
        """ue(v), 9.2."""
        zeros = 0
        while not self.read():
            zeros += 1
            if zeros > 32:
                raise HeaderError("no exp-Golomb code")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """se(v), 9.2.2."""
        value = self.ue()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    def count(self, most: int) -> int:
        """ue(v) that counts things: at most ``most``."""
        value = self.ue()
        if value > most:
            raise HeaderError(f"{value} where at most {most} are allowed")
        return value


@dataclass(frozen=True, slots=True)
class _Sps:
    chroma_format: int
    separate_planes: bool
    poc_bits: int
    sets: tuple[DeltaPocs, ...]
    long_term: bool
    long_term_sets: tuple[bool, ...]  # used by current
    temporal_mvp: bool
    sao: bool


@dataclass(frozen=True, slots=True)
class _Pps:
    sps: int
    output_flag: bool
    extra_bits: int
    cabac_init: bool
    ref_counts: tuple[int, int]
    init_qp: int
    weighted: tuple[bool, bool]  # P, B
    lists_modification: bool


@dataclass
class HevcHeaders:
    """Remembers parameter sets and reads slice headers with them."""

    _sps: dict[int, _Sps] = field(default_factory=dict)
    _pps: dict[int, _Pps] = field(default_factory=dict)

    def feed(self, nal: bytes) -> None:
        """Take a parameter set; other NAL units and what cannot be read are stepped over."""
        try:
            if nal_type(nal) == SPS:
                number, sps = _read_sps(Bits(unescape(nal[2:])))
                self._sps[number] = sps
            elif nal_type(nal) == PPS:
                number, pps = _read_pps(Bits(unescape(nal[2:])))
                self._pps[number] = pps
        except HeaderError:
            return

    def sample(self, data: bytes, extradata: bytes) -> CodedAs | None:
        """Take a packet of a file; extradata says in which form its NAL units are. None where it cannot be read."""
        try:
            return self.picture(split_sample(data, extradata))
        except CorruptError:
            return None

    def setup(self, extradata: bytes) -> None:
        """Take the parameter sets of a file's head, in either form."""
        try:
            nals = split_annex_b(parameter_sets(extradata)) if extradata else []
        except (CorruptError, IndexError):
            return
        for nal in nals:
            self.feed(nal)

    def picture(self, nals: list[bytes]) -> CodedAs | None:
        """Take the NAL units of an access unit: type and quantiser (SliceQpY) of its first slice, None where that
        cannot be read."""
        for nal in nals:
            if not is_slice(nal):
                self.feed(nal)
                continue
            try:
                return self._slice(nal_type(nal), Bits(unescape(nal[2:_HEAD_BYTES])))
            except HeaderError:
                return None
        return None

    def _slice(self, kind: int, bits: Bits) -> CodedAs:
        """7.3.6.1 up to slice_qp_delta."""
        if not bits.read():
            raise HeaderError("not the first slice of a picture")
        if kind in _IRAP:
            bits.skip(1)
        pps = self._pps.get(bits.ue())
        sps = self._sps.get(pps.sps) if pps else None
        if pps is None or sps is None:
            raise HeaderError("parameter set missing")
        bits.skip(pps.extra_bits)
        kind_code = bits.count(2)
        name = "BPI"[kind_code]
        bits.skip(pps.output_flag + 2 * sps.separate_planes)
        temporal_mvp, current = (False, 0) if kind in _IDR else _references(bits, sps)
        if sps.sao:
            bits.skip(1 if sps.chroma_format == 0 or sps.separate_planes else 2)
        if name != "I":
            _inter(bits, sps, pps, name, temporal_mvp, current)
        return CodedAs(name, float(pps.init_qp + bits.se()))


def _references(bits: Bits, sps: _Sps) -> tuple[bool, int]:
    """(slice_temporal_mvp_enabled_flag, NumPicTotalCurr) of a picture that is no IDR."""
    bits.skip(sps.poc_bits)
    if not bits.read():
        chosen = _read_set(bits, len(sps.sets), sps.sets, True)
    else:
        number = bits.read((len(sps.sets) - 1).bit_length()) if len(sps.sets) > 1 else 0
        if number >= len(sps.sets):
            raise HeaderError("no such reference picture set")
        chosen = sps.sets[number]
    current = sum(used for _, used in chosen)
    if sps.long_term:
        current += _long_term(bits, sps)
    return bool(bits.read()) if sps.temporal_mvp else False, current


def _long_term(bits: Bits, sps: _Sps) -> int:
    known = len(sps.long_term_sets)
    named = bits.count(32) if known else 0
    used = 0
    for k in range(named + bits.count(32)):
        if k < named:
            number = bits.read((known - 1).bit_length()) if known > 1 else 0
            used += number < known and sps.long_term_sets[number]
        else:
            bits.skip(sps.poc_bits)
            used += bits.read()
        if bits.read():
            bits.ue()
    return used


def _inter(bits: Bits, sps: _Sps, pps: _Pps, name: str, temporal_mvp: bool, current: int) -> None:
    """The part of a P or B slice's header before slice_qp_delta."""
    two = name == "B"
    first, second = pps.ref_counts
    if bits.read():
        first = bits.count(15) + 1
        second = bits.count(15) + 1 if two else second
    if pps.lists_modification and current > 1:
        width = (current - 1).bit_length()
        for count in (first, second) if two else (first,):
            if bits.read():
                bits.skip(width * count)
    bits.skip(two + pps.cabac_init)
    if temporal_mvp:
        from_first = bits.read() if two else 1
        if (first if from_first else second) > 1:
            bits.ue()
    if pps.weighted[two]:
        _weights(bits, sps, (first, second) if two else (first,))
    bits.ue()


def _weights(bits: Bits, sps: _Sps, counts: tuple[int, ...]) -> None:
    """pred_weight_table, 7.3.6.3."""
    chroma = sps.chroma_format != 0 and not sps.separate_planes
    bits.ue()
    if chroma:
        bits.se()
    for count in counts:
        luma_flags = [bits.read() for _ in range(count)]
        chroma_flags = [bits.read() if chroma else 0 for _ in range(count)]
        for luma, both in zip(luma_flags, chroma_flags, strict=True):
            for _ in range(2 * luma + 4 * both):
                bits.se()


def _read_set(bits: Bits, number: int, sets: tuple[DeltaPocs, ...] | list[DeltaPocs], in_slice: bool) -> DeltaPocs:
    """st_ref_pic_set, 7.3.7, with the derivation of 7.4.8; ordered by nearness, earlier pictures first."""
    if number and bits.read():
        back = bits.count(number - 1) + 1 if in_slice else 1
        sign = bits.read()
        delta = (bits.ue() + 1) * (-1 if sign else 1)
        found = []
        for poc, _ in (*sets[number - back], (0, False)):
            used = bool(bits.read())
            kept = used or bits.read()
            if kept and poc + delta:
                found.append((poc + delta, used))
        before = sorted((pair for pair in found if pair[0] < 0), reverse=True)
        return (*before, *sorted(pair for pair in found if pair[0] > 0))
    counts = bits.count(16), bits.count(16)
    out: list[tuple[int, bool]] = []
    for sign, count in zip((-1, 1), counts, strict=True):
        poc = 0
        for _ in range(count):
            poc += sign * (bits.ue() + 1)
            out.append((poc, bool(bits.read())))
    return tuple(out)


def _read_sps(bits: Bits) -> tuple[int, _Sps]:
    """seq_parameter_set_rbsp, 7.3.2.2, up to the temporal motion flag."""
    bits.skip(4)
    layers = bits.read(3)
    bits.skip(1)
    _skip_profile(bits, layers)
    number = bits.count(15)
    chroma_format = bits.count(3)
    separate = bool(bits.read()) if chroma_format == 3 else False
    bits.ue(), bits.ue()
    if bits.read():
        [bits.ue() for _ in range(4)]
    bits.ue(), bits.ue()
    poc_bits = bits.count(12) + 4
    for _ in range(layers + 1 if bits.read() else 1):
        bits.ue(), bits.ue(), bits.ue()
    [bits.ue() for _ in range(6)]
    if bits.read() and bits.read():
        _skip_scaling_lists(bits)
    bits.skip(1)
    sao = bool(bits.read())
    if bits.read():
        bits.skip(8)
        bits.ue(), bits.ue()
        bits.skip(1)
    sets: list[DeltaPocs] = []
    for k in range(bits.count(_MAX_SETS)):
        sets.append(_read_set(bits, k, sets, False))
    long_term = bool(bits.read())
    named: list[bool] = []
    for _ in range(bits.count(32) if long_term else 0):
        bits.skip(poc_bits)
        named.append(bool(bits.read()))
    return number, _Sps(chroma_format, separate, poc_bits, tuple(sets), long_term, tuple(named), bool(bits.read()), sao)


def _skip_profile(bits: Bits, layers: int) -> None:
    """profile_tier_level, 7.3.3, with the general profile."""
    bits.skip(88 + 8)
    there = [(bits.read(), bits.read()) for _ in range(layers)]
    if layers:
        bits.skip(2 * (8 - layers))
    for profile, level in there:
        bits.skip(88 * profile + 8 * level)


def _skip_scaling_lists(bits: Bits) -> None:
    """scaling_list_data, 7.3.4."""
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.read():
                bits.ue()
                continue
            if size > 1:
                bits.se()
            for _ in range(min(64, 1 << 4 + 2 * size)):
                bits.se()


def _read_pps(bits: Bits) -> tuple[int, _Pps]:
    """pic_parameter_set_rbsp, 7.3.2.3, up to the list modification flag."""
    number, sps = bits.count(63), bits.count(15)
    bits.skip(1)
    output_flag, extra_bits = bool(bits.read()), bits.read(3)
    bits.skip(1)
    cabac_init = bool(bits.read())
    counts = bits.count(14) + 1, bits.count(14) + 1
    init_qp = 26 + bits.se()
    bits.skip(2)
    if bits.read():
        bits.ue()
    bits.se(), bits.se()
    bits.skip(1)
    weighted = bool(bits.read()), bool(bits.read())
    bits.skip(1)
    tiles, _ = bits.read(), bits.read()
    if tiles:
        _skip_tiles(bits)
    bits.skip(1)
    if bits.read():
        bits.skip(1)
        if not bits.read():
            bits.se(), bits.se()
    if bits.read():
        _skip_scaling_lists(bits)
    return number, _Pps(sps, output_flag, extra_bits, cabac_init, counts, init_qp, weighted, bool(bits.read()))


def _skip_tiles(bits: Bits) -> None:
    columns, rows = bits.count(1023), bits.count(1023)
    if not bits.read():
        [bits.ue() for _ in range(columns + rows)]
    bits.skip(1)
