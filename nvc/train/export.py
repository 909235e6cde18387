"""From trained networks to a weights file: tables fitted to real latents, metadata, the manifest."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nvc.codec.networks import ROUNDING_LIMIT, ROUNDING_WEIGHT, rounding_shifts
from nvc.codec.symbols import ESCAPE, LARGEST, SYMBOLS
from nvc.entropy.tables import build_tables, quantise_counts
from nvc.errors import InputError
from nvc.models.integer import INDICES
from nvc.models.inter import InterModel
from nvc.models.weights import Model, load_weights, save_weights
from nvc.train.data import Samples, read_meta
from nvc.train.losses import HYPER_GROUPS, Coder, laplace_tables_costs
from nvc.train.stage import stages

# Largest magnitude that tables of low indices can code: an escape they never use would cost each zero some bits.
_LARGEST_BY_INDEX = ((10, 2), (20, 4), (28, 8))
# Weight of the training distribution beside what was counted, in symbols.
_PRIOR, _HYPER_PRIOR = 300.0, 3.0
LICENCE = (
    "Trained on short clips cut from public repositories. Most clips are research material whose licence is not "
    "stated; some sources allow non-commercial use only. No clip is part of this file."
)


def fit_tables(coder: Coder, samples: Samples, count: int = 160, device: str = "cpu") -> dict[str, np.ndarray]:
    """Tables "latent" (64, 32) and "hyper" (4, C, 32) from what ``count`` samples come to.

    Twice: how the encoder rounds depends on the tables, so the second round sees the first one's rounding.
    """
    numbers = np.random.default_rng(7).choice(len(samples), min(count, len(samples)), replace=False)
    shifts, largest = coder.shifts, coder.largest
    latent = latent_tables(np.zeros((INDICES, SYMBOLS)))
    hyper = np.zeros((HYPER_GROUPS, coder.model.config.hyper, SYMBOLS))
    for _ in range(2):
        costs = build_tables(latent.astype(np.int64)).costs
        new = rounding_shifts(costs, ROUNDING_WEIGHT, ROUNDING_LIMIT)
        coder.shifts, coder.largest = (torch.from_numpy(value).to(device) for value in new)
        counts, hyper = _count(coder, samples, numbers, device)
        latent = latent_tables(counts)
    coder.shifts, coder.largest = shifts, largest
    return {"latent": latent, "hyper": hyper_tables(hyper)}


@torch.no_grad()
def _count(coder: Coder, samples: Samples, numbers: np.ndarray, device: str) -> tuple[np.ndarray, np.ndarray]:
    """(counts of symbols by index (64, 32), of z by group and channel (4, C, 32))."""
    counts = np.zeros((INDICES, SYMBOLS))
    hyper = np.zeros((HYPER_GROUPS, coder.model.config.hyper, SYMBOLS))
    for start in range(0, len(numbers), 4):
        batch = samples.batch(numbers[start : start + 4]).to(device)
        outcome = coder(batch)
        index = outcome.indices.cpu().numpy().astype(np.int64)
        np.add.at(counts, (index.ravel(), symbol_of(outcome.symbols.cpu().numpy()).ravel()), 1)
        z = symbol_of(outcome.hyper.cpu().numpy())
        group = (batch.quality.cpu().numpy() * HYPER_GROUPS // 64)[:, None, None, None]
        channel = np.arange(z.shape[1])[None, :, None, None]
        np.add.at(hyper, (np.broadcast_to(group, z.shape), np.broadcast_to(channel, z.shape), z), 1)
    return counts, hyper


def symbol_of(values: np.ndarray) -> np.ndarray:
    """Symbols 0, +1, -1, +2, ... and the escape, int64, of whole numbers."""
    magnitude = np.abs(values).astype(np.int64)
    return np.where(magnitude > LARGEST, ESCAPE, 2 * magnitude - (values > 0))


def latent_tables(counts: np.ndarray) -> np.ndarray:
    """(64, 32) uint16 from counts, both signs alike, with the training distribution as prior."""
    prior = 2.0 ** -laplace_tables_costs().astype(np.float64)
    merged = counts.copy()
    merged[:, 1:ESCAPE] = np.repeat((counts[:, 1:ESCAPE:2] + counts[:, 2:ESCAPE:2]) / 2, 2, 1)
    merged += _PRIOR * prior / prior.sum(1, keepdims=True)
    sizes = np.full(INDICES, SYMBOLS)
    for end, magnitude in reversed(_LARGEST_BY_INDEX):
        sizes[:end] = 2 * magnitude + 1
    return _symmetric(quantise_counts(merged, sizes, prior=0.0)).astype(np.uint16)


def _symmetric(frequencies: np.ndarray) -> np.ndarray:
    """Equal frequencies for both signs; what that leaves goes to the zero."""
    out = frequencies.copy()
    out[:, 1:ESCAPE:2] = out[:, 2:ESCAPE:2] = np.minimum(out[:, 1:ESCAPE:2], out[:, 2:ESCAPE:2])
    out[:, 0] += frequencies.sum(1) - out.sum(1)
    return out


def hyper_tables(counts: np.ndarray) -> np.ndarray:
    """(4, C, 32) uint16 from counts; groups that saw little lean on the channel's counts of all groups."""
    magnitude = (np.arange(SYMBOLS) + 1) // 2
    falling = 0.5**magnitude
    channel = counts.sum(0, keepdims=True) + 0.5 * falling
    merged = counts + 20 * channel / channel.sum(2, keepdims=True) + _HYPER_PRIOR * 0.01 * falling
    flat = merged.reshape(-1, SYMBOLS)
    return quantise_counts(flat, np.full(len(flat), SYMBOLS), prior=0.0).astype(np.uint16).reshape(counts.shape)


