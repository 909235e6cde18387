"""Latents, patterns and last diagonals as symbols: encoder's and decoder's coder through the same kernels."""

import numpy as np
import pytest

from nvc.codec.latent_coding import code_latent, code_latents, code_side, collect_features
from nvc.codec.symbols import BANKS, LARGEST, LATENT_BASE, LATENTS, SIDE_BASE, SIDE_TABLES, load_model, scan
from nvc.entropy import rans
from nvc.entropy.coder import decoding_coder, encoding_coder, finished, queued

STARTS = (0, 256, 320, 384)
SHAPES = [(1, 1), (1, 4), (3, 1), (3, 4)]
Block = tuple[np.ndarray, np.ndarray, np.ndarray]


def random_blocks(shape: tuple[int, int], scale: float, coded: float, seed: int) -> Block:
    """(latents, patterns, lasts) that agree with each other, as a quantiser leaves them."""
    rng = np.random.default_rng(seed)
    blocks, s = shape[0] * shape[1], scan()
    latents = np.clip(np.rint(rng.laplace(0, scale, (blocks, LATENTS))), -32768, 32767).astype(np.int16)
    lasts, patterns = np.zeros((blocks, 3), np.uint8), np.zeros(blocks, np.uint8)
    for b in range(blocks):
        for plane in range(3):
            mine = slice(STARTS[plane], STARTS[plane + 1])
            end = rng.integers(0, (31, 15, 15)[plane]) if rng.random() < coded else -1
            channels, diagonals = s.position[mine], s.diagonal[mine]
            latents[b, channels[diagonals > end]] = 0
            if latents[b, channels].any():
                lasts[b, plane] = 1 + diagonals[latents[b, channels] != 0].max()
                patterns[b] |= 1 << plane
    return latents, patterns, lasts


def code(coder, mine: Block, first: Block, second: Block, shape: tuple[int, int], bank: int = 0) -> bool:
    model, s = load_model(), scan()
    latents, patterns, lasts = mine
    code_side(coder, SIDE_BASE + bank * SIDE_TABLES, patterns, lasts, first[1], second[1], *shape)
    return code_latents(
        coder, latents, lasts, first[0], second[0], *shape, s.position, s.diagonal, s.zone, s.before,
        model.weights, model.level_of, model.index,
    )  # fmt: skip


def empty(blocks: int) -> Block:
    return np.zeros((blocks, LATENTS), np.int16), np.zeros(blocks, np.uint8), np.zeros((blocks, 3), np.uint8)


def there_and_back(mine: Block, first: Block, second: Block, shape: tuple[int, int], bank: int, lanes: int) -> int:
    """Code blocks, read them, compare; returns the bytes."""
    tables = load_model().tables
    want = [a.copy() for a in mine]
    writer = encoding_coder(tables, mine[0].size * 8 + 64 * len(mine[1]) + 64)
    assert code(writer, mine, first, second, shape, bank)
    payload = rans.encode(*queued(writer), tables, lanes)
    reader = decoding_coder(tables, payload, lanes)
    back = empty(len(mine[1]))
    assert code(reader, back, first, second, shape, bank)
    assert finished(reader)
    for a, b, c in zip(back, want, mine, strict=True):
        assert np.array_equal(a, b) and np.array_equal(b, c)
    return len(payload)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.5, 3.0, 40.0, 9000.0])
@pytest.mark.parametrize("coded", [0.0, 0.5, 1.0])
def test_blocks_come_back(shape: tuple[int, int], scale: float, coded: float) -> None:
    blocks = shape[0] * shape[1]
    mine = random_blocks(shape, scale, coded, 1)
    there_and_back(mine, empty(blocks), empty(blocks), shape, 0, 1)
    references = random_blocks(shape, 4.0, 0.7, 2), random_blocks(shape, 4.0, 0.7, 3)
    there_and_back(mine, *references, shape, BANKS - 1, 32)


