"""How good networks are: real encodes of validation clips, against networks off and x265 medium."""

import copy
import json
from pathlib import Path

import numpy as np
import torch

from nvc.codec.network_choice import make_networks
from nvc.errors import InputError
from nvc.metrics import bd_rate
from nvc.models.weights import Model, Weights
from nvc.train.clips import read_clips
from nvc.train.data import Samples, read_meta
from nvc.train.losses import Coder
from nvc.train.prepare import POINTS, QUALITIES, SIZE, validation_clips
from nvc.train.recorder import measure
from nvc.train.refine import RefineCoder
from nvc.train.workers import Group

_MOST_SAMPLES = 96


@torch.no_grad()
def relative_cost(coder: Coder | RefineCoder, samples: Samples, group: Group, device: str = "cpu") -> float:
    """What networks change, in percent of the clips' bits with networks off: an estimate of the BD-rate.

    Mean over samples of (cost - cost with networks off) / bits, cost = bits + D / lambda of a frame's latents.
    """
    numbers = np.linspace(0, len(samples) - 1, min(_MOST_SAMPLES, len(samples))).astype(int)
    mine = numbers[group.rank :: group.world]
    change = 0.0
    for start in range(0, len(mine), 4):
        batch = samples.batch(mine[start : start + 4]).to(device)
        change += float((coder.change(coder(batch), batch) / batch.cost).sum())
    return 100 * sum(group.gather([change])) / len(numbers)


def evaluate(model: Model, tables: dict[str, np.ndarray], data: Path, clips: int, group: Group) -> dict:
    """Code validation clips with networks on at five qualities; BD-rates in percent and the points.

    Returns {"off": mean BD-rate against networks off, "x265": against x265 medium, "clips": {name: {...}}}; a mean
    is over the clips that have a number, None where none has.
    """
    folder = Path(read_meta(data)["clips"])
    cached = json.loads((data / POINTS).read_text(encoding="utf-8"))
    paths = [path for path in validation_clips(folder) if path.stem in cached][:clips]
    jobs = [(path, quality) for path in paths for quality in QUALITIES]
    networks = make_networks(Weights("0" * 16, copy.deepcopy(model).cpu(), tables))
    mine = []
    for path, quality in jobs[group.rank :: group.world]:
        size, decibel = measure(next(read_clips(path, SIZE)), quality, networks)
        mine.append((path.stem, quality, size, decibel))
    points: dict[str, list] = {}
    for name, _, size, decibel in sorted(group.gather(mine)):
        points.setdefault(name, []).append([size, round(decibel, 4)])
    return summarise(points, cached)


def check_evaluation(data: Path) -> None:
    """Raise InputError where a prepared folder lacks what ``evaluate`` will want, hours later."""
    if not (data / POINTS).is_file():
        raise InputError(f"{data} has no {POINTS}; make the folder anew with: nvc train prepare")
    next(validation_clips(Path(read_meta(data)["clips"])), None)


def summarise(points: dict[str, list], cached: dict[str, dict]) -> dict:
    """BD-rates of points by clip against the cached ones."""
    found: dict = {"clips": {}}
    for name, mine in points.items():
        rates = {key: bd_rate(cached[name][key], mine).percent for key in ("off", "x265")}
        found["clips"][name] = {"points": mine, **rates}
    for key in ("off", "x265"):
        known = [clip[key] for clip in found["clips"].values() if clip[key] is not None]
        found[key] = round(float(np.mean(known)), 3) if known else None
    return found
