"""Small prepared folders of made-up samples, and a small model, for the tests of training."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.models.inter import InterConfig, InterModel
from nvc.models.refine import RefineConfig, RefineModel
from nvc.train.data import META, Sample, write_shard

SIZE = 64
SMALL = InterConfig(fine=16, wide=32, hyper=16, hyper_wide=16, encoder=16, integer=16, renderer=16)


def make_sample(seed: int, references: int = 2, size: int = SIZE) -> Sample:
    """A smooth picture, predictions of it with noise, and a few symbols."""
    random = np.random.default_rng(seed)
    pictures = []
    for noise in (0, 6, 9, 9):
        planes = []
        for side in (size, size // 2, size // 2):
            ramp = np.add.outer(np.arange(side), np.arange(side)) * 2.0 + 40
            planes.append(np.clip(ramp + random.normal(0, 1 + noise, ramp.shape), 0, 255).ravel())
        pictures.append(np.concatenate(planes))
    blocks = (size // 16) ** 2
    symbols = tuple(
        (np.sort(random.choice(blocks * 384, 40, replace=False)), random.integers(-4, 5, 40)) for _ in range(references)
    )
    steps = np.array([300, 200, 200])
    return Sample(np.stack(pictures).astype(np.uint8), symbols, 20 + seed % 20, seed % 5, steps, 2000.0, 1000.0)


@pytest.fixture
def sample_of():
    """``make_sample``."""
    return make_sample


def small_refine_model() -> RefineModel:
    """A small model of the other kind."""
    return RefineModel(RefineConfig(16, 16, 1, 1))


@pytest.fixture
def small_model(monkeypatch: pytest.MonkeyPatch) -> InterModel:
    """A small model; the loop makes such ones too. One thread, so that sums have one order."""
    torch.set_num_threads(1)
    monkeypatch.setattr("nvc.train.loop._NEW", {"hyper": lambda: InterModel(SMALL), "refine": small_refine_model})
    torch.manual_seed(3)
    return InterModel(SMALL).train()


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder as ``prepare`` leaves it, with samples of 64x64 and no points."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / META).write_text(json.dumps({"clips": str(tmp_path), "size": SIZE, "sources": {"made up": 1}}))
    write_shard(folder, "train-0", [make_sample(k, k % 3) for k in range(5)])
    write_shard(folder, "train-1", [make_sample(k, k % 3) for k in range(5, 8)])
    write_shard(folder, "validation-0", [make_sample(k, k % 3) for k in range(10, 13)])
    return folder
