"""Networks that say how likely each choice of a symbol is: integers only, the same on every machine.

Eight small perceptrons, one for each kind of symbol: merge symbol of a block, of a cell, mode, bit length of a vector
difference, its sign, pattern, last diagonal, magnitude of a latent. A symbol is asked for by yes-or-no questions, and
each question has an output, the logit of yes. Inputs are whole numbers in known ranges, each with a row of weights for
each of its values, so the first layer is a sum of rows. This module knows shapes and bounds;
``nvc.codec.context_networks`` computes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nvc.errors import ModelError

BLOCK_MERGE, CELL_MERGE, MODE, LENGTH, SIGN, PATTERN, LAST, LATENT = range(8)
KINDS = 8
QUESTIONS = (8, 7, 3, 14, 1, 7, 30, 16)  # of each kind

# A weight or activation of 1.0. Activations stay below 16, weights of the second and third layer below 8.
UNIT_BITS = 8
ROW_LIMIT, ACTIVATION_LIMIT, WEIGHT_LIMIT, BIAS_LIMIT = 1 << 14, (16 << UNIT_BITS) - 1, 8 << UNIT_BITS, 1 << 27
# While a frame is coded the last layer goes on learning from what was answered: rates in 1/32 of the error for a bias,
# in 2**-17 of error times activation for a weight. What was learned stays within these; weights UNIT_BITS finer.
RATE_LIMIT, LEARNED_BIAS_LIMIT, LEARNED_LIMIT = 64, 1 << 17, (1 << 12) - 1
# Logits are rounded to eighths, -8 to +7.875, each with a table of two symbols.
LOGIT_SHIFT, LOGITS = 2 * UNIT_BITS - 3, 128
TABLE = "binary"

Range = tuple[int, int]

_FRAME: tuple[Range, ...] = (
    (0, 5),  # level, at most 5
    (0, 15),  # quality >> 2
    (0, 3),  # bank
    (1, 6), (0, 6),  # bit lengths of the distances of the references
)  # fmt: skip
_MOTION: tuple[Range, ...] = (
    *_FRAME,
    (1, 7),  # merge candidates
    *((-1, 3),) * 6,  # what blocks before chose: left, above, above right, above left, second left, second above
    *((0, 16),) * 4,  # shares of what all blocks before chose: own motion, first candidate, another, split
    (3, 12),  # bit length of the number of blocks before and four more
    *((-1, 3),) * 2,  # the same of the co-located block of each reference
    *((-1, 15),) * 6,  # how far candidates lie apart: first and second to sixth, second and third
    *((-1, 2),) * 2,  # modes of the first two
    (0, 24),  # size of the first
    *((-1, 15),) * 12,  # how far: candidates and neighbours from the temporal field, neighbours from each other
    *((0, 15),) * 2,  # magnitude of the co-located block of each reference
    *((0, 15),) * 2,  # and of what lies right of it and below
    *((0, 16),) * 6,  # shares of own motion, first candidate, split in the first reference, then in the second
    *((0, 31),) * 2,  # texture where the first candidate points, across and down
    (-1, 31),  # how far the references' shadows disagree over the first candidate
    *((-15, 15),) * 3,  # over the second, the third and the best of the others, beside the first
    (0, 5),  # over which they agree best; a seventh is rare and counts as the sixth
    (-15, 15),  # over the temporal field's motion, beside the first
    (0, 15), (-1, 31),  # of a block's cells the worst beside the best, and the worst
    (-15, 15),  # over the cells' own temporal motion, beside the first
    (-15, 15),  # one or two samples beside the first candidate, beside it
)  # fmt: skip
_UNIT: tuple[Range, ...] = (
    *_MOTION,
    (-1, 3),  # cell, -1 for a block
    *((-1, 7),) * 2,  # merge symbols of the cells before it
)
_DIFFERENCE: tuple[Range, ...] = (
    *_UNIT,
    (0, 2),  # spread
    (-1, 13),  # longest bit length so far
    (0, 3),  # mode
    (0, 3),  # component, and two more for the second reference
    *((-9, 10),) * 4,  # where temporal, left, above and above right vector lie from the predicted; 10 = nowhere
    (-9, 10),  # where linear motion puts the second
    (-9, 9),  # the predicted
    (-9, 10),  # the horizontal difference, for the vertical one
    (-9, 10),  # the predicted second vector from the first by linear motion
    (-4, 5),  # which of nine places around the predicted vector the shadows agree best over
    (-1, 31),  # how far they disagree at the predicted one
    *((-8, 8),) * 2,  # one sample to the left or above beside one to the right or below, and two
)
_BLOCK: tuple[Range, ...] = (
    *_FRAME,
    (0, 2),  # mode
    (0, 1),  # moves as one
    *((-1, 15),) * 6,  # how far the block's vectors lie from left and above, right's and below's, cells' among them
    (0, 31),  # size of the vectors
    *((0, 7),) * 2, *((0, 15),) * 2,  # patterns and magnitudes of the co-located blocks of the references
    *((0, 7),) * 4,  # patterns right of them and below
    *((0, 31),) * 2,  # half of the magnitudes around
    *((0, 7),) * 2, *((0, 15),) * 2,  # patterns and magnitudes where the vectors point
    *((0, 16),) * 4,  # shares of blocks whose Y is coded and whose U is, in the first reference, then in the second
    *((0, 31),) * 2,  # texture where the block's motion points, across and down
    (-1, 31), (0, 15),  # how far the shadows disagree over it, and the worst cell beside the best
)  # fmt: skip
_NEIGHBOURS: tuple[Range, ...] = (
    *((-1, 7),) * 4,  # patterns of left, above, right and below
    (0, 2),  # plane
    (1, 7),  # pattern
    *((-1, 31),) * 4,  # last diagonals of left, above, above right, above left
    *((0, 31),) * 2,  # of the co-located blocks of the references
    *((-1, 31),) * 2,  # of Y for chroma, of U for V
)
# Lowest and highest value of each input, by kind; what lies beyond counts as the nearest.
RANGES: tuple[tuple[Range, ...], ...] = (
    _MOTION,
    _UNIT,
    (*_UNIT, (0, 2)),  # how many of left and above use one reference alone
    _DIFFERENCE,
    (*_DIFFERENCE, (1, 14)),  # bit length
    (
        *_BLOCK,
        *((-1, 7),) * 6,  # patterns of left, above, above right, above left, second left, second above
        *((0, 16),) * 3,  # share of the blocks before whose Y, U, V are coded
        (2, 12),  # bit length of the number of blocks before and two more
    ),
    (
        *_BLOCK,
        *_NEIGHBOURS,
        (-1, 63),  # mean of those before, in halves
        *((0, 31),) * 2,  # where the vectors point
    ),
    (
        *_BLOCK,
        *_NEIGHBOURS,
        (1, 31),  # last diagonal
        *((0, 31),) * 2,  # where the vectors point
        (0, 62),  # of right and below, their sum
        (0, 383),  # channel
        *((-1, 15),) * 5,  # lower frequencies: horizontal, vertical, both, two horizontal, two vertical
        (-1, 60),  # the four blocks around, where they are coded before
        (0, 40),  # their two lower frequencies
        *((0, 15),) * 2,  # the references
        *((-1, 15),) * 2,  # Y for chroma, U for V
        *((0, 15),) * 2,  # the references where the vectors point
        (0, 20),  # diagonals up to the last
        (0, 20),  # coded latents of the plane before that are not 0
        (0, 12),  # bit length of their sum
        (0, 20),  # the two lower frequencies in the references
        (0, 70),  # what networks off expect, four steps an octave
        (0, 30),  # blocks above left and above right
    ),
)
SHARED = len(_BLOCK)  # inputs that patterns, last diagonals and latents begin with
LATENT_SHARED = SHARED + len(_NEIGHBOURS) + 4  # inputs that all latents of a plane of a block share
INPUTS = max(len(r) for r in RANGES)
_NOTHING = np.zeros(0, np.int16)


class ContextNetworks(NamedTuple):
    """All eight, as numba takes them; widths H and G.

    low, high      (8, INPUTS) int32, of RANGES
    offset         (8, INPUTS) int32, row of an input's value 0
    width          (8,) int32, inputs of each kind
    rows           (R, H) int16, of all inputs of all kinds
    bias           (8, H) int32, UNIT_BITS behind the point as rows have
    middle         (8, H, G) int16; middle_bias (8, G) int32, twice UNIT_BITS
    questions      (8, 30, G) int16; question_bias (8, 30) int32, twice UNIT_BITS
    rates          (8, 2) int16, how fast each kind learns on: biases, weights
    """

    low: np.ndarray
    high: np.ndarray
    offset: np.ndarray
    width: np.ndarray
    rows: np.ndarray
    bias: np.ndarray
    middle: np.ndarray
    middle_bias: np.ndarray
    questions: np.ndarray
    question_bias: np.ndarray
    rates: np.ndarray


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of each input lie: arrays of ``ContextNetworks``, and the number of rows."""

    low: np.ndarray
    high: np.ndarray
    offset: np.ndarray
    width: np.ndarray
    rows: int


