"""Trains the context networks on noted symbols and rounds them to the integers that code."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nvc.errors import InputError
from nvc.models.contexts import (
    ACTIVATION_LIMIT,
    BIAS_LIMIT,
    BLOCK_MERGE,
    CELL_MERGE,
    KINDS,
    LAST,
    LATENT,
    LOGIT_SHIFT,
    LOGITS,
    PATTERN,
    QUESTIONS,
    RANGES,
    ROW_LIMIT,
    SHARED,
    TABLE,
    UNIT_BITS,
    WEIGHT_LIMIT,
    Layout,
    binary_tables,
    layout,
)
from nvc.models.refine import RefineModel
from nvc.models.weights import load_weights
from nvc.train.context_notes import Notes, collect
from nvc.train.export import write_half
from nvc.train.prepare import PARTS, map_jobs

HIDDEN, SECOND = 64, 32
_BATCH, _RATE = 4096, 4e-3
# Weight decay of AdamW: symbols of motion are few and soon learned by heart, latents are many.
_DECAY, _LATENT_DECAY = 1.0, 0.1
NAMES = ("merge", "cell merge", "mode", "length", "sign", "pattern", "last diagonal", "latent")
# Share of the training time of each kind, about as it has bits.
SHARES = (0.16, 0.08, 0.03, 0.19, 0.05, 0.1, 0.08, 0.31)
# How fast each kind learns on in coding, biases and weights (``nvc.models.contexts``); decision 022.
LEARNING_RATES = ((6, 4), (10, 8), (16, 16), (6, 8), (16, 16), (6, 4), (6, 8), (3, 8))
_CANDIDATES, _PLANE = 5, SHARED + 4  # inputs that say how many choices there are


class Network(nn.Module):
    """The network of one kind in floating point. Inputs come as rows of ``Layout``, less the first of the kind."""

    def __init__(self, kind: int, hidden: int = HIDDEN, second: int = SECOND) -> None:
        super().__init__()
        self.rows = nn.EmbeddingBag(sum(b - a + 1 for a, b in RANGES[kind]), hidden, mode="sum")
        nn.init.normal_(self.rows.weight, std=0.1)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.middle = nn.Linear(hidden, second)
        self.questions = nn.Linear(second, QUESTIONS[kind])

    def forward(self, rows: Tensor) -> Tensor:
        """rows (N, inputs) int32 -> logits of yes (N, questions)."""
        limit = ACTIVATION_LIMIT / (1 << UNIT_BITS)
        first = F.leaky_relu(self.rows(rows) + self.bias, 0.125).clamp(-limit, limit)
        second = F.leaky_relu(self.middle(first), 0.125).clamp(-limit, limit)
        return self.questions(second)


def questions_of(kind: int, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """(asked (N, questions) bool, answers (N, questions) float32) of the symbols of one kind, as coding asks them."""
    chosen = notes.chosen.astype(np.int64)
    most = np.full(len(chosen), QUESTIONS[kind])
    place = chosen
    if kind == PATTERN:
        y, u, v = chosen & 1, chosen >> 1 & 1, chosen >> 2
        some, answers = (np.zeros((len(chosen), QUESTIONS[kind]), np.float32) for _ in range(2))
        every = np.arange(len(chosen))
        for question, answer in ((0 * y, y), (1 + y, u), (3 + y + 2 * u, v)):
            some[every, question], answers[every, question] = 1, answer
        return some > 0, answers
    if kind in (BLOCK_MERGE, CELL_MERGE):
        first = 1 if kind == BLOCK_MERGE else 0
        order = np.array([first + 1, 0, *(first + np.arange(2, 8)), 1])
        place, most = order[chosen], notes.inputs[:, _CANDIDATES].astype(np.int64) + first
    elif kind == LAST:
        most = np.where(notes.inputs[:, _PLANE] == 0, 30, 14)
    k = np.arange(QUESTIONS[kind])[None]
    asked = (k <= place[:, None]) & (k < most[:, None])
    return asked, (k == place[:, None]).astype(np.float32)


def row_numbers(kind: int, inputs: np.ndarray, place: Layout) -> np.ndarray:
    """(N, inputs of the kind) int32: which of the kind's own rows each input takes."""
    n = len(RANGES[kind])
    x = np.clip(inputs[:, :n].astype(np.int32), place.low[kind, :n], place.high[kind, :n])
    return x + place.offset[kind, :n] - (place.offset[kind, 0] + place.low[kind, 0])


def train_kind(kind: int, notes: Notes, seconds: float, seed: int = 1) -> Network:
    """The network of one kind after ``seconds`` of processor time."""
    torch.manual_seed(seed)
    network = Network(kind)
    rows = torch.from_numpy(row_numbers(kind, notes.inputs, layout()))
    asked, answers = (torch.from_numpy(a) for a in questions_of(kind, notes))
    optimiser = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_LATENT_DECAY if kind == LATENT else _DECAY)
    began, step, count = time.process_time(), 0, len(rows)
    while count:
        done = (time.process_time() - began) / seconds
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * done)) + 1e-6
        picked = torch.randint(0, count, (_BATCH,))
        loss = _bits(network(rows[picked]), asked[picked], answers[picked]) / _BATCH
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
    return network


