import dataclasses
import math

import pytest
import torch

from nvc.errors import InputError, UsageError
from nvc.models.weights import load_weights, read_metadata
from nvc.train import loop
from nvc.train.data import Samples
from nvc.train.loop import Options, learning_rate, read_log, start_state, state_file, train_stage, train_step
from nvc.train.losses import Coder
from nvc.train.stage import Stage
from nvc.train.workers import Group

STAGE = Stage(
    "short", 1, steps=8, batch=2, crop=32, rate=1e-3, warmup=2, ema=0.9, evaluate_clips=0, bf16=False, model="hyper"
)
REFINE = dataclasses.replace(STAGE, name="refined", model="refine")


def options_of(prepared, folder, **values) -> Options:
    folder.mkdir(exist_ok=True)
    return Options(prepared, folder, save_every=0.0, **values)


def trained(prepared, folder, stage=STAGE, **values) -> dict:
    options = options_of(prepared, folder, **values)
    train_stage(Group(), stage, options)
    return torch.load(state_file(options, stage), weights_only=True)


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.mark.parametrize("stage", [STAGE, REFINE], ids=["hyper", "refine"])
def test_killed_and_resumed_equals_unbroken(small_model, prepared, tmp_path, stage):
    weights = f"{stage.name}.safetensors"
    whole = trained(prepared, tmp_path / "whole", stage)
    trained(prepared, tmp_path / "broken", stage, stop_at=3)
    assert not (tmp_path / "broken" / weights).exists()
    broken = trained(prepared, tmp_path / "broken", stage)
    assert whole["step"] == broken["step"] == 8
    for name in ("coder", "average", "optimiser", "progress"):
        assert same(whole[name], broken[name]), name
    ids = [read_metadata(tmp_path / name / weights)["id"] for name in ("whole", "broken")]
    assert ids[0] == ids[1]


def test_training_moves_the_weights(small_model, prepared, tmp_path):
    state = start_state(STAGE, options_of(prepared, tmp_path / "run"), Samples(prepared))
    before = {name: value.clone() for name, value in state.coder.named_parameters()}
    for _ in range(3):
        train_step(Group(), STAGE, Options(prepared, tmp_path), Samples(prepared), state)
    moved = [n for n, p in state.coder.named_parameters() if not torch.equal(p, before[n])]
    assert any("synthesis" in name for name in moved) and any("scale_index" in name for name in moved)
    assert not any("analysis.leave" in name and "hyper" not in name for name in moved)


def test_the_average_follows_the_weights(small_model, prepared, tmp_path):
    state = start_state(STAGE, options_of(prepared, tmp_path / "run"), Samples(prepared))
    with torch.no_grad():
        for parameter in state.coder.parameters():
            parameter += 1
    before = {name: value.clone() for name, value in state.average.named_parameters()}
    state.step = 1000
    loop._average(state, 0.75)
    for name, average in state.average.named_parameters():
        assert torch.allclose(average, before[name] + 0.25, atol=1e-5)


def test_a_state_that_began_otherwise_is_refused(small_model, prepared, tmp_path):
    trained(prepared, tmp_path / "run", REFINE, stop_at=3)
    with pytest.raises(UsageError, match="began with no weights and seed 1, now no weights and seed 2"):
        trained(prepared, tmp_path / "run", dataclasses.replace(REFINE, seed=2))


def test_a_step_that_is_not_finite_changes_nothing(small_model, prepared, tmp_path, monkeypatch):
    state = start_state(STAGE, options_of(prepared, tmp_path / "run"), Samples(prepared))
    before = {name: value.clone() for name, value in state.coder.named_parameters()}
    monkeypatch.setattr(Coder, "objective", lambda self, outcome, batch: outcome.distortion * math.nan)
    record = train_step(Group(), STAGE, Options(prepared, tmp_path), Samples(prepared), state)
    assert record["skipped"] == 1 and state.step == 1
    assert all(torch.equal(value, before[name]) for name, value in state.coder.named_parameters())


