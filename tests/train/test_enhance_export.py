import json
from pathlib import Path

import pytest
import torch

from nvc.errors import InputError
from nvc.models.enhance_weights import load_enhance, parse_enhance_manifest
from nvc.models.weights import parse_manifest
from nvc.train.enhance_export import export
from nvc.train.enhance_loop import EnhanceTraining, read_stage


def test_the_running_mean_is_exported_and_listed(tmp_path: Path) -> None:
    training = EnhanceTraining(read_stage("enhance_fast"))
    torch.nn.init.constant_(training.mean.leave.bias, 0.25)
    training.save(tmp_path / "state.pt")
    (tmp_path / "log.ndjson").write_text('{"validation": {"gain": 0.1}}\n{"loss": 1}\n')
    out = tmp_path / "weights" / "enhance-fast.safetensors"
    name = export(tmp_path, out.parent, "enhance_fast")
    weights = load_enhance(out, want=name)
    assert torch.all(weights.model.leave.bias == 0.25)
    assert "licence" in weights.metadata["licence"] and json.loads(weights.metadata["validation"]) == {"gain": 0.1}
    assert export(tmp_path, out.parent, "enhance_fast") == name
    text = (out.parent / "manifest.json").read_text()
    assert parse_enhance_manifest(text) == ({"fast": name}, {name: out.name})
    assert parse_manifest(text) == (None, ())


def test_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        export(tmp_path, tmp_path, "enhance_fast")
