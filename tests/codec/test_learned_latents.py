"""Latents coded by a context network."""

import numpy as np
import pytest

from nvc.codec import learned_latents
from nvc.codec.context_networks import add_inputs, scratch, think
from nvc.codec.frame_coder import symbol_capacity
from nvc.codec.learned_symbols import frame_contexts
from nvc.entropy.coder import RAW_BIT, encoding_coder, queued
from nvc.models.contexts import LATENT, LATENT_SHARED, RANGES
from tests.codec.test_learned_symbols import TASKS, code, random_symbols, setup_of, shadows_of, there_and_back


def noted(learned, size=(48, 64), largest=20):
    """(room, symbols) of the second of two frames."""
    setup = setup_of(TASKS[0], size)
    known = random_symbols(setup, 1)
    code(setup, (None,), encoding_coder(learned.tables, symbol_capacity(setup)), known, learned)
    setup = setup_of(TASKS[1], size)
    symbols, room = random_symbols(setup, 2, largest), scratch(8, 8, 100_000)
    contexts = frame_contexts(setup, (None, known), learned.contexts, shadows_of(setup), room)
    assert contexts is not None
    assert contexts.code_latents(encoding_coder(learned.tables, symbol_capacity(setup)), symbols, learned.weights)
    return room, symbols


def test_inputs_lie_within_their_ranges_and_every_latent_before_its_last_diagonal_is_coded(learned) -> None:
    room, symbols = noted(learned)
    n = int(room.noted[0])
    low, high = np.array(RANGES[LATENT]).T
    seen = room.seen[:n, : len(low)]
    assert (seen >= low).all() and (seen <= high).all() and set(room.kinds[:n]) == {LATENT}
    within = [min(k + 1, 2 * m - 1 - k) for m in (16,) for k in range(31)]
    count = sum(sum(within[:last]) for last in symbols.lasts[:, 0])
    within = [min(k + 1, 15 - k) for k in range(15)]
    count += sum(sum(within[:last]) for last in symbols.lasts[:, 1:].ravel())
    assert n == count
    want = np.bincount(np.minimum(np.abs(symbols.latents[symbols.latents != 0]), 16), minlength=17)
    assert np.bincount(room.chosen[:n], minlength=17)[1:].tolist() == want[1:].tolist()


def test_sums_of_a_block_and_of_a_latent_are_those_of_all_inputs(learned) -> None:
    room, _ = noted(learned)
    seen = room.seen[7]
    room.inputs[:] = seen
    think(learned.contexts, room, LATENT)
    want = room.second.copy()
    sums = learned.contexts.bias[LATENT].copy()
    for start, end in ((0, LATENT_SHARED), (LATENT_SHARED, len(RANGES[LATENT]))):
        add_inputs(learned.contexts, room, LATENT, start, end, sums)
    assert np.array_equal(sums, room.first) and np.array_equal(room.second, want)


def test_four_steps_an_octave() -> None:
    steps = [learned_latents._octave_quarters(t) for t in (-5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 1 << 16)]
    assert steps == [0, 0, 0, 4, 6, 8, 9, 10, 11, 12, 16, 64]


@pytest.mark.parametrize("value", [1, -1, 15, -16, 17, 3000, -32767])
def test_magnitudes_and_signs(learned, value) -> None:
    setup = setup_of(TASKS[0], (16, 16))
    symbols = random_symbols(setup, 3)
    symbols.latents[:], symbols.patterns[:], symbols.lasts[:] = 0, 1, (1, 0, 0)
    symbols.latents[0, 0] = value
    read, tables = there_and_back(setup, (None,), symbols, learned)
    assert read.latents[0, 0] == value and (tables == RAW_BIT).any()


def test_a_zero_has_no_sign(learned) -> None:
    setup = setup_of(TASKS[0], (16, 16))
    symbols = random_symbols(setup, 3)
    symbols.latents[:], symbols.patterns[:], symbols.lasts[:] = 0, 1, (1, 0, 0)
    symbols.motion.vectors[:] = 0
    coder = encoding_coder(learned.tables, symbol_capacity(setup))
    code(setup, (None,), coder, symbols, learned)
    assert not (queued(coder)[1] == RAW_BIT).any()
