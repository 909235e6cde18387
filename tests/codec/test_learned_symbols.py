"""Frames whose symbols are coded by context networks, both ways; each kind of symbol has a file of its own beside."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from nvc.codec.context_networks import BINARY_BASE
from nvc.codec.frame_coder import FrameSetup, code_symbols, symbol_capacity
from nvc.codec.learned_symbols import frame_contexts
from nvc.codec.mini_gop import symbol_hash
from nvc.codec.references import FrameSymbols
from nvc.codec.shadows import Shadow
from nvc.codec.symbols import LATENTS, load_model
from nvc.entropy import rans
from nvc.entropy.coder import decoding_coder, encoding_coder, finished, queued
from nvc.errors import CorruptError, UsageError
from nvc.models.contexts import BLOCK_MERGE, networks_from, seeded_contexts
from nvc.motion.field import BOTH, FIRST, MotionField, cell_grid, grid_size
from nvc.types import FrameTask

SIZES = [(16, 16), (34, 18), (64, 80)]
TASKS = [FrameTask(4, "P", 0, (0,)), FrameTask(2, "B", 1, (0, 4)), FrameTask(5, "P", 2, (4, 0))]


def setup_of(task: FrameTask, size: tuple[int, int], quality: int = 40, disabled=()) -> FrameSetup:
    return FrameSetup(task, size, 8, "ra", quality, frozenset(disabled))


def random_symbols(setup: FrameSetup, seed: int, largest: int = 20) -> FrameSymbols:
    """Symbols without sense: motion that repeats here and there, split blocks, latents up to a magnitude."""
    random, cells, blocks = np.random.default_rng(seed), cell_grid(*setup.size), np.prod(grid_size(*setup.size))
    two = setup.distances[1] != 0
    modes = np.full(cells, BOTH if two else FIRST, np.int8)
    vectors = random.choice([0, 0, 0, 1, -3, 40, -900], (*cells, 2, 2)).astype(np.int16)
    whole = np.repeat(np.repeat(random.random((cells[0] // 2, cells[1] // 2)) < 0.6, 2, 0), 2, 1)
    corner = np.repeat(np.repeat(vectors[::2, ::2], 2, 0), 2, 1)
    vectors = np.where(whole[:, :, None, None], corner, vectors)
    if two:
        chosen = np.repeat(np.repeat(random.integers(0, 3, (cells[0] // 2, cells[1] // 2)), 2, 0), 2, 1)
        modes = chosen.astype(np.int8)
        for r in range(2):
            vectors[modes == 2 - r, r] = 0
    else:
        vectors[:, :, 1] = 0
    lasts = random.integers(0, [32, 16, 16], (blocks, 3)).astype(np.uint8)
    lasts[random.random(lasts.shape) < 0.5] = 0
    latents = np.zeros((blocks, LATENTS), np.int16)
    for plane, (n, base) in enumerate(((16, 0), (8, 256), (8, 320))):
        diagonal = np.add.outer(np.arange(n), np.arange(n)).ravel()
        values = random.integers(-largest, largest + 1, (blocks, n * n)) * (random.random((blocks, n * n)) < 0.3)
        latents[:, base : base + n * n] = values * (diagonal[None] < lasts[:, plane : plane + 1])
    patterns = ((lasts > 0) * [1, 2, 4]).sum(1).astype(np.uint8)
    return FrameSymbols(MotionField(modes, vectors, setup.distances), latents, patterns, lasts, banks=(1, 2))


def shadows_of(setup: FrameSetup, seed: int = 0) -> tuple[Shadow, ...]:
    """Shadows of the references of a frame: noise over a slope."""
    random, (height, width) = np.random.default_rng(seed), setup.size
    slope = np.add.outer(3 * np.arange(height), np.arange(width)) % 200
    return tuple(
        Shadow.of_picture((slope + random.integers(0, 40, setup.size)).astype(np.uint16)) for _ in setup.task.refs
    )


def code(setup, references, coder, symbols, model) -> FrameSymbols:
    """``code_symbols`` over the shadows of ``shadows_of``."""
    return code_symbols(setup, references, coder, symbols, model, shadows=shadows_of(setup))


def there_and_back(setup, references, symbols, model, lanes=2) -> tuple[FrameSymbols, np.ndarray]:
    """(what a decoder reads, tables that were used). The coder leaves what it is given as it is."""
    coder, given = encoding_coder(model.tables, symbol_capacity(setup)), copy.deepcopy(symbols)
    code(setup, references, coder, symbols, model)
    assert symbol_hash([given]) == symbol_hash([symbols])
    values, tables = queued(coder)
    reading = decoding_coder(model.tables, rans.encode(values, tables, model.tables, lanes), lanes)
    read = code(setup, references, reading, None, model)
    assert finished(reading)
    return read, tables


def same(a: FrameSymbols, b: FrameSymbols) -> bool:
    alike = np.array_equal(a.choices, b.choices) and np.array_equal(a.learned, b.learned)
    return alike and symbol_hash([a]) == symbol_hash([b])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("largest", [1, 20, 20000])
def test_a_chain_of_frames_reads_as_written(learned, size, largest) -> None:
    mine: dict[int, FrameSymbols | None] = {0: None}
    theirs, random = dict(mine), np.random.default_rng(1)
    shadows = {0: Shadow.of_picture(random.integers(0, 256, size).astype(np.uint16))}
    for k, task in enumerate(TASKS):
        setup = setup_of(task, size)
        symbols = random_symbols(setup, k, largest)
        given = copy.deepcopy(symbols)
        coder = encoding_coder(learned.tables, symbol_capacity(setup))
        seen = tuple(shadows[r] for r in task.refs)
        code_symbols(setup, tuple(mine[r] for r in task.refs), coder, symbols, learned, shadows=seen)
        payload = rans.encode(*queued(coder), learned.tables, 4)
        reading = decoding_coder(learned.tables, payload, 4)
        read = code_symbols(setup, tuple(theirs[r] for r in task.refs), reading, None, learned, shadows=seen)
        assert finished(reading) and same(symbols, read) and symbol_hash([given]) == symbol_hash([read])
        mine[task.display_index], theirs[task.display_index] = symbols, read
        shadows[task.display_index] = Shadow(setup, seen, read, learned)


@pytest.mark.parametrize("tool", ["contexts", "merge", "split"])
def test_where_a_tool_is_off_the_fitted_tables_code(learned, tool) -> None:
    setup = setup_of(TASKS[0], (32, 32), disabled=(tool,))
    symbols = random_symbols(setup, 1)
    if tool == "split":
        for grid in (symbols.motion.modes, symbols.motion.vectors):
            grid[:] = np.repeat(np.repeat(grid[::2, ::2], 2, 0), 2, 1)
    read, tables = there_and_back(setup, (None,), symbols, learned)
    assert tables.max() < BINARY_BASE and symbol_hash([read]) == symbol_hash([symbols])
    assert frame_contexts(setup, (None,), learned.contexts) is None


def test_networks_off_code_by_the_fitted_tables() -> None:
    setup = setup_of(TASKS[0], (32, 32))
    read, tables = there_and_back(setup, (None,), random_symbols(setup, 1), load_model())
    assert tables.max() < BINARY_BASE and read.choices is None


def test_what_references_say_is_seen(learned) -> None:
    """Other symbols of a reference, other odds; a reference without symbols is as one of zeros without choices."""
    setup = setup_of(TASKS[1], (48, 48))
    symbols, known = random_symbols(setup, 5), random_symbols(setup_of(TASKS[0], (48, 48)), 6)
    code(setup_of(TASKS[0], (48, 48)), (None,), encoding_coder(learned.tables, symbol_capacity(setup)), known, learned)
    used = [there_and_back(setup, refs, symbols, learned)[1] for refs in ((None, None), (known, None), (None, known))]
    assert not any(np.array_equal(used[0], other) for other in used[1:])
    for change in ("latents", "patterns", "lasts", "choices", "learned"):
        value = getattr(known, change).copy()
        value.flat[:] = 1 if change != "learned" else 4095
        other = there_and_back(setup, (None, replace(known, **{change: value})), symbols, learned)[1]
        assert not np.array_equal(other, used[2]), change


def test_what_shadows_show_is_seen(learned) -> None:
    """Another picture of one reference, other odds; and shadows are asked for."""
    setup = setup_of(TASKS[1], (48, 48))
    symbols, (first, second) = random_symbols(setup, 5), shadows_of(setup)
    other = shadows_of(setup, 7)[0]
    used = []
    for shadows in ((first, second), (other, second), (first, other)):
        coder = encoding_coder(learned.tables, symbol_capacity(setup))
        code_symbols(setup, (None, None), coder, copy.deepcopy(symbols), learned, shadows=shadows)
        used.append(queued(coder)[1])
    assert not any(np.array_equal(used[0], tables) for tables in used[1:])
    with pytest.raises(UsageError, match="a shadow of each of 2"):
        code_symbols(setup, (None, None), coder, symbols, learned, shadows=(first,))


def test_learning_starts_where_references_ended(learned) -> None:
    """Of two the mean, an eighth forgotten; counting bits again leaves what was learned."""
    setup = setup_of(TASKS[1], (48, 48))
    ends = [random_symbols(setup_of(TASKS[0], (48, 48)), k) for k in (1, 2)]
    for end in ends:
        code(
            setup_of(TASKS[0], (48, 48)), (None,), encoding_coder(learned.tables, symbol_capacity(setup)), end, learned
        )
    first, second = (end.learned.astype(int) for end in ends)
    assert first.any() and not np.array_equal(first, second)
    for known, mean in ((tuple(ends), (first + second) >> 1), ((ends[0], None), first), ((None, None), 0 * first)):
        contexts = frame_contexts(setup, known, learned.contexts, shadows_of(setup))
        assert np.array_equal(contexts.room.learned, mean - (mean >> 3))
    kept = ends[0].learned.copy()
    again = encoding_coder(learned.tables, symbol_capacity(setup))
    code(setup_of(TASKS[0], (48, 48), 20), (None,), again, ends[0], learned)
    assert np.array_equal(ends[0].learned, kept)


def test_the_level_the_quality_and_the_bank_are_seen(learned) -> None:
    base = setup_of(TASKS[0], (32, 32))
    symbols = random_symbols(base, 1)
    used = there_and_back(base, (None,), symbols, learned)[1]
    for other in (setup_of(TASKS[0], (32, 32), 20), setup_of(FrameTask(4, "P", 3, (0,)), (32, 32))):
        assert not np.array_equal(there_and_back(other, (None,), symbols, learned)[1], used)
    assert not np.array_equal(there_and_back(base, (None,), replace(symbols, banks=(3, 0)), learned)[1], used)


def noise(setup, known, model, words: int, seed: int = 0) -> FrameSymbols:
    """What a decoder makes of random words."""
    payload = np.random.default_rng(seed).integers(0, 256, 2 * words, dtype=np.uint8).tobytes()
    return code(setup, known, decoding_coder(model.tables, payload, 1), None, model)


def test_noise_is_read_and_what_ends_too_soon_is_refused(learned) -> None:
    setup = setup_of(TASKS[1], (64, 64))
    read = [noise(setup, (None, None), learned, 9000, seed) for seed in range(6)]
    assert all(r.latents.any() and r.motion.vectors.any() for r in read) and max(r.choices.max() for r in read) == 3
    for words in (2, 4):
        with pytest.raises(CorruptError, match="impossible"):
            noise(setup, (None, None), learned, words)


def test_counting_bits_leaves_what_the_stream_said(learned) -> None:
    """A stream may say own motion where a candidate moves alike; who codes that again chooses the candidate."""
    setup, later, others = setup_of(TASKS[1], (64, 80)), setup_of(TASKS[2], (64, 80)), 0
    for seed in range(6):
        read = noise(setup, (None, None), learned, 20000, seed)
        before = read.choices.copy()
        ours = replace(read, choices=None)
        for symbols in (read, ours):
            code(setup, (None, None), encoding_coder(learned.tables, symbol_capacity(setup)), symbols, learned)
        others += not np.array_equal(ours.choices, before)
        assert np.array_equal(read.choices, before)
        assert same(
            there_and_back(later, (read, None), random_symbols(later, 1), learned)[0],
            random_coded(later, read, learned),
        )
    assert others


def random_coded(setup, known, model) -> FrameSymbols:
    """Random symbols with the choices that coding gives them."""
    symbols = random_symbols(setup, 1)
    code(setup, (known, None), encoding_coder(model.tables, symbol_capacity(setup)), symbols, model)
    return symbols


def test_vectors_that_cannot_be_are_refused(learned) -> None:
    """Networks for which every block has motion of its own with the longest differences, and noise."""
    arrays = seeded_contexts(3, 8, 8)
    arrays["questions"][:], arrays["question_bias"][:] = 0, -(1 << 22)
    arrays["question_bias"][BLOCK_MERGE, 2] = 1 << 22
    model = replace(learned, contexts=networks_from(arrays))
    setup, random = setup_of(TASKS[1], (64, 64)), np.random.default_rng(0)
    payload = random.integers(0, 256, 20000, dtype=np.uint8).tobytes()
    with pytest.raises(CorruptError, match="impossible"):
        code(setup, (None, None), decoding_coder(model.tables, payload, 1), None, model)