@pytest.mark.parametrize("value", [-32768, 32767, LARGEST, -LARGEST, LARGEST + 1, -LARGEST - 1])
def test_limits_and_escapes_come_back(value: int) -> None:
    mine = empty(2)
    mine[0][:], mine[1][:], mine[2][:] = value, 7, (31, 15, 15)
    there_and_back(mine, mine, mine, (1, 2), 0, 4)


def test_nothing_coded_is_nearly_free() -> None:
    nothing = empty(400)
    assert there_and_back(nothing, empty(400), empty(400), (20, 20), 0, 1) <= 60


def test_equal_references_make_latents_cheaper() -> None:
    mine = random_blocks((6, 6), 2.0, 0.8, 4)
    known = there_and_back(mine, tuple(a.copy() for a in mine), empty(36), (6, 6), 0, 1)
    assert known < there_and_back(mine, empty(36), empty(36), (6, 6), 0, 1)


@pytest.mark.parametrize("table", [LATENT_BASE, LATENT_BASE + 63])
@pytest.mark.parametrize("value", [0, 1, -1, 15, -15, 16, -16, 17, 1000, -1001, 32767, -32768])
def test_single_latents_come_back(table: int, value: int) -> None:
    tables = load_model().tables
    writer = encoding_coder(tables, 20)
    assert code_latent(writer, table, value) == value
    symbols, _ = queued(writer)
    assert len(symbols) == 1 or abs(value) > LARGEST
    reader = decoding_coder(tables, rans.encode(*queued(writer), tables, 1), 1)
    assert code_latent(reader, table, 0) == value
    assert finished(reader)


@pytest.mark.parametrize("value", [32768, -32769, 32783])
def test_a_latent_past_16_bits_is_refused(value: int) -> None:
    """The encoder cannot hold it, so the raw bits of an escape are changed by hand."""
    tables, zeros = load_model().tables, empty(1)
    mine = empty(1)
    mine[0][0, 0], mine[1][:], mine[2][0, 0] = 32767, 1, 1
    writer = encoding_coder(tables, 100)
    assert code(writer, mine, zeros, zeros, (1, 1))
    symbols, used = queued(writer)
    beyond = abs(value) - LARGEST - 1
    raw = [beyond & 15, beyond >> 4 & 15, beyond >> 8 & 15, beyond >> 12 & 1, beyond >> 13 & 1, value < 0]
    symbols[-6:] = raw
    reader = decoding_coder(tables, rans.encode(symbols, used, tables, 1), 1)
    assert not code(reader, empty(1), zeros, zeros, (1, 1))


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_give_blocks_that_agree_with_themselves(seed: int) -> None:
    rng, shape = np.random.default_rng(seed), (2, 3)
    reader = decoding_coder(load_model().tables, rng.bytes(int(rng.integers(0, 3000))), 2)
    latents, patterns, lasts = mine = empty(6)
    code(reader, mine, empty(6), empty(6), shape)
    assert patterns.max() < 8
    assert np.all(lasts <= (31, 15, 15))
    assert np.array_equal(lasts > 0, patterns[:, None] >> np.arange(3) & 1 == 1)
    s = scan()
    for plane in range(3):
        mine_only = slice(STARTS[plane], STARTS[plane + 1])
        late = s.diagonal[mine_only][None] >= lasts[:, plane : plane + 1]
        assert not latents[:, s.position[mine_only]][late].any()


def test_collected_rows_are_the_coded_latents() -> None:
    shape, s = (2, 3), scan()
    latents, _, lasts = random_blocks(shape, 2.0, 0.7, 5)
    zeros = np.zeros_like(latents)
    rows = np.empty((latents.size, 14), np.int16)
    n = collect_features(latents, lasts, zeros, zeros, *shape, s.position, s.diagonal, s.zone, s.before, rows)
    planes = tuple(slice(a, b) for a, b in zip(STARTS, STARTS[1:], strict=False))
    assert n == sum(int((s.diagonal[p] < lasts[b, k]).sum()) for b in range(6) for k, p in enumerate(planes))
    assert np.abs(rows[:n, 13].astype(int)).sum() == np.abs(latents.astype(int)).sum()
    assert np.all(rows[:n, 3] == 16)
    assert not rows[:n, 9:11].any()
