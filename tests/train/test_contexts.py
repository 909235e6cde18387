"""Training of the context networks on made-up symbols, and their way into a weights file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.errors import InputError
from nvc.models.contexts import (
    BLOCK_MERGE,
    CELL_MERGE,
    KINDS,
    LAST,
    LENGTH,
    MODE,
    PATTERN,
    RANGES,
    SHARED,
    SIGN,
    layout,
    networks_from,
)
from nvc.models.refine import RefineConfig
from nvc.models.weights import load_weights, save_weights, seeded_weights
from nvc.train import contexts as room
from nvc.train.context_notes import Collected, Notes
from nvc.train.contexts import (
    Network,
    add_contexts,
    integer_bits,
    integers_of,
    questions_of,
    row_numbers,
    train_kind,
)


def made_up(kind: int, count: int, seed: int = 0) -> Notes:
    """Random inputs; what is chosen hangs on the second input, with some noise."""
    random = np.random.default_rng(seed)
    low, high = np.array(RANGES[kind]).T
    inputs = random.integers(low, high + 1, (count, len(low))).astype(np.int16)
    most = 2 if kind != SIGN else 1
    chosen = np.where(random.random(count) < 0.9, inputs[:, 1] > 7, random.integers(0, most + 1, count))
    return Notes(inputs, chosen.astype(np.uint8))


def asked_of(kind: int, chosen: int, inputs: dict[int, int] | None = None) -> tuple[list[int], list[int]]:
    """(questions that are asked, their answers) of one symbol."""
    row = np.zeros((1, len(RANGES[kind])), np.int16)
    for k, value in (inputs or {}).items():
        row[0, k] = value
    asked, answers = questions_of(kind, Notes(row, np.array([chosen], np.uint8)))
    return np.flatnonzero(asked[0]).tolist(), answers[0][asked[0]].astype(int).tolist()


@pytest.mark.parametrize(
    ("kind", "chosen", "inputs", "questions", "answers"),
    [
        (BLOCK_MERGE, 1, {5: 7}, [0], [1]),
        (BLOCK_MERGE, 8, {5: 7}, [0, 1], [0, 1]),
        (BLOCK_MERGE, 0, {5: 1}, [0, 1], [0, 0]),  # with one candidate nothing else is left
        (BLOCK_MERGE, 0, {5: 2}, [0, 1, 2], [0, 0, 1]),
        (BLOCK_MERGE, 7, {5: 7}, list(range(8)), [0] * 8),
        (CELL_MERGE, 1, {5: 3}, [0], [1]),
        (CELL_MERGE, 0, {5: 1}, [0], [0]),
        (CELL_MERGE, 3, {5: 3}, [0, 1, 2], [0, 0, 0]),
        (MODE, 3, {}, [0, 1, 2], [0, 0, 0]),
        (LENGTH, 2, {}, [0, 1, 2], [0, 0, 1]),
        (SIGN, 0, {}, [0], [1]),
        (PATTERN, 0, {}, [0, 1, 3], [0, 0, 0]),
        (PATTERN, 7, {}, [0, 2, 6], [1, 1, 1]),
        (PATTERN, 5, {}, [0, 2, 4], [1, 0, 1]),
        (LAST, 14, {SHARED + 4: 1}, list(range(14)), [0] * 14),
        (LAST, 14, {SHARED + 4: 0}, list(range(15)), [0] * 14 + [1]),
    ],
)
def test_questions_are_those_of_the_coder(kind, chosen, inputs, questions, answers) -> None:
    assert asked_of(kind, chosen, inputs) == (questions, answers)


def test_rows_are_counted_from_the_first_of_a_kind() -> None:
    place = layout()
    for kind, ranges in enumerate(RANGES):
        low, high = (np.array([r[k] for r in ranges], np.int16)[None] for k in (0, 1))
        assert row_numbers(kind, low - 5, place)[0, 0] == 0
        assert row_numbers(kind, high + 5, place)[0, -1] == sum(b - a + 1 for a, b in ranges) - 1


@pytest.mark.parametrize("kind", [BLOCK_MERGE, PATTERN, LAST])
def test_training_learns_what_inputs_say(kind) -> None:
    torch.set_num_threads(1)
    learn, judge = made_up(kind, 12000), made_up(kind, 2000, 1)
    networks = [Network(k, 64, 32) for k in range(KINDS)]
    before = integer_bits(kind, judge, integers_of(networks))
    networks[kind] = train_kind(kind, learn, 2.0)
    after = integer_bits(kind, judge, integers_of(networks))
    shares = np.bincount(judge.chosen) / len(judge.chosen)
    entropy = -float((shares * np.log2(shares)).sum()) * len(judge.chosen)
    assert after < 0.9 * entropy < before


def test_integers_say_what_the_networks_said() -> None:
    torch.manual_seed(2)
    networks = [Network(kind) for kind in range(KINDS)]
    arrays = integers_of(networks)
    networks_from(arrays)
    for kind, network in enumerate(networks):
        notes = made_up(kind, 500)
        rows = torch.from_numpy(row_numbers(kind, notes.inputs, layout()))
        asked, answers = (torch.from_numpy(a) for a in questions_of(kind, notes))
        with torch.no_grad():
            want = float(room._bits(network(rows), asked, answers))
        signs = np.count_nonzero(notes.chosen) if kind == KINDS - 1 else 0
        assert integer_bits(kind, notes, arrays) - signs == pytest.approx(want, rel=0.01)


def test_contexts_are_added_to_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    model = seeded_weights(2, RefineConfig(16, 16, 0, 0)).model
    save_weights(tmp_path / "before.safetensors", model, metadata={"data": "[]"})
    parts: list[str] = []

    def collected(folder: Path, part: str, *, workers: int) -> Collected:
        parts.append(part)
        return Collected([made_up(kind, 300) for kind in range(KINDS)], np.full(KINDS, 500.0))

    monkeypatch.setattr(room, "collect", collected)
    said: list[str] = []
    out = tmp_path / "out"
    identity = add_contexts(tmp_path, tmp_path / "before.safetensors", out, minutes=0.02, notify=said.append)
    found = load_weights(out / "neural.safetensors", want=identity)
    assert networks_from(found.contexts).rows.shape[1] == room.HIDDEN and found.metadata["data"] == "[]"
    assert json.loads((out / "manifest.json").read_text())["default"] == identity
    assert parts == ["train", "validation"] and len(said) == KINDS + 2 and said[-1].startswith("all: ")


def test_a_hyperprior_takes_none(tmp_path: Path) -> None:
    weights = seeded_weights(1)
    save_weights(tmp_path / "hyper.safetensors", weights.model, tables=weights.tables)
    with pytest.raises(InputError, match="hyperprior"):
        add_contexts(tmp_path, tmp_path / "hyper.safetensors", tmp_path / "out", minutes=1)
    assert not (tmp_path / "out").exists()
