"""What context networks see of shadows."""

import numpy as np
import pytest

from nvc.codec import learned_pixels
from nvc.codec.learned_pixels import BLOCK_INPUTS, UNIT_INPUTS, Pictures
from nvc.models.contexts import RANGES
from nvc.motion.field import BOTH, FIRST, MAX_CANDIDATES, SECOND
from nvc.motion.warp import pad_plane

SIZE, AT = (48, 64), (2, 4, 2)  # the block at row 16, column 32


def pictures(dx: int = 0, dy: int = 0, distances=(-1, 1), depth: int = 8) -> Pictures:
    """Noise, and the same noise (dx, dy) samples further on."""
    wide = np.random.default_rng(3).integers(0, 1 << depth, (SIZE[0] + 32, SIZE[1] + 32)).astype(np.uint16)
    first = wide[16:-16, 16:-16]
    second = wide[16 - dy : 16 - dy + SIZE[0], 16 - dx : 16 - dx + SIZE[1]]
    return Pictures(pad_plane(first), pad_plane(second), distances, (*SIZE, depth - 8))


def noise(rows: int, columns: int, distances) -> Pictures:
    """Two pictures of noise under a grid of blocks."""
    random, size = np.random.default_rng(4), (16 * rows, 16 * columns)
    first, second = (pad_plane(random.integers(0, 256, size).astype(np.uint16)) for _ in range(2))
    return Pictures(first, second, (int(distances[0]), int(distances[1])), (*size, 0))


def vectors(*pair: tuple[int, int]) -> np.ndarray:
    return np.array([*pair, (0, 0), (0, 0)][:2], np.int16)


def unit(found: list[tuple[int, np.ndarray]], shown: Pictures, temporal=None, at=AT) -> list[int]:
    """Inputs of a unit with these candidates, under a temporal field that is everywhere alike."""
    modes, moves = np.zeros(MAX_CANDIDATES, np.int8), np.zeros((MAX_CANDIDATES, 2, 2), np.int16)
    for k, (mode, vector) in enumerate(found):
        modes[k], moves[k] = mode, vector
    cells, temporal = (SIZE[0] // 8, SIZE[1] // 8), temporal or (BOTH, vectors())
    field = np.full(cells, temporal[0], np.int8), np.broadcast_to(temporal[1], (*cells, 2, 2)).copy()
    x = np.full(UNIT_INPUTS + 1, 99, np.int32)
    assert learned_pixels.set_unit(x, 0, shown, at, *field, modes, moves, len(found)) == UNIT_INPUTS
    assert x[-1] == 99
    return x[:-1].tolist()


def test_half_octaves() -> None:
    values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 1 << 20]
    assert [learned_pixels.half_octaves(np.int64(v)) for v in values] == [0, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 31]


@pytest.mark.parametrize(("mode", "vector"), [
    (BOTH, [(-8, 4), (8, -4)]), (FIRST, [(-8, 4), (0, 0)]), (SECOND, [(0, 0), (8, -4)]), (BOTH, [(-8, 5), (7, -4)]),
])  # fmt: skip
def test_references_agree_over_the_motion_between_them(mode, vector) -> None:
    """Two samples to the left in one, two to the right in the other; one reference looks at the other's mirror."""
    shown, moves = pictures(4, -2), vectors(*vector)
    assert learned_pixels.disagreement(shown, 16, 32, 16, mode, moves, 0, 0) == 0
    assert learned_pixels.disagreement(shown, 16, 32, 16, mode, moves, 4, 0) > 1000
    beside = moves.copy()
    beside[:, 0] += [12, -12] if mode == SECOND else [-12, 12]
    assert learned_pixels.disagreement(shown, 16, 32, 16, mode, beside, 12, 0) == 0


def test_the_sum_is_over_64_samples_of_eight_bits() -> None:
    one, two = pictures(depth=10), pictures(3, 1, depth=10)
    shown = Pictures(one.first, two.second, (-1, 1), (*SIZE, 2))
    inner = np.s_[48 + 16 : 48 + 32 : 2, 48 + 32 : 48 + 48 : 2]
    want = np.abs(one.first[inner].astype(int) - two.second[inner]).sum() >> 2
    assert learned_pixels.disagreement(shown, 16, 32, 16, BOTH, vectors(), 0, 0) == want
    inner = np.s_[48 + 16 : 48 + 24, 48 + 32 : 48 + 40]
    want = np.abs(one.first[inner].astype(int) - two.second[inner]).sum() >> 2
    assert learned_pixels.disagreement(shown, 16, 32, 8, BOTH, vectors(), 0, 0) == want


@pytest.mark.parametrize("far", [-8192, 8191])
def test_far_vectors_see_the_edge(far) -> None:
    corner = (0, 0) if far < 0 else (SIZE[0] - 1, SIZE[1] - 1)
    shown = pictures(1, 1)
    value = abs(int(shown.first[48 + corner[0], 48 + corner[1]]) - int(shown.second[48 + corner[0], 48 + corner[1]]))
    for y, x in ((0, 0), (32, 48), (48, 64)):
        assert learned_pixels.disagreement(shown, y, x, 16, BOTH, vectors((far, far), (far, far)), 0, 0) == 64 * value


