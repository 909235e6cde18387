"""Block motion search: finds motion, obeys its switches, stays codable."""

import cv2
import numpy as np
import pytest

from nvc.motion.estimate import MotionCosts, ResidualCost, estimate, quarter_planes
from nvc.motion.field import BOTH, FIRST, SECOND, VECTOR_LIMIT, MotionField, cell_grid, grid_size, is_whole
from nvc.motion.warp import MARGIN, pad_plane, predict

COSTS = MotionCosts(
    np.tile(np.array([2, 1, 2, 3, 4, 5, 6, 7, 4], np.float32), (112, 1)),
    np.tile(np.array([2, 1, 2, 3, 4, 5, 6, 7], np.float32), (21, 1)),
    np.ones(4, np.float32),
    np.tile(np.arange(1, 32, 2, dtype=np.float32), (12, 1)),
)


K = np.arange(16)
BASIS = np.cos(np.pi * (2 * K + 1) * K[:, None] / 32) * np.where(K[:, None] > 0, np.sqrt(1 / 8), 0.25)
RESIDUAL = ResidualCost(BASIS.astype(np.float32), 2.5, 0.02)


def texture(h: int, w: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (h // 4 + 1, w // 4 + 1)), np.ones((4, 4)))[:h, :w].astype(np.uint8)


def search(current: np.ndarray, references: list[np.ndarray], weight: float = 4.0, **switches) -> MotionField:
    grid = grid_size(*current.shape)
    quarters = tuple(quarter_planes(pad_plane(r), 8) for r in references)
    flows = tuple(np.zeros((*grid, 1, 2), np.int16) for _ in references)
    distances = (-1, 1 if len(references) == 2 else 0)
    return estimate(current, quarters, flows, distances, (None,) * len(references), COSTS, weight, RESIDUAL, **switches)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (2, 1), (-5, 3)])
def test_a_shift_is_found(x: int, y: int) -> None:
    big = texture(80, 96)
    current, reference = big[16:64, 16:80], big[16 - y : 64 - y, 16 - x : 80 - x]
    field = search(current, [reference])
    assert np.all(field.modes == FIRST)
    inner = field.vectors[2:-2, 2:-2, 0].reshape(-1, 2)
    assert np.median(inner, 0).tolist() == [4 * x, 4 * y]
    assert not field.vectors[:, :, 1].any()


def test_the_average_of_two_is_found() -> None:
    first, second = texture(64, 64, 1), texture(64, 64, 2)
    current = ((first.astype(int) + second + 1) >> 1).astype(np.uint8)
    assert np.all(search(current, [first, second]).modes == BOTH)
    assert not np.any(search(current, [first, second], bipred=False).modes == BOTH)
    assert np.all(search(second, [first, second]).modes == SECOND)


def test_mirrored_motion_is_found_and_costs_one_difference() -> None:
    """Smooth texture that moves evenly: the past picture to one side, the future one to the other."""
    rng = np.random.default_rng(11)
    big = cv2.resize(rng.integers(0, 256, (20, 26)).astype(np.uint8), (208, 160), interpolation=cv2.INTER_CUBIC)
    first, current, second = (big[16 : 16 + 96, 16 + dx : 16 + dx + 128] for dx in (0, 6, 12))
    noise = rng.normal(0, 6, (2, 96, 128))
    pair = [np.clip(np.rint(p + n), 0, 255).astype(np.uint8) for p, n in zip((first, second), noise, strict=True)]
    shares = []
    for switches in ({}, {"mirror": False}):
        field = search(current, pair, **switches)
        both = field.vectors[field.modes == BOTH].astype(int)
        assert len(both) > 0.8 * field.modes.size
        assert np.all(np.abs(np.median(both[:, 0], 0) - [24, 0]) <= 4)
        shares.append(float((both[:, 0] + both[:, 1] == 0).all(1).mean()))
    assert shares[0] > 0.9 > shares[1]


