import json

import numpy as np
import pytest

from nvc.errors import InputError
from nvc.models.weights import load_weights, parse_manifest, read_metadata
from nvc.train.data import Samples
from nvc.train.export import export, fit_tables, hyper_tables, last_stage, latent_tables, save_trained, symbol_of
from nvc.train.losses import Coder


def test_symbols_are_numbered_as_the_coder_does():
    values = np.array([0, 1, -1, 2, -2, 15, -15, 16, -300])
    assert symbol_of(values).tolist() == [0, 1, 2, 3, 4, 29, 30, 31, 31]


def test_tables_follow_the_counts_and_are_even():
    counts = np.zeros((64, 32))
    counts[30, :3] = [5000, 3000, 1000]
    tables = latent_tables(counts)
    assert tables.dtype == np.uint16 and (tables.astype(int).sum(1) == 4096).all()
    assert np.array_equal(tables[:, 1:31:2], tables[:, 2:31:2])
    assert abs(int(tables[30, 1]) - 4096 * 2000 / 9000) < 150
    assert (tables[5, 5:] == 0).all() and tables[5, 3] > 0 and tables[40].min() >= 1


def test_tables_of_z_lean_on_the_channel():
    counts = np.zeros((4, 16, 32))
    counts[0, 3, 7] = 100000
    tables = hyper_tables(counts)
    assert tables.shape == (4, 16, 32) and (tables.astype(int).sum(2) == 4096).all() and tables.min() >= 1
    assert tables[0, 3, 7] > 3500 and tables[2, 3, 7] > 1500 and tables[2, 4, 0] > 1000


def test_fitted_tables_leave_the_coder_as_it_was(small_model, prepared):
    coder = Coder(small_model)
    shifts = coder.shifts.clone()
    tables = fit_tables(coder, Samples(prepared), count=6)
    assert (coder.shifts == shifts).all()
    assert tables["latent"].shape == (64, 32) and tables["hyper"].shape == (4, 16, 32)


def test_export_makes_the_default_weights(small_model, prepared, tmp_path):
    run, out = tmp_path / "run", tmp_path / "weights"
    run.mkdir()
    tables = fit_tables(Coder(small_model), Samples(prepared), count=4)
    save_trained(run / "first.safetensors", small_model, tables, "first", prepared)
    assert last_stage(run) == "first"
    identity = export(run, prepared, out, "first")
    default, entries = parse_manifest((out / "manifest.json").read_text())
    assert default == identity == entries[0].id and "licence is not" in entries[0].note
    assert load_weights(out / entries[0].file, want=identity).model.config == small_model.config
    metadata = read_metadata(out / entries[0].file)
    assert json.loads(metadata["data"]) == ["made up"] and metadata["stage"] == "first"
    assert export(run, prepared, out, "first") == identity
    assert len(parse_manifest((out / "manifest.json").read_text())[1]) == 1


def test_a_run_without_an_end_is_refused(prepared, tmp_path):
    with pytest.raises(InputError, match="no stage that ended"):
        last_stage(tmp_path)
    with pytest.raises(InputError, match="no ended stage first"):
        export(tmp_path, prepared, tmp_path / "out", "first")
