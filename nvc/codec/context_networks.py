"""Computes the context networks within numba kernels, and codes choices by what they say.

Sums are int32, exact in any order; activations are leaky (an eighth below zero), shifted to UNIT_BITS behind the
point and clipped. ``nvc.models.contexts`` has the bounds that keep every sum within 31 bits.

The last layer goes on learning while a frame is coded, by gradient steps in whole numbers on both sides alike ("dynamic
evaluation", Mikolov et al., Interspeech 2010), from where its references ended.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from nvc.codec import symbols
from nvc.entropy.coder import code_symbol
from nvc.models.contexts import (
    ACTIVATION_LIMIT,
    INPUTS,
    KINDS,
    LEARNED_BIAS_LIMIT,
    LEARNED_LIMIT,
    LOGIT_SHIFT,
    LOGITS,
    QUESTIONS,
    UNIT_BITS,
)

BINARY_BASE = symbols.TABLES  # first table of the logits, behind those of networks off


class Scratch(NamedTuple):
    """What a kernel computes in, and what it notes of the symbols on its way.

    inputs         (INPUTS,) int32
    first, second  (H,), (G,) int32 activations
    learned        (8, 30, G + 1) int32, what was learned in coding: of each question's weights, then of its bias
    noted          (1,) int64, number of symbols noted
    kinds          (N,) uint8, chosen (N,) uint8, seen (N, INPUTS) int16 of each; nothing is noted where N is 0
    """

    inputs: np.ndarray
    first: np.ndarray
    second: np.ndarray
    learned: np.ndarray
    noted: np.ndarray
    kinds: np.ndarray
    chosen: np.ndarray
    seen: np.ndarray


def scratch(hidden: int, second: int, notes: int = 0) -> Scratch:
    """Room for networks of these widths, and for ``notes`` symbols."""
    return Scratch(
        np.zeros(INPUTS, np.int32),
        np.zeros(hidden, np.int32),
        np.zeros(second, np.int32),
        np.zeros((KINDS, max(QUESTIONS), second + 1), np.int32),
        np.zeros(1, np.int64),
        np.zeros(notes, np.uint8),
        np.zeros(notes, np.uint8),
        np.zeros((notes, INPUTS), np.int16),
    )


@njit(inline="always")
def _activate(total):
    value = np.int32(max(total, total >> 3))
    return min(max(value, np.int32(-ACTIVATION_LIMIT)), np.int32(ACTIVATION_LIMIT))


@njit(inline="always")
def add_inputs(networks, room, kind, start, end, sums):
    """Add the rows of inputs ``start`` to ``end`` of ``room.inputs``, clipped to their ranges first, to ``sums``."""
    for k in range(start, end):
        value = min(max(room.inputs[k], networks.low[kind, k]), networks.high[kind, k])
        room.inputs[k] = value
        row = networks.rows[networks.offset[kind, k] + value]
        for j in range(sums.shape[0]):
            sums[j] += row[j]


@njit(inline="always")
def think_on(networks, room, kind):
    """Activations of the second layer from the sums of the first in ``room.first``."""
    first, second = room.first, room.second
    middle, width = networks.middle[kind], room.second.shape[0]
    for j in range(width):
        second[j] = networks.middle_bias[kind, j]
    for k in range(first.shape[0]):
        a = _activate(first[k])
        for j in range(width):
            second[j] += np.int32(a * middle[k, j])
    for j in range(width):
        second[j] = _activate(second[j] >> UNIT_BITS)


@njit(cache=True, nogil=True)
def think(networks, room, kind):
    """Activations of the second layer of ``kind`` for ``room.inputs``."""
    room.first[:] = networks.bias[kind]
    add_inputs(networks, room, kind, 0, networks.width[kind], room.first)
    think_on(networks, room, kind)


@njit(cache=True, nogil=True)
def ask(coder, networks, room, kind, question, answer):
    """Code a yes (1) or no (0) to a question of ``kind`` after ``think``, and learn from it; returns it."""
    second, weights, learned = room.second, networks.questions[kind, question], room.learned[kind, question]
    width = second.shape[0]
    total, more = np.int32(networks.question_bias[kind, question]), np.int32(0)
    for j in range(width):
        total += np.int32(second[j] * weights[j])
        more += np.int32(second[j] * learned[j])
    total += (more >> UNIT_BITS) + learned[width]
    table = BINARY_BASE + min(max((total >> LOGIT_SHIFT) + LOGITS // 2, 0), LOGITS - 1)
    got = code_symbol(coder, table, answer)
    if networks.rates[kind, 0] or networks.rates[kind, 1]:
        # The last slot of a table is a yes: its frequency stands there.
        error = np.int32((got << 12) - np.int64(coder.lookup[table, 4095] & 4095))
        _learn(learned, second, error, np.int32(networks.rates[kind, 0]), np.int32(networks.rates[kind, 1]))
    return got


@njit(inline="always")
def _learn(learned, second, error, of_bias, of_weights):
    """A step along the gradient of the bits: ``error`` is 4096 times answer less probability."""
    width = second.shape[0]
    learned[width] = _clip(learned[width] + ((error * of_bias + 16) >> 5), LEARNED_BIAS_LIMIT)
    step = np.int32(error * of_weights)
    for j in range(width):
        learned[j] = _clip(learned[j] + ((np.int32(step * second[j]) + (1 << 16)) >> 17), LEARNED_LIMIT)


@njit(inline="always")
def _clip(value, limit):
    return min(max(np.int32(value), np.int32(-limit)), np.int32(limit))


@njit(inline="always")
def note(room, kind, symbol):
    """Note a symbol with its inputs, for training."""
    n = room.noted[0]
    if n >= room.kinds.shape[0]:
        return
    room.kinds[n] = kind
    room.chosen[n] = symbol
    for k in range(INPUTS):
        room.seen[n, k] = room.inputs[k]
    room.noted[0] = n + 1


@njit(cache=True, nogil=True)
def code_count(coder, networks, room, kind, value, most):
    """Code 0 <= value <= most: is it 0? is it 1? ... until yes; the last is not asked for."""
    think(networks, room, kind)
    k = np.int64(0)
    while k < most and ask(coder, networks, room, kind, k, 1 if value == k else 0) == 0:
        k += 1
    note(room, kind, k)
    return k
