"""Writes the weights file of a finished training, and its entry in the manifest."""

import json
from pathlib import Path

from nvc.errors import InputError
from nvc.models.enhance_weights import save_enhance
from nvc.train.enhance_loop import EnhanceTraining, read_stage
from nvc.train.export import LICENCE


def export(run: Path, out: Path, stage: str) -> str:
    """Write the running mean of a training's weights into ``out`` (nvc/weights), 16 bits a value; returns their id.

    The manifest there lists the file, and makes it the default of its preset. Raises InputError where ``run`` holds no
    training.
    """
    state = run / "state.pt"
    if not state.is_file():
        raise InputError(f"{run} holds no training of the enhancement (state.pt)")
    training = EnhanceTraining(read_stage(stage))
    training.load(state)
    preset = training.stage.preset
    minutes = f"{training.seconds / 60:.1f}"
    metadata = {
        "preset": preset, "stage": Path(stage).stem, "steps": str(training.step_number), "minutes": minutes,
        "licence": LICENCE, "validation": _last_validation(run / "log.ndjson"),
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"enhance-{preset}.safetensors"
    name = save_enhance(target, training.mean, {key: value for key, value in metadata.items() if value}, half=True)
    target.chmod(0o644)  # the library writes it for its owner only
    entry = {"id": name, "file": target.name, "kind": "enhance", "preset": preset, "note": LICENCE}
    _list(out / "manifest.json", entry, preset)
    return name


def _last_validation(log: Path) -> str:
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    found = [json.loads(line).get("validation") for line in lines]
    return json.dumps(next((line for line in reversed(found) if line), {}))


def _list(manifest: Path, entry: dict, preset: str) -> None:
    content: dict = {"version": 1, "default": None, "weights": []}
    if manifest.is_file():
        content = json.loads(manifest.read_text(encoding="utf-8"))
    part = content.setdefault("enhance", {"default": {}, "weights": []})
    part["weights"] = [known for known in part["weights"] if known["file"] != entry["file"]] + [entry]
    part["default"][preset] = entry["id"]
    manifest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
