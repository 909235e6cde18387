"""Shadows: what integers alone make of a frame."""

from dataclasses import replace

import numpy as np
import pytest

from nvc.codec.frame_coder import reconstruct
from nvc.codec.references import Reference
from nvc.codec.shadows import Shadow
from nvc.codec.stages import Stages
from nvc.codec.symbols import load_model
from nvc.motion.warp import MARGIN, pad_plane
from tests.codec.test_learned_symbols import TASKS, random_symbols, setup_of


def picture(size, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size).astype(np.uint16)


@pytest.mark.parametrize("size", [(16, 16), (34, 18), (48, 64)])
@pytest.mark.parametrize("disabled", [(), ("obmc",)])
def test_a_chain_of_shadows_is_what_networks_off_give_without_the_loop_filter(size, disabled) -> None:
    model, grey = load_model(), np.full((size[0] // 2, size[1] // 2), 90, np.uint16)
    shadows, plain = {0: Shadow.of_picture(picture(size, 0))}, {0: Reference((picture(size, 0), grey, grey), None, 8)}
    for k, task in enumerate(TASKS):
        setup = setup_of(task, size, 50, disabled)
        symbols = replace(random_symbols(setup, k, 3), strength=5)
        shadows[task.display_index] = Shadow(setup, [shadows[r] for r in task.refs], symbols, model)
        planes = reconstruct(setup, tuple(plain[r] for r in task.refs), replace(symbols, strength=0), model, Stages())
        plain[task.display_index] = Reference(planes, symbols, 8)
    for index, shadow in shadows.items():
        assert np.array_equal(shadow.make(), pad_plane(plain[index].planes[0])), index


def test_a_shadow_is_made_once_and_lets_go_of_its_references() -> None:
    setup = setup_of(TASKS[0], (32, 32))
    shadow = Shadow(setup, [Shadow.of_picture(picture((32, 32), 1))], random_symbols(setup, 1), load_model())
    made = shadow.make()
    assert shadow.make() is made and shadow._parts is None
    assert made.shape == (32 + 2 * MARGIN, 32 + 2 * MARGIN) and made.dtype == np.uint16


def test_ten_bits_stay_ten_bits() -> None:
    """Bright pictures and residuals of both signs: what is clipped is clipped at 1023."""
    size, model, grey = (32, 32), load_model(), np.full((16, 16), 500, np.uint16)
    setup = replace(setup_of(TASKS[0], size, 50), bit_depth=10)
    luma, symbols = np.full(size, 1000, np.uint16), random_symbols(setup, 1, 9)
    shadow = Shadow(setup, [Shadow.of_picture(luma)], symbols, model).make()
    plain = reconstruct(setup, (Reference((luma, grey, grey), None, 10),), symbols, model, Stages())
    assert shadow.max() == 1023 and 300 < shadow.min() < 1000
    assert np.array_equal(shadow, pad_plane(plain[0]))
