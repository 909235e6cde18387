"""Integer prediction: twins, filters, windows, far vectors, backends."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.errors import FormatError
from nvc.motion import warp
from nvc.motion.field import FIRST, MotionField, cell_grid, grid_size

SIZES = [(16, 16), (18, 34), (2, 6), (48, 64), (50, 16)]


def random_references(rng: np.random.Generator, size: tuple[int, int], depth: int) -> tuple:
    h, w = size
    shapes = (size, (h // 2, w // 2), (h // 2, w // 2))
    planes = [[rng.integers(0, 1 << depth, s).astype(np.uint16) for s in shapes] for _ in range(2)]
    return tuple(tuple(warp.pad_plane(p) for p in reference) for reference in planes)


def under(backend: str, monkeypatch: pytest.MonkeyPatch, *args, **kwargs) -> tuple:
    monkeypatch.setenv("NVC_BACKEND", backend)
    assert warp.backend_use().backend == backend
    return warp.predict(*args, **kwargs)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("reach", [4, 300, 8192])
@pytest.mark.parametrize("overlapped", [True, False])
def test_twins_predict_the_same(
    size: tuple[int, int], depth: int, reach: int, overlapped: bool, motion: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(hash((size, depth, reach)) % 2**32)
    references = random_references(rng, size, depth)
    field = motion(rng, size, reach, True)
    args = (references, field, size, depth)
    fast = under("numba", monkeypatch, *args, overlapped=overlapped)
    plain = under("reference", monkeypatch, *args, overlapped=overlapped)
    assert np.array_equal(
        warp.predict_luma([r[0] for r in references], field, size, depth, overlapped=overlapped), fast[0]
    )
    rows, columns = grid_size(*size)
    for plane, (a, b) in enumerate(zip(fast, plain, strict=True)):
        n = 16 if plane == 0 else 8
        assert a.shape == (rows * n, columns * n)
        assert a.dtype == b.dtype == np.uint16
        assert np.array_equal(a, b)
        assert a.max() < 1 << depth


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("overlapped", [True, False])
def test_extreme_samples_do_not_overflow(
    depth: int, overlapped: bool, motion: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    size = (34, 34)
    references = random_references(rng, size, depth)
    for reference in references:
        for plane in reference:
            plane[:] = np.where(plane >> (depth - 1), (1 << depth) - 1, 0)
    args = (references, motion(rng, size, 60, True), size, depth)
    fast = under("numba", monkeypatch, *args, overlapped=overlapped)
    plain = under("reference", monkeypatch, *args, overlapped=overlapped)
    assert all(np.array_equal(a, b) for a, b in zip(fast, plain, strict=True))


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("two", [True, False])
def test_still_motion_copies_the_reference(depth: int, two: bool) -> None:
    rng = np.random.default_rng(8)
    size = (34, 50)
    reference = random_references(rng, size, depth)[0]
    shape = cell_grid(*size)
    modes = np.full(shape, 0 if two else FIRST, np.int8)
    still = MotionField(modes, np.zeros((*shape, 2, 2), np.int16), (-1, 1 if two else 0))
    references = (reference, reference) if two else (reference,)
    for plane, padded in zip(warp.predict(references, still, size, depth), reference, strict=True):
        want = padded[warp.MARGIN :, warp.MARGIN :][: plane.shape[0], : plane.shape[1]]
        assert np.array_equal(plane, want)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -5), (-40, 9), (900, -900)])
def test_whole_sample_vectors_shift_and_repeat_the_edge(x: int, y: int) -> None:
    rng = np.random.default_rng(9)
    size = (32, 48)
    reference = random_references(rng, size, 8)[0]
    shape = cell_grid(*size)
    vectors = np.zeros((*shape, 2, 2), np.int16)
    vectors[:, :, 0] = (4 * x, 4 * y)
    plane = warp.predict((reference,), MotionField(np.ones(shape, np.int8), vectors, (-1, 0)), size, 8)[0]
    source = reference[0][warp.MARGIN : -warp.MARGIN, warp.MARGIN : -warp.MARGIN]
    rows, columns = np.clip(np.arange(32) + y, 0, 31), np.clip(np.arange(48) + x, 0, 47)
    assert np.array_equal(plane, source[np.ix_(rows, columns)])


@pytest.mark.parametrize("taps", [warp.LUMA_TAPS, warp.CHROMA_TAPS])
def test_filters_sum_to_64_and_mirror(taps: np.ndarray) -> None:
    assert np.all(taps.sum(1) == 64)
    for f in range(1, len(taps)):
        assert taps[f].tolist() == taps[-f][::-1].tolist()


@pytest.mark.parametrize(("size", "overlap"), [(16, 4), (8, 4), (4, 2), (8, 0), (4, 0)])
def test_windows_of_neighbours_sum_to_one(size: int, overlap: int) -> None:
    inner, first, last, only = warp.window(size, overlap)
    full = 4 * overlap if overlap else 1
    for row in (inner, first, last, only):
        assert len(row) == size + 2 * overlap
    for blocks in ([only], [first, last], [first, inner, inner, last]):
        total = np.zeros(size * len(blocks) + 2 * overlap, int)
        for k, row in enumerate(blocks):
            total[k * size : (k + 1) * size + 2 * overlap] += row
        assert np.all(total[overlap : overlap + size * len(blocks)] == full)
        assert total.sum() == full * size * len(blocks)


@pytest.mark.parametrize(("size", "overlap"), [(8, 4), (4, 2), (8, 0)])
def test_windows_of_cells_sum_to_their_blocks(size: int, overlap: int) -> None:
    cells, blocks = warp.window(size, overlap), warp.window(2 * size, overlap)
    for place in range(4):
        total = np.zeros(2 * size + 2 * overlap, int)
        total[: size + 2 * overlap] += cells[place & 1]
        total[size:] += cells[place & 2]
        assert np.array_equal(total, blocks[place])


@pytest.mark.parametrize("shape", [(3, 4), (6, 6), (1, 1)])
def test_motion_of_another_grid_is_refused(shape: tuple[int, int]) -> None:
    reference = random_references(np.random.default_rng(1), (48, 64), 8)[0]
    field = MotionField(np.ones(shape, np.int8), np.zeros((*shape, 2, 2), np.int16), (-1, 0))
    with pytest.raises(FormatError, match="cells"):
        warp.predict((reference,), field, (48, 64), 8)


def test_a_padded_plane_repeats_its_edge() -> None:
    padded = warp.pad_plane(np.array([[1, 2], [3, 4]], np.uint8))
    assert padded.dtype == np.uint16
    assert padded.shape == (2 + 2 * warp.MARGIN,) * 2
    assert (padded[0, 0], padded[0, -1], padded[-1, 0], padded[-1, -1]) == (1, 2, 3, 4)
