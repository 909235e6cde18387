"""The grids of blocks and cells, temporal candidates, merge candidates and predicted vectors."""

import numpy as np
import pytest

from nvc.motion.field import (
    BOTH,
    FIRST,
    MAX_CANDIDATES,
    SECOND,
    SPLIT,
    VECTOR_LIMIT,
    MotionField,
    bit_length,
    cell_context,
    cell_grid,
    fill_unit,
    grid_size,
    is_whole,
    length_context,
    merge_candidates,
    merge_context,
    mirrored,
    predict_vector,
    scale_vectors,
    temporal_candidate,
)


@pytest.mark.parametrize(
    ("height", "width", "grid"),
    [(1, 1, (1, 1)), (16, 16, (1, 1)), (17, 33, (2, 3)), (48, 64, (3, 4)), (1080, 1920, (68, 120))],
)
def test_the_grid_covers_the_picture(height: int, width: int, grid: tuple[int, int]) -> None:
    assert grid_size(height, width) == grid
    assert cell_grid(height, width) == (2 * grid[0], 2 * grid[1])


def one_cell(mode: int, first: tuple[int, int], second: tuple[int, int], distances: tuple[int, int]) -> MotionField:
    return MotionField(np.full((1, 1), mode, np.int8), np.array([[[first, second]]], np.int16), distances)


@pytest.mark.parametrize(
    ("source", "distances", "want"),
    [
        # half of the way back, as much forward
        (one_cell(FIRST, (8, -4), (0, 0), (-4, 0)), (-2, 2), [(4, -2), (-4, 2)]),
        # rounded half up: 5/2 = 2.5 -> 3, -5/2 -> -2
        (one_cell(FIRST, (5, -5), (0, 0), (-2, 0)), (-1, 1), [(3, -2), (-2, 3)]),
        # the second vector where only it is used, over its own distance
        (one_cell(SECOND, (99, 99), (6, 9), (-4, 3)), (-1, 1), [(-2, -3), (2, 3)]),
        # the first vector of a pair
        (one_cell(BOTH, (4, 4), (7, 7), (-1, 1)), (-1, 1), [(4, 4), (-4, -4)]),
        # one reference only
        (one_cell(FIRST, (4, 8), (0, 0), (-1, 0)), (-2, 0), [(8, 16), (0, 0)]),
        # clipped to what a stream may hold
        (one_cell(FIRST, (8000, -8000), (0, 0), (-1, 0)), (-16, 16), [(8191, -8192), (-8192, 8191)]),
    ],
)
def test_motion_is_scaled_by_distance(source: MotionField, distances: tuple[int, int], want: list) -> None:
    modes, vectors = temporal_candidate((1, 1), distances, (source,))
    assert modes.tolist() == [[BOTH if distances[1] else FIRST]]
    assert vectors[0, 0].tolist() == [list(v) for v in want]
    assert (modes.dtype, vectors.dtype) == (np.int8, np.int16)


def test_the_last_source_with_motion_counts() -> None:
    early, late = one_cell(FIRST, (4, 0), (0, 0), (-1, 0)), one_cell(FIRST, (0, 4), (0, 0), (-1, 0))
    assert temporal_candidate((1, 1), (-1, 1), (early, late))[1][0, 0, 0].tolist() == [0, 4]
    assert temporal_candidate((1, 1), (-1, 1), (early, None))[1][0, 0, 0].tolist() == [4, 0]
    assert not temporal_candidate((2, 3), (-1, 1), (None, None))[1].any()


def candidates(modes: np.ndarray, vectors: np.ndarray, y: int, x: int, side: int, two: bool, temporal=(0, 0)) -> list:
    """(mode, first vector) of what the unit of ``side`` cells at (y, x) may copy."""
    shape = modes.shape
    out_modes = np.empty(MAX_CANDIDATES, np.int8)
    out_vectors = np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    temporal_vectors = np.zeros((*shape, 2, 2), np.int16)
    temporal_vectors[y + side - 1, x + side - 1, 0] = temporal
    temporal_modes = np.full(shape, BOTH if two else FIRST, np.int8)
    n = merge_candidates(modes, vectors, temporal_modes, temporal_vectors, y, x, side, two, out_modes, out_vectors)
    return [(int(m), v[0].tolist()) for m, v in zip(out_modes[:n], out_vectors[:n], strict=True)]