def _bits(logits: Tensor, asked: Tensor, answers: Tensor) -> Tensor:
    losses = F.binary_cross_entropy_with_logits(logits, answers, reduction="none")
    return (losses * asked).sum() / np.log(2)


@torch.no_grad()
def integers_of(networks: Sequence[Network]) -> dict[str, np.ndarray]:
    """Arrays of ``nvc.models.contexts.networks_from``: weights rounded to UNIT_BITS behind the point."""
    twice = 2 * UNIT_BITS
    questions = np.zeros((KINDS, max(QUESTIONS), networks[0].middle.out_features), np.int16)
    question_bias = np.zeros((KINDS, max(QUESTIONS)), np.int32)
    for kind, network in enumerate(networks):
        n = QUESTIONS[kind]
        questions[kind, :n] = _rounded(network.questions.weight, UNIT_BITS, WEIGHT_LIMIT)
        # A logit is rounded down to its table: half a table more rounds it to the nearest.
        half = 1 << (LOGIT_SHIFT - 1)
        question_bias[kind, :n] = _rounded(network.questions.bias, twice, BIAS_LIMIT - half) + half
    middle = [_rounded(n.middle.weight.T, UNIT_BITS, WEIGHT_LIMIT) for n in networks]
    return {
        "rows": np.concatenate([_rounded(n.rows.weight, UNIT_BITS, ROW_LIMIT) for n in networks]).astype(np.int16),
        "bias": np.stack([_rounded(n.bias, UNIT_BITS, BIAS_LIMIT) for n in networks]).astype(np.int32),
        "middle": np.stack(middle).astype(np.int16),
        "middle_bias": np.stack([_rounded(n.middle.bias, twice, BIAS_LIMIT) for n in networks]).astype(np.int32),
        "questions": questions,
        "question_bias": question_bias,
        "rates": np.array(LEARNING_RATES, np.int16),
    }


def _rounded(values: Tensor, bits: int, limit: int) -> np.ndarray:
    scaled = np.floor(values.detach().double().numpy() * (1 << bits) + 0.5)
    return np.clip(scaled, -limit, limit).astype(np.int64)


def integer_bits(kind: int, notes: Notes, arrays: dict[str, np.ndarray]) -> float:
    """Bits that the integers code the noted symbols with: the same sums as in coding, for all symbols at once."""
    place = layout()
    first_row = place.offset[kind, 0] + place.low[kind, 0]
    costs = 12 - np.log2(binary_tables().astype(np.float64))
    total = 0.0
    for start in range(0, len(notes.chosen), 1 << 14):
        part = Notes(notes.inputs[start : start + (1 << 14)], notes.chosen[start : start + (1 << 14)])
        rows = row_numbers(kind, part.inputs, place) + first_row
        sums = arrays["rows"][rows].astype(np.int64).sum(1) + arrays["bias"][kind]
        first = _activate(sums)
        second = _activate((first @ arrays["middle"][kind].astype(np.int64) + arrays["middle_bias"][kind]) >> UNIT_BITS)
        logits = second @ arrays["questions"][kind].astype(np.int64).T + arrays["question_bias"][kind]
        levels = np.clip((logits >> LOGIT_SHIFT) + LOGITS // 2, 0, LOGITS - 1)[:, : QUESTIONS[kind]]
        asked, answers = questions_of(kind, part)
        total += float(costs[levels[asked], answers[asked].astype(int)].sum())
    if kind == LATENT:
        total += np.count_nonzero(notes.chosen)  # signs
    return total


def _activate(total: np.ndarray) -> np.ndarray:
    return np.clip(np.maximum(total, total >> 3), -ACTIVATION_LIMIT, ACTIVATION_LIMIT)


def add_contexts(
    folder: Path, weights: Path, out: Path, *, minutes: float, workers: int = 1, notify: Callable[[str], None] = print
) -> str:
    """Train context networks for ``weights`` on the clips of ``folder``; writes both to ``out`` and returns the id.

    minutes  processor time of training, beside what encoding the clips takes
    The manifest beside ``out`` takes the weights as its default.
    """
    began = load_weights(weights)
    if not isinstance(began.model, RefineModel):
        raise InputError(f"weights {weights} code their latents by a hyperprior; context networks are not for them")
    learn, judge = (collect(folder, part, workers=workers) for part in PARTS)
    notify(f"{sum(len(n.chosen) for n in learn.kinds)} symbols to learn from")
    jobs = [(kind, learn.kinds[kind], 60 * minutes * SHARES[kind]) for kind in np.argsort(SHARES)[::-1].tolist()]
    networks = {job[0]: found for job, found in zip(jobs, map_jobs(train_kind, jobs, workers), strict=True)}
    arrays = integers_of([networks[kind] for kind in range(KINDS)])
    total, before = 0.0, float(judge.bits.sum())
    for kind, name in enumerate(NAMES):
        bits = integer_bits(kind, judge.kinds[kind], arrays)
        total += bits
        notify(
            f"{name}: {100 * (bits / judge.bits[kind] - 1):+.2f} % of {judge.bits[kind]:.0f} bits on validation clips"
        )
    notify(f"all: {100 * (total / before - 1):+.2f} % of {before:.0f} bits")
    return write_half(out, began.model, {TABLE: binary_tables()}, began.metadata, arrays)