def test_a_unit_whose_second_candidate_is_the_right_one() -> None:
    wrong, right = (BOTH, vectors((40, 8), (4, 4))), (FIRST, vectors((-8, 4)))
    x = unit([wrong, right, wrong], pictures(4, -2), (BOTH, right[1] * [[1], [0]] + [[0, 0], [8, -4]]))
    across, down, first, second, third, others, best, temporal, spread, worst, alone, around = x
    assert min(across, down) > 20 and first > 20 and best == 1
    assert second == -first == others == temporal == alone and third == 0
    assert 0 <= spread < 6 and worst > 20 and -3 < around < 3


def test_what_lies_one_sample_beside_is_seen() -> None:
    x = unit([(BOTH, vectors((-4, 4), (4, -4)))], pictures(4, -2))
    assert x[2] > 20 and x[-1] == -x[2] and x[3:6] == [15, 15, 15]


def test_a_cell_has_no_cells_and_one_reference_no_other() -> None:
    x = unit([(BOTH, vectors())], pictures(4, -2), at=(2, 4, 1))
    assert x[8:11] == [0, -1, 0] and x[2] > 20
    x = unit([(FIRST, vectors())], pictures(4, -2, (-1, 0)))
    assert min(x[:2]) > 20 and x[2:] == [-1, 0, 0, 0, 0, 0, 0, -1, 0, 0]


def test_a_flat_picture_has_no_texture() -> None:
    flat = pad_plane(np.full(SIZE, 80, np.uint16))
    steps = pad_plane(np.broadcast_to(np.arange(SIZE[1], dtype=np.uint16), SIZE))
    assert unit([(BOTH, vectors())], Pictures(flat, steps, (-1, 1), (*SIZE, 0)))[:2] == [0, 0]
    across, down = unit([(SECOND, vectors())], Pictures(flat, steps, (-1, 1), (*SIZE, 0)))[:2]
    assert across == learned_pixels.half_octaves(np.int64(64)) and down == 0


def test_texture_of_ten_bits_counts_as_of_eight() -> None:
    eight, ten = pictures(), pictures()
    ten = Pictures(ten.first << 2, ten.second << 2, (-1, 1), (*SIZE, 2))
    assert unit([(BOTH, vectors())], eight) == unit([(BOTH, vectors())], ten)


@pytest.mark.parametrize(("mode", "r", "offset"), [(FIRST, 0, 4), (SECOND, 1, -8), (0, 0, 16), (0, 1, -32), (3, 0, 0)])
def test_around_finds_where_references_agree(mode, r, offset) -> None:
    """The predicted vector lies ``offset`` quarter samples to the right of the true one, which lies at no motion."""
    shown = pictures()
    predicted, x = np.zeros((2, 2), np.int64), np.zeros(4, np.int32)
    predicted[r, 0] = offset
    if mode in (0, 3) and r == 0:
        predicted[1, 0] = -offset
    learned_pixels.set_around(x, 0, shown, AT, r, 0, mode, predicted, np.zeros((2, 2), np.int64), np.zeros(2, np.int64))
    steps = {0: 0, 4: -1, -8: 2, 16: -3, -32: 4}
    assert x[0] == steps[offset] and (x[1] == 0) == (offset == 0)
    # Vertically with the horizontal difference known.
    difference = np.zeros((2, 2), np.int64)
    difference[r, 0] = -offset
    learned_pixels.set_around(x, 0, shown, AT, r, 1, mode, predicted, difference, np.zeros(2, np.int64))
    assert x[0] == 0 and x[1] == 0
    learned_pixels.set_around(
        x, 0, pictures(distances=(-1, 0)), AT, r, 0, mode, predicted, difference, np.zeros(2, np.int64)
    )
    assert x.tolist() == [5, -1, 0, 0]


def test_what_a_block_leaves() -> None:
    modes, field = np.full((6, 8), FIRST, np.int8), np.zeros((6, 8, 2, 2), np.int16)
    field[:, :, 0] = -8, 4
    x = np.zeros(BLOCK_INPUTS, np.int32)
    assert learned_pixels.set_residual(x, 0, pictures(4, -2), modes, field, 1, 2) == BLOCK_INPUTS
    assert min(x[:2]) > 20 and x[2:].tolist() == [0, 0]
    field[3, 5, 0] = 0
    learned_pixels.set_residual(x, 0, pictures(4, -2), modes, field, 1, 2)
    assert x[2] > 15 and x[3] > 20
    learned_pixels.set_residual(x, 0, pictures(4, -2, (-1, 0)), modes, field, 1, 2)
    assert x[2:].tolist() == [-1, 0]


def test_inputs_lie_within_their_ranges() -> None:
    """Of random units: nothing is clipped but costs that lie further apart than their range."""
    random = np.random.default_rng(0)
    low, high = np.array(RANGES[0][-UNIT_INPUTS:]).T
    for _ in range(50):
        found = [(int(random.integers(0, 3)), random.integers(-99, 99, (2, 2))) for _ in range(random.integers(1, 6))]
        x = np.array(unit(found, pictures(*random.integers(-9, 9, 2)), (BOTH, random.integers(-99, 99, (2, 2)))))
        assert (x <= high).all() and (np.delete(x, [3, 4, 5, 7, 10, 11]) >= np.delete(low, [3, 4, 5, 7, 10, 11])).all()
