"""The training loop: one process or several, on CPU or GPU, exactly resumable from one file.

What a step does depends on the state file and the step's number alone: samples are drawn by number, nothing else is
random. A run that was killed goes on from its last state and ends bit for bit where the unbroken one ends; with a
budget in minutes instead of steps, the clock decides how fast the learning rate falls, and only then does it differ.
"""

import contextlib
import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from nvc.errors import InputError, UsageError
from nvc.models.inter import InterModel
from nvc.models.refine import RefineModel
from nvc.models.weights import Model, load_weights
from nvc.train.data import Samples
from nvc.train.evaluate import check_evaluation, evaluate, relative_cost
from nvc.train.export import fit_tables, save_trained
from nvc.train.losses import Coder
from nvc.train.refine import RefineCoder
from nvc.train.stage import Stage
from nvc.train.start import set_start
from nvc.train.workers import Group, fast_bf16

_HYPER_RATE = 10.0
_FLOOR = 0.01  # of the learning rate at the end
_PLAN_EVERY = 20
_LOG_EVERY = 50
_NEW: dict[str, Callable[[], Model]] = {"hyper": InterModel, "refine": RefineModel}


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a stage.

    data      prepared folder; out: folder of the run, gets <stage>.state, <stage>.safetensors, log.ndjson
    minutes   wall time of the stage, None = its steps
    device    "cpu" or "cuda"; save_every: seconds from one state file to the next
    start     weights to begin with, None = the DCT start
    steps     instead of the stage's own
    stop_at   leave after this many steps without an end, for tests
    overfit   learn the samples of the first clip only, and judge by them
    seed      instead of the stages' own: of what is drawn, samples made anew included
    """

    data: Path
    out: Path
    minutes: float | None = None
    device: str = "cpu"
    save_every: float = 60.0
    start: Path | None = None
    steps: int | None = None
    stop_at: int | None = None
    overfit: bool = False
    seed: int | None = None


@dataclass(slots=True)
class State:
    """Everything that the next step depends on, besides samples and stage; origin: what it began with."""

    coder: Coder | RefineCoder
    average: Coder | RefineCoder
    optimiser: torch.optim.Optimizer
    step: int = 0
    progress: float = 0.0
    pace: float = 0.0
    elapsed: float = 0.0
    evaluated: list[float] = field(default_factory=list)
    origin: str = ""

    _NUMBERS = ("step", "progress", "pace", "elapsed", "evaluated")

    def save(self, path: Path, stage: str) -> None:
        """Write the state; the file is whole at any moment."""
        values = {name: getattr(self, name) for name in State._NUMBERS}
        values.update(
            stage=stage, origin=self.origin, coder=self.coder.state_dict(), average=self.average.state_dict(),
            optimiser=self.optimiser.state_dict(),
        )  # fmt: skip
        part = path.with_name(path.name + ".part")
        torch.save(values, part)
        os.replace(part, path)

    def load(self, path: Path) -> None:
        """Go on from a saved state; UsageError where that began with other weights or another seed."""
        try:
            values = torch.load(path, map_location="cpu", weights_only=True)
            origin = str(values["origin"])
            self.coder.load_state_dict(values["coder"])
            self.average.load_state_dict(values["average"])
            self.optimiser.load_state_dict(values["optimiser"])
            for name in State._NUMBERS:
                setattr(self, name, values[name])
        except Exception as error:  # a torn pickle raises almost anything
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"{path} is no state of this stage; remove it to begin the stage anew ({reason})"
            ) from error
        if origin != self.origin:
            raise UsageError(f"{path} began with {origin}, now {self.origin} is asked for; remove it to begin anew")


def train_stage(group: Group, stage: Stage, options: Options) -> None:
    """Run a stage to its end, or go on with it; rank 0 writes. Nothing to do where it has ended."""
    if weights_file(options, stage).exists():
        return
    if stage.evaluate_clips and not options.overfit:
        check_evaluation(options.data)
    samples = Samples(options.data, intra=stage.model == "refine")
    if options.overfit:
        samples.keep_first_clip()
    state = start_state(stage, options, samples)
    saved = state_file(options, stage)
    if saved.exists():
        state.load(saved)
    log = _Log(options.out / "log.ndjson", stage.name, group.rank == 0)
    log.write(event="start", step=state.step, world=group.world, samples=len(samples))
    _loop(group, stage, options, samples, state, log)
    if options.stop_at is not None and state.step >= options.stop_at:
        return
    if group.rank == 0:
        state.save(saved, stage.name)
    _blend(state, stage, options)
    _judge(group, stage, options, samples, state, log)
    if group.rank == 0:
        tables = _tables(state, samples, options)
        save_trained(weights_file(options, stage), state.average.model, tables, stage.name, options.data)


def state_file(options: Options, stage: Stage) -> Path:
    """Where the state of a stage lies."""
    return options.out / f"{_label(options, stage)}.state"


def weights_file(options: Options, stage: Stage) -> Path:
    """Where the weights of a stage that has ended lie; those that learned one clip only have a name of their own."""
    return options.out / f"{_label(options, stage)}.safetensors"


def _label(options: Options, stage: Stage) -> str:
    return f"{stage.name}-overfit" if options.overfit else stage.name


def start_state(stage: Stage, options: Options, samples: Samples) -> State:
    """The state before the first step: from weights, or from the DCT start with indices fitted to the samples."""
    if stage.blend < 1 and options.start is None and not options.overfit:
        raise UsageError(f"stage {stage.name} blends with the weights it begins with, and there are none")
    torch.manual_seed(stage.seed)
    weights = None if options.start is None else load_weights(options.start)
    coder = _coder(stage, weights.model if weights else None)
    if options.start is None and isinstance(coder, Coder):
        set_start(coder, samples)
    coder = coder.to(options.device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average = copy.deepcopy(coder).requires_grad_(False)
    state = State(coder, average, _optimiser(coder, stage), pace=1.0 / (options.steps or stage.steps))
    state.origin = f"{f'weights {weights.id}' if weights else 'no weights'} and seed {stage.seed}"
    return state


def _coder(stage: Stage, model: Model | None) -> Coder | RefineCoder:
    """The stage's kind of coder around a model, or around a new one."""
    model = (model or _NEW[stage.model]()).train()
    if stage.model == "refine":
        if not isinstance(model, RefineModel):
            raise UsageError(f"stage {stage.name} trains fusion and synthesis only; the weights are of the other kind")
        return RefineCoder(model, adapt=stage.adapt)
    if not isinstance(model, InterModel):
        raise UsageError(f"stage {stage.name} trains the hyperprior too; the weights are of the other kind")
    return Coder(model, stage.analysis)


