"""Motion coded by context networks: order of the questions, inputs that are known on both sides."""

import numpy as np
import pytest

from nvc.codec.context_networks import scratch
from nvc.codec.learned_motion import code_motion, far, signed_length, uses
from nvc.entropy import rans
from nvc.entropy.coder import decoding_coder, encoding_coder, finished, queued
from nvc.models.contexts import BLOCK_MERGE, CELL_MERGE, LENGTH, MODE, RANGES, SIGN
from nvc.motion.field import BOTH, FIRST, SECOND, SPLIT
from tests.codec.test_learned_pixels import noise

FRAME = np.array([1, 40, 0], np.int64)


def vectors(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, np.int16)


def test_how_far_motions_lie_apart() -> None:
    one, other = vectors((4, 0), (0, 0)), vectors((1, -2), (9, 9))
    assert far(FIRST, one, FIRST, other) == 3 and far(FIRST, one, BOTH, other) == 4
    assert far(SECOND, one, SECOND, other) == 5 and far(FIRST, one, SECOND, other) == 1
    assert far(BOTH, one, BOTH, other) == 5 and far(BOTH, one, BOTH, one) == 0
    assert [uses(m, r) for m in (BOTH, FIRST, SECOND) for r in (0, 1)] == [True, True, True, False, False, True]


def test_lengths_have_signs_and_an_end() -> None:
    assert [signed_length(v) for v in (0, 1, -1, 5, -700, 4000, -9000)] == [0, 1, -1, 3, -9, 9, -9]


def code(model, modes, field, distances=(-1, 1), known=-1, notes=0):
    """(room, choices, queued symbols) of motion without motion in the references."""
    rows, columns, given_motion = modes.shape[0] // 2, modes.shape[1] // 2, (modes.copy(), field.copy())
    room = scratch(8, 8, notes)
    coder = encoding_coder(model.tables, 100_000)
    choices = np.zeros((rows, columns), np.int8)
    temporal = np.full_like(modes, BOTH if distances[1] else FIRST), np.zeros_like(field)
    given = (*temporal, np.array(distances, np.int64), np.full((2, rows, columns), known, np.int8))
    energies = np.zeros((2, rows, columns), np.uint8)
    shares, shown = np.zeros((2, 4), np.int64), noise(rows, columns, distances)
    assert code_motion(coder, model.contexts, room, FRAME, modes, field, choices, *given, shares, energies, shown)
    values, tables = queued(coder)
    reading = decoding_coder(model.tables, rans.encode(values, tables, model.tables, 1), 1)
    back = np.zeros_like(modes), np.zeros_like(field)
    again = np.zeros_like(choices)
    assert code_motion(reading, model.contexts, scratch(8, 8), FRAME, *back, again, *given, shares, energies, shown)
    assert finished(reading) and all(map(np.array_equal, back, given_motion))
    assert np.array_equal(again, choices)
    return room, choices, values


def test_still_blocks_take_one_answer_each(learned) -> None:
    modes, field = np.full((6, 8), BOTH, np.int8), np.zeros((6, 8, 2, 2), np.int16)
    room, choices, values = code(learned, modes, field, notes=100)
    assert (choices == 1).all() and values.tolist() == [1] * 12
    assert room.noted[0] == 12 and set(room.kinds[:12]) == {BLOCK_MERGE} and set(room.chosen[:12]) == {1}


def test_all_kinds_are_noted_within_their_ranges(learned) -> None:
    random = np.random.default_rng(2)
    field = random.integers(-60, 60, (8, 8, 2, 2)).astype(np.int16)
    modes = random.integers(0, 3, (8, 8)).astype(np.int8)
    for r in range(2):
        field[modes == 2 - r, r] = 0
    room, choices, _ = code(learned, modes, field, notes=5000)
    n = int(room.noted[0])
    kinds, seen = room.kinds[:n], room.seen[:n]
    assert set(kinds) == {BLOCK_MERGE, CELL_MERGE, MODE, LENGTH, SIGN} and (choices == 3).any()
    assert SPLIT in room.chosen[:n][kinds == BLOCK_MERGE]
    for kind in set(kinds):
        low, high = np.array(RANGES[kind]).T
        inputs = seen[kinds == kind][:, : len(low)]
        assert (inputs >= low).all() and (inputs <= high).all()


def test_mirrored_motion_says_one_difference(learned) -> None:
    field = np.zeros((2, 2, 2, 2), np.int16)
    field[:, :, 0], field[:, :, 1] = (24, -8), (-24, 8)
    room, _, _ = code(learned, np.full((2, 2), BOTH, np.int8), field, notes=50)
    kinds, chosen = room.kinds[: room.noted[0]].tolist(), room.chosen[: room.noted[0]].tolist()
    assert kinds == [BLOCK_MERGE, MODE, LENGTH, SIGN, LENGTH, SIGN] and chosen == [0, 3, 5, 0, 4, 1]


@pytest.mark.parametrize("distances", [(-2, 0), (-4, -1), (-1, 2)])
def test_one_reference_or_two_on_one_side(learned, distances) -> None:
    random = np.random.default_rng(3)
    field = random.integers(-8000, 8000, (6, 6, 2, 2)).astype(np.int16)
    modes = np.zeros((6, 6), np.int8)
    if not distances[1]:
        modes[:], field[:, :, 1] = FIRST, 0
    code(learned, modes, field, distances)
