import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.errors import UsageError
from nvc.models.enhance import TYPES
from nvc.train.enhance_data import SIZE, EnhanceBatch, EnhanceSample, EnhanceSamples, write_enhance_shard
from nvc.train.enhance_loop import (
    EnhanceTraining,
    distortion,
    estimator_loss,
    evaluate,
    gain,
    read_stage,
    train_enhance,
)

STAGE = replace(
    read_stage("enhance_fast"), steps=4, batch=2, crop=32, warmup=1, save_every=1, evaluate_every=100, ema=0.5
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for part in ("train", "validation"):
        samples = []
        for k in range(3):
            original = rng.integers(60, 180, SIZE * SIZE * 3 // 2).astype(np.uint8)
            noisy = (original + rng.integers(-6, 7, original.shape)).astype(np.uint8)
            error = np.full(3, 14.0)
            samples.append(
                EnhanceSample(np.stack([original, noisy, noisy, noisy]), 30.0, TYPES.index("I"), 1, 30.0, k, error)
            )
        write_enhance_shard(folder, f"{part}-0", samples)
    return folder


def batch_of(data: Path) -> EnhanceBatch:
    return EnhanceSamples(data).draw(1, 0, 2, 32, 1, 0)


def test_stages() -> None:
    assert read_stage("enhance_fast").preset == "fast"
    with pytest.raises(UsageError):
        read_stage("no_such_stage")


def test_a_step_learns_and_a_bad_one_is_skipped(data: Path) -> None:
    training, batch = EnhanceTraining(STAGE), batch_of(data)
    first = training.step(batch)
    losses = [training.step(batch) for _ in range(12)]
    assert losses[-1] < first
    before = [p.clone() for p in training.model.parameters()]
    training.step(replace(batch, original=batch.original * float("nan")))
    assert training.skipped == 1
    assert all(torch.equal(a, b) for a, b in zip(before, training.model.parameters(), strict=True))


def test_a_resumed_training_is_the_unbroken_one(data: Path, tmp_path: Path) -> None:
    whole = train_enhance(STAGE, data, tmp_path / "whole")
    train_enhance(replace(STAGE, steps=4), data, tmp_path / "parts", minutes=None)
    half = EnhanceTraining(STAGE)
    samples = EnhanceSamples(data)
    for step in range(2):
        half.step(samples.draw(STAGE.seed, step, STAGE.batch, STAGE.crop, STAGE.draw_intra, STAGE.hide_qp))
    (tmp_path / "cut").mkdir()
    half.save(tmp_path / "cut" / "state.pt")
    resumed = train_enhance(STAGE, data, tmp_path / "cut")
    assert whole.step_number == resumed.step_number == 4
    for name in ("model", "mean"):
        pairs = zip(getattr(whole, name).parameters(), getattr(resumed, name).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.ndjson").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 4] and lines[-1]["done"]
    assert lines[-1]["validation"]["pictures"] == 3


def test_minutes_end_a_training(data: Path, tmp_path: Path) -> None:
    training = train_enhance(replace(STAGE, steps=10**6), data, tmp_path / "short", minutes=1e-4)
    assert training.progress == 1 and 1 <= training.step_number < 10


def test_losses(data: Path) -> None:
    batch = batch_of(data)
    none, perfect = torch.zeros_like(batch.decoded), batch.original - batch.decoded
    assert distortion(batch, none).mean() == pytest.approx(1, abs=0.2) and not distortion(batch, perfect).any()
    assert estimator_loss(batch, batch.qp) == 0 and estimator_loss(batch, batch.qp + 2) == 2
    pristine = replace(batch, error=torch.zeros_like(batch.error), qp=-torch.ones_like(batch.qp))
    assert estimator_loss(pristine, torch.full_like(batch.qp, 3.0)) == 3
    unknown = replace(batch, qp=-torch.ones_like(batch.qp))
    assert estimator_loss(unknown, batch.qp) == 0


def test_gain_is_measured_on_what_is_shown(data: Path) -> None:
    batch = EnhanceSamples(data).whole([0])
    assert gain(batch, torch.zeros_like(batch.decoded)) == 0
    assert gain(batch, torch.full_like(batch.decoded, 0.4 / 256)) == 0
    assert gain(batch, (batch.original - batch.decoded) / 2) > 3
    found = evaluate(EnhanceTraining(STAGE).mean, EnhanceSamples(data, "validation"))
    assert found["gain"] == 0 and found["pictures"] == 3 and found["x265"] == 0 and found["x264"] is None