def _optimiser(coder: nn.Module, stage: Stage) -> torch.optim.Optimizer:
    """AdamW; decay for the weights of float convolutions only, faster steps for what counts in integers."""
    kinds: dict[tuple[float, float], list] = {}
    for name, parameter in coder.named_parameters():
        if not stage.analysis and name.startswith("model.analysis."):
            continue
        integer = "scale_index" in name
        decay = stage.decay if parameter.ndim == 4 and not integer else 0.0
        faster = stage.integer_rate if integer else _HYPER_RATE if name.startswith("hyper_rate") else 1.0
        kinds.setdefault((decay, faster), []).append(parameter)
    groups = [
        {"params": found, "weight_decay": decay, "faster": faster} for (decay, faster), found in sorted(kinds.items())
    ]
    return torch.optim.AdamW(groups, lr=stage.rate, betas=(0.9, 0.98), eps=1e-9)


def learning_rate(stage: Stage, step: int, progress: float) -> float:
    """Linear warm-up by steps, then a cosine over the progress 0..1 down to 1 % of the rate."""
    cosine = _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return stage.rate * min(1.0, (step + 1) / max(1, stage.warmup)) * cosine


def _loop(group: Group, stage: Stage, options: Options, samples: Samples, state: State, log: "_Log") -> None:
    pending = [mark for mark in stage.evaluate_at if mark not in state.evaluated]
    started, before = time.monotonic(), state.elapsed
    saved = time.monotonic()
    first = state.step
    while state.progress < 1 - 1e-9 and (options.stop_at is None or state.step < options.stop_at):
        if options.minutes is not None and (state.step - first) % _PLAN_EVERY == 5:
            state.pace = float(group.from_first(_pace(state, options.minutes, started, before, first)))  # type: ignore[arg-type]
        record = train_step(group, stage, options, samples, state)
        state.elapsed = before + time.monotonic() - started
        state.progress += state.pace
        log.step(state, record)
        if pending and state.progress >= pending[0]:
            state.evaluated.append(pending.pop(0))
            _judge(group, stage, options, samples, state, log)
        if group.rank == 0 and time.monotonic() - saved >= options.save_every:
            state.save(state_file(options, stage), stage.name)
            saved = time.monotonic()


def _pace(state: State, minutes: float, started: float, before: float, first: int) -> float:
    """Progress of a step, so that all is done when the minutes are over."""
    seconds = (time.monotonic() - started) / max(1, state.step - first)
    left = minutes * 60 - before - (time.monotonic() - started)
    return (1 - state.progress) / max(1.0, left / max(seconds, 1e-6))