def test_the_rate_warms_up_and_falls():
    stage = dataclasses.replace(STAGE, warmup=10)
    rates = [learning_rate(stage, step, step / 100) for step in range(101)]
    assert rates[0] == pytest.approx(stage.rate / 10) and max(rates) == max(rates[9:12])
    assert rates[100] == pytest.approx(stage.rate * 0.01) and learning_rate(stage, 500, 1.7) == rates[100]


def test_minutes_set_the_pace(small_model, prepared, tmp_path, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(clock)))
    trained(prepared, tmp_path / "run", minutes=2)
    steps = [line for line in read_log(tmp_path / "run" / "log.ndjson") if line["event"] == "cost"]
    assert 10 < steps[-1]["step"] < 60


def test_an_ended_stage_is_stepped_over(prepared, tmp_path):
    (tmp_path / "short.safetensors").write_bytes(b"ended")
    train_stage(Group(), STAGE, Options(prepared, tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "short.safetensors"]


def test_weights_of_the_other_kind_are_refused(small_model, prepared, tmp_path):
    trained(prepared, tmp_path / "run")
    start = tmp_path / "run" / "short.safetensors"
    with pytest.raises(UsageError, match="fusion and synthesis only"):
        start_state(REFINE, options_of(prepared, tmp_path / "next", start=start), Samples(prepared))


def test_a_blend_lies_between_both_ends(small_model, prepared, tmp_path):
    trained(prepared, tmp_path / "first", REFINE)
    start = tmp_path / "first" / "refined.safetensors"
    blended = dataclasses.replace(REFINE, blend=0.25)
    state = trained(prepared, tmp_path / "next", blended, start=start)
    before = load_weights(start).model.state_dict()
    after = load_weights(tmp_path / "next" / "refined.safetensors").model.state_dict()
    moved = 0
    for name, value in after.items():
        whole = state["average"][f"model.{name}"]
        moved += not torch.equal(whole, before[name])
        torch.testing.assert_close(value, torch.lerp(before[name], whole, 0.25))
    assert moved > 10
    with pytest.raises(UsageError, match="blends with the weights"):
        start_state(blended, options_of(prepared, tmp_path / "none"), Samples(prepared))


@pytest.mark.slow
def test_networks_can_learn_one_clip(prepared, tmp_path):
    stage = dataclasses.replace(STAGE, steps=150, batch=4, warmup=20)
    options = options_of(prepared, tmp_path / "run", overfit=True)
    train_stage(Group(), stage, options)
    lines = read_log(tmp_path / "run" / "log.ndjson")
    first = next(line["change"] for line in lines if line["event"] == "step")
    last = [line["change"] for line in lines if line["event"] == "cost"][-1]
    assert last < first - 50


def test_what_a_kill_tore_is_no_bug(prepared, tmp_path):
    trained(prepared, tmp_path / "run", stop_at=2)
    log, options = tmp_path / "run" / "log.ndjson", options_of(prepared, tmp_path / "run")
    whole = read_log(log)
    with log.open("a") as file:
        file.write('{"stage": "sho')
    assert read_log(log) == whole
    trained(prepared, tmp_path / "run", stop_at=4)
    assert len(read_log(log)) > len(whole) and read_log(log)[: len(whole)] == whole
    state_file(options, STAGE).write_bytes(b"torn")
    with pytest.raises(InputError, match="remove it to begin the stage anew"):
        train_stage(Group(), STAGE, options)


def test_one_clip_has_weights_of_its_own(prepared, tmp_path):
    trained(prepared, tmp_path / "run", overfit=True)
    assert [path.name for path in (tmp_path / "run").glob("*.safetensors")] == ["short-overfit.safetensors"]
    trained(prepared, tmp_path / "run")
    assert (tmp_path / "run" / "short.safetensors").is_file()


def test_what_an_evaluation_needs_is_checked_before_the_first_step(prepared, tmp_path):
    stage = dataclasses.replace(STAGE, evaluate_clips=2)
    with pytest.raises(InputError, match="points.json"):
        train_stage(Group(), stage, options_of(prepared, tmp_path / "run"))
    assert not (tmp_path / "run" / "log.ndjson").exists()
