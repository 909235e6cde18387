import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from nvc.errors import ModelError
from nvc.models import weights
from nvc.models.contexts import TABLE, binary_tables, seeded_contexts
from nvc.models.files import content_id
from nvc.models.inter import InterConfig, InterModel
from nvc.models.refine import RefineConfig
from nvc.models.weights import (
    find_weights,
    load_weights,
    open_weights,
    parse_manifest,
    read_manifest,
    read_metadata,
    save_weights,
    seeded_weights,
)

SMALL = InterConfig(fine=16, wide=32, hyper=16, hyper_wide=16, encoder=16, integer=16, renderer=16)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("NVC_WEIGHTS", raising=False)


@pytest.fixture(scope="module")
def seeded():
    return seeded_weights(7, SMALL)


@pytest.fixture
def file(seeded, tmp_path):
    path = tmp_path / "seven.safetensors"
    save_weights(path, seeded.model, tables=seeded.tables, metadata={"stage": "test", "data": "none"})
    return path


def rewrite(path: Path, change) -> Path:
    """The file with arrays and metadata changed by ``change(arrays, metadata)``."""
    arrays, metadata = load_file(path), read_metadata(path)
    change(arrays, metadata)
    save_file(arrays, path, metadata=metadata)
    return path


def test_a_file_comes_back(seeded, file):
    loaded = load_weights(file, want=seeded.id)
    assert loaded.id == seeded.id and loaded.metadata["stage"] == "test" and loaded.metadata["data"] == "none"
    assert not loaded.model.training and loaded.model.config == SMALL
    for (name, before), (_, after) in zip(
        seeded.model.named_parameters(), loaded.model.named_parameters(), strict=True
    ):
        assert torch.equal(before, after), name
    for name, table in seeded.tables.items():
        np.testing.assert_array_equal(table, loaded.tables[name])
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_integers_are_stored_as_integers(file):
    arrays = load_file(file)
    kinds = {value.dtype.str for name, value in arrays.items() if "scale_index" in name}
    assert kinds == {"|i1", "<i4"}
    assert {value.dtype.str for name, value in arrays.items() if "synthesis" in name} == {"<f4"}


def test_half_files_are_smaller_and_have_their_own_id(seeded, file, tmp_path):
    half = tmp_path / "half.safetensors"
    name = save_weights(half, seeded.model, tables=seeded.tables, half=True)
    loaded = load_weights(half)
    assert name == loaded.id != seeded.id and half.stat().st_size < 0.7 * file.stat().st_size
    assert loaded.model.check_value() == seeded.model.check_value()


def test_trained_masters_are_saved_as_the_integers_they_stand_for(seeded, tmp_path):
    model = InterModel(SMALL)
    path = tmp_path / "trained.safetensors"
    save_weights(path, model)
    loaded = load_weights(path).model
    assert loaded.check_value() == model.check_value()
    assert not torch.equal(loaded.scale_index.mix.weight, model.scale_index.mix.weight)


def test_the_full_model_fits_the_size_limit(tmp_path):
    save_weights(tmp_path / "full.safetensors", InterModel())
    assert (tmp_path / "full.safetensors").stat().st_size < 20e6


def test_seeded_weights_are_the_same_everywhere(seeded):
    again, other = seeded_weights(7, SMALL), seeded_weights(8, SMALL)
    assert again.id == seeded.id != other.id
    assert (seeded.id, seeded.metadata["check"]) == ("e8f61161d859107e", "2bbec6d5")
    assert {name: t.shape for name, t in seeded.tables.items()} == {"latent": (64, 32), "hyper": (4, 16, 32)}
    latent = seeded.tables["latent"].astype(int)
    assert (latent.sum(1) == 4096).all() and latent.min() >= 1 and latent[0, 0] > latent[20, 0] > latent[63, 0]


def flip(arrays, metadata):
    arrays["model.fusion.join.weight"].reshape(-1)[3] += 1


def nan(arrays, metadata):
    arrays["model.fusion.join.weight"].reshape(-1)[3] = np.nan
    metadata["id"] = content_id(arrays, metadata["config"])


def big_integer(arrays, metadata):
    arrays["model.scale_index.mix.weight"][0, 0] = 100
    metadata["id"] = content_id(arrays, metadata["config"])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (flip, "damaged"),
        (nan, "not finite"),
        (big_integer, "within"),
        (lambda a, m: a.pop("model.fusion.join.weight"), "missing"),
        (lambda a, m: a.update({"model.more": np.zeros(3, np.float32)}), "unknown"),
        (lambda a, m: a.update({"model.fusion.join.weight": np.zeros((3, 3), np.float32)}), "must be"),
        (lambda a, m: a.update({"model.fusion.join.bias": np.zeros(16, np.float64)}), "must be"),
        (lambda a, m: a.update({"model.scale_index.mix.weight": np.zeros((16, 16), np.float32)}), "must be"),
        (lambda a, m: a.update({"tables.latent": np.zeros((64, 32), np.float32)}), "must be"),
        (lambda a, m: a.update({"tables.latent": np.zeros((64, 32), np.uint16)}), "sum to 4096"),
        (lambda a, m: m.update(format="other"), "no weights file"),
        (lambda a, m: m.pop("check"), "no weights file"),
        (lambda a, m: m.update(config="{"), "cannot be read"),
        (lambda a, m: m.update(config='{"fine": 16}'), "widths"),
        (lambda a, m: m.update(check="xyz"), "cannot be read"),
    ],
)
def test_bad_files_are_refused(file, change, word):
    with pytest.raises(ModelError, match=word):
        load_weights(rewrite(file, change))


