"""Weights files of the enhancement: safetensors with metadata, named by a hash of what they hold.

They are looked for in ``NVC_WEIGHTS`` (files or folders, separated as PATH is), then in the part "enhance" of the
manifest, which stands apart from the codec's own weights: {"default": {preset: id}, "weights": [{id, file, ...}]}.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from nvc.errors import ModelError
from nvc.models.enhance import PRESETS, EnhanceModel, config_from_json, config_to_json
from nvc.models.files import content_id, open_tensors, write_tensors
from nvc.weights import manifest_text, offered_paths

FORMAT = "nvc-enhance-1"
_FLOATS = ("F32", "F16")


@dataclass(frozen=True, slots=True)
class EnhanceWeights:
    """A network with its id (16 hex digits of the SHA-256 over names, types, shapes and values) and metadata."""

    id: str
    model: EnhanceModel
    metadata: dict[str, str] = field(default_factory=dict)


def save_enhance(
    path: str | os.PathLike[str], model: EnhanceModel, metadata: dict[str, str] | None = None, *, half: bool = False
) -> str:
    """Write a weights file by way of ``path`` + ".part"; returns its id. half stores 16 bits a value.

    Raises ModelError where a value is not finite.
    """
    kind = np.float16 if half else np.float32
    arrays = {name: p.detach().cpu().numpy().astype(kind) for name, p in model.named_parameters()}
    if not all(np.isfinite(value).all() for value in arrays.values()):
        raise ModelError("the enhancement holds values that are not finite (or too large for 16 bits)")
    config = config_to_json(model.config)
    own = {"format": FORMAT, "id": content_id(arrays, f"{FORMAT} {config}"), "config": config}
    write_tensors(Path(path), arrays, {**(metadata or {}), **own})
    return own["id"]


def load_enhance(
    path: str | os.PathLike[str], *, device: str | torch.device = "cpu", want: str | None = None
) -> EnhanceWeights:
    """Read and check a weights file; the model comes in evaluation mode on ``device``.

    want  the id that it must have, or None
    Raises ModelError for a missing, damaged or other file.
    """
    path = Path(path)
    metadata = read_enhance_metadata(path)
    model = EnhanceModel(config_from_json(metadata["config"]))
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    with open_tensors(path) as file:
        found = {name: (tuple((s := file.get_slice(name)).get_shape()), s.get_dtype()) for name in file.keys()}
        if {name: shape for name, (shape, _) in found.items()} != shapes or any(
            kind not in _FLOATS for _, kind in found.values()
        ):
            raise ModelError(f"weights {path} do not hold the enhancement that they name")
        arrays = {name: file.get_tensor(name) for name in shapes}
    if content_id(arrays, f"{FORMAT} {metadata['config']}") != metadata["id"]:
        raise ModelError(f"weights {path} are damaged: their hash is not {metadata['id']}")
    if want is not None and metadata["id"] != want:
        raise ModelError(f"weights {path} are {metadata['id']}, wanted {want}")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(arrays[name].astype(np.float32)))
    return EnhanceWeights(metadata["id"], model.to(device).eval(), metadata)


def find_enhance(want: str | None = None, preset: str = "fast") -> Path:
    """Path of the enhancement of id ``want``; None = the first of NVC_WEIGHTS with the preset's widths, else the
    manifest's default of the preset.

    Raises ModelError that names what is missing.
    """
    widths = config_to_json(PRESETS[preset]) if preset in PRESETS else None
    for path, metadata in _offered():
        if metadata["id"] == want or (want is None and metadata["config"] == widths):
            return path
    defaults, entries = read_enhance_manifest()
    name = want or defaults.get(preset)
    if name in entries:
        path = Path(str(resources.files("nvc.weights"))) / entries[name]
        if not path.is_file():
            raise ModelError(f"weights {name} should be in {path}, which is not there")
        return path
    if want is not None:
        raise ModelError(f"the enhancement's weights {want!r} are not here; NVC_WEIGHTS can name their file")
    raise ModelError(f"no weights are here for the enhancement preset {preset!r}; NVC_WEIGHTS can name their file")


def read_enhance_manifest() -> tuple[dict[str, str], dict[str, str]]:
    """({preset: id}, {id: file name}) of the part "enhance" of nvc/weights/manifest.json. ModelError if unreadable."""
    return parse_enhance_manifest(manifest_text())


def parse_enhance_manifest(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """As ``read_enhance_manifest``, from the JSON itself; both are empty where there is no such part."""
    try:
        part = json.loads(text).get("enhance", {"default": {}, "weights": []})
        entries = {str(entry["id"]): str(entry["file"]) for entry in part["weights"]}
        defaults = {str(preset): str(name) for preset, name in part["default"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the weights manifest cannot be read: {error!r}") from error
    missing = sorted(set(defaults.values()) - set(entries))
    if missing:
        raise ModelError(f"the weights manifest has no entry for its enhancement {missing[0]}")
    return defaults, entries


def read_enhance_metadata(path: Path) -> dict[str, str]:
    """Metadata of a weights file, without its tensors. Raises ModelError where it is no enhancement."""
    with open_tensors(path) as file:
        metadata = dict(file.metadata() or {})
    if metadata.get("format") != FORMAT or not {"id", "config"} <= set(metadata):
        raise ModelError(f"{path} is no weights file of format {FORMAT}")
    return metadata


def is_enhance_file(path: Path) -> bool:
    """Whether a file holds weights of the enhancement."""
    try:
        read_enhance_metadata(path)
    except ModelError:
        return False
    return True


def _offered() -> Iterator[tuple[Path, dict[str, str]]]:
    """Enhancement files that NVC_WEIGHTS names; other weights among them are stepped over."""
    for path in offered_paths():
        if not path.exists():
            raise ModelError(f"NVC_WEIGHTS names {path}, which is not there")
        for file in sorted(path.glob("*.safetensors")) if path.is_dir() else (path,):
            if is_enhance_file(file):
                yield file, read_enhance_metadata(file)