def save_trained(path: Path, model: Model, tables: dict[str, np.ndarray], stage: str, data: Path) -> str:
    """A weights file of a stage, in full precision; returns its id."""
    return save_weights(path, model, tables=tables, metadata=_metadata(stage, data))


def export(run: Path, data: Path, out: Path, stage: str, note: str = "") -> str:
    """Write the weights of a run's stage into ``out`` (nvc/weights) in half precision and make them the default.

    Tables are fitted anew by the halved networks, on the samples in ``data``. Returns the id. Raises InputError where
    the stage has not ended.
    """
    source = run / f"{stage}.safetensors"
    if not source.is_file():
        raise InputError(f"{run} has no ended stage {stage}; run it with: nvc train run {stage} --data {data}")
    model = load_weights(source).model
    tables: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("scale_index."):
                parameter.copy_(parameter.half().float())
    if isinstance(model, InterModel):
        tables = fit_tables(Coder(model.train()), Samples(data, intra=False), count=400)
    return write_half(out, model, tables, _metadata(stage, data), note=note)


def write_half(
    out: Path,
    model: Model,
    tables: dict[str, np.ndarray],
    metadata: dict[str, str],
    contexts: dict[str, np.ndarray] | None = None,
    note: str = "",
) -> str:
    """Write weights into the folder ``out`` in half precision and make them its default; returns their id."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "neural.safetensors"
    identity = save_weights(target, model, tables=tables, metadata=metadata, half=True, contexts=contexts)
    target.chmod(0o644)  # the library writes it for its owner only
    entry = {"id": identity, "file": target.name, "stage": metadata.get("stage", ""), "note": note or LICENCE}
    _update_manifest(out / "manifest.json", entry)
    return identity


def last_stage(run: Path) -> str:
    """The last stage of a run that has ended. Raises InputError where none has."""
    ended = [name for name in stages() if (run / f"{name}.safetensors").is_file()]
    if not ended:
        raise InputError(f"{run} has no stage that ended")
    return ended[-1]


def weights_folder() -> Path:
    """Where nvc's own weights lie."""
    return Path(str(resources.files("nvc.weights")))


def _metadata(stage: str, data: Path) -> dict[str, str]:
    names = sorted(read_meta(data)["sources"])
    return {"stage": stage, "licence": LICENCE, "data": json.dumps(names)}


def _update_manifest(path: Path, entry: dict[str, str]) -> None:
    """Make ``entry`` the default; it takes the place of one of the same file."""
    manifest: dict[str, Any] = {"version": 1, "default": None, "weights": []}
    if path.is_file():
        manifest = json.loads(path.read_text(encoding="utf-8"))
    others = [old for old in manifest["weights"] if old["file"] != entry["file"]]  # type: ignore[union-attr]
    manifest.update(default=entry["id"], weights=[*others, entry])
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
