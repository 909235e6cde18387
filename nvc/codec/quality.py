"""Quality index to quantiser steps: integers, the same on every machine.

A quality q stands for QP 47 - 0.44 q (x265's CRF scale); a step is 2 ** ((QP - 4) / 6) per orthonormal coefficient of
8-bit samples. QPs are kept in eighths.
"""

from nvc.codec.transform import FRACTION
from nvc.types import Structure

# Added to the QP by level, in eighths of a QP, so that a quality meets the PSNR of x265 medium at its CRF; chosen on
# the validation part of the training clips (docs/decisions/003).
LEVEL_OFFSETS: dict[Structure, tuple[int, ...]] = {
    "ra": (19, 32, 44, 58, 70, 80, 86),
    "ld": (23, 35, 43),
    "intra": (36,),
}
INTRA_OFFSET = -20
CHROMA_OFFSET = -8
# Whole QPs added to chroma in I frames: in structures with other frames these inherit it (docs/decisions/014).
INTRA_CHROMA_OFFSET: dict[Structure, int] = {"ra": -4, "ld": -4, "intra": 0}
# Shift of an I frame's QP where the frames after it agree with it up to the first, from the second of AGREEMENT on.
AGREEMENT, INTRA_SHIFT = (0.6, 0.85), (1, -2)


def qp_eighths(quality: int) -> int:
    """QP of a quality index 0..63 in eighths, rounded half up."""
    return (37600 - 352 * quality + 50) // 100


def frame_qp(quality: int, structure: Structure, level: int, intra: bool = False) -> int:
    """QP of a frame in eighths: quality, plus the offset of its level or of I frames."""
    offsets = LEVEL_OFFSETS[structure]
    offset = offsets[0] + INTRA_OFFSET if intra else offsets[min(level, len(offsets) - 1)]
    return max(0, qp_eighths(quality) + offset)


def intra_qp(quality: int, structure: Structure) -> int:
    """Whole QP of an I frame on the scale of HEVC, 0..51."""
    return min(51, (frame_qp(quality, structure, 0, intra=structure != "intra") + 4) // 8)


def intra_shift(agreement: float) -> int:
    """What an encoder adds to the QP of an I frame whose next frames agree with it so far (0 to 1).

    Where they show the same, they inherit what the I frame spends.
    """
    low, high = AGREEMENT
    share = min(1.0, max(0.0, (agreement - low) / (high - low)))
    return round(INTRA_SHIFT[0] + share * (INTRA_SHIFT[1] - INTRA_SHIFT[0]))


def still_qp(quality: int, structure: Structure, level: int) -> int:
    """Whole QP of HEVC, 0..51, of a frame in a mini-GOP that is coded by itself: that of its level."""
    return min(51, (frame_qp(quality, structure, level) + 4) // 8)


def still_quality(quality: int, structure: Structure, level: int) -> int:
    """What networks are told of such a frame: the quality whose I frames have its QP, about."""
    offsets = LEVEL_OFFSETS[structure]
    above = offsets[min(level, len(offsets) - 1)] - offsets[0] - INTRA_OFFSET
    return max(0, quality - (100 * above + 176) // 352)


def step(qp: int, bit_depth: int) -> int:
    """Quantiser step of a QP in eighths, in units of the dequantised coefficient (2 ** -FRACTION).

    One octave of 48 is rounded to 20 bits from an exact power; no entry lies near a half (tested).
    """
    octave, part = divmod(qp - 32, 48)
    scale = octave + FRACTION + bit_depth - 8
    mantissa = int(2 ** (part / 48) * (1 << 20) + 0.5)
    shift = 20 - scale
    return max(1, (mantissa + (1 << (shift - 1))) >> shift)
