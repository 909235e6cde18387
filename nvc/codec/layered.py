"""Layered mode: an ordinary HEVC stream that every player shows, and a payload beside each I period.

Encoding is in layered_encoder, decoding in layered_decoder, reading from .mp4 and .mkv in layered_source.
"""

from nvc.codec.layered_decoder import ENHANCEMENT, LayeredDecoder
from nvc.codec.layered_encoder import (
    DEFAULT_BASE_PRESET,
    BasePicture,
    LayeredEncoder,
    access_units,
    base_pictures,
)
from nvc.codec.layered_source import LayeredSource, periods_from_samples

__all__ = [
    "DEFAULT_BASE_PRESET",
    "ENHANCEMENT",
    "BasePicture",
    "LayeredDecoder",
    "LayeredEncoder",
    "LayeredSource",
    "access_units",
    "base_pictures",
    "periods_from_samples",
]
