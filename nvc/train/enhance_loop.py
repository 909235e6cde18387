"""Trains the enhancement: one loop, resumable at any saved step, judged on sources it never learns from."""

import json
import math
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nvc.codec.enhance import blind_strength
from nvc.errors import UsageError
from nvc.models.enhance import PRESETS, QP_SCALE, EnhanceModel
from nvc.train.enhance_data import CODECS, EnhanceBatch, EnhanceSamples
from nvc.train.workers import fast_bf16

# PSNR 6:1:1.
_WEIGHTS = (0.75, 0.125, 0.125)
_FLOOR = 0.1  # code values²: below it a picture is as good as the original
_BANDS = ((0, 19), (19, 25), (25, 30), (30, 35), (35, 40), (40, 52))


@dataclass(frozen=True, slots=True)
class EnhanceStage:
    """What a stage file says; see nvc/train/stages/enhance_fast.toml."""

    preset: str
    steps: int
    batch: int
    crop: int
    rate: float
    warmup: int
    decay: float
    clip: float
    ema: float
    seed: int
    hide_qp: float
    estimator: float
    draw_intra: float
    evaluate_every: int
    save_every: int


def read_stage(name: str) -> EnhanceStage:
    """The stage of a name ("enhance_fast") or of a TOML file. Raises UsageError where it is not one."""
    path = Path(name)
    if path.suffix != ".toml":
        path = Path(str(resources.files("nvc.train") / "stages" / f"{name}.toml"))
    try:
        return EnhanceStage(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{name} is no stage of the enhancement: {error}") from error


class EnhanceTraining:
    """State of one training: model, its running mean, optimiser, step and seconds of processor time so far.

    minutes  processor time that the whole training may take; None: the stage's steps
    """

    def __init__(self, stage: EnhanceStage, minutes: float | None = None) -> None:
        torch.manual_seed(stage.seed)
        self.stage, self.minutes = stage, minutes
        self.model = EnhanceModel(PRESETS[stage.preset]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = EnhanceModel(PRESETS[stage.preset]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean.load_state_dict(self.model.state_dict())
        self.optimiser = torch.optim.AdamW(self.model.parameters(), stage.rate, weight_decay=stage.decay)
        self.step_number, self.seconds, self.skipped = 0, 0.0, 0
        self._estimator = list(self.model.estimator.parameters())
        own = {id(parameter) for parameter in self._estimator}
        self._others = [parameter for parameter in self.model.parameters() if id(parameter) not in own]

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        if self.minutes is not None:
            return min(self.seconds / (60 * self.minutes), 1.0)
        return min(self.step_number / self.stage.steps, 1.0)

    def step(self, batch: EnhanceBatch) -> float:
        """Learn from one batch; the loss."""
        stage, begin = self.stage, time.process_time()
        warm = min((self.step_number + 1) / stage.warmup, 1.0)
        rate = stage.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.progress)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16("cpu")):
            residual, estimate = self.model(batch.decoded, batch.neighbours, batch.qp, batch.known, batch.kind)
        loss = distortion(batch, residual).mean() + stage.estimator * estimator_loss(batch, estimate)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # Each for itself: they share no weights, and the estimator's gradients are the larger ones at first.
        for parts in (self._estimator, self._others):
            norm = torch.nn.utils.clip_grad_norm_(parts, stage.clip)
            if not torch.isfinite(norm):
                break
        if torch.isfinite(norm):
            self.optimiser.step()
            self._follow()
        else:
            self.skipped += 1
        self.step_number += 1
        self.seconds += time.process_time() - begin
        return float(loss.detach())

    def _follow(self) -> None:
        weight = 1 - min(self.stage.ema, (1 + self.step_number) / (10 + self.step_number))
        with torch.no_grad():
            means, values = list(self.mean.parameters()), list(self.model.parameters())
            torch._foreach_lerp_(means, values, weight)

    def save(self, path: Path) -> None:
        """Write all of it, by way of a file beside."""
        part = path.with_name(path.name + ".part")
        torch.save(
            {
                "model": self.model.state_dict(), "mean": self.mean.state_dict(),
                "optimiser": self.optimiser.state_dict(), "step": self.step_number, "seconds": self.seconds,
                "skipped": self.skipped,
            },
            part,
        )  # fmt: skip
        part.replace(path)

    def load(self, path: Path) -> None:
        """Take up what ``save`` wrote."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_number, self.seconds, self.skipped = state["step"], state["seconds"], state["skipped"]


def distortion(batch: EnhanceBatch, residual: Tensor) -> Tensor:
    """(N,) error of the enhanced picture over the error of the whole decoded picture, weighted as PSNR 6:1:1 weighs.

    A ratio: else the highest quantisers own the gradient.
    """
    error = ((batch.decoded + residual - batch.original) * 256).square()
    planes = torch.stack([error[:, :4].mean((1, 2, 3)), error[:, 4].mean((1, 2)), error[:, 5].mean((1, 2))], 1)
    return (planes / (batch.error + _FLOOR) * torch.tensor(_WEIGHTS)).sum(1)


def estimator_loss(batch: EnhanceBatch, estimate: Tensor) -> Tensor:
    """Mean absolute error of the estimated quantiser where the stream tells it; what is pristine counts as 0."""
    pristine = batch.error.sum(1) == 0
    target = torch.where(pristine, torch.zeros_like(batch.qp), batch.qp)
    there = (pristine | (batch.qp >= 0)).float()
    return ((estimate - target).abs() * there).sum() / there.sum().clamp(min=1)


def evaluate(model: EnhanceModel, samples: EnhanceSamples, most: int = 600) -> dict:
    """Gains in dB (PSNR 6:1:1 of rounded pictures) of whole validation pictures at blind strength: mean, by
    quantiser, by codec, and the mean error of the estimated quantiser."""
    numbers = np.linspace(0, len(samples) - 1, min(len(samples), most)).astype(int)
    rows = []
    model.eval()
    for number in sorted(set(map(int, numbers))):
        batch = samples.whole([number])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16("cpu")):
            residual, estimate = model(batch.decoded, batch.neighbours, batch.qp, batch.known, batch.kind)
        qp, read = float(batch.qp[0]), bool(batch.known[0])
        guess = float(estimate[0].clamp(0, QP_SCALE))
        strength = blind_strength(qp if read else guess, read)
        codec = CODECS[int(samples.sample(number).codec)]
        rows.append((codec, qp, gain(batch, residual * strength), guess))
    model.train()
    return _summary(rows)


def gain(batch: EnhanceBatch, residual: Tensor) -> float:
    """dB that the first picture of a batch gains, 6:1:1, of what a player shows."""
    out = ((batch.decoded + residual.float() + 0.5) * 256 + 0.5).floor().clamp(0, 255) / 256 - 0.5
    total = 0.0
    for weight, plane in zip(_WEIGHTS, (slice(0, 4), slice(4, 5), slice(5, 6)), strict=True):
        before, after = (
            float(((picture - batch.original)[:, plane] * 256).square().mean()) for picture in (batch.decoded, out)
        )
        total += weight * 10 * math.log10(max(before, 1e-3) / max(after, 1e-3))
    return total


def _summary(rows: list[tuple[str, float, float, float]]) -> dict:
    coded = [row for row in rows if row[0] != "pristine"]
    read = [row for row in coded if row[1] >= 0]
    out: dict = {"gain": _mean([row[2] for row in read if row[1] >= 25]), "pictures": len(rows)}
    for low, high in _BANDS:
        band = [row[2] for row in read if low <= row[1] < high]
        out[f"qp_{low}"] = _mean(band)
        out[f"worst_{low}"] = round(float(np.percentile(band, 5)), 4) if band else None
    for codec in CODECS:
        out[codec] = _mean([row[2] for row in rows if row[0] == codec])
    out["estimate_error"] = _mean([abs(row[3] - row[1]) for row in read])
    return out


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def train_enhance(
    stage: EnhanceStage, data: Path, run: Path, *, minutes: float | None = None, threads: int = 1,
    say: Callable[[dict], None] = lambda fields: None,
) -> EnhanceTraining:  # fmt: skip
    """Train, or go on with what ``run`` holds; ends after the stage's steps, or ``minutes`` of processor time in all.

    data  folder of ``prepare_enhance``; run: folder for state.pt and log.ndjson
    say   called with each line of the log
    """
    torch.set_num_threads(threads)
    run.mkdir(parents=True, exist_ok=True)
    training, state = EnhanceTraining(stage, minutes), run / "state.pt"
    if state.is_file():
        training.load(state)
    samples, judges = EnhanceSamples(data, "train"), EnhanceSamples(data, "validation")
    losses: list[float] = []

    def note(fields: dict) -> None:
        line = {"step": training.step_number, "seconds": round(training.seconds, 1), **fields}
        with (run / "log.ndjson").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        say(line)

    while training.progress < 1:
        batch = samples.draw(stage.seed, training.step_number, stage.batch, stage.crop, stage.draw_intra, stage.hide_qp)
        losses.append(training.step(batch))
        if training.step_number % stage.save_every == 0:
            training.save(state)
            note({"loss": round(float(np.mean(losses)), 5), "skipped": training.skipped})
            losses.clear()
        if training.step_number % stage.evaluate_every == 0:
            note({"validation": evaluate(training.mean, judges)})
    training.save(state)
    note({"validation": evaluate(training.mean, judges), "done": True})
    return training
