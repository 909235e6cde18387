import json
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file, save_file

from nvc.errors import ModelError
from nvc.models import enhance_weights
from nvc.models.enhance import PRESETS, EnhanceConfig, EnhanceModel
from nvc.models.enhance_weights import (
    find_enhance,
    is_enhance_file,
    load_enhance,
    parse_enhance_manifest,
    read_enhance_manifest,
    read_enhance_metadata,
    save_enhance,
)
from nvc.models.weights import find_weights, save_weights, seeded_weights


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, str]:
    torch.manual_seed(3)
    path = tmp_path / "small.safetensors"
    return path, save_enhance(path, EnhanceModel(EnhanceConfig(16, 1)), {"stage": "test"})


def test_what_is_saved_comes_back(saved: tuple[Path, str]) -> None:
    path, name = saved
    weights = load_enhance(path, want=name)
    assert weights.id == name and weights.metadata["stage"] == "test" and len(name) == 16
    torch.manual_seed(3)
    for a, b in zip(EnhanceModel(EnhanceConfig(16, 1)).parameters(), weights.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not list(path.parent.glob("*.part"))


def test_half_precision_has_its_own_id(saved: tuple[Path, str]) -> None:
    path, name = saved
    half = path.with_name("half.safetensors")
    assert save_enhance(half, load_enhance(path).model, half=True) != name
    assert half.stat().st_size < 0.6 * path.stat().st_size
    assert load_enhance(half).model.config == EnhanceConfig(16, 1)


def test_damage_and_strangers_are_refused(saved: tuple[Path, str], tmp_path: Path) -> None:
    path, _ = saved
    metadata, arrays = read_enhance_metadata(path), load_file(path)
    arrays["leave.bias"][0] += 1
    save_file(arrays, path, metadata=metadata)
    with pytest.raises(ModelError, match="damaged"):
        load_enhance(path)
    del arrays["leave.bias"]
    save_file(arrays, path, metadata=metadata)
    with pytest.raises(ModelError, match="do not hold"):
        load_enhance(path)
    other = tmp_path / "inter.safetensors"
    save_weights(other, seeded_weights(0).model)
    assert not is_enhance_file(other) and is_enhance_file(path)
    with pytest.raises(ModelError, match="no weights file"):
        load_enhance(other)
    with pytest.raises(ModelError, match="not there"):
        load_enhance(tmp_path / "none")


def test_a_wrong_id_and_bad_values_are_refused(saved: tuple[Path, str]) -> None:
    path, _ = saved
    with pytest.raises(ModelError, match="wanted"):
        load_enhance(path, want="0" * 16)
    model = EnhanceModel(EnhanceConfig(16, 1))
    torch.nn.init.constant_(model.leave.bias, float("nan"))
    with pytest.raises(ModelError, match="finite"):
        save_enhance(path, model)


def test_finding_by_environment(saved: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    path, name = saved
    full = path.with_name("zz.safetensors")
    fast = save_enhance(full, EnhanceModel(PRESETS["fast"]), half=True)
    save_weights(path.with_name("codec.safetensors"), seeded_weights(0).model)
    monkeypatch.setenv("NVC_WEIGHTS", str(path.parent))
    assert find_enhance(name) == path and find_enhance(fast) == full and find_enhance() == full
    with pytest.raises(ModelError, match="quality"):
        find_enhance(preset="quality")
    with pytest.raises(ModelError, match="0000"):
        find_enhance("0" * 16)
    assert find_weights().name == "codec.safetensors"
    monkeypatch.setenv("NVC_WEIGHTS", str(path.with_name("gone")))
    with pytest.raises(ModelError, match="not there"):
        find_enhance()


def test_the_codec_steps_over_an_enhancement(saved: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVC_WEIGHTS", str(saved[0]))
    with pytest.raises(ModelError, match="no weights ship|not found"):
        find_weights("0" * 16)


def test_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults, entries = read_enhance_manifest()
    assert set(defaults.values()) <= set(entries)
    part = {"default": {"fast": "a"}, "weights": [{"id": "a", "file": "a.safetensors", "kind": "enhance"}]}
    text = json.dumps({"version": 1, "default": None, "weights": [], "enhance": part})
    assert parse_enhance_manifest(text) == ({"fast": "a"}, {"a": "a.safetensors"})
    assert parse_enhance_manifest('{"default": null, "weights": []}') == ({}, {})
    for bad in ('{"enhance": 1}', "[", '{"enhance": {"default": {"fast": "b"}, "weights": []}}'):
        with pytest.raises(ModelError):
            parse_enhance_manifest(bad)
    monkeypatch.setattr(enhance_weights, "read_enhance_manifest", lambda: parse_enhance_manifest(text))
    with pytest.raises(ModelError, match="should be in"):
        find_enhance()
