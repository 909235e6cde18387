"""What context networks learn from: inputs and symbols as the coder meets them."""

from dataclasses import replace

import numpy as np
import pytest

from nvc.codec.context_networks import BINARY_BASE
from nvc.codec.frame_coder import symbol_capacity
from nvc.codec.network_choice import make_networks
from nvc.codec.symbols import load_model
from nvc.entropy.coder import encoding_coder, queued
from nvc.errors import InputError
from nvc.models.contexts import KINDS, LATENT, RANGES, SIGN, TABLE, binary_tables, seeded_contexts
from nvc.models.refine import RefineConfig
from nvc.models.weights import Weights, seeded_weights
from nvc.train import context_notes
from nvc.train.context_notes import collect, note_clip, note_frame
from nvc.train.contexts import integer_bits
from tests.codec.test_learned_symbols import TASKS, code, random_symbols, setup_of, shadows_of
from tests.train.test_prepare import folder, frames  # noqa: F401


def test_noted_symbols_cost_what_the_coder_queues() -> None:
    """The whole chain: inputs noted, networks evaluated in NumPy, against the tables that the coder names."""
    arrays, setup = seeded_contexts(9, 8, 8), setup_of(TASKS[1], (64, 80))
    arrays["rates"][:] = 0
    found = seeded_weights(8, RefineConfig(16, 16, 0, 0))
    weights = Weights("", found.model, {TABLE: binary_tables()}, contexts=arrays)
    model = make_networks(weights).symbol_model(load_model())
    known, symbols = random_symbols(setup_of(TASKS[0], (64, 80)), 1, 9), random_symbols(setup, 2, 9)
    code(setup_of(TASKS[0], (64, 80)), (None,), encoding_coder(model.tables, symbol_capacity(setup)), known, model)
    unlearned = replace(known, learned=None)
    notes = note_frame(setup, (unlearned, None), shadows_of(setup), symbols, model)
    symbols.learned = None
    assert [n.inputs.shape for n in notes.kinds] == [(len(n.chosen), len(RANGES[k])) for k, n in enumerate(notes.kinds)]
    assert all(len(n.chosen) for n in notes.kinds)
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    code(setup, (known, None), coder, symbols, model)
    values, tables = queued(coder)
    asked = tables >= BINARY_BASE
    signs = np.count_nonzero(symbols.latents)
    want = float(model.tables.costs[tables[asked], values[asked]].sum()) + signs
    assert sum(integer_bits(k, n, arrays) for k, n in enumerate(notes.kinds)) == pytest.approx(want, rel=1e-6)


def test_bits_of_the_fitted_tables_are_those_of_networks_off() -> None:
    setup, model = setup_of(TASKS[1], (48, 48)), load_model()
    symbols = random_symbols(setup, 1, 9)
    notes = note_frame(setup, (None, None), shadows_of(setup), symbols, model)
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    code(setup, (None, None), coder, symbols, model)
    values, tables = queued(coder)
    fitted = tables >= 2  # all but raw numbers and signs
    want = float(model.tables.costs[tables[fitted], values[fitted]].sum())
    assert notes.bits.sum() - notes.bits[SIGN] == pytest.approx(want, rel=1e-6)
    assert notes.bits[SIGN] == len(notes.kinds[SIGN].chosen) and (notes.bits > 0).all()


def test_a_clip_is_noted_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [note_clip(frames(4), 40, "ra", n) for n in (1, 2)]
    assert [len(found) for found in every] == [3, 3]
    some = [[len(f.kinds[LATENT].chosen) > 0 for f in found] for found in every]
    assert all(some[0]) and sum(some[1]) == 1
    assert [f.bits[LATENT] > 0 for f in every[1]] == some[1]


def test_a_folder_is_collected(folder, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(context_notes, "SIZE", 64)
    monkeypatch.setattr(context_notes, "QUALITIES", (20, 40))
    learn, judge = collect(folder, "train"), collect(folder, "validation")
    # Six clips of two inter frames, twice; one clip at two qualities. A block of 16x16 each, 16 a frame.
    assert len(learn.kinds[0].chosen) == 6 * 2 * 2 * 16 and len(judge.kinds[0].chosen) == 2 * 2 * 16
    assert len(learn.kinds) == KINDS and learn.bits.shape == (KINDS,)
    monkeypatch.setattr(context_notes, "SIZE", 128)
    with pytest.raises(InputError, match="no clips of 128x128"):
        collect(folder, "train")
