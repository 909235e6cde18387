"""Pictures that are coded by themselves: I frames, and frames of mini-GOPs where that costs less.

The intra coder of the stream makes them. Where it refuses a picture (VVenC does with dense noise) HEVC makes it, and
brings its parameter sets along: then the picture's note says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from nvc.codec.intra_coders import QP_OFFSETS, make_intra, make_intra_decoder
from nvc.codec.intra_hevc import MAX_QP, HevcIntra
from nvc.codec.intra_vvc import RefusedError
from nvc.codec.network_choice import Networks, choose_intra, pack_refinement, refine_intra, refines_intra
from nvc.codec.references import Planes
from nvc.codec.refine import REFINED
from nvc.container.nal import PARAMETER_SETS, join_compact, nal_type, split_compact
from nvc.errors import CorruptError
from nvc.types import VideoInfo

# Lowest bit of a note: HEVC with its parameter sets made the picture, whatever the stream's coder is.
FALLBACK = 1


@dataclass(frozen=True, slots=True)
class IntraPicture:
    """A coded picture.

    note     what stands before the picture, b"" for nothing
    data     the picture
    decoded  what the intra coder gives back, planes uint16
    planes   the same as it is shown and referred to
    """

    note: bytes
    data: bytes
    decoded: Planes
    planes: Planes

    @property
    def payloads(self) -> tuple[bytes, ...]:
        """As an I packet holds it."""
        return (self.note, self.data) if self.note else (self.data,)

    @property
    def payload(self) -> bytes:
        """As a mini-GOP holds it."""
        return bytes([len(self.note)]) + self.note + self.data

    @property
    def bits(self) -> dict[str, int]:
        """Bits by kind."""
        return intra_bits(len(self.data))


def intra_bits(size: int) -> dict[str, int]:
    """Bits by kind of a picture of ``size`` bytes."""
    return {"motion": 0, "latents": 0, "hyper": 0, "base": 8 * size, "side": 0}


class IntraPictureEncoder:
    """Codes pictures of one size by themselves, from any thread.

    name           of the stream's intra coder; parameter_sets: of it
    preset         nvc's
    chroma_offset  added to the QP of chroma
    """

    def __init__(
        self,
        name: str,
        info: VideoInfo,
        networks: Networks | None = None,
        preset: str = "medium",
        chroma_offset: int = 0,
    ) -> None:
        self.name = name
        self._info, self._networks, self._chroma_offset = info, networks, chroma_offset
        self._coder = make_intra(name, info, preset, chroma_offset)
        self.parameter_sets = self._coder.parameter_sets
        self._decoder = IntraPictureDecoder(name, self.parameter_sets, info.bit_depth)

    def code(self, source: Planes, qp: int) -> tuple[bytes, bytes]:
        """(note, data) of ``source`` (planes uint16) at a QP of HEVC, before networks."""
        dtype = self._info.dtype
        planes = (source[0].astype(dtype), source[1].astype(dtype), source[2].astype(dtype))
        qp = min(MAX_QP, qp)
        try:
            return b"", self._coder.encode(planes, qp + QP_OFFSETS[self.name])
        except RefusedError:
            fallback = HevcIntra(self._info, chroma_offset=self._chroma_offset)
            parts = (fallback.parameter_sets, fallback.encode(planes, qp))
            return bytes([FALLBACK]), join_compact(nal for part in parts for nal in split_compact(part))

    def shown(self, source: Planes, note: bytes, data: bytes, quality: int, weight: float) -> IntraPicture:
        """What ``code`` gave as a picture, refined by the networks.

        quality  that the networks are told; weight: lambda in squared code values a bit
        """
        decoded = self._decoder.picture(note, data)
        planes, more = choose_intra(self._networks, decoded, source, quality, self._info.bit_depth, weight)
        if note and refines_intra(self._networks):
            plain = more[0] if more else pack_refinement(REFINED, None)
            note = bytes([plain[0] | FALLBACK]) + plain[1:]
        elif more:
            note = more[0]
        return IntraPicture(note, data, decoded, planes)


class IntraPictureDecoder:
    """Decodes what IntraPictureEncoder made, in any order and from any thread.

    size  (width, height) coded, if given every picture is checked against it
    """

    def __init__(
        self,
        name: str,
        parameter_sets: bytes,
        bit_depth: int,
        size: tuple[int, int] | None = None,
        networks: Networks | None = None,
    ) -> None:
        self._bit_depth, self._size, self._networks = bit_depth, size, networks
        self._decoder = make_intra_decoder(name, parameter_sets, bit_depth, size)
        self._lock = Lock()

    def picture(self, note: bytes, data: bytes) -> Planes:
        """Planes uint16 before networks. Raises CorruptError where there is no picture."""
        if note and note[0] & FALLBACK:
            nals = split_compact(data)
            sets = join_compact(n for n in nals if nal_type(n) in PARAMETER_SETS)
            slices = join_compact(n for n in nals if nal_type(n) not in PARAMETER_SETS)
            planes = make_intra_decoder("hevc", sets, self._bit_depth, self._size).decode(slices)
        else:
            with self._lock:
                planes = self._decoder.decode(data)
        return planes[0].astype(np.uint16), planes[1].astype(np.uint16), planes[2].astype(np.uint16)

    def refine(self, decoded: Planes, note: bytes, quality: int) -> Planes:
        """What is shown of ``picture``. Raises CorruptError for a note that cannot be."""
        rest = note
        if note and note[0] & FALLBACK:
            rest = bytes([note[0] ^ FALLBACK]) + note[1:]
            if rest == (pack_refinement(REFINED, None) if refines_intra(self._networks) else b"\0"):
                rest = b""
        return refine_intra(self._networks, decoded, quality, self._bit_depth, rest or None)


def split_payloads(payloads: Sequence[bytes]) -> tuple[bytes, bytes]:
    """(note, data) of an I packet's payloads."""
    if not 1 <= len(payloads) <= 2 or (len(payloads) == 2 and not payloads[0]):
        raise CorruptError(f"an I packet holds {len(payloads)} payloads")
    return (b"", payloads[0]) if len(payloads) == 1 else (payloads[0], payloads[1])


def split_payload(payload: bytes) -> tuple[bytes, bytes]:
    """(note, data) of ``IntraPicture.payload``."""
    if not payload or len(payload) <= 1 + payload[0]:
        raise CorruptError(f"an intra picture of {len(payload)} bytes ends in its note")
    end = 1 + payload[0]
    return payload[1:end], payload[end:]