def train_step(group: Group, stage: Stage, options: Options, samples: Samples, state: State) -> dict[str, float]:
    """One step: forward, backward, mean over the workers, update, average. Returns what the log wants."""
    drawn = samples.draw(stage.seed, state.step, stage.batch * group.world, stage.level_draw)
    mine = drawn[group.rank :: group.world]
    batch = samples.batch(mine, stage.crop, (stage.seed, state.step, group.rank)).to(options.device)
    for group_ in state.optimiser.param_groups:
        group_["lr"] = group_["faster"] * learning_rate(stage, state.step, state.progress)
    with torch.autocast(options.device, torch.bfloat16, enabled=stage.bf16 and fast_bf16(options.device)):
        outcome = state.coder(batch)
    loss = (state.coder.objective(outcome, batch) / batch.cost).mean()
    state.optimiser.zero_grad(set_to_none=False)
    loss.backward()
    parameters = [p for p in state.coder.parameters() if p.grad is not None]
    group.mean_([p.grad for p in parameters])  # type: ignore[misc]
    norm = float(nn.utils.clip_grad_norm_(parameters, stage.clip))
    finite = math.isfinite(norm)
    if finite:
        state.optimiser.step()
        _average(state, stage.ema)
    state.step += 1
    numbers = state.coder.progress(outcome, batch)
    return {"loss": loss.item(), **numbers, "norm": norm, "skipped": float(not finite)}


@torch.no_grad()
def _average(state: State, decay: float) -> None:
    """Move the average towards the weights; faster in the first steps."""
    keep = min(decay, (1 + state.step) / (10 + state.step))
    for ours, theirs in zip(state.average.parameters(), state.coder.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)


@torch.no_grad()
def _blend(state: State, stage: Stage, options: Options) -> None:
    """Move the average back towards the weights that the stage began with; the saved state stays as it is.

    After Wortsman et al., "Robust fine-tuning of zero-shot models" (2022): WiSE-FT.
    """
    if stage.blend == 1 or options.start is None or options.overfit:
        return
    before = _coder(stage, load_weights(options.start).model).to(options.device)
    for ours, theirs in zip(state.average.parameters(), before.parameters(), strict=True):
        ours.lerp_(theirs, 1 - stage.blend)


def _judge(group: Group, stage: Stage, options: Options, samples: Samples, state: State, log: "_Log") -> None:
    """Cost of validation samples, and real encodes of validation clips; into the log."""
    judged = samples if options.overfit else Samples(options.data, "validation", intra=stage.model == "refine")
    change = relative_cost(state.average, judged, group, options.device)
    log.write(event="cost", step=state.step, progress=state.progress, change=round(change, 3))
    if stage.evaluate_clips and not options.overfit:
        tables = group.from_first(_tables(state, samples, options) if group.rank == 0 else None)
        found = evaluate(state.average.model, tables, options.data, stage.evaluate_clips, group)  # type: ignore[arg-type]
        log.write(event="evaluation", step=state.step, progress=state.progress, **found)


def _tables(state: State, samples: Samples, options: Options) -> dict:
    """Tables that go into the weights file; none where the fitted contexts code the latents."""
    if isinstance(state.average, RefineCoder):
        return {}
    return fit_tables(state.average, samples, device=options.device)


class _Log:
    """NDJSON, one object a line; only rank 0 writes."""

    def __init__(self, path: Path, stage: str, active: bool) -> None:
        self._path, self._stage, self._active = path, stage, active
        if active and path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n"):
            with path.open("a", encoding="utf-8") as file:  # a line that a kill tore
                file.write("\n")
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.monotonic()

    def write(self, **values: object) -> None:
        """One line."""
        if self._active:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"stage": self._stage, "time": round(time.time(), 1), **values}) + "\n")

    def step(self, state: State, record: dict[str, float]) -> None:
        """Take in a step; every 50 their mean is written."""
        for name, value in record.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if state.step % _LOG_EVERY == 0:
            means = {name: round(value / self._count, 5) for name, value in self._sums.items()}
            speed = self._count / max(1e-9, time.monotonic() - self._since)
            self.write(
                event="step", step=state.step, progress=round(state.progress, 5),
                elapsed=round(state.elapsed, 1), steps_per_s=round(speed, 3), **means,
            )  # fmt: skip
            self._sums, self._count, self._since = {}, 0, time.monotonic()


def read_log(path: Path) -> list[dict]:
    """All whole lines of a log; a kill may have torn some."""
    found = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return [entry for entry in found if isinstance(entry, dict)]


Notify = Callable[[str], None]