def test_merge_candidates_of_a_block_come_in_order_and_once() -> None:
    modes = np.full((4, 6), FIRST, np.int8)
    vectors = np.zeros((4, 6, 2, 2), np.int16)
    # what touches the block at (2, 2): left of its last row, above its last column, above right, above left
    vectors[3, 1, 0], vectors[1, 3, 0], vectors[1, 4, 0], vectors[1, 1, 0] = (1, 0), (2, 0), (3, 0), (9, 0)
    left, above, right, corner = (1, [1, 0]), (1, [2, 0]), (1, [3, 0]), (1, [9, 0])
    around = [left, above, right, corner]
    assert candidates(modes, vectors, 2, 2, 2, False, (4, 0)) == [*around, (1, [4, 0]), (1, [0, 0])]
    assert candidates(modes, vectors, 2, 2, 2, False, (2, 0)) == [*around, (1, [0, 0])]
    assert candidates(modes, vectors, 2, 4, 2, False, (2, 0)) == [(1, [0, 0]), (1, [2, 0])]
    assert candidates(modes, vectors, 0, 0, 2, False) == [(1, [0, 0])]
    # The pair of left's first and the temporal candidate's second vector comes before zero motion.
    assert candidates(modes, vectors, 2, 2, 2, True, (4, 0)) == [*around, (0, [4, 0]), (0, [1, 0]), (0, [0, 0])]


@pytest.mark.parametrize(
    ("y", "x", "want"),
    [
        (2, 2, [21, 12, 13, 11]),
        (2, 3, [22, 13, 14, 12]),
        (3, 2, [31, 22, 23, 21]),
        (3, 3, [32, 23, 22]),  # what lies above and right is coded later
    ],
)
def test_merge_candidates_of_cells_are_coded_before_them(y: int, x: int, want: list[int]) -> None:
    modes = np.full((4, 6), FIRST, np.int8)
    vectors = np.zeros((4, 6, 2, 2), np.int16)
    vectors[:, :, 0, 0] = 10 * np.arange(4)[:, None] + np.arange(6)
    assert [v[0] for _, v in candidates(modes, vectors, y, x, 1, False)] == [*want, 0]


def test_a_pair_takes_the_first_vector_of_one_and_the_second_of_another() -> None:
    modes = np.full((4, 6), SECOND, np.int8)
    vectors = np.zeros((4, 6, 2, 2), np.int16)
    modes[3, 1], vectors[3, 1, 0], vectors[3, 1, 1] = FIRST, (1, 2), (0, 0)
    vectors[:2, :, 1] = (3, 4)
    out_modes, out_vectors = np.empty(MAX_CANDIDATES, np.int8), np.empty((MAX_CANDIDATES, 2, 2), np.int16)
    temporal = np.zeros((4, 6, 2, 2), np.int16)
    n = merge_candidates(modes, vectors, np.zeros((4, 6), np.int8), temporal, 2, 2, 2, True, out_modes, out_vectors)
    assert n == 4
    assert out_modes[:n].tolist() == [FIRST, SECOND, BOTH, BOTH]
    assert out_vectors[3].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("first", [-1, -3, 2, -8])
@pytest.mark.parametrize("second", [1, -2, 5, 8])
def test_a_mirrored_component_is_linear_motion(first: int, second: int) -> None:
    for value in (0, 1, -1, 7, -200, 8191):
        want = scale_vectors(np.array([[value, 0]]), first, second)[0, 0]
        got = int(mirrored(value, first, second))
        assert abs(got - value * second / first) <= 0.5
        assert got == want or abs(got) > 8191


def test_contexts_are_all_used_once() -> None:
    choices = np.zeros((2, 2), np.int8)
    seen = set()
    for above in (0, 1, 2, 5, SPLIT):
        for left in (0, 1, 2, 5, SPLIT):
            choices[0, 1], choices[1, 0] = above, left
            seen |= {merge_context(choices, 1, 1, n) for n in range(1, MAX_CANDIDATES + 1)}
    assert seen == set(range(112))
    assert {cell_context(k, m, n) for k in range(4) for m in range(3) for n in range(1, 8)} == set(range(21))
    assert merge_context(choices, 0, 0, 1) == 0
    assert {length_context(s, n) for s in range(3) for n in range(-1, 15)} == set(range(12))
    assert [bit_length(v) for v in (0, 1, -1, 2, -3, 4, 8191, -8192)] == [0, 1, 1, 2, 2, 3, 13, 14]