def layout() -> Layout:
    """Rows kind by kind, input by input, value by value."""
    low, high, offset = (np.zeros((KINDS, INPUTS), np.int32) for _ in range(3))
    row = 0
    for kind, ranges in enumerate(RANGES):
        for k, (a, b) in enumerate(ranges):
            low[kind, k], high[kind, k], offset[kind, k] = a, b, row - a
            row += b - a + 1
    return Layout(low, high, offset, np.array([len(r) for r in RANGES], np.int32), row)


def rows_of() -> int:
    """Number of rows of all inputs."""
    return layout().rows


def networks_from(arrays: dict[str, np.ndarray]) -> ContextNetworks:
    """Networks from stored integers: rows, bias, middle, middle_bias, questions, question_bias, rates.

    Raises ModelError where one is missing, of another shape or type, or so large that a sum could pass 31 bits.
    """
    place = layout()
    rows, middle = arrays.get("rows", _NOTHING), arrays.get("middle", _NOTHING)
    hidden, second = rows.shape[-1] if rows.ndim == 2 else 0, middle.shape[-1] if middle.ndim == 3 else 0
    most = max(QUESTIONS)
    wanted = {
        "rows": ((place.rows, hidden), np.int16, ROW_LIMIT),
        "bias": ((KINDS, hidden), np.int32, BIAS_LIMIT),
        "middle": ((KINDS, hidden, second), np.int16, WEIGHT_LIMIT),
        "middle_bias": ((KINDS, second), np.int32, BIAS_LIMIT),
        "questions": ((KINDS, most, second), np.int16, WEIGHT_LIMIT),
        "question_bias": ((KINDS, most), np.int32, BIAS_LIMIT),
        "rates": ((KINDS, 2), np.int16, RATE_LIMIT),
    }
    if set(arrays) != set(wanted) or not 1 <= hidden <= 128 or not 1 <= second <= 128:
        raise ModelError(f"context networks must have {sorted(wanted)} of width 1 to 128")
    for name, (shape, kind, limit) in wanted.items():
        value = arrays[name]
        if value.shape != shape or value.dtype != kind:
            raise ModelError(f"context networks: {name} must be {shape} {np.dtype(kind)}")
        if np.abs(value.astype(np.int64)).max() > limit:
            raise ModelError(f"context networks: {name} must lie within +-{limit}")
    if arrays["rates"].min() < 0:
        raise ModelError("context networks: rates must not be negative")
    return ContextNetworks(
        place.low, place.high, place.offset, place.width,
        *(np.ascontiguousarray(arrays[name]) for name in wanted),
    )  # fmt: skip


