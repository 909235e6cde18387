import dataclasses
import shutil
from pathlib import Path

import pytest

from nvc.errors import InputError, UsageError
from nvc.train import run as room
from nvc.train.loop import Options
from nvc.train.run import run, samples_of
from nvc.train.stage import Stage

FIRST = Stage("first", 1, steps=2, batch=1, crop=32, rate=1e-3, share=1.0)
SECOND = dataclasses.replace(FIRST, name="second", order=2, share=3.0, refresh=True)


@pytest.fixture
def seeds() -> list[int]:
    """Seeds of what ``ran`` was asked for."""
    return []


@pytest.fixture
def ran(monkeypatch, prepared, seeds):
    """Stages that only note what they were asked for."""
    (prepared / "points.json").write_text("{}")
    asked: list[tuple[str, Options]] = []

    def note(work, workers, stage, options):
        asked.append((stage.name, options))
        seeds.append(stage.seed)
        (options.out / f"{stage.name}.safetensors").touch()

    def make(clips, folder, part, **options):
        asked.append((part, options["weights"]))
        seeds.append(options["seed"])
        return 1

    apart = dataclasses.replace(FIRST, name="apart", order=0)  # runs by its name only
    monkeypatch.setattr(room, "stages", lambda: {"first": FIRST, "second": SECOND, "apart": apart})
    monkeypatch.setattr(room, "run_workers", note)
    monkeypatch.setattr(room, "make_samples", make)
    return asked


def test_all_shares_the_minutes_and_hands_on_the_weights(ran, prepared, tmp_path):
    out = tmp_path / "run"
    told: list[str] = []
    assert run("all", Options(prepared, out, minutes=8), notify=told.append) == out / "second.safetensors"
    assert [name for name, _ in ran] == ["first", "train", "validation", "second"]
    assert ran[0][1].minutes == 2 and ran[0][1].start is None and ran[0][1].data == prepared
    assert ran[1][1] == out / "first.safetensors" == ran[3][1].start
    assert ran[3][1].minutes == pytest.approx(6, abs=0.1) and ran[3][1].data == out / "second-samples"
    assert samples_of(out, "second") == out / "second-samples" and samples_of(out, "first") == prepared.resolve()


@pytest.mark.parametrize(("seed", "drawn"), [(None, [1, 102, 102, 1]), (7, [7, 702, 702, 7])])
def test_a_seed_is_of_all_that_is_drawn(ran, seeds, prepared, tmp_path, seed, drawn):
    run("all", Options(prepared, tmp_path / "run", seed=seed), notify=lambda text: None)
    assert seeds == drawn


def test_what_has_ended_is_not_run_again(ran, prepared, tmp_path):
    options = Options(prepared, tmp_path / "run")
    run("first", options, notify=lambda text: None)
    told: list[str] = []
    run("all", options, notify=told.append)
    assert [name for name, _ in ran] == ["first", "train", "validation", "second"] and "ended before" in told[0]


def test_a_stage_that_needs_weights_says_so(ran, prepared, tmp_path):
    with pytest.raises(UsageError, match="goes on from the weights"):
        run("second", Options(prepared, tmp_path / "run"), notify=lambda text: None)


def test_an_unknown_stage_is_refused(prepared, tmp_path):
    with pytest.raises(UsageError, match="stage must be all or one of first, refresh, adapt, hyper"):
        run("third", Options(prepared, tmp_path))


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no folder of a run"):
        samples_of(tmp_path, "first")


def test_another_folder_of_samples_is_refused(ran, prepared, tmp_path):
    out = tmp_path / "run"
    run("first", Options(prepared, out), notify=lambda text: None)
    other = tmp_path / "other"
    shutil.copytree(prepared, other)
    with pytest.raises(UsageError, match="learned from"):
        run("first", Options(other, out), notify=lambda text: None)
    assert samples_of(out, "first") == prepared.resolve()
    with pytest.raises(InputError, match="no prepared folder"):
        run("first", Options(tmp_path / "none", tmp_path / "fresh"), notify=lambda text: None)
    assert not (tmp_path / "fresh").exists()


def test_time_for_samples_counts_after_a_kill_too(ran, prepared, tmp_path):
    out = tmp_path / "run"
    run("first", Options(prepared, out), notify=lambda text: None)
    (out / "second-samples").mkdir()
    (out / "second-samples" / "done").write_text("150 seconds\n")
    run("second", Options(prepared, out, minutes=8), notify=lambda text: None)
    assert ran[-1][0] == "second" and ran[-1][1].minutes == pytest.approx(5.5)