def predicted(modes: list, xs: list, reference: int = 0) -> tuple[list[int], int]:
    """Prediction for the middle block of the lower row; xs = x of left, above, above right (y is 10 times x)."""
    field_modes = np.full((4, 6), FIRST, np.int8)
    vectors = np.zeros((4, 6, 2, 2), np.int16)
    for (r, c), mode, x in zip(((3, 1), (1, 3), (1, 4)), modes, xs, strict=True):
        field_modes[r, c], vectors[r, c, reference] = mode, (x, 10 * x)
    temporal = np.zeros((4, 6, 2, 2), np.int16)
    temporal[3, 3] = -7
    out = np.zeros(2, np.int64)
    spread = predict_vector(field_modes, vectors, temporal, 2, 2, 2, reference, out)
    return out.tolist(), int(spread)


@pytest.mark.parametrize(
    ("modes", "xs", "reference", "want"),
    [
        ([FIRST, FIRST, FIRST], [1, 5, 3], 0, ([3, 30], 2)),
        ([BOTH, FIRST, BOTH], [2, 2, 9], 0, ([2, 20], 0)),
        ([FIRST, SECOND, FIRST], [4, 8, 6], 0, ([4, 40], 2)),
        ([SECOND, SECOND, FIRST], [4, 8, 6], 0, ([6, 60], 1)),
        ([SECOND, SECOND, SECOND], [4, 8, 6], 0, ([-7, -7], 1)),
        ([SECOND, BOTH, FIRST], [4, 8, 6], 1, ([4, 40], 2)),
        ([FIRST, FIRST, FIRST], [4, 8, 6], 1, ([-7, -7], 1)),
    ],
)
def test_vectors_are_predicted_from_neighbours_of_the_reference(modes, xs, reference, want) -> None:
    assert predicted(modes, xs, reference) == want


@pytest.mark.parametrize(
    ("y", "x", "side"), [(0, 0, 2), (0, 4, 2), (2, 0, 2), (2, 4, 2), (0, 5, 1), (3, 5, 1), (3, 0, 1)]
)
def test_prediction_stays_within_the_grid_and_the_limits(y: int, x: int, side: int) -> None:
    rng = np.random.default_rng(y * 6 + x)
    low, high = -VECTOR_LIMIT, VECTOR_LIMIT
    modes = rng.integers(0, 3, (4, 6)).astype(np.int8)
    vectors = rng.integers(low, high, (4, 6, 2, 2)).astype(np.int16)
    temporal = rng.integers(low, high, (4, 6, 2, 2)).astype(np.int16)
    out = np.zeros(2, np.int64)
    for reference in range(2):
        assert predict_vector(modes, vectors, temporal, y, x, side, reference, out) in (0, 1, 2)
        assert np.all((low <= out) & (out < high))


def test_the_last_cell_is_predicted_from_what_is_coded_before_it() -> None:
    modes = np.full((4, 6), FIRST, np.int8)
    vectors = np.zeros((4, 6, 2, 2), np.int16)
    vectors[3, 2, 0], vectors[2, 3, 0], vectors[2, 4, 0] = (8, 0), (4, 0), (99, 99)
    temporal = np.full((4, 6, 2, 2), 6, np.int16)
    out = np.zeros(2, np.int64)
    predict_vector(modes, vectors, temporal, 3, 3, 1, 0, out)
    assert out.tolist() == [6, 0]  # the median with the temporal vector


def test_units_fill_their_cells() -> None:
    modes, vectors = np.zeros((4, 4), np.int8), np.zeros((4, 4, 2, 2), np.int16)
    fill_unit(modes, vectors, 2, 0, 2, SECOND, np.array([[1, 2], [3, 4]]))
    assert [is_whole(modes, vectors, *at) for at in ((0, 0), (1, 0), (1, 1))] == [True] * 3
    fill_unit(modes, vectors, 3, 1, 1, SECOND, np.array([[1, 2], [3, 5]]))
    assert not is_whole(modes, vectors, 1, 0)
    assert modes.tolist() == [[0] * 4, [0] * 4, [2, 2, 0, 0], [2, 2, 0, 0]]
    assert vectors[3, 1].tolist() == [[1, 2], [3, 5]] and vectors[2, 1].tolist() == [[1, 2], [3, 4]]
    fill_unit(modes, vectors, 1, 3, 1, FIRST, np.zeros((2, 2)))
    assert not is_whole(modes, vectors, 0, 1)
