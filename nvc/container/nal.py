"""HEVC NAL units as bytes: split and join Annex B, compact and length-prefixed forms, emulation prevention."""

import re
import struct
from collections.abc import Iterable

from nvc.errors import CorruptError

START_CODE = b"\x00\x00\x00\x01"
SHORT_START_CODE = b"\x00\x00\x01"
VPS, SPS, PPS, AUD, PREFIX_SEI = 32, 33, 34, 35, 39
PARAMETER_SETS = (VPS, SPS, PPS)
FIRST_NON_SLICE = 32  # types below are slices (ITU-T H.265, table 7-1)


def nal_type(nal: bytes) -> int:
    """Type 0..63 of a NAL unit (ITU-T H.265, 7.3.1.2), from its first byte; -1 for an empty one."""
    return nal[0] >> 1 & 0x3F if nal else -1


def is_slice(nal: bytes) -> bool:
    """Whether the NAL unit holds coded picture data (type below 32)."""
    return 0 <= nal_type(nal) < FIRST_NON_SLICE


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units of a byte stream with 3- or 4-byte start codes; what lies before the first start code is dropped.

    A NAL unit never ends with a zero byte, so zeros before a start code belong to the start code.
    """
    pieces = data.split(SHORT_START_CODE)[1:]
    return [nal for nal in (piece.rstrip(b"\x00") for piece in pieces) if nal]


def join_annex_b(nals: Iterable[bytes]) -> bytes:
    """A byte stream with a 4-byte start code before each NAL unit."""
    return b"".join(START_CODE + nal for nal in nals)


def split_compact(data: bytes) -> list[bytes]:
    """NAL units of the compact form: 3-byte start codes between them, none before the first."""
    return split_annex_b(SHORT_START_CODE + data)


def join_compact(nals: Iterable[bytes]) -> bytes:
    """The compact form: what is left of a byte stream when its first start code goes without saying."""
    return SHORT_START_CODE.join(nals)


def split_lengths(data: bytes, size: int = 4) -> list[bytes]:
    """NAL units of a length-prefixed sample (mp4, mkv); ``size`` bytes a length, 1, 2 or 4, big endian.

    Raises CorruptError where a length runs past the end.
    """
    nals, at = [], 0
    while at < len(data):
        end = at + size + int.from_bytes(data[at : at + size], "big")
        if at + size > len(data) or end > len(data):
            raise CorruptError(f"a NAL unit runs {end - len(data)} bytes past the end of its sample")
        if end > at + size:
            nals.append(data[at + size : end])
        at = end
    return nals


def join_lengths(nals: Iterable[bytes]) -> bytes:
    """A length-prefixed sample, 4 bytes a length, big endian."""
    return b"".join(struct.pack(">I", len(nal)) + nal for nal in nals)


def escape(rbsp: bytes) -> bytes:
    """Insert the emulation prevention bytes of ITU-T H.265, 7.4.2: a 3 after two zeros where 0..3 follows."""
    return re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", rbsp)


def unescape(payload: bytes) -> bytes:
    """Take the emulation prevention bytes out again."""
    return payload.replace(b"\x00\x00\x03", b"\x00\x00")


def is_hvcc(extradata: bytes) -> bool:
    """Whether extradata is an HEVC decoder configuration record (samples are length-prefixed), not Annex B."""
    return len(extradata) >= 23 and extradata[0] == 1


def hvcc_length_size(extradata: bytes) -> int:
    """Bytes of a NAL unit's length in samples of this decoder configuration record (ISO/IEC 14496-15, 8.3.3.1)."""
    return (extradata[21] & 3) + 1


def hvcc_parameter_sets(extradata: bytes) -> list[bytes]:
    """The NAL units that a decoder configuration record holds, in its order. CorruptError where it is cut short."""
    nals, at = [], 23
    for _ in range(extradata[22]):
        count = int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            nals.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    if at > len(extradata):
        raise CorruptError("the HEVC decoder configuration record is cut short")
    return nals


def split_sample(data: bytes, extradata: bytes) -> list[bytes]:
    """NAL units of one packet: length-prefixed where ``extradata`` is a configuration record, else Annex B."""
    return split_lengths(data, hvcc_length_size(extradata)) if is_hvcc(extradata) else split_annex_b(data)


def parameter_sets(extradata: bytes) -> bytes:
    """VPS, SPS and PPS of extradata in either form, as Annex B."""
    nals = hvcc_parameter_sets(extradata) if is_hvcc(extradata) else split_annex_b(extradata)
    return join_annex_b(nal for nal in nals if nal_type(nal) in PARAMETER_SETS)


def slice_type(nal: bytes) -> str:
    """ "I", "P" or "B" of a picture's first slice NAL unit, "" where it is not one (ITU-T H.265, 7.3.6.1).

    Takes it that the picture parameter set asks for no extra slice header bits, as x265's does not.
    """
    kind = nal_type(nal)
    bits = int.from_bytes(unescape(nal[2:18]).ljust(16, b"\x00"), "big")
    at = 127
    if not is_slice(nal) or not bits >> at & 1:  # first_slice_segment_in_pic_flag
        return ""
    at -= 2 if 16 <= kind <= 23 else 1  # no_output_of_prior_pics_flag
    _, at = _exp_golomb(bits, at)  # slice_pic_parameter_set_id
    value, _ = _exp_golomb(bits, at)
    return "BPI"[value] if value < 3 else ""


def is_reference(nal: bytes) -> bool:
    """Whether a slice NAL unit's picture may be referred to by others of its temporal layer (table 7-1)."""
    kind = nal_type(nal)
    return 0 <= kind < FIRST_NON_SLICE and (kind > 15 or kind % 2 == 1)


def _exp_golomb(bits: int, at: int) -> tuple[int, int]:
    """(ue(v), next position) read from bit ``at`` of a 128-bit number downwards; past its end reads zero."""
    zeros = 0
    while at > 0 and not bits >> at & 1:
        zeros, at = zeros + 1, at - 1
    at = max(at - zeros, 0)
    return (bits >> at & (1 << zeros + 1) - 1) - 1, max(at - 1, 0)
