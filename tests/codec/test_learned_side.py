"""Patterns and last diagonals coded by context networks."""

import numpy as np

from nvc.codec.context_networks import scratch
from nvc.codec.learned_side import LONGEST, code_side, magnitudes, pointed
from nvc.entropy import rans
from nvc.entropy.coder import decoding_coder, encoding_coder, finished, queued
from nvc.models.contexts import LAST, PATTERN, RANGES
from nvc.motion.field import BOTH
from tests.codec.test_learned_pixels import noise

FRAME, DISTANCES = np.array([2, 30, 1], np.int64), np.array([-1, 1], np.int64)


def test_magnitudes_are_bit_lengths_of_sums() -> None:
    latents = np.zeros((6, 384), np.int16)
    latents[1, 3], latents[2, :2], latents[5] = -1, (3, -4), 32767
    assert magnitudes(latents, (2, 3)).tolist() == [[0, 1, 3], [0, 0, 24]]


def test_vectors_point_at_blocks() -> None:
    assert pointed(np.array([0, 0], np.int16), 1, 2, 4, 5) == (1, 2)
    assert pointed(np.array([32, -33], np.int16), 1, 2, 4, 5) == (0, 3)  # 8 samples right, more than 8 up
    assert pointed(np.array([-8000, 8000], np.int16), 1, 2, 4, 5) == (3, 0)


def code(model, patterns, lasts, known, notes=0):
    """(room, answers) of sides over still blocks; what is read back is what was written."""
    rows, columns = patterns.shape
    motion = np.full((2 * rows, 2 * columns), BOTH, np.int8), np.zeros((2 * rows, 2 * columns, 2, 2), np.int16)
    references = known, np.zeros((2, rows, columns, 3), np.uint8), np.zeros((2, rows, columns), np.uint8)
    shares, given = np.zeros((2, 2), np.int64), (patterns.copy(), lasts.copy())
    shown = noise(rows, columns, DISTANCES)
    room, coder = scratch(8, 8, notes), encoding_coder(model.tables, 10_000)
    code_side(coder, model.contexts, room, FRAME, DISTANCES, *motion, patterns, lasts, *references, shares, shown)
    values, tables = queued(coder)
    reading = decoding_coder(model.tables, rans.encode(values, tables, model.tables, 1), 1)
    back = np.zeros_like(patterns), np.full_like(lasts, 7)
    code_side(reading, model.contexts, scratch(8, 8), FRAME, DISTANCES, *motion, *back, *references, shares, shown)
    assert finished(reading) and all(map(np.array_equal, back, given))
    return room, values


def test_nothing_coded_takes_three_answers_a_block(learned) -> None:
    nothing = np.zeros((3, 4), np.uint8)
    room, values = code(learned, nothing, np.zeros((3, 4, 3), np.uint8), np.zeros((2, 3, 4), np.uint8), 20)
    assert values.tolist() == [0] * 36 and set(room.kinds[:12]) == {PATTERN} and room.noted[0] == 12


def test_every_pattern_and_the_longest_diagonals(learned) -> None:
    patterns = np.arange(8, dtype=np.uint8).reshape(2, 4)
    lasts = np.array([[[(LONGEST[p] + 1) * (v >> p & 1) for p in range(3)] for v in row] for row in patterns], np.uint8)
    room, _ = code(learned, patterns, lasts, np.full((2, 2, 4), 7, np.uint8), 100)
    n = int(room.noted[0])
    kinds, seen = room.kinds[:n], room.seen[:n]
    assert room.chosen[:8].tolist() == list(range(8)) and set(room.chosen[:n][kinds == LAST]) == {30, 14}
    for kind in (PATTERN, LAST):
        low, high = np.array(RANGES[kind]).T
        inputs = seen[kinds == kind][:, : len(low)]
        assert (inputs >= low).all() and (inputs <= high).all()
