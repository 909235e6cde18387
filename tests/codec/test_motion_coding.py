"""Motion as symbols: encoder's and decoder's coder through the same kernel."""

import numpy as np
import pytest

from nvc.codec.motion_coding import code_difference, code_motion
from nvc.codec.symbols import BANKS, CELL_MERGE, LENGTH, MERGE, MOTION_BASE, MOTION_TABLES, load_model
from nvc.entropy import rans
from nvc.entropy.coder import code_one, decoding_coder, encoding_coder, finished, queued
from nvc.motion.field import FIRST, SECOND, SPLIT, VECTOR_LIMIT, MotionField, temporal_candidate

SHAPES = [(1, 1), (1, 5), (4, 1), (3, 7)]


def random_field(
    blocks: tuple[int, int], reach: int, two: bool, repeat: float, seed: int, split: float = 0.0
) -> MotionField:
    """Random motion; shares of cells repeat the left neighbour so that merges occur, and of blocks are split."""
    rng = np.random.default_rng(seed)
    shape = (2 * blocks[0], 2 * blocks[1])
    modes = rng.integers(0, 3, shape).astype(np.int8) if two else np.full(shape, FIRST, np.int8)
    vectors = rng.integers(-reach, reach, (*shape, 2, 2)).astype(np.int16) if reach else np.zeros((*shape, 2, 2), "i2")
    for row in range(shape[0]):
        for column in range(1, shape[1]):
            if rng.random() < repeat:
                modes[row, column], vectors[row, column] = modes[row, column - 1], vectors[row, column - 1]
    for row, column in np.argwhere(rng.random(blocks) >= split):
        for cells in (modes, vectors):
            cells[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = cells[2 * row, 2 * column]
    vectors[modes == FIRST, 1] = 0
    vectors[modes == SECOND, 0] = 0
    return MotionField(modes, vectors, (-1, 1 if two else 0))


def code(coder, field: MotionField, source: MotionField | None, merge: bool, bank: int = 0, split: bool = True) -> bool:
    temporal = temporal_candidate(field.modes.shape, field.distances, (None, source))
    base = MOTION_BASE + bank * MOTION_TABLES
    return code_motion(coder, base, field.modes, field.vectors, *temporal, np.array(field.distances), merge, split)


def there_and_back(
    field: MotionField, source: MotionField | None, merge: bool, bank: int, lanes: int, split: bool = True
) -> int:
    """Code a field, read it, compare; returns the bytes."""
    tables = load_model().tables
    want_modes, want_vectors = field.modes.copy(), field.vectors.copy()
    writer = encoding_coder(tables, 64 * field.modes.size + 64)
    assert code(writer, field, source, merge, bank, split)
    assert np.array_equal(field.modes, want_modes) and np.array_equal(field.vectors, want_vectors)
    payload = rans.encode(*queued(writer), tables, lanes)
    reader = decoding_coder(tables, payload, lanes)
    rng = np.random.default_rng(1)
    back = MotionField(
        rng.integers(0, 3, field.modes.shape).astype(np.int8),
        rng.integers(-9, 9, field.vectors.shape).astype(np.int16),
        field.distances,
    )
    assert code(reader, back, source, merge, bank, split)
    assert finished(reader)
    assert np.array_equal(back.modes, want_modes)
    assert np.array_equal(back.vectors, want_vectors)
    return len(payload)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reach", [0, 3, 200, VECTOR_LIMIT])
@pytest.mark.parametrize("two", [True, False])
@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("split", [0.0, 0.5, 1.0])
def test_motion_comes_back(shape: tuple[int, int], reach: int, two: bool, merge: bool, split: float) -> None:
    source = random_field(shape, max(reach, 1), True, 0.5, 9, 0.5)
    for seed, past in enumerate((None, source)):
        field = random_field(shape, reach, two, 0.6, seed, split)
        there_and_back(field, past, merge, seed % BANKS, 1 << seed)


@pytest.mark.parametrize("merge", [True, False])
def test_without_splits_whole_blocks_come_back_and_split_ones_are_refused(merge: bool) -> None:
    there_and_back(random_field((3, 4), 40, True, 0.5, 2), None, merge, 1, 1, split=False)
    writer = encoding_coder(load_model().tables, 5000)
    assert not code(writer, random_field((3, 4), 40, True, 0.5, 2, 1.0), None, merge, split=False)


def test_two_past_references_come_back() -> None:
    field = random_field((3, 5), 50, True, 0.5, 3)
    there_and_back(
        MotionField(field.modes, field.vectors, (-1, -3)), random_field((3, 5), 50, True, 0.2, 4), True, 1, 1
    )


@pytest.mark.parametrize("two", [True, False])
def test_limits_come_back(two: bool) -> None:
    field = random_field((4, 4), 1, two, 0.0, 5)
    corners = np.array([-VECTOR_LIMIT, VECTOR_LIMIT - 1], np.int16)
    field.vectors[:] = np.random.default_rng(6).choice(corners, field.vectors.shape)
    field.vectors[field.modes == FIRST, 1] = 0
    field.vectors[field.modes == SECOND, 0] = 0
    there_and_back(field, None, True, 0, 1)


def test_still_motion_is_nearly_free_and_merge_pays() -> None:
    still = random_field((20, 20), 0, True, 1.0, 7)
    still.modes[:] = 0
    assert there_and_back(still, None, True, 0, 1) <= 100
    same = random_field((20, 20), 60, False, 1.0, 8)
    assert there_and_back(same, None, True, 0, 1) < there_and_back(same, None, False, 0, 1)


@pytest.mark.parametrize("value", [VECTOR_LIMIT, -VECTOR_LIMIT - 1])
def test_a_vector_past_the_limit_is_impossible(value: int) -> None:
    field = random_field((1, 2), 1, False, 0.0, 1)
    field.vectors[0, 1, 0, 1] = value
    assert not code(encoding_coder(load_model().tables, 200), field, None, True)


def test_a_split_block_costs_more_than_a_whole_one() -> None:
    whole, split = (random_field((9, 9), 40, True, 0.5, 2, share) for share in (0.0, 1.0))
    assert there_and_back(whole, None, True, 0, 1) < there_and_back(split, None, True, 0, 1)


def test_symbols_for_what_is_not_there_are_impossible() -> None:
    tables = load_model().tables
    for symbols, split in (
        ([(MERGE, SPLIT)], False),  # the tool is off
        ([(MERGE, SPLIT), (CELL_MERGE, 7)], True),  # the first cell has one candidate
    ):
        writer = encoding_coder(tables, 10)
        for table, symbol in symbols:
            code_one(writer, MOTION_BASE + table, symbol)
        reader = decoding_coder(tables, rans.encode(*queued(writer), tables, 1), 1)
        assert not code(reader, random_field((1, 1), 1, False, 0.0, 1), None, True, split=split)


def test_a_merge_with_a_candidate_that_is_not_there_is_impossible() -> None:
    tables = load_model().tables
    writer = encoding_coder(tables, 10)
    code_one(writer, MOTION_BASE + MERGE, 7)  # the first block has one candidate
    reader = decoding_coder(tables, rans.encode(*queued(writer), tables, 1), 1)
    assert not code(reader, random_field((1, 1), 1, False, 0.0, 1), None, True)


@pytest.mark.parametrize("value", [0, 1, -1, 2, -3, 16, -16, 8191, -8192, 16383, -16383])
def test_differences_come_back(value: int) -> None:
    tables = load_model().tables
    writer = encoding_coder(tables, 20)
    assert code_difference(writer, MOTION_BASE + LENGTH, value) == value
    reader = decoding_coder(tables, rans.encode(*queued(writer), tables, 1), 1)
    assert code_difference(reader, MOTION_BASE + LENGTH, 0) == value
    assert finished(reader)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_give_motion_within_limits_or_a_refusal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reader = decoding_coder(load_model().tables, rng.bytes(40), 1)
    field = random_field((4, 5), 3, seed % 2 == 0, 0.0, seed, 0.5)
    if code(reader, field, None, seed % 3 > 0):
        assert np.all((field.modes >= 0) & (field.modes <= 2))
        assert np.all((field.vectors >= -VECTOR_LIMIT) & (field.vectors < VECTOR_LIMIT))