def test_the_best_of_many_starts_is_taken() -> None:
    """Noise, in which nothing leads from one place to another, moved further than the search walks."""
    big = np.random.default_rng(13).integers(0, 256, (64, 160)).astype(np.uint8)
    current, reference = big[:, 60:124], big[:, 20:84]
    quarters, starts = (quarter_planes(pad_plane(reference), 8),), np.zeros((4, 4, 3, 2), np.int16)
    found = []
    for vectors in ((0, 0), (160, 0)):
        starts[:, :, 1] = vectors
        field = estimate(current, quarters, (starts,), (-1, 0), (None,), COSTS, 0.0, RESIDUAL)
        found.append((field.vectors[:, :2, 0] == (160, 0)).all())
    assert found == [False, True]


@pytest.mark.parametrize("size", [(16, 16), (5, 3), (17, 33), (2, 50)])
@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("two", [True, False])
def test_motion_is_codable_on_odd_sizes(size: tuple[int, int], merge: bool, two: bool) -> None:
    rng = np.random.default_rng(3)
    current, first, second = (rng.integers(0, 256, size).astype(np.uint8) for _ in range(3))
    field = search(current, [first, second] if two else [first], 0.1, merge=merge)
    assert field.modes.shape == cell_grid(*size)
    assert all(is_whole(field.modes, field.vectors, *at) for at in np.ndindex(grid_size(*size)))
    assert np.abs(field.vectors.astype(int)).max() < VECTOR_LIMIT
    assert not field.vectors[field.modes == FIRST, 1].any()
    assert not field.vectors[field.modes == SECOND, 0].any()
    assert two or np.all(field.modes == FIRST)


@pytest.mark.parametrize("depth", [8, 10])
def test_quarter_planes_agree_with_the_prediction(depth: int) -> None:
    rng = np.random.default_rng(4)
    plane = rng.integers(0, 1 << depth, (32, 32)).astype(np.uint16)
    padded = pad_plane(plane)
    quarters = quarter_planes(padded, depth)
    shape = cell_grid(32, 32)
    chroma = pad_plane(plane[:16, :16])
    for y, x in ((0, 0), (0, 1), (2, 0), (3, 2), (1, 3)):
        vectors = np.zeros((*shape, 2, 2), np.int16)
        vectors[:, :, 0] = (x, y)
        field = MotionField(np.ones(shape, np.int8), vectors, (-1, 0))
        exact = predict(((padded, chroma, chroma),), field, (32, 32), depth, overlapped=False)[0]
        ours = quarters[y, x, MARGIN : MARGIN + 32, MARGIN : MARGIN + 32].astype(int)
        assert np.abs(ours - (exact.astype(int) >> (depth - 8))).max() <= 1


def test_expensive_bits_give_less_motion() -> None:
    rng = np.random.default_rng(5)
    current, reference = (rng.integers(0, 256, (64, 64)).astype(np.uint8) for _ in range(2))
    lengths = [int(np.abs(search(current, [reference], w).vectors.astype(int)).sum()) for w in (0.0, 1e6)]
    assert lengths[0] > lengths[1] == 0


def test_vectors_never_leave_what_a_stream_can_hold() -> None:
    """A wide picture whose motion is just past the limit, and a temporal candidate at the limit."""
    size, shift = (16, 2400), VECTOR_LIMIT // 4 + 10
    big = np.random.default_rng(6).integers(0, 256, (16, 2400 + 2 * shift)).astype(np.uint8)
    reference, grid, cells = big[:, shift : shift + 2400], grid_size(*size), cell_grid(*size)
    for sign in (1, -1):
        current = big[:, shift + sign * shift :][:, :2400]
        vectors = np.zeros((*cells, 2, 2), np.int16)
        vectors[:, :, 0, 0] = sign * 4000
        source = MotionField(np.ones(cells, np.int8), vectors, (-1, 0))
        quarters, flow = quarter_planes(pad_plane(reference), 8), np.zeros((*grid, 1, 2), np.int16)
        field = estimate(current, (quarters,), (flow,), (-4, 0), (source,), COSTS, 0.0, RESIDUAL)
        assert field.vectors.min() >= -VECTOR_LIMIT
        assert field.vectors.max() < VECTOR_LIMIT