def save_learned(path, *, tables=None, contexts=None):
    model = seeded_weights(2, RefineConfig(16, 16, 0, 0)).model
    arrays = seeded_contexts(1, 8, 4) if contexts is None else contexts
    return save_weights(path, model, tables={TABLE: binary_tables()} if tables is None else tables, contexts=arrays)


def test_contexts_go_into_a_file_and_out_of_it(tmp_path):
    path = tmp_path / "learned.safetensors"
    identity = save_learned(path)
    found = load_weights(path, want=identity)
    assert all(np.array_equal(found.contexts[name], value) for name, value in seeded_contexts(1, 8, 4).items())
    assert set(found.tables) == {TABLE} and found.contexts["rows"].dtype == np.int16
    other = seeded_contexts(1, 8, 4)
    other["bias"][0, 0] += 1
    assert save_learned(path, contexts=other) != identity


def test_contexts_that_cannot_be_are_refused(tmp_path):
    path = tmp_path / "learned.safetensors"
    bad = seeded_contexts(1, 8, 4)
    bad["rows"] = bad["rows"][1:]
    for options, word in (({"tables": {}}, "need tables.binary"), ({"contexts": bad}, "rows must be")):
        with pytest.raises(ModelError, match=word):
            save_learned(path, **options)
    hyper, tables = seeded_weights(1, SMALL), {TABLE: binary_tables()}
    with pytest.raises(ModelError, match="hyperprior"):
        save_weights(path, hyper.model, tables={**hyper.tables, **tables}, contexts=seeded_contexts(1, 8, 4))
    assert not path.exists()
    save_learned(path)

    def drop(arrays, metadata):
        del arrays["contexts.rows"]

    def widen(arrays, metadata):
        arrays["contexts.rows"] = arrays["contexts.rows"].astype(np.float32)

    for change, word in ((drop, "context networks"), (widen, "must be I16")):
        save_learned(path)
        with pytest.raises(ModelError, match=word):
            load_weights(rewrite(path, change))


@pytest.mark.parametrize("content", [b"", b"not weights at all", (1 << 50).to_bytes(8, "little") + b"{}"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(path)


def test_a_cut_file_and_a_missing_one(file):
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(file)
    with pytest.raises(ModelError, match="not there"):
        load_weights(file.with_name("none.safetensors"))


def test_other_weights_than_wanted(seeded, file):
    with pytest.raises(ModelError, match=f"are {seeded.id}, wanted 0123"):
        load_weights(file, want="0123")


def test_weights_are_found_by_environment(seeded, file, monkeypatch):
    other = file.with_name("eight.safetensors")
    other_id = save_weights(other, seeded_weights(8, SMALL).model)
    monkeypatch.setenv("NVC_WEIGHTS", str(file.parent))
    (file.parent / "aaa.safetensors").write_bytes(b"something else")
    assert find_weights(seeded.id) == file and find_weights(other_id) == other == find_weights()
    monkeypatch.setenv("NVC_WEIGHTS", f"{file}{os.pathsep}{other}")
    assert find_weights() == file and open_weights(other_id).id == other_id
    with pytest.raises(ModelError, match="0123456789abcdef are not found in NVC_WEIGHTS"):
        find_weights("0123456789abcdef")
    monkeypatch.setenv("NVC_WEIGHTS", str(file.parent / "gone"))
    with pytest.raises(ModelError, match="gone, which is not there"):
        find_weights()


def test_weights_are_found_by_manifest(seeded, file, monkeypatch):
    entry = {"id": seeded.id, "file": str(file), "stage": "test", "note": ""}
    manifest = parse_manifest(json.dumps({"version": 1, "default": seeded.id, "weights": [entry]}))
    monkeypatch.setattr(weights, "read_manifest", lambda: manifest)
    assert find_weights() == find_weights(seeded.id) == file
    file.rename(file.with_name("moved"))
    with pytest.raises(ModelError, match="should be in"):
        find_weights()


def test_nothing_found_says_so(monkeypatch):
    monkeypatch.setattr(weights, "read_manifest", lambda: (None, ()))
    with pytest.raises(ModelError, match="no weights ship"):
        find_weights()
    with pytest.raises(ModelError, match="abc are not found in the manifest"):
        find_weights("abc")


def test_the_shipped_manifest_is_whole():
    default, entries = read_manifest()
    assert default is None or default in {entry.id for entry in entries}
    for entry in entries:
        assert open_weights(entry.id).id == entry.id


@pytest.mark.parametrize(
    "text", ["", "[]", '{"weights": []}', '{"default": "x", "weights": []}', '{"default": null, "weights": [{}]}']
)
def test_bad_manifests_are_refused(text):
    with pytest.raises(ModelError, match="manifest"):
        parse_manifest(text)


def test_tables_are_checked_before_they_are_written(seeded, tmp_path):
    with pytest.raises(ModelError, match="uint16 rows"):
        save_weights(tmp_path / "x.safetensors", seeded.model, tables={"latent": np.zeros(4, np.uint16)})
    assert not list(tmp_path.iterdir())


def test_other_instruction_sets_pass_the_self_test(seeded, file):
    script = "import sys; from nvc.models.weights import load_weights; print(load_weights(sys.argv[1]).id)"
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"}
    root = Path(weights.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, file], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == seeded.id, done.stderr
