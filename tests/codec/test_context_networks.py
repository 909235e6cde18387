"""The context networks in numba against NumPy with whole numbers of 64 bits, and what they code."""

import numpy as np
import pytest

from nvc.codec import symbols
from nvc.codec.context_networks import BINARY_BASE, ask, code_count, note, scratch, think
from nvc.entropy import rans
from nvc.entropy.coder import decoding_coder, encoding_coder, finished, queued
from nvc.entropy.tables import build_tables
from nvc.models.contexts import (
    ACTIVATION_LIMIT,
    INPUTS,
    KINDS,
    LAST,
    LEARNED_BIAS_LIMIT,
    LEARNED_LIMIT,
    LOGIT_SHIFT,
    LOGITS,
    MODE,
    QUESTIONS,
    RANGES,
    UNIT_BITS,
    binary_tables,
    networks_from,
    seeded_contexts,
)

WIDTHS = [(1, 1), (5, 3), (64, 32)]


def activate(total: np.ndarray) -> np.ndarray:
    return np.clip(np.where(total > 0, total, total // 8), -ACTIVATION_LIMIT, ACTIVATION_LIMIT)


def plain(arrays: dict, kind: int, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(second layer, table of each question), from the description in the format."""
    first, row = arrays["bias"][kind].astype(np.int64), sum(b - a + 1 for r in RANGES[:kind] for a, b in r)
    for value, (low, high) in zip(inputs, RANGES[kind], strict=False):
        first = first + arrays["rows"][row + min(max(int(value), low), high) - low]
        row += high - low + 1
    middle = activate(first) @ arrays["middle"][kind].astype(np.int64) + arrays["middle_bias"][kind]
    second = activate(middle // (1 << UNIT_BITS))
    logits = arrays["questions"][kind].astype(np.int64) @ second + arrays["question_bias"][kind]
    return second, BINARY_BASE + np.clip(logits // (1 << LOGIT_SHIFT) + LOGITS // 2, 0, LOGITS - 1)


def tables():
    rows = np.zeros((symbols.TABLES + LOGITS, 2), np.int64)
    rows[:, 0] = rows[:, 1] = 2048
    rows[symbols.TABLES :] = binary_tables()
    return build_tables(rows)


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("kind", range(KINDS))
def test_sums_are_those_of_numpy(kind, widths) -> None:
    arrays, random = seeded_contexts(kind, *widths), np.random.default_rng(kind)
    networks, room = networks_from(arrays), scratch(*widths)
    for _ in range(20):
        inputs = random.integers(-40, 500, INPUTS)
        room.inputs[:] = inputs
        think(networks, room, kind)
        assert room.second.tolist() == plain(arrays, kind, inputs)[0].tolist()


def test_large_weights_do_not_wrap() -> None:
    arrays = seeded_contexts(1, 128, 128)
    arrays["rows"][:], arrays["middle"][:], arrays["middle_bias"][:] = 16384, 2048, 1 << 27
    room = scratch(128, 128)
    think(networks_from(arrays), room, 0)
    assert (room.second == ACTIVATION_LIMIT).all()
    arrays["middle"][:], arrays["middle_bias"][:] = -2048, -(1 << 27)
    think(networks_from(arrays), room, 0)
    assert (room.second == plain(arrays, 0, room.inputs)[0]).all() and room.second[0] < 0


def test_a_count_is_asked_for_question_by_question() -> None:
    arrays, model = seeded_contexts(4, 8, 4), tables()
    arrays["rates"][:] = 0
    networks, room = networks_from(arrays), scratch(8, 4)
    coder = encoding_coder(model, 200)
    values = [0, 3, 30, 14, 29]
    for value in values:
        assert code_count(coder, networks, room, LAST, value, 30) == value
    answers, asked = queued(coder)
    level = plain(arrays, LAST, room.inputs)[1]
    want = [k for value in values for k in range(min(value + 1, 30))]
    assert asked.tolist() == [level[k] for k in want]
    assert answers.tolist() == [int(k == value) for value in values for k in range(min(value + 1, 30))]
    reading = decoding_coder(model, rans.encode(answers, asked, model, 1), 1)
    assert [code_count(reading, networks, room, LAST, 0, 30) for _ in values] == values and finished(reading)


def learn(rates: tuple[int, int], answers: list[int]) -> tuple[np.ndarray, list[int]]:
    """(what question 1 of MODE learned, tables it was asked with) from answers to it alone."""
    arrays, model = seeded_contexts(4, 8, 4), tables()
    arrays["rates"][MODE], arrays["question_bias"][MODE, 1] = rates, 0
    networks, room = networks_from(arrays), scratch(8, 4)
    coder = encoding_coder(model, len(answers) + 1)
    think(networks, room, MODE)
    for answer in answers:
        ask(coder, networks, room, MODE, 1, answer)
    others = room.learned.copy()
    others[MODE, 1] = 0
    assert not others.any()
    return room.learned[MODE, 1], queued(coder)[1].tolist()


def test_what_is_answered_is_learned() -> None:
    """A step along the gradient of the bits: error times rate for the bias, times activation for a weight."""
    learned, asked = learn((3, 7), [1])
    room, arrays = scratch(8, 4), seeded_contexts(4, 8, 4)
    think(networks_from(arrays), room, MODE)
    error = 4096 - int(binary_tables()[asked[0] - BINARY_BASE, 1])
    assert learned.tolist() == [(error * 7 * int(a) + 65536) >> 17 for a in room.second] + [(error * 3 + 16) >> 5]
    assert learned[-1] > 0 and learned[:-1].any()
    for answer in (0, 1):
        levels = learn((5, 8), [answer] * 300)[1]
        assert np.sign(np.diff(levels)).tolist().count(1 if answer else -1) > 5 and (levels[-1] > levels[0]) == bool(
            answer
        )


def test_learning_has_an_end_and_may_be_off() -> None:
    assert not learn((0, 0), [1] * 50)[0].any()
    learned, _ = learn((64, 64), [1, 0] * 20 + [1] * 3000)
    assert learned[-1] <= LEARNED_BIAS_LIMIT and np.abs(learned[:-1]).max() <= LEARNED_LIMIT
    bias = learn((64, 0), [1] * 3000)[0]
    assert not bias[:-1].any() and 0 < bias[-1] <= LEARNED_BIAS_LIMIT


def test_notes_stop_where_there_is_no_room() -> None:
    room = scratch(1, 1, 2)
    room.inputs[:] = np.arange(INPUTS)
    for symbol in (4, 5, 6):
        note(room, LAST, symbol)
    assert room.noted[0] == 2 and room.chosen.tolist() == [4, 5] and room.seen[1].tolist() == list(range(INPUTS))
    assert set(room.kinds) == {LAST} and max(QUESTIONS) == 30
