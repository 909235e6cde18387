"""Small clips and what they become, made once for all tests of the pipeline."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nvc.bench import sample_path
from nvc.container import StreamReader
from nvc.pipeline import encode_file
from nvc.types import Settings

WIDTH, HEIGHT, FRAMES, KEYINT = 64, 48, 26, 8


def moving_planes(index: int, bit_depth: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Planes of a smooth pattern that moves two pixels a frame."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    kind, scale = (np.uint8, 1) if bit_depth == 8 else (np.uint16, 4)
    luma = scale * (128 + 60 * np.sin((columns - 2 * index) / 7) * np.cos(rows / 9))
    chroma = luma[::2, ::2].astype(kind)
    return luma.astype(kind), chroma, (scale * 255 - chroma).astype(kind)


def y4m(frames: int, bit_depth: int = 8) -> bytes:
    """A y4m of the moving pattern."""
    parts = [f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1 C420{'jpeg' if bit_depth == 8 else 'p10'}\n".encode()]
    for index in range(frames):
        parts += [b"FRAME\n", *(plane.tobytes() for plane in moving_planes(index, bit_depth))]
    return b"".join(parts)


@pytest.fixture(scope="session")
def clip_bytes() -> Callable[..., bytes]:
    """frames, bit_depth -> y4m."""
    return y4m


@pytest.fixture(scope="session")
def source_planes() -> Callable:
    """index, bit_depth -> planes of the clip."""
    return moving_planes


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 frames of 64x48 as y4m."""
    path = tmp_path_factory.mktemp("clip") / "clip.y4m"
    path.write_bytes(y4m(FRAMES))
    return path


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample clip, which has sound."""
    return sample_path()


@pytest.fixture(scope="session")
def coded(clip: Path) -> Path:
    """The clip as .nvc: I frames at 0, 8, 16 and 24; with frame hashes."""
    path = clip.with_name("coded.nvc")
    encode_file(clip, path, Settings(quality=30, keyint=KEYINT, mini_gop=8, hash=True))
    return path


@pytest.fixture(scope="session")
def layered(clip: Path) -> Path:
    """The clip as layered .mp4 with periods of 8."""
    path = clip.with_name("layered.mp4")
    encode_file(clip, path, Settings(quality=30, keyint=KEYINT))
    return path


@pytest.fixture(scope="session")
def sounding(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames of the sample with its sound, I frames at 0, 8 and 16."""
    path = tmp_path_factory.mktemp("sound") / "sound.nvc"
    encode_file(sample, path, Settings(quality=10, keyint=8, mini_gop=8), frames=20)
    return path


@pytest.fixture
def damage(coded: Path, tmp_path: Path) -> Callable[[int], Path]:
    """frame -> a copy of the coded clip with a flipped byte in the I frame before it."""

    def make(frame: int) -> Path:
        data = bytearray(coded.read_bytes())
        index = StreamReader(bytes(data)).index or ()
        entry = next(e for e in index if e.start <= frame < e.start + e.frames)
        data[entry.offset + 20] ^= 0x55
        path = tmp_path / "damaged.nvc"
        path.write_bytes(data)
        return path

    return make
