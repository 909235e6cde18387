from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.errors import InputError
from nvc.models.enhance import TYPES
from nvc.train.enhance_data import SIZE, EnhanceSample, EnhanceSamples, split_planes, write_enhance_shard


def sample(number: int, qp: float = 30.0, kind: str = "P") -> EnhanceSample:
    rng = np.random.default_rng(number)
    planes = rng.integers(0, 256, (4, SIZE * SIZE * 3 // 2)).astype(np.uint8)
    return EnhanceSample(planes, qp, TYPES.index(kind), 1, qp, number, np.array([1.0, 2.0, 3.0]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert write_enhance_shard(tmp_path, "train-0", [sample(0, kind="I"), sample(1)]) == 2
    assert write_enhance_shard(tmp_path, "train-1", [sample(2, float("nan"), "")]) == 1
    assert write_enhance_shard(tmp_path, "train-2", []) == 0
    return tmp_path


def test_what_is_written_is_read(folder: Path) -> None:
    samples = EnhanceSamples(folder)
    assert len(samples) == 3 and samples.kinds.tolist() == [1, 2, 0]
    for k in range(3):
        assert np.array_equal(samples.sample(k).planes, sample(k).planes)
    assert samples.sample(1).error.tolist() == [1, 2, 3] and np.isnan(samples.sample(2).qp)
    with pytest.raises(InputError, match="validation"):
        EnhanceSamples(folder, "validation")


def test_whole_pictures(folder: Path) -> None:
    batch = EnhanceSamples(folder).whole([1, 2])
    y, u, v = split_planes(sample(1).planes[0])
    assert batch.original.shape == (2, 6, SIZE // 2, SIZE // 2)
    assert np.allclose((batch.original[0, 0].numpy() + 0.5) * 256, y[::2, ::2])
    assert np.allclose((batch.original[0, 5].numpy() + 0.5) * 256, v)
    assert batch.qp.tolist() == [30, -1] and batch.known.tolist() == [1, 0] and batch.kind.tolist() == [2, 0]


def test_draws_depend_on_seed_and_step_alone(folder: Path) -> None:
    samples = EnhanceSamples(folder)
    one, same, other = (samples.draw(1, step, 4, 64, 1.5, 0.5) for step in (7, 7, 8))
    assert torch.equal(one.decoded, same.decoded) and not torch.equal(one.decoded, other.decoded)
    assert one.decoded.shape == (4, 6, 32, 32)


def test_all_pictures_of_a_sample_are_turned_alike(tmp_path: Path) -> None:
    ramp = np.random.default_rng(0).integers(0, 256, SIZE * SIZE * 3 // 2).astype(np.uint8)
    same = EnhanceSample(np.stack([ramp] * 4), 30.0, 1, 1, 30.0, 0, np.ones(3))
    write_enhance_shard(tmp_path, "train-0", [same])
    batch = EnhanceSamples(tmp_path).draw(0, 0, 8, 64, 1, 0)
    for other in (batch.decoded, *batch.neighbours):
        assert torch.equal(batch.original, other)
    assert len({float(crop.sum()) for crop in batch.original}) > 4


def test_hiding(folder: Path) -> None:
    samples = EnhanceSamples(folder)
    assert not samples.draw(0, 0, 8, 64, 1, 1.0).known.any() and not samples.draw(0, 0, 8, 64, 1, 1.0).kind.any()
    assert set(samples.draw(0, 0, 32, 64, 100.0, 0.0).kind.tolist()) >= {1}
