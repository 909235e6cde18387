"""Shapes and bounds of the context networks; what they compute is in tests/codec/test_context_networks.py."""

import numpy as np
import pytest

from nvc.errors import ModelError
from nvc.models.contexts import (
    ACTIVATION_LIMIT,
    BIAS_LIMIT,
    INPUTS,
    KINDS,
    LATENT,
    LATENT_SHARED,
    LEARNED_BIAS_LIMIT,
    LEARNED_LIMIT,
    LOGITS,
    QUESTIONS,
    RANGES,
    RATE_LIMIT,
    ROW_LIMIT,
    SHARED,
    WEIGHT_LIMIT,
    binary_tables,
    layout,
    networks_from,
    rows_of,
    seeded_contexts,
)


def test_each_value_of_each_input_has_a_row_of_its_own() -> None:
    place, seen = layout(), []
    for kind, ranges in enumerate(RANGES):
        for k, (low, high) in enumerate(ranges):
            assert (place.low[kind, k], place.high[kind, k]) == (low, high)
            seen += [int(place.offset[kind, k]) + value for value in range(low, high + 1)]
    assert seen == list(range(rows_of())) and place.width.tolist() == [len(r) for r in RANGES]
    assert len(RANGES) == len(QUESTIONS) == KINDS and max(len(r) for r in RANGES) == INPUTS


def test_latents_begin_with_what_a_block_shares() -> None:
    assert RANGES[LATENT][:SHARED] == RANGES[LATENT - 1][:SHARED] == RANGES[LATENT - 2][:SHARED]
    assert RANGES[LATENT][LATENT_SHARED] == (0, 383)


def test_no_sum_passes_31_bits() -> None:
    assert INPUTS * ROW_LIMIT + BIAS_LIMIT < 2**31
    learned = 128 * ACTIVATION_LIMIT * LEARNED_LIMIT
    assert learned < 2**31 and 4096 * RATE_LIMIT * ACTIVATION_LIMIT + 2**16 < 2**31
    assert 128 * ACTIVATION_LIMIT * WEIGHT_LIMIT + BIAS_LIMIT + (learned >> 8) + LEARNED_BIAS_LIMIT < 2**31


def test_logits_have_falling_odds() -> None:
    tables = binary_tables().astype(int)
    assert tables.shape == (LOGITS, 2) and (tables.sum(1) == 4096).all() and tables.min() >= 1
    assert (np.diff(tables[:, 1]) >= 0).all() and tables[LOGITS // 2].tolist() == [2048, 2048]
    assert (tables[1:, 1] == tables[1:, 0][::-1]).all()


def test_networks_come_from_their_integers() -> None:
    arrays = seeded_contexts(1, 8, 4)
    found = networks_from(arrays)
    assert all(np.array_equal(getattr(found, name), value) for name, value in arrays.items())
    again = seeded_contexts(1, 8, 4)
    assert all(np.array_equal(again[name], value) for name, value in arrays.items())


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rows", lambda a: a[:-1]),
        ("rows", lambda a: a.astype(np.int32)),
        ("rows", lambda a: a[0, 0].reshape(())),
        ("rows", lambda a: np.full_like(a, ROW_LIMIT + 1)),
        ("bias", lambda a: a[:, :-1]),
        ("middle", lambda a: a * 0 - WEIGHT_LIMIT - 1),
        ("middle", lambda a: a[0]),
        ("questions", lambda a: a[:, :-1]),
        ("question_bias", lambda a: a * 0 + BIAS_LIMIT + 1),
        ("rates", lambda a: a * 0 - 1),
        ("rates", lambda a: a * 0 + RATE_LIMIT + 1),
        ("middle_bias", None),
    ],
)
def test_integers_that_cannot_be_are_refused(name, change) -> None:
    arrays = seeded_contexts(1, 8, 4)
    if change is None:
        del arrays[name]
    else:
        arrays[name] = change(arrays[name])
    with pytest.raises(ModelError, match="context networks"):
        networks_from(arrays)


@pytest.mark.parametrize("widths", [(129, 4), (4, 129), (0, 4)])
def test_widths_have_bounds(widths) -> None:
    with pytest.raises(ModelError, match="1 to 128"):
        networks_from(seeded_contexts(1, *widths))