def seeded_contexts(seed: int, hidden: int, second: int) -> dict[str, np.ndarray]:
    """Random integers of ``networks_from`` for tests, the same on every machine: odds of all kinds come up."""
    random = np.random.RandomState(seed)
    shapes = {
        "rows": ((rows_of(), hidden), 80, np.int16),
        "bias": ((KINDS, hidden), 200, np.int32),
        "middle": ((KINDS, hidden, second), 160, np.int16),
        "middle_bias": ((KINDS, second), 20000, np.int32),
        "questions": ((KINDS, max(QUESTIONS), second), 160, np.int16),
        "question_bias": ((KINDS, max(QUESTIONS)), 60000, np.int32),
    }
    arrays = {
        name: random.randint(-most, most + 1, shape, dtype=np.int64).astype(kind)
        for name, (shape, most, kind) in shapes.items()
    }
    return arrays | {"rates": random.randint(0, 12, (KINDS, 2), dtype=np.int64).astype(np.int16)}


def binary_tables() -> np.ndarray:
    """(LOGITS, 2) uint16 of 4096: how often no and yes come at each logit. Stored with the networks, not computed."""
    logit = (np.arange(LOGITS) - LOGITS // 2) / 8
    yes = np.clip(np.floor(4096 / (1 + np.exp(-logit)) + 0.5), 1, 4095).astype(np.uint16)
    return np.stack([4096 - yes, yes], 1)
