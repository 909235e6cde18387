"""Parameters inside an HEVC stream: user data SEI messages with our UUID, and the HDR10 messages.

Every player steps over user data it does not know (ITU-T H.265, D.3.7), so a stream with ours stays ordinary.
"""

import struct
from collections.abc import Iterable, Iterator

from nvc.container.nal import PREFIX_SEI, escape, is_slice, nal_type, unescape
from nvc.types import MasteringDisplay

UUID = bytes.fromhex("3511555bf4914958b559fc613f311855")
USER_DATA_UNREGISTERED = 5
MASTERING_DISPLAY = 137
CONTENT_LIGHT = 144


def sei_nal(payload: bytes) -> bytes:
    """A prefix SEI NAL unit that holds ``payload`` under our UUID. Costs payload + 21 bytes, escapes apart."""
    body = UUID + payload
    size = b"\xff" * (len(body) // 255) + bytes([len(body) % 255])
    return bytes([PREFIX_SEI << 1, 1]) + escape(bytes([USER_DATA_UNREGISTERED]) + size + body + b"\x80")


def sei_messages(nal: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of each message of a prefix SEI NAL unit; ends quietly where a message is cut short."""
    data, at = unescape(nal[2:]), 0
    while at + 2 <= len(data):
        numbers = []
        for _ in range(2):
            start = at
            while at < len(data) and data[at] == 255:
                at += 1
            if at >= len(data):
                return
            numbers.append(255 * (at - start) + data[at])
            at += 1
        kind, size = numbers
        if at + size > len(data):
            return
        yield kind, data[at : at + size]
        at += size


def our_payload(nal: bytes) -> bytes | None:
    """What a NAL unit holds under our UUID; None where it holds nothing of ours."""
    if nal_type(nal) != PREFIX_SEI:
        return None
    for kind, data in sei_messages(nal):
        if kind == USER_DATA_UNREGISTERED and data[:16] == UUID:
            return data[16:]
    return None


def insert_payload(nals: Iterable[bytes], payload: bytes) -> list[bytes]:
    """The access unit with our SEI before its first slice: after access unit delimiter and parameter sets."""
    out = list(nals)
    at = next((i for i, nal in enumerate(out) if is_slice(nal)), len(out))
    return [*out[:at], sei_nal(payload), *out[at:]]


def take_payload(nals: Iterable[bytes]) -> tuple[list[bytes], bytes | None]:
    """(NAL units without ours, the first payload of ours or None).

    Only NAL units that hold one message, ours, are taken out: that is how they are written.
    """
    rest, found = [], None
    for nal in nals:
        payload = our_payload(nal)
        if payload is None or sum(1 for _ in sei_messages(nal)) > 1:
            rest.append(nal)
        if found is None:
            found = payload
    return rest, found


def find_hdr(nals: Iterable[bytes]) -> tuple[MasteringDisplay | None, tuple[int, int] | None]:
    """(mastering display, (MaxCLL, MaxFALL)) of the SEI messages among the NAL units (ITU-T H.265, D.2.28, D.2.35)."""
    mastering, light = None, None
    for nal in nals:
        for kind, data in sei_messages(nal) if nal_type(nal) == PREFIX_SEI else ():
            if kind == MASTERING_DISPLAY and len(data) >= 24:
                n = struct.unpack(">8H2I", data[:24])
                mastering = MasteringDisplay(((n[0], n[1]), (n[2], n[3]), (n[4], n[5]), (n[6], n[7])), (n[8], n[9]))
            elif kind == CONTENT_LIGHT and len(data) >= 4:
                light = struct.unpack(">2H", data[:4])
    return mastering, light
