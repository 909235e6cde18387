"""Stages of training as data: ``stages/*.toml``."""

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

from nvc.errors import UsageError

_OTHER = "enhance"  # stages of the enhancement network have a form of their own


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage does.

    model          what trains: "refine" (fusion and synthesis; fitted contexts code the latents) or "hyper" (all
                   networks, hyperprior and means too)
    order, share   place in "all" (0 = not in it), and its share of the minutes
    steps          length where no minutes are given
    batch, crop    samples a step and worker, side of the crops in luma samples
    rate           highest learning rate; warm-up over ``warmup`` steps, then a cosine
    decay          weight decay; ema: decay of the moving average of the weights; clip: largest norm of a gradient
    level_draw     how often samples of each level are drawn, against 1
    evaluate_at    progress (0..1) at which validation clips are coded, besides the end; evaluate_clips of them
    adapt          the synthesis' heads learn under the gains that are best for each sample ("refine" only)
    refresh        make samples anew first, with the weights so far, from refresh_clips clips (0 = all), a share of
                   ``varied`` of which is made harder first
    blend          of the weights at the end: this share of the trained ones, the rest of those the stage began with
    bf16           autocast to bf16 where the device computes it
    analysis       train the analysis network too
    integer_rate   of the scale-index network, times the rate
    """

    name: str
    order: int
    steps: int
    batch: int
    crop: int
    rate: float
    model: str = "refine"
    share: float = 1.0
    warmup: int = 100
    decay: float = 0.01
    ema: float = 0.998
    clip: float = 0.2
    level_draw: tuple[float, ...] = (1.0,)
    evaluate_at: tuple[float, ...] = ()
    evaluate_clips: int = 6
    refresh: bool = False
    refresh_clips: int = 200
    varied: float = 0.0
    adapt: bool = False
    blend: float = 1.0
    bf16: bool = True
    analysis: bool = False
    integer_rate: float = 8.0
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.steps, self.batch) < 1 or self.crop < 16 or self.crop % 16:
            raise UsageError(f"stage {self.name}: steps and batch from 1, crop a multiple of 16, got {self}")
        if self.model not in ("refine", "hyper"):
            raise UsageError(f"stage {self.name}: model must be refine or hyper, got {self.model}")
        if not 0 < self.rate < 1 or not 0 <= self.ema < 1 or self.clip <= 0:
            raise UsageError(f"stage {self.name}: rate within 0..1, ema below 1, clip above 0, got {self}")
        if not 0 <= self.seed < 1 << 32:
            raise UsageError(f"stage {self.name}: seed must be from 0 to {(1 << 32) - 1}, got {self.seed}")
        if not 0 < self.blend <= 1:
            raise UsageError(f"stage {self.name}: blend must be above 0 and at most 1, got {self.blend}")


def stages() -> dict[str, Stage]:
    """All stages of the neural mode by name, in their order."""
    folder = Path(str(resources.files("nvc.train") / "stages"))
    found = [read_stage(path) for path in folder.glob("*.toml") if not path.stem.startswith("enhance")]
    return {stage.name: stage for stage in sorted(found, key=lambda s: (not s.order, s.order))}


def read_stage(path: Path) -> Stage:
    """A stage from its file. Raises UsageError for unknown or missing names."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(Stage)} - {"name"}
    if set(values) - known:
        raise UsageError(f"stage {path.name}: unknown {sorted(set(values) - known)}, there are {sorted(known)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return Stage(name=path.stem, **values)
    except TypeError as error:
        raise UsageError(f"stage {path.name}: {error}") from error
