"""One inter frame, both ways: symbols and pictures of the decoder's half equal those of the encoder's."""

import numpy as np
import pytest

from nvc.codec.frame_coder import FrameSetup, choose, code_symbols, reconstruct, symbol_capacity
from nvc.codec.mini_gop import symbol_hash
from nvc.codec.references import Planes, Reference
from nvc.codec.stages import Stages
from nvc.codec.symbols import load_model
from nvc.entropy import rans
from nvc.entropy.coder import decoding_coder, encoding_coder, finished, queued
from nvc.errors import CorruptError
from nvc.motion.field import BOTH
from nvc.types import FrameTask

SIZES = [(16, 16), (18, 34), (48, 64)]
TOOLS = [(), ("merge",), ("obmc",), ("rdoq",), ("bipred",), ("mirror",), ("split",)]
TOOLS += [("merge", "split"), ("merge", "obmc", "rdoq", "bipred")]
P, B, LD = (FrameTask(4, "P", 0, (0,)), FrameTask(2, "B", 1, (0, 4)), FrameTask(5, "P", 2, (4, 0)))


def picture(size: tuple[int, int], depth: int, t: int) -> Planes:
    """A texture that moves by (2, 1) samples a frame."""
    h, w = size
    big = np.random.default_rng(5).integers(0, 1 << depth, (h // 4 + 12, w // 4 + 12)).repeat(4, 0).repeat(4, 1)
    y, u, v = (big[t : t + a, 2 * t : 2 * t + b].astype(np.uint16) for a, b in (size, *[(h // 2, w // 2)] * 2))
    return y, u, v


def setup_of(task: FrameTask, size: tuple[int, int], depth: int = 8, disabled=(), quality: int = 40) -> FrameSetup:
    return FrameSetup(task, size, depth, "ld" if task is LD else "ra", quality, frozenset(disabled))


def encode(setup: FrameSetup, references: tuple[Reference, ...], source: Planes) -> tuple[bytes, Reference]:
    """(payload on two lanes, the frame as a reference)."""
    model, stages = load_model(), Stages()
    choices = choose(setup, references, source, model, stages)
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    known = tuple(r.symbols for r in references)
    symbols = code_symbols(setup, known, coder, choices.symbols, model)
    planes = reconstruct(setup, references, symbols, model, stages, choices.prediction)
    payload = rans.encode(*queued(coder), model.tables, 2)
    return payload, Reference(planes, symbols, setup.bit_depth)


def decode(setup: FrameSetup, references: tuple[Reference, ...], payload: bytes) -> Reference:
    model = load_model()
    coder = decoding_coder(model.tables, payload, 2)
    symbols = code_symbols(setup, tuple(r.symbols for r in references), coder, None, model)
    assert finished(coder)
    return Reference(reconstruct(setup, references, symbols, model, Stages()), symbols, setup.bit_depth)


def check_chain(size: tuple[int, int], depth: int, disabled: tuple[str, ...], quality: int = 40) -> list[Reference]:
    """I, P, B (or a second P of ``ld``) coded and decoded side by side; the pictures coded."""
    mine = {0: Reference(picture(size, depth, 0), None, depth)}
    theirs = dict(mine)
    for task in (P, B, LD):
        setup = setup_of(task, size, depth, disabled, quality)
        payload, coded = encode(setup, tuple(mine[r] for r in task.refs), picture(size, depth, task.display_index))
        back = decode(setup, tuple(theirs[r] for r in task.refs), payload)
        assert symbol_hash([coded.symbols]) == symbol_hash([back.symbols])
        for a, b, n in zip(coded.planes, back.planes, (1, 2, 2), strict=True):
            assert a.shape == (size[0] // n, size[1] // n)
            assert np.array_equal(a, b)
            assert a.max() < 1 << depth
        mine[task.display_index], theirs[task.display_index] = coded, back
    return list(mine.values())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("disabled", TOOLS, ids="-".join)
def test_the_decoder_makes_the_encoders_pictures(size: tuple[int, int], depth: int, disabled: tuple[str, ...]) -> None:
    check_chain(size, depth, disabled)


@pytest.mark.parametrize("quality", [0, 17, 63])
@pytest.mark.parametrize("depth", [8, 10])
def test_every_quality_decodes_and_higher_is_nearer(quality: int, depth: int) -> None:
    def error(q: int) -> float:
        pictures = check_chain((32, 48), depth, (), q)[1:]
        wanted = (picture((32, 48), depth, t.display_index)[0] for t in (P, B, LD))
        return sum(
            float(np.square(p.planes[0] - w.astype(float)).mean()) for p, w in zip(pictures, wanted, strict=True)
        )

    assert error(min(63, quality + 10)) <= error(quality) or quality == 63


def test_bipred_off_uses_one_reference_a_block() -> None:
    size = (48, 64)
    first, second = picture(size, 8, 0), tuple(255 - p.T.reshape(p.shape) for p in picture(size, 8, 0))
    source = tuple((a + b + 1) >> 1 for a, b in zip(first, second, strict=True))
    references = Reference(first, None, 8), Reference(second, None, 8)
    for disabled, allowed in (((), True), (("bipred",), False)):
        coded = encode(setup_of(B, size, 8, disabled), references, source)[1]
        assert np.any(coded.symbols.motion.modes == BOTH) == allowed


@pytest.mark.parametrize("at", [0, 1, 2])
def test_symbols_do_not_depend_on_pixels(at: int) -> None:
    """A decoder reads the symbols of a frame whatever its reference pictures look like."""
    size = (32, 32)
    task, setup = P, setup_of(P, size)
    payload, coded = encode(setup, (Reference(picture(size, 8, 0), None, 8),), picture(size, 8, task.display_index))
    other = list(picture(size, 8, 0))
    other[at] = 255 - other[at]
    assert symbol_hash([decode(setup, (Reference(tuple(other), None, 8),), payload).symbols]) == symbol_hash(
        [coded.symbols]
    )


def test_a_still_picture_costs_next_to_nothing() -> None:
    size = (64, 64)
    flat = tuple(np.full(s, 100, np.uint16) for s in (size, (32, 32), (32, 32)))
    payload, coded = encode(setup_of(P, size), (Reference(flat, None, 8),), flat)
    assert len(payload) <= 20
    assert all(np.array_equal(a, b) for a, b in zip(coded.planes, flat, strict=True))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("task", [P, B])
def test_random_bytes_raise_or_decode(seed: int, task: FrameTask) -> None:
    size, model = (18, 34), load_model()
    references = tuple(Reference(picture(size, 8, t), None, 8) for t in task.refs)
    coder = decoding_coder(model.tables, np.random.default_rng(seed).bytes(60 * seed), 4)
    setup = setup_of(task, size)
    try:
        symbols = code_symbols(setup, (None,) * len(references), coder, None, model)
    except CorruptError as error:
        assert f"frame {task.display_index}" in str(error)
    else:
        assert reconstruct(setup, references, symbols, model, Stages())[0].shape == size


def test_marks_split_the_queue_and_capacity_holds_the_worst() -> None:
    size, model = (32, 32), load_model()
    rng = np.random.default_rng(1)
    source = tuple(rng.integers(0, 256, s).astype(np.uint16) for s in (size, (16, 16), (16, 16)))
    setup, references = setup_of(P, size, quality=63), (Reference(picture(size, 8, 0), None, 8),)
    choices = choose(setup, references, source, model, Stages())
    choices.symbols.latents[:], choices.symbols.patterns[:], choices.symbols.lasts[:] = -32768, 7, (31, 15, 15)
    coder, marks = encoding_coder(model.tables, symbol_capacity(setup)), []
    code_symbols(setup, (None,), coder, choices.symbols, model, marks)
    assert marks == sorted(marks)
    assert marks[-1] == len(queued(coder)[0]) <= symbol_capacity(setup)


@pytest.mark.parametrize(("task", "want"), [(P, (-4, 0)), (B, (-2, 2)), (LD, (-1, -5))])
def test_distances_are_those_of_the_references(task: FrameTask, want: tuple[int, int]) -> None:
    assert setup_of(task, (16, 16)).distances == want
