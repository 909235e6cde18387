"""How far layered mode enhances: strengths by slice type and plane of an I period, chosen with the original at hand.

The bytes are the ``parameters`` of the layered payload (docs/format.md).
"""

from dataclasses import dataclass, field

import numpy as np

from nvc.codec.enhance import Enhanced, Planes, Strengths, apply
from nvc.errors import CorruptError

VERSION = 1
TYPES = ("I", "P", "B", "b")  # b: B pictures that no other refers to
# What the encoder tries, in eighths. More than 12 never paid.
_TRIED = (0, 2, 4, 5, 6, 7, 8, 9, 10, 12)
# A plane is enhanced only where it gains so much: rounding differs a little from machine to machine.
_LEAST_GAIN = 0.002


@dataclass(frozen=True, slots=True)
class Steering:
    """Strengths in eighths by type: {"I": (y, u, v), ...}; types that do not occur in the period are left out."""

    eighths: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def strengths(self, kind: str) -> Strengths:
        """How far to apply the residual of each plane of a picture of type ``kind``; 0 where nothing is said."""
        y, u, v = self.eighths.get(kind, (0, 0, 0))
        return y / 8, u / 8, v / 8

    @property
    def off(self) -> bool:
        """Whether nothing is enhanced at all."""
        return not any(any(values) for values in self.eighths.values())


def write_steering(steering: Steering) -> bytes:
    """Byte 1: version in the high half, types that follow as bits 0..3 in the low half. Then 12 bits a type: the
    eighths of Y, U and V, 4 bits each, high bits first, filled with zeros to whole bytes."""
    there = [kind for kind in TYPES if any(steering.eighths.get(kind, ()))]
    bits, count = 0, 0
    for kind in there:
        for value in steering.eighths[kind]:
            bits, count = bits << 4 | value, count + 4
    fill = -count % 8
    head = VERSION << 4 | sum(1 << TYPES.index(kind) for kind in there)
    return bytes([head]) + (bits << fill).to_bytes((count + fill) // 8, "big")


def read_steering(data: bytes) -> Steering:
    """Read ``write_steering``; nothing means strength 0 everywhere. CorruptError for another version or length."""
    if not data:
        return Steering()
    if data[0] >> 4 != VERSION:
        raise CorruptError(f"enhancement parameters of version {data[0] >> 4}, this reads {VERSION}")
    there = [kind for k, kind in enumerate(TYPES) if data[0] >> k & 1]
    count = (12 * len(there) + 7) // 8
    if len(data) != 1 + count:
        raise CorruptError(f"enhancement parameters of {len(data)} bytes, wanted {1 + count}")
    digits = [half for byte in data[1:] for half in (byte >> 4, byte & 15)]
    return Steering({kind: (d[0], d[1], d[2]) for k, kind in enumerate(there) if (d := digits[3 * k : 3 * k + 3])})


class SteeringChoice:
    """Collects what each strength would do to the pictures of an I period, and chooses the best."""

    def __init__(self) -> None:
        self._errors: dict[str, np.ndarray] = {}

    def add(self, kind: str, original: Planes, decoded: Planes, found: Enhanced, bit_depth: int) -> None:
        """Try all strengths on one picture; planes of one size."""
        table = np.zeros((3, len(_TRIED)))
        for k, eighths in enumerate(_TRIED):
            tried = apply(decoded, found.residual, (eighths / 8,) * 3, bit_depth)
            table[:, k] = [_squared(a, b) for a, b in zip(original, tried, strict=True)]
        self._errors[kind] = self._errors.get(kind, 0) + table

    def steering(self) -> Steering:
        """The strengths of the least squared error by type and plane; 0 where that gains next to nothing."""
        out = {}
        for kind, table in self._errors.items():
            best = [int(row.argmin()) if row.min() < row[0] * (1 - _LEAST_GAIN) else 0 for row in table]
            out[kind] = (_TRIED[best[0]], _TRIED[best[1]], _TRIED[best[2]])
        return Steering(out)


def _squared(a: np.ndarray, b: np.ndarray) -> float:
    difference = a.astype(np.float32) - b
    return float(np.dot(difference.ravel(), difference.ravel()))
