"""What a difference of 16x16 samples costs: its SATD, and the bits that its DCT is guessed to take. Encoder only.

Differences are flat, row by row: constant offsets in one array are what a compiler turns into vectors, where rows of a
2-D array could overlap for all it knows.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.motion.field import BLOCK

_AREA = BLOCK * BLOCK
_HALF = 8 * BLOCK


class Scratch(NamedTuple):
    """A difference, flat int16 of at most 255 either way, and what its measures need on the way."""

    difference: np.ndarray
    turned: np.ndarray
    folded: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    products: np.ndarray


def empty_scratch() -> Scratch:
    """Room for one difference."""
    whole, real = np.zeros((2, _AREA), np.int16), np.zeros((3, _AREA), np.float32)
    return Scratch(whole[0], whole[1], real[0], real[1], real[2], np.zeros(8))


@njit(inline="always")
def _butterflies(d, at, step):
    """The first two of three stages of a Hadamard transform of ``d[at + k * step]``: (a, b) that a + b, a - b end."""
    a0, a1, a2, a3 = d[at], d[at + step], d[at + 2 * step], d[at + 3 * step]
    a4, a5, a6, a7 = d[at + 4 * step], d[at + 5 * step], d[at + 6 * step], d[at + 7 * step]
    b0, b4, b1, b5 = a0 + a4, a0 - a4, a1 + a5, a1 - a5
    b2, b6, b3, b7 = a2 + a6, a2 - a6, a3 + a7, a3 - a7
    return (b0 + b2, b1 + b3), (b0 - b2, b1 - b3), (b4 + b6, b5 + b7), (b4 - b6, b5 - b7)


@njit(inline="never")
def satd(d, turned):
    """SATD of a difference (destroyed) in 8x8 blocks, scaled as a SAD (sum / 4). d, turned: of ``Scratch``."""
    for half in range(0, _AREA, _HALF):
        for j in range(BLOCK):
            p, q, r, s = _butterflies(d, half + j, BLOCK)
            d[half + j], d[half + BLOCK + j] = p[0] + p[1], p[0] - p[1]
            d[half + 2 * BLOCK + j], d[half + 3 * BLOCK + j] = q[0] + q[1], q[0] - q[1]
            d[half + 4 * BLOCK + j], d[half + 5 * BLOCK + j] = r[0] + r[1], r[0] - r[1]
            d[half + 6 * BLOCK + j], d[half + 7 * BLOCK + j] = s[0] + s[1], s[0] - s[1]
    for i in range(BLOCK):
        for j in range(BLOCK):
            turned[BLOCK * j + i] = d[BLOCK * i + j]
    total = np.int32(0)
    for half in range(0, _AREA, _HALF):
        for j in range(BLOCK):
            # |a + b| + |a - b| is twice the larger magnitude.
            for a, b in _butterflies(turned, half + j, BLOCK):
                total = np.int32(total + max(abs(np.int32(a)), abs(np.int32(b))))
    return total >> 1


@njit(inline="never")
def residual_bits(scratch, basis, bits, scale):
    """``ResidualCost`` of the difference: ``bits`` log2(1 + ``scale`` x^2) over its DCT.

    basis  (16, 16) float32 orthonormal DCT-II: even rows are symmetric and odd ones antisymmetric
    """
    d, folded, rows, columns, products = (
        scratch.difference, scratch.folded, scratch.rows, scratch.columns, scratch.products
    )  # fmt: skip
    _fold(d, folded)
    _transform(folded, basis, rows)
    for i in range(BLOCK):
        for j in range(BLOCK):
            columns[BLOCK * j + i] = rows[BLOCK * i + j]
    _fold(columns, folded)
    _transform(folded, basis, rows)
    # A product of 32 has one logarithm instead of 32; samples of 8 bit keep it far from overflow.
    scale = np.float32(scale)
    products[:] = 1.0
    for i in range(0, _AREA, 8):
        for j in range(8):
            x = rows[i + j]
            products[j] *= 1.0 + np.float64(scale * x * x)
    total = 0.0
    for j in range(8):
        total += np.log2(products[j])
    return bits * total


@njit(inline="always")
def _fold(x, folded):
    """Sums and differences of rows that mirror each other."""
    for i in range(8):
        for j in range(BLOCK):
            a, b = np.float32(x[BLOCK * i + j]), np.float32(x[_AREA - BLOCK - BLOCK * i + j])
            folded[BLOCK * i + j], folded[_HALF + BLOCK * i + j] = a + b, a - b


@njit(inline="always")
def _transform(folded, basis, out):
    """16-point DCT of each column from the sums (first eight rows) and differences of its mirrored samples."""
    for i in range(BLOCK):
        h = _HALF * (i & 1)
        c0, c1, c2, c3 = basis[i, 0], basis[i, 1], basis[i, 2], basis[i, 3]
        c4, c5, c6, c7 = basis[i, 4], basis[i, 5], basis[i, 6], basis[i, 7]
        for j in range(h, h + BLOCK):
            out[BLOCK * i + j - h] = (
                c0 * folded[j] + c1 * folded[BLOCK + j] + c2 * folded[2 * BLOCK + j] + c3 * folded[3 * BLOCK + j]
                + c4 * folded[4 * BLOCK + j] + c5 * folded[5 * BLOCK + j] + c6 * folded[6 * BLOCK + j]
                + c7 * folded[7 * BLOCK + j]
            )  # fmt: skip
