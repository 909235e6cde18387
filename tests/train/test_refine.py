from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.models.refine import INTRA_LEVEL, RefineConfig, RefineModel
from nvc.models.weights import seeded_weights
from nvc.train.data import META, Samples, write_shard
from nvc.train.recorder import record
from nvc.train.refine import RefineCoder
from nvc.types import Frame, Settings, VideoInfo

SMALL = RefineConfig(16, 16, 1, 1)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The frames of a clip of 64x64 that moves, as the real encoder shows them."""
    folder: Path = tmp_path_factory.mktemp("recorded")
    random = np.random.default_rng(0)
    info = VideoInfo(64, 64, Fraction(1, 25))
    big = random.integers(100, 130, (24, 24)).repeat(4, 0).repeat(4, 1)
    frames = []
    for k in range(9):
        planes = [big[k : k + n, 2 * k : 2 * k + n] + random.integers(-3, 4, (n, n)) for n in (64, 32, 32)]
        y, u, v = (plane.astype(np.uint8) for plane in planes)
        frames.append(Frame(y, u, v, k, info, 1))
    (folder / META).write_text('{"clips": "", "size": 64, "sources": {}}')
    # Without the loop filter, so that what the encoder paid is what a model that adds nothing costs.
    unfiltered = Settings(disable=frozenset({"alf"}))
    write_shard(folder, "train-0", record(frames, 34, settings=unfiltered))
    return Samples(folder)


def test_a_model_that_adds_nothing_costs_what_the_encoder_paid(samples):
    """Rounding, bits and pictures are the encoder's: the change is 0 for every frame, I frame and all."""
    batch = samples.batch(range(len(samples)))
    coder = RefineCoder(RefineModel(SMALL).eval())
    assert sorted(batch.level.tolist()) == [0, 1, 2, 2, 3, 3, 3, 3, INTRA_LEVEL]
    with torch.no_grad():
        change = coder.change(coder(batch), batch)
    # A few bits: the side bank is chosen for each frame here, and floats are summed in another order.
    assert torch.all(change.abs() < 4) and torch.all(batch.own_cost > 200), (change, batch.own_cost)


def test_both_networks_learn(samples):
    torch.manual_seed(0)
    coder = RefineCoder(RefineModel(SMALL).train())
    batch = samples.batch(range(len(samples)))
    optimiser = torch.optim.Adam(coder.parameters(), 2e-3)
    found = []
    for _ in range(25):
        outcome = coder(batch)
        found.append(tuple(part.detach().mean().item() for part in (outcome.prediction_cost, outcome.distortion)))
        optimiser.zero_grad()
        (coder.objective(outcome, batch) / batch.cost).mean().backward()
        optimiser.step()
    assert found[-1][0] < 0.99 * found[0][0] and found[-1][1] < 0.97 * found[0][1]
    assert coder.progress(coder(batch), batch)["synthesis"] < 0


def test_an_i_frame_has_no_residual(samples):
    batch = samples.batch([k for k in range(len(samples)) if samples.levels[k] == INTRA_LEVEL])
    model = seeded_weights(2, SMALL).model
    with torch.no_grad():
        outcome = RefineCoder(model)(batch)
        whole = batch.prediction + model.refine_intra(batch.prediction, batch.quality)
    assert not outcome.latents.any() and float(outcome.prediction_cost) == 0
    error = ((whole - batch.source) * 256).square().sum((2, 3))
    assert float(outcome.distortion) == pytest.approx(float(error[:, :4].sum() + 1.5 * error[:, 4:].sum()), rel=1e-3)


@pytest.mark.parametrize("adapt", [False, True])
def test_crops_have_gradients_for_all_weights(samples, adapt):
    coder = RefineCoder(seeded_weights(2, SMALL).model.train(), adapt=adapt)
    batch = samples.batch([1, 3, 5, 0], 32, (4,))
    coder.objective(coder(batch), batch).mean().backward()
    parameters = dict(coder.named_parameters())
    missing = {n for n, p in parameters.items() if p.grad is None or not torch.isfinite(p.grad).all()}
    # The other heads learn under gains alone.
    assert missing == (set() if adapt else {n for n in parameters if ".heads." in n})


def test_gains_never_harm(samples):
    batch = samples.batch(range(len(samples)))
    model = seeded_weights(2, SMALL).model
    with torch.no_grad():
        adapted, plain = RefineCoder(model, adapt=True)(batch), RefineCoder(model)(batch)
    assert torch.all(adapted.distortion <= 1.001 * plain.distortion)
    assert adapted.distortion.sum() < 0.999 * plain.distortion.sum()
