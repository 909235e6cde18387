"""Colour tags, display matrix and HDR10 side data: between FFmpeg's forms and VideoInfo's."""

import struct
from collections.abc import Mapping

from nvc.types import MasteringDisplay, VideoInfo

# FFmpeg numbers primaries, transfer and matrix as ITU-T H.273 does, and the range as VideoInfo does.
UNSPECIFIED = 2
MATRIX_709, MATRIX_601, MATRIX_2020 = 1, 6, 9
_SWS_SPACES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
_ITU601 = "ITU601"

_MASTERING = struct.Struct("<22i")  # display_primaries[3][2], white_point[2], min, max as int pairs, two flags
_LIGHT = struct.Struct("<2I")
_CHROMATICITY_STEPS, _LUMINANCE_STEPS = 50_000, 10_000


def code_point(value: int | None) -> int:
    """An H.273 code point, 2 (unspecified) for what is out of range or not known."""
    return int(value) if value is not None and 0 <= int(value) <= 255 else UNSPECIFIED


def parse_mastering(data: bytes) -> MasteringDisplay | None:
    """FFmpeg's AVMasteringDisplayMetadata (88 bytes) in SEI units, or None where it says nothing usable."""
    if len(data) < _MASTERING.size:
        return None
    values = _MASTERING.unpack(data[: _MASTERING.size])
    has_primaries, has_luminance = values[20:]
    if not has_primaries or not has_luminance or not all(values[1:20:2]):
        return None
    ratios = [(values[i], values[i + 1]) for i in range(0, 20, 2)]
    red, green, blue, white = (
        (_steps(ratios[i], _CHROMATICITY_STEPS), _steps(ratios[i + 1], _CHROMATICITY_STEPS)) for i in (0, 2, 4, 6)
    )
    low, high = (_steps(ratio, _LUMINANCE_STEPS) for ratio in ratios[8:])
    if any(not 0 <= v < 2**16 for pair in (red, green, blue, white) for v in pair) or min(low, high) < 0:
        return None
    return MasteringDisplay((green, blue, red, white), (min(high, 2**32 - 1), min(low, 2**32 - 1)))


def parse_content_light(data: bytes) -> tuple[int, int] | None:
    """FFmpeg's AVContentLightMetadata: (MaxCLL, MaxFALL) in cd/m2, or None where it is short or all zero."""
    if len(data) < _LIGHT.size:
        return None
    light = _LIGHT.unpack(data[: _LIGHT.size])
    return light if any(light) and max(light) < 2**16 else None


def mastering_text(display: MasteringDisplay) -> str:
    """The master-display text that x264 and x265 take, e.g. ``G(13250,34500)B(..)R(..)WP(..)L(max,min)``."""
    names = ("G", "B", "R", "WP")
    points = "".join(f"{n}({x},{y})" for n, (x, y) in zip(names, display.primaries, strict=True))
    return f"{points}L({display.luminance[0]},{display.luminance[1]})"


def hdr_params(info: VideoInfo, names: tuple[str, str]) -> list[str]:
    """``key=value`` parameters that carry HDR10; ``names`` are the encoder's words for display and light."""
    params = []
    if info.mastering is not None:
        params.append(f"{names[0]}={mastering_text(info.mastering)}")
    if info.content_light is not None:
        params.append(f"{names[1]}={info.content_light[0]},{info.content_light[1]}")
    return params


def sws_space(info: VideoInfo) -> str:
    """Name of the matrix for a conversion to or from RGB; unspecified: BT.709 from 720 lines on, BT.601 below."""
    if info.matrix in _SWS_SPACES:
        return _SWS_SPACES[info.matrix]
    return "ITU709" if info.height >= 720 else _ITU601


def rotation_of(degrees: float | None) -> tuple[int, bool]:
    """(counterclockwise turn as 0, 90, 180 or 270, whether it was exactly that)."""
    if not degrees:
        return 0, True
    turn = round(degrees / 90) * 90
    return turn % 360, abs(turn - degrees) < 0.5


def is_mirrored(matrix: bytes) -> bool:
    """True for a display matrix (36 bytes, 16.16 fixed point) that flips the picture."""
    if len(matrix) < 36:
        return False
    a, b, _, c, d = struct.unpack("<5i", matrix[:20])
    return a * d - b * c < 0


def y4m_tag(chroma_location: int, bit_depth: int) -> str:
    """The C value of a y4m header for 4:2:0."""
    if bit_depth == 10:
        return "420p10"
    return {1: "420mpeg2", 3: "420paldv"}.get(chroma_location, "420jpeg")


# "420jpeg" is what FFmpeg writes for an *unknown* location too, so nothing is concluded from it.
Y4M_LOCATIONS: Mapping[str, int] = {"420mpeg2": 1, "420paldv": 3}


def _steps(ratio: tuple[int, int], steps: int) -> int:
    """A ratio in whole steps of 1 / steps, rounded."""
    return (2 * ratio[0] * steps + ratio[1]) // (2 * ratio[1])
