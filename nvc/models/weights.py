"""Weights files: safetensors with metadata, named by a hash of what they hold.

A file holds ``model.*`` (float32 or float16; the scale-index network as int8 and int32), ``tables.*`` (uint16
frequencies of the entropy coder, contract 7) and maybe ``contexts.*`` (int16 and int32). Names, shapes and types are
checked before a tensor is read, the hash after. Files are looked for in ``NVC_WEIGHTS`` (files or folders, separated
as PATH is), then in the manifest.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from nvc.errors import ModelError
from nvc.models.contexts import LOGITS, TABLE, networks_from
from nvc.models.enhance_weights import is_enhance_file
from nvc.models.files import content_id, open_tensors, write_tensors
from nvc.models.inter import InterConfig, InterModel, config_from
from nvc.models.refine import RefineConfig, RefineModel, refine_config
from nvc.weights import manifest_text, offered_paths

FORMAT = "nvc-weights-1"
TABLE_TOTAL = 4096
MODEL, TABLES, CONTEXTS, INTEGER = "model.", "tables.", "contexts.", "scale_index."
# Types that a tensor may have in a file, by what it is for.
FLOATS, WEIGHTS, BIASES, FREQUENCIES = ("F32", "F16"), ("I8",), ("I32",), ("U16",)
INTEGERS = ("I16", "I32")


Model = InterModel | RefineModel


@dataclass(frozen=True, slots=True)
class Weights:
    """A model with its tables.

    id        16 hex digits of the SHA-256 over names, types, shapes and values
    model     InterModel codes the latents itself, RefineModel leaves them to fitted contexts or context networks
    tables    of an InterModel: uint16 frequencies by name, each row of the last axis summing to 4096: "latent" (64, 32)
              for the table indices, "hyper" (G, channels of z, 32) by group of qualities (quality * G // 64).
              With contexts: "binary" (128, 2) for their logits
    metadata  of the file: stage, data and so on; text
    contexts  integers of the context networks by name, of a RefineModel, or nothing
    """

    id: str
    model: Model
    tables: dict[str, np.ndarray] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A weights file of a release: its id, its file name beside the manifest, the stage of training, a note."""

    id: str
    file: str
    stage: str = ""
    note: str = ""


def save_weights(
    path: str | os.PathLike[str],
    model: Model,
    *,
    tables: dict[str, np.ndarray] | None = None,
    metadata: dict[str, str] | None = None,
    half: bool = False,
    contexts: dict[str, np.ndarray] | None = None,
) -> str:
    """Write a weights file by way of ``path`` + ".part"; returns its id. half stores floats in 16 bits.

    Raises ModelError where tables or contexts are not what ``Weights`` says.
    """
    target = Path(path)
    arrays = _arrays(model, tables or {}, half, contexts)
    info = {**(metadata or {}), **_own_metadata(model, arrays)}
    write_tensors(target, arrays, info)
    return info["id"]


def load_weights(
    path: str | os.PathLike[str], *, device: str | torch.device = "cpu", want: str | None = None
) -> Weights:
    """Read and check a weights file; the model comes in evaluation mode on ``device``, its self-test passed.

    want  the id it must have, or None
    Raises ModelError for a missing, damaged or other file, DeviceError where the device fails the self-test.
    """
    metadata, arrays, model = _read(Path(path))
    if content_id(arrays, metadata["config"]) != metadata["id"]:
        raise ModelError(f"weights {path} are damaged: their hash is not {metadata['id']}")
    if want is not None and metadata["id"] != want:
        raise ModelError(f"weights {path} are {metadata['id']}, wanted {want}")
    _set_parameters(model, arrays)
    model = model.to(device).eval()
    model.self_test(int(metadata["check"], 16))
    tables, contexts = (
        {name.removeprefix(part): value for name, value in arrays.items() if name.startswith(part)}
        for part in (TABLES, CONTEXTS)
    )
    return Weights(metadata["id"], model, tables, metadata, contexts)


def open_weights(want: str | None = None, *, device: str | torch.device = "cpu") -> Weights:
    """Find and load the weights of id ``want``, or the default ones. Errors of ``find_weights``, ``load_weights``."""
    return load_weights(find_weights(want), device=device, want=want)


def find_weights(want: str | None = None) -> Path:
    """Path of the weights of id ``want``; None = the first of NVC_WEIGHTS, else the manifest's default.

    Raises ModelError that names what is missing.
    """
    for path in _offered():
        if want is None or read_metadata(path).get("id") == want:
            return path
    default, entries = read_manifest()
    name = want or default
    for entry in entries:
        if entry.id == name:
            return _beside_manifest(entry)
    where = "NVC_WEIGHTS" if os.environ.get("NVC_WEIGHTS") else "the manifest (NVC_WEIGHTS is not set)"
    raise ModelError(f"weights {name} are not found in {where}" if name else "no weights ship with this version of nvc")


def offers_weights() -> bool:
    """True where NVC_WEIGHTS or the manifest offers weights of the neural mode. Raises ModelError for a wrong path."""
    return any(True for _ in _offered()) or read_manifest()[0] is not None


def read_manifest() -> tuple[str | None, tuple[ManifestEntry, ...]]:
    """(id of the default weights or None, all released weights) of nvc/weights/manifest.json."""
    return parse_manifest(manifest_text())


def parse_manifest(text: str) -> tuple[str | None, tuple[ManifestEntry, ...]]:
    """The manifest from its JSON. Raises ModelError where it is not one."""
    try:
        data = json.loads(text)
        entries = tuple(
            ManifestEntry(e["id"], e["file"], e.get("stage", ""), e.get("note", "")) for e in data["weights"]
        )
        default = data["default"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the weights manifest cannot be read: {error!r}") from error
    if default is not None and default not in {entry.id for entry in entries}:
        raise ModelError(f"the weights manifest has no entry for its default {default}")
    return default, entries


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Metadata of a weights file, without its tensors. Raises ModelError where it is none."""
    with open_tensors(Path(path)) as file:
        return _checked_metadata(file.metadata(), path)


def seeded_weights(seed: int, config: InterConfig | RefineConfig | None = None) -> Weights:
    """Random but sane weights for tests, the same on every machine: all networks have something to say.

    Values are whole numbers of a generator that never changes, divided by powers of two.
    """
    model: Model = RefineModel(config) if isinstance(config, RefineConfig) else InterModel(config)
    model.eval()
    random = np.random.RandomState(seed)
    model.load_integers({name: _random_integers(random, name, value) for name, value in model.integers().items()})
    with torch.no_grad():
        for name, parameter in _float_parameters(model):
            values = random.randint(-32768, 32768, parameter.shape, dtype=np.int64) / 32768 * _bound(name, parameter)
            parameter.copy_(torch.from_numpy(values))
    tables = {}
    if isinstance(model, InterModel):
        hyper = np.full((4, model.config.hyper), 24)
        tables = {"latent": _falling_tables(np.arange(64)), "hyper": _falling_tables(hyper)}
    metadata = {"stage": f"seed {seed}", **_own_metadata(model, _arrays(model, tables, False))}
    return Weights(metadata["id"], model, tables, metadata)


def _offered() -> Iterator[Path]:
    """Weights files that NVC_WEIGHTS names. Raises ModelError where one of its paths is not there."""
    for path in offered_paths():
        if path.is_dir():
            yield from filter(_is_weights, sorted(path.glob("*.safetensors")))
        elif path.is_file():
            if not is_enhance_file(path):  # weights of the enhancement may be named beside
                yield path
        else:
            raise ModelError(f"NVC_WEIGHTS names {path}, which is not there")


def _is_weights(path: Path) -> bool:
    try:
        read_metadata(path)
    except ModelError:
        return False
    return True


def _beside_manifest(entry: ManifestEntry) -> Path:
    path = Path(str(resources.files("nvc.weights"))) / entry.file
    if not path.is_file():
        raise ModelError(f"weights {entry.id} should be in {path}, which is not there")
    return path


def _checked_metadata(metadata: dict[str, str] | None, path: str | os.PathLike[str]) -> dict[str, str]:
    found = dict(metadata or {})
    if found.get("format") != FORMAT or not {"id", "config", "check"} <= set(found):
        raise ModelError(f"{path} is no weights file of format {FORMAT}")
    return found


def _model(metadata: dict[str, str], path: str | os.PathLike[str]) -> Model:
    """A model of the kind and the widths that the metadata names."""
    try:
        values = dict(json.loads(metadata["config"]))
        int(metadata["check"], 16)
        return RefineModel(refine_config(values)) if "synthesis" in values else InterModel(config_from(values))
    except (ValueError, TypeError) as error:
        raise ModelError(f"weights {path}: metadata cannot be read: {error}") from error


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray], Model]:
    """Metadata and checked arrays of a file, and a model that they fit."""
    with open_tensors(path) as file:
        metadata = _checked_metadata(file.metadata(), path)
        model = _model(metadata, path)
        wanted = _wanted(model)
        names = {name for name in file.keys() if not name.startswith((TABLES, CONTEXTS))}
        if names != set(wanted):
            missing, extra = sorted(set(wanted) - names), sorted(names - set(wanted))
            raise ModelError(f"weights {path}: missing {missing[:3]}, unknown {extra[:3]}")
        arrays = {}
        for name in file.keys():
            found = file.get_slice(name)
            shape, kinds = wanted.get(name, (None, INTEGERS if name.startswith(CONTEXTS) else FREQUENCIES))
            got = tuple(found.get_shape())
            if (shape is not None and got != shape) or found.get_dtype() not in kinds:
                raise ModelError(
                    f"weights {path}: {name} must be {kinds[0]} {shape or ''}, got {found.get_dtype()} {got}"
                )
            arrays[name] = file.get_tensor(name)
    _check_tables({name: value for name, value in arrays.items() if name.startswith(TABLES)})
    _check_contexts(model, arrays)
    return metadata, arrays, model


def _wanted(model: Model) -> dict[str, tuple[tuple[int, ...], tuple[str, ...]]]:
    """(shape, allowed types) of every tensor of a model's file, by name."""
    wanted = {}
    for name, parameter in model.named_parameters():
        kinds: tuple[str, ...] = FLOATS
        if name.startswith(INTEGER):
            kinds = BIASES if name.endswith("table") else WEIGHTS
        wanted[MODEL + name] = (tuple(parameter.shape), kinds)
    return wanted


def _check_tables(tables: dict[str, np.ndarray]) -> None:
    for name, table in tables.items():
        if table.dtype != np.uint16 or table.ndim < 2 or table.size == 0 or table.shape[-1] > 64:
            raise ModelError(f"{name} must be uint16 rows of at most 64, got {table.dtype} {table.shape}")
        if np.any(table >= TABLE_TOTAL) or np.any(table.astype(np.int64).sum(-1) != TABLE_TOTAL):
            raise ModelError(f"{name}: each row must sum to {TABLE_TOTAL} with entries below it")


def _check_contexts(model: Model, arrays: dict[str, np.ndarray]) -> None:
    """Raise ModelError where a file has context networks that cannot be, or no tables for their logits."""
    contexts = {name.removeprefix(CONTEXTS): value for name, value in arrays.items() if name.startswith(CONTEXTS)}
    if contexts:
        if not isinstance(model, RefineModel):
            raise ModelError("context networks are for weights that refine, not for a hyperprior")
        networks_from(contexts)
        table = arrays.get(TABLES + TABLE)
        if table is None or table.shape != (LOGITS, 2):
            raise ModelError(f"context networks need {TABLES}{TABLE} of {LOGITS} rows of two")


def _arrays(
    model: Model, tables: dict[str, np.ndarray], half: bool, contexts: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Everything a file holds, by name."""
    kind = np.float16 if half else np.float32
    arrays = {MODEL + name: p.detach().cpu().numpy().astype(kind) for name, p in _float_parameters(model)}
    for name, value in model.integers().items():
        arrays[MODEL + INTEGER + name] = value.cpu().numpy()
    named = {TABLES + name: np.ascontiguousarray(table) for name, table in tables.items()}
    _check_tables(named)
    named |= {CONTEXTS + name: value for name, value in (contexts or {}).items()}
    _check_contexts(model, named)
    if not all(np.isfinite(value).all() for value in arrays.values()):
        raise ModelError("the model holds values that are not finite (or too large for 16 bits)")
    return {name: np.ascontiguousarray(value) for name, value in {**arrays, **named}.items()}


def _float_parameters(model: Model) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if not name.startswith(INTEGER)]


def _own_metadata(model: Model, arrays: dict[str, np.ndarray]) -> dict[str, str]:
    config = json.dumps(asdict(model.config), sort_keys=True)
    check = f"{model.check_value():08x}"
    return {"format": FORMAT, "id": content_id(arrays, config), "config": config, "check": check}


def _set_parameters(model: Model, arrays: dict[str, np.ndarray]) -> None:
    integers = {}
    for name, parameter in model.named_parameters():
        value = torch.from_numpy(arrays[MODEL + name])
        if name.startswith(INTEGER):
            integers[name.removeprefix(INTEGER)] = value
        else:
            if not torch.isfinite(value).all():
                raise ModelError(f"weights: {name} holds values that are not finite")
            with torch.no_grad():
                parameter.copy_(value)
    model.load_integers(integers)


def _random_integers(random: np.random.RandomState, name: str, like: torch.Tensor) -> torch.Tensor:
    """Weights of up to +-20; output biases that start at an index of 4 to 35, input biases of +-32 hidden units."""
    low, high = -20, 21
    if name.startswith("output_bias"):
        low, high = 4 << 9, 36 << 9
    elif name.startswith("input_bias"):
        low, high = -32 << 9, 32 << 9
    return torch.from_numpy(random.randint(low, high, tuple(like.shape), dtype=np.int64)).to(like.dtype)


def _bound(name: str, parameter: torch.Tensor) -> float:
    """Largest value of a random parameter, a power of two: about 1 / sqrt(inputs), heads of pictures and means less."""
    if parameter.ndim != 4:
        return 1 / 16
    inputs = parameter[0].numel()
    bound = 2.0 ** -((inputs.bit_length() + 1) // 2)
    if name.startswith("hyper_analysis.leave"):
        return 64 * bound
    heads = ("analysis.leave", "fusion.weights", "fusion.leave", "synthesis.leave")
    return bound / 2 if name.startswith(heads) else bound


def _falling_tables(index: np.ndarray) -> np.ndarray:
    """Frequencies (..., 32) uint16 of symbols 0, +1, -1, +2, ... and an escape, wider as the index grows."""
    rows = np.empty((*index.shape, 32), np.uint16)
    for place in np.ndindex(index.shape):
        k = int(index[place])
        weights = [1 << 40]
        for _ in range(15):
            weights.append(weights[-1] * (k + 1) // (k + 8))
        spread = [weights[(s + 1) // 2] for s in range(31)] + [weights[-1]]
        row = [1 + value * (TABLE_TOTAL - 32) // sum(spread) for value in spread]
        row[0] += TABLE_TOTAL - sum(row)
        rows[place] = row
    return rows
