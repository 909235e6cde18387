"""The prediction kernels: they compile, and on the host or a GPU they make the reference's pixels."""

from collections.abc import Callable

import numpy as np
import pytest

from nvc.backend_cupy import Device
from nvc.color import unshuffle
from nvc.motion import warp, warp_cupy, warp_reference
from nvc.motion.field import MotionField, cell_grid

SIZES = [(16, 16), (2, 6), (18, 34), (50, 66)]


def random_references(rng: np.random.Generator, size: tuple[int, int], depth: int, extreme: bool = False) -> tuple:
    h, w = size
    top = (1 << depth) - 1
    references = []
    for _ in range(2):
        planes = [rng.integers(0, top + 1, s) for s in (size, (h // 2, w // 2), (h // 2, w // 2))]
        planes = [np.where(p > top // 2, top, 0) if extreme else p for p in planes]
        references.append(tuple(warp.pad_plane(p.astype(np.uint16)) for p in planes))
    return tuple(references)


def arguments(plane: int, references: tuple, motion: MotionField, size: tuple[int, int], depth: int, overlapped: bool):
    """Arguments of ``predict_plane`` for one plane, as the dispatcher makes them."""
    half = 1 if plane else 0
    block, overlap = 16 >> half, (4 >> half) * overlapped
    taps = warp.CHROMA_TAPS if half else warp.LUMA_TAPS
    return (
        references[0][plane], references[-1][plane], motion.modes, motion.vectors, taps,
        warp.window(block // 2, overlap), block, overlap, size[0] >> half, size[1] >> half, depth,
    )  # fmt: skip


def test_kernels_compile(nvrtc_kernels: Callable[[str], str]) -> None:
    made = nvrtc_kernels(warp_cupy.SOURCE)
    assert [k for k in warp_cupy.KERNELS if k not in made] == []


def test_kernels_hold_no_floats() -> None:
    assert not any(word in warp_cupy.SOURCE for word in ("float", "double"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("reach", [40, 8192])
@pytest.mark.parametrize("overlapped", [True, False])
def test_the_pixels_of_the_reference(
    size: tuple[int, int], depth: int, reach: int, overlapped: bool, motion: Callable, kernel_device: Device
) -> None:
    rng = np.random.default_rng(size[0] * depth + reach)
    references, field = random_references(rng, size, depth), motion(rng, size, reach, True)
    want = []
    for plane in range(3):
        given = arguments(plane, references, field, size, depth, overlapped)
        want.append(warp_reference.predict_plane(*given))
        got = warp_cupy.predict_plane(*given, kernel_device)
        assert got.dtype == np.uint16 and np.array_equal(got, want[plane])
    planes, packed = warp.predict_on_gpu(
        references, field, size, depth, overlapped=overlapped, unshuffled=True, device=kernel_device
    )
    assert all(np.array_equal(a, b) for a, b in zip(planes, want, strict=True))
    assert np.array_equal(packed, unshuffle(tuple(want)))


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("two", [True, False])
def test_extreme_samples_and_one_reference(depth: int, two: bool, motion: Callable, kernel_device: Device) -> None:
    rng = np.random.default_rng(depth)
    size = (34, 34)
    references = random_references(rng, size, depth, extreme=True)[: 2 if two else 1]
    field = motion(rng, size, 60, two)
    planes, packed = warp.predict_on_gpu(references, field, size, depth, device=kernel_device)
    assert packed is None
    for plane in range(3):
        given = arguments(plane, references, field, size, depth, True)
        assert np.array_equal(planes[plane], warp_reference.predict_plane(*given))


def test_vectors_at_every_fraction(kernel_device: Device) -> None:
    """All 16 luma and 64 chroma phases, vectors of both signs."""
    rng = np.random.default_rng(5)
    size = (8 * 8, 8 * 8)
    references = random_references(rng, size, 8)
    rows, columns = cell_grid(*size)
    y, x = np.mgrid[0:rows, 0:columns]
    vectors = np.stack([np.stack([x - 4, y - 4], -1), np.stack([4 - y, x - 4], -1)], 2).astype(np.int16)
    field = MotionField(np.zeros((rows, columns), np.int8), vectors, (-1, 1))
    planes, _ = warp.predict_on_gpu(references, field, size, 8, device=kernel_device)
    for plane in range(3):
        given = arguments(plane, references, field, size, 8, True)
        assert np.array_equal(planes[plane], warp_reference.predict_plane(*given))


def test_the_margin_of_the_planes_is_not_read(motion: Callable, kernel_device: Device) -> None:
    """Positions are clamped to the picture: what the margin holds does not matter."""
    rng = np.random.default_rng(6)
    size = (18, 34)
    references, field = random_references(rng, size, 8), motion(rng, size, 500, True)
    want, _ = warp.predict_on_gpu(references, field, size, 8, device=kernel_device)
    for reference in references:
        for plane in reference:
            inner = plane[warp.MARGIN : -warp.MARGIN, warp.MARGIN : -warp.MARGIN].copy()
            plane[:] = 60000
            plane[warp.MARGIN : -warp.MARGIN, warp.MARGIN : -warp.MARGIN] = inner
    got, _ = warp.predict_on_gpu(references, field, size, 8, device=kernel_device)
    assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.gpu
def test_arrays_on_a_gpu_stay_there(motion: Callable) -> None:
    cupy = pytest.importorskip("cupy")
    rng = np.random.default_rng(7)
    size = (50, 66)
    references, field = random_references(rng, size, 10), motion(rng, size, 90, True)
    want = warp.predict(references, field, size, 10)
    there = tuple(tuple(cupy.asarray(p) for p in r) for r in references)
    for a, b in zip(warp.predict(there, field, size, 10), want, strict=True):
        assert isinstance(a, cupy.ndarray) and np.array_equal(cupy.asnumpy(a), b)


@pytest.mark.gpu
def test_the_dispatcher_offers_it(motion: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cupy")
    rng = np.random.default_rng(8)
    size = (18, 34)
    references, field = random_references(rng, size, 8), motion(rng, size, 90, True)
    want = warp.predict(references, field, size, 8)
    monkeypatch.setenv("NVC_BACKEND", "cupy")
    assert warp.backend_use().backend == "cupy"
    assert all(np.array_equal(a, b) for a, b in zip(warp.predict(references, field, size, 8), want, strict=True))
