"""Symbols of a mini-GOP as payloads and back."""

import numpy as np
import pytest

from nvc.codec.mini_gop import check_read, frame_bits, open_payloads, symbol_hash, write_payloads
from nvc.codec.references import FrameSymbols
from nvc.codec.symbols import LATENT_BASE, LATENTS, load_model
from nvc.entropy.coder import code_one
from nvc.errors import CorruptError
from nvc.motion.field import MotionField
from nvc.types import FrameEntry, Packet

LEVELS = [0, 1, 2, 2]


def queue(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    tables = (LATENT_BASE + rng.integers(0, 64, n)).astype(np.uint16)
    lookup = load_model().tables.lookup
    return (lookup[tables, rng.integers(0, 4096, n)] >> 24).astype(np.uint8), tables


def packet(payloads: tuple[bytes, ...], lanes: tuple[int, ...]) -> Packet:
    entries = tuple(FrameEntry(k + 1, "B" if k else "P", level, 32, k) for k, level in enumerate(LEVELS))
    return Packet("gop", entries, payloads, lanes=lanes)


@pytest.mark.parametrize(("n", "streams"), [(1, 1), (300, 1), (40_000, 3)])
def test_frames_come_back_from_one_stream_or_one_a_level(n: int, streams: int) -> None:
    tables = load_model().tables
    queues = [queue(n, k) for k in range(4)]
    payloads, lanes = write_payloads(queues, LEVELS, tables)
    assert len(payloads) == len(lanes) == streams
    coders = open_payloads(packet(payloads, lanes), LEVELS, tables)
    for (symbols, used), level in zip(queues, LEVELS, strict=True):
        assert [code_one(coders[level], int(t), 0) for t in used] == symbols.tolist()
    check_read(coders, 1)


def test_frames_of_one_level_are_one_stream() -> None:
    payloads, lanes = write_payloads([queue(40_000, 1)], [0], load_model().tables)
    assert (len(payloads), len(lanes)) == (1, 1)


@pytest.mark.parametrize(
    ("payloads", "lanes"),
    [((), ()), ((b"1234",) * 2, (1, 1)), ((b"1234",) * 4, (1,) * 4), ((b"1234",), (1, 1)), ((b"1234",), ())],
)
def test_a_wrong_number_of_payloads_is_corrupt(payloads: tuple, lanes: tuple) -> None:
    with pytest.raises(CorruptError, match="payloads"):
        open_payloads(packet(payloads, lanes), LEVELS, load_model().tables)


@pytest.mark.parametrize("lanes", [0, 3, 65, 128, -1])
def test_a_wrong_number_of_lanes_is_corrupt(lanes: int) -> None:
    with pytest.raises(CorruptError, match="lanes"):
        open_payloads(packet((b"1234",), (lanes,)), LEVELS, load_model().tables)


def test_unread_symbols_are_corrupt() -> None:
    tables = load_model().tables
    payloads, lanes = write_payloads([queue(100, 1)], [0], tables)
    with pytest.raises(CorruptError, match="frame 9"):
        check_read(open_payloads(packet(payloads, lanes), [0], tables), 9)


def symbols(hyper: np.ndarray | None = None) -> FrameSymbols:
    rng = np.random.default_rng(1)
    motion = MotionField(np.ones((2, 4), np.int8), rng.integers(-9, 9, (2, 4, 2, 2)).astype(np.int16), (-1, 0))
    latents = rng.integers(-9, 9, (2, LATENTS)).astype(np.int16)
    return FrameSymbols(motion, latents, np.array([7, 1], np.uint8), np.ones((2, 3), np.uint8), hyper)


@pytest.mark.parametrize("part", ["modes", "vectors", "latents", "patterns", "lasts", "order", "hyper"])
def test_the_hash_sees_every_symbol(part: str) -> None:
    plain, changed = symbols(), symbols(np.zeros((1, 1, 1), np.int16) if part == "hyper" else None)
    if part in ("modes", "vectors"):
        getattr(changed.motion, part).flat[-1] += 1
    elif part in ("latents", "patterns", "lasts"):
        getattr(changed, part).flat[-1] += 1
    other = symbols()
    other.latents[0, 0] += 1
    pair = [plain, other], ([other, plain] if part == "order" else [changed, other])
    assert symbol_hash(pair[0]) == symbol_hash([symbols(), other])
    assert symbol_hash(pair[0]) != symbol_hash(pair[1])


@pytest.mark.parametrize("marks", [[3, 5, 9], [3, 5, 7, 9]])
def test_bits_of_a_frame_add_up(marks: list[int]) -> None:
    tables = load_model().tables
    mine = queue(9, 2)
    bits = frame_bits(mine, marks, tables)
    assert set(bits) == {"motion", "latents", "hyper", "base", "side"}
    whole = float(tables.costs[mine[1][1:], mine[0][1:]].sum()) + 4
    assert abs(sum(bits.values()) - whole) <= 2.5
    assert (bits["hyper"] > 0) == (len(marks) == 4)
