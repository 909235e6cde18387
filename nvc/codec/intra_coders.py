"""Which coder makes the I frames of a stream, by name: "hevc" or "vvc"."""

from typing import Protocol

from nvc.backend import BackendUse
from nvc.codec.base_planes import Planes
from nvc.codec.intra_hevc import HevcIntra, HevcIntraDecoder
from nvc.codec.intra_vvc import VvcIntra, VvcIntraDecoder, can_decode, vvenc
from nvc.errors import FormatError, UsageError
from nvc.types import Structure, VideoInfo

# Added to the QP of HEVC for a picture of about the same PSNR.
QP_OFFSETS = {"hevc": 0, "vvc": 4}


class IntraEncoder(Protocol):
    """What HevcIntra and VvcIntra have in common."""

    parameter_sets: bytes

    def encode(self, planes: Planes, qp: int) -> bytes:
        """One picture."""


class IntraDecoder(Protocol):
    """What HevcIntraDecoder and VvcIntraDecoder have in common."""

    def decode(self, data: bytes) -> Planes:
        """Planes of one picture."""


def choose_intra_coder(wanted: str, structure: Structure = "ra", preset: str = "medium") -> str:
    """ "hevc" or "vvc" for "auto", "hevc" or "vvc". Raises UsageError where VVC is asked for and cannot be.

    auto is vvc where that can be, but hevc where each frame is an I frame and in preset fast: VVenC takes its time.
    """
    if not wants_vvc(wanted, structure, preset):
        return "hevc"
    missing = vvc_missing()
    if missing is None:
        return "vvc"
    if wanted == "auto":
        return "hevc"
    raise UsageError(f"--intra vvc cannot be: {missing}")


def wants_vvc(wanted: str, structure: Structure, preset: str) -> bool:
    """Whether I frames are to be VVC where that can be."""
    return wanted == "vvc" or (wanted == "auto" and structure != "intra" and preset != "fast")


def vvc_missing() -> str | None:
    """Why pictures cannot be coded as VVC here, None where they can."""
    if vvenc() is None:
        return "the ffmpeg program has no VVenC"
    return None if can_decode() else "libavcodec has no VVC decoder"


def intra_use() -> BackendUse:
    """What codes I frames here by default, and why."""
    missing = vvc_missing()
    if missing:
        return BackendUse("I frames", "hevc", missing)
    return BackendUse("I frames", "vvc", "VVenC in the ffmpeg program, decoder in libavcodec")


def make_intra(name: str, info: VideoInfo, preset: str = "medium", chroma_offset: int = 0) -> IntraEncoder:
    """The coder of that name. preset: nvc's; chroma_offset: added to the QP of chroma."""
    if name == "vvc":
        return VvcIntra(info, "medium" if preset == "fast" else "slow", chroma_offset)
    return HevcIntra(info, chroma_offset=chroma_offset)


def make_intra_decoder(
    name: str, parameter_sets: bytes, bit_depth: int, size: tuple[int, int] | None = None
) -> IntraDecoder:
    """Its decoder; size: (width, height) coded. Raises FormatError for a name that is none."""
    if name not in QP_OFFSETS:
        raise FormatError(f"unknown intra coder {name!r}")
    kind = VvcIntraDecoder if name == "vvc" else HevcIntraDecoder
    return kind(parameter_sets, bit_depth, size)
