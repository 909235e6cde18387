import cv2
import numpy as np
import pytest

from nvc.motion.align import Aligner


def textured(height: int, width: int, shift: tuple[int, int] = (0, 0), depth: int = 8):
    rng = np.random.default_rng(0)
    field = cv2.GaussianBlur(rng.uniform(0, 255, (height + 40, width + 40)).astype(np.float32), (0, 0), 3)
    field = np.clip((field - 127) * 5 + 127, 0, 255)
    down, right = shift
    luma = field[20 - down :, 20 - right :][:height, :width]
    chroma = luma[: height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    chroma = np.pad(chroma, ((0, height % 2), (0, width % 2)), mode="edge")
    kind, scale = (np.uint8, 1) if depth == 8 else (np.uint16, 4)
    return tuple((plane * scale).astype(kind) for plane in (luma, chroma, 255 - chroma))


@pytest.mark.parametrize(("size", "depth"), [((96, 128), 8), ((95, 127), 8), ((96, 128), 10)])
def test_a_moved_picture_comes_back(size: tuple[int, int], depth: int) -> None:
    current, neighbour = textured(*size, depth=depth), textured(*size, (2, 4), depth)
    moved = Aligner().align(current, neighbour, depth)
    for a, b, c in zip(current, neighbour, moved, strict=True):
        assert c.shape == a.shape and c.dtype == a.dtype
        inner = (slice(12, -12), slice(12, -12))
        before, after = (np.abs(a.astype(float) - x)[inner].mean() for x in (b, c))
        assert after < before / 3


def test_a_cut_gives_the_current_picture() -> None:
    current = textured(96, 128)
    other = tuple(255 - plane for plane in current)
    moved = Aligner().align(current, other, 8)
    assert np.abs(moved[0].astype(int) - current[0]).mean() < 8 < np.abs(other[0].astype(int) - current[0]).mean()


def test_tiny_pictures_are_left_alone() -> None:
    current, other = textured(20, 33), textured(20, 33, (1, 1))
    assert Aligner().align(current, other, 8) is current


def test_the_same_twice() -> None:
    current, other = textured(64, 64), textured(64, 64, (1, 2))
    aligner = Aligner()
    first, second = aligner.align(current, other, 8), aligner.align(current, other, 8)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
