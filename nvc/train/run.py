"""Runs stages: one, or all of them within a budget of minutes."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

from nvc.errors import InputError, UsageError
from nvc.train.data import read_meta
from nvc.train.loop import Options, train_stage, weights_file
from nvc.train.prepare import make_samples
from nvc.train.stage import Stage, stages
from nvc.train.workers import run_workers

RUN = "run.json"
Notify = Callable[[str], None]


def run(name: str, options: Options, *, workers: int = 1, notify: Notify = print) -> Path:
    """Run stage ``name``, or "all" in order; returns the last stage's weights.

    options.minutes  wall time in all; what was used before a run was killed counts
    Stages that have ended are stepped over, so the same words go on with a run that was killed.
    """
    known = stages()
    if name != "all" and name not in known:
        raise UsageError(f"stage must be all or one of {', '.join(known)}, got {name}")
    chosen = [stage for stage in known.values() if stage.order] if name == "all" else [known[name]]
    if options.seed is not None:
        chosen = [dataclasses.replace(stage, seed=options.seed) for stage in chosen]
    read_meta(options.data)
    _note_data(options)
    total = sum(stage.share for stage in chosen)
    for stage in chosen:
        minutes = None if options.minutes is None else options.minutes * stage.share / total
        _run_stage(stage, dataclasses.replace(options, minutes=minutes, start=_start(stage, options)), workers, notify)
    return weights_file(options, chosen[-1])


def _note_data(options: Options) -> None:
    """Write down what a run learns from. UsageError where it learned from another folder before."""
    options.out.mkdir(parents=True, exist_ok=True)
    note, data = options.out / RUN, str(options.data.resolve())
    if note.is_file() and any(options.out.glob("*.safetensors")):
        before = json.loads(note.read_text(encoding="utf-8"))["data"]
        if before != data:
            raise UsageError(f"{options.out} learned from {before}; give {data} a folder of its own (--out)")
    note.write_text(json.dumps({"data": data}), encoding="utf-8")


def _start(stage: Stage, options: Options) -> Path | None:
    """Weights that a stage begins with: of the last stage before it that ended in this run, else those given."""
    before = [other for other in stages().values() if 0 < other.order < stage.order]
    ended = [options.out / f"{other.name}.safetensors" for other in before]
    ended = [path for path in ended if path.is_file()]
    return ended[-1] if ended else options.start


def samples_of(out: Path, stage: str) -> Path:
    """The samples that a stage of a run learned from. Raises InputError where no run noted any."""
    own = out / f"{stage}-samples"
    if own.is_dir():
        return own
    if not (out / RUN).is_file():
        raise InputError(f"{out} is no folder of a run (no {RUN})")
    return Path(json.loads((out / RUN).read_text(encoding="utf-8"))["data"])


def _run_stage(stage: Stage, options: Options, workers: int, notify: Notify) -> None:
    if weights_file(options, stage).exists():
        notify(f"{stage.name}: has ended before")
        return
    if stage.refresh and not options.overfit:
        options = _refreshed(stage, options, workers, notify)
    minutes = "" if options.minutes is None else f", {options.minutes:.1f} minutes"
    notify(f"{stage.name}: {workers} workers{minutes}, log in {options.out / 'log.ndjson'}")
    run_workers(train_stage, workers, stage, options)
    notify(f"{stage.name}: ended")


def _refreshed(stage: Stage, options: Options, workers: int, notify: Notify) -> Options:
    """Options with samples made by the networks so far; the time it took is taken off the minutes."""
    if options.start is None:
        raise UsageError(f"stage {stage.name} goes on from the weights of another stage; run that first")
    began = time.monotonic()
    folder = options.out / f"{stage.name}-samples"
    done = folder / "done"
    if not done.exists():
        folder.mkdir(exist_ok=True)
        for name in ("meta.json", "points.json"):
            (folder / name).write_bytes((options.data / name).read_bytes())
        clips = Path(read_meta(options.data)["clips"])
        for part, limit, varied in (("train", stage.refresh_clips or None, stage.varied), ("validation", 22, 0.0)):
            count = make_samples(
                clips, folder, part, workers=workers, limit=limit, seed=100 * stage.seed + stage.order,
                weights=options.start, varied=varied,
            )  # fmt: skip
            notify(f"{stage.name}: {count} {part} samples with networks on")
        done.write_text(f"{time.monotonic() - began:.0f} seconds\n", encoding="utf-8")
    minutes = options.minutes
    if minutes is not None:
        minutes = max(0.2, minutes - float(done.read_text(encoding="utf-8").partition(" ")[0] or 0) / 60)
    return dataclasses.replace(options, data=folder, minutes=minutes)
