"""Networks that refine: tests/codec/test_networks.py runs the whole path with both kinds."""

import numpy as np
import pytest

from nvc.codec.frame_coder import FrameSetup
from nvc.codec.network_choice import make_networks, refine_intra
from nvc.codec.references import Reference
from nvc.codec.refine import (
    CHROMA_REFINED,
    CORRECTED,
    LUMA_REFINED,
    RefineNetworks,
    best_prediction,
    best_switches,
    coefficient_cost,
    select,
)
from nvc.motion.field import BOTH, MotionField
from nvc.types import FrameTask

SETUP = FrameSetup(FrameTask(1, "B", 1, (0, 2)), (30, 44), 8, "ra", 30, frozenset())


@pytest.fixture(scope="module")
def networks() -> RefineNetworks:
    from nvc.models.refine import RefineConfig
    from nvc.models.weights import seeded_weights

    found = make_networks(seeded_weights(8, RefineConfig(16, 16, 1, 1)))
    assert isinstance(found, RefineNetworks)
    return found


def planes(seed: int, rows: int = 30, columns: int = 44):
    random = np.random.default_rng(seed)
    sizes = ((rows, columns), (rows // 2, columns // 2), (rows // 2, columns // 2))
    return tuple(random.integers(60, 200, size).astype(np.uint16) for size in sizes)


def fused(networks):
    references = tuple(Reference(planes(k), None, 8) for k in (1, 2))
    motion = MotionField(np.full((2, 3), BOTH, np.int8), np.zeros((2, 3, 2, 2), np.int16), (-1, 1))
    return networks.fuse(SETUP, references, motion, planes(3, 32, 48))


def equal(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_switches_choose_the_prediction_and_the_planes(networks):
    found, base = fused(networks), planes(4, 32, 48)
    assert equal(found.prediction(0), planes(3, 32, 48)) and equal(found.prediction(LUMA_REFINED), found.plain)
    assert not equal(found.prediction(CORRECTED), found.plain) and found.corrected[0].shape == (32, 48)
    assert networks.finish(SETUP, found, CORRECTED, base) is base
    luma = networks.finish(SETUP, found, LUMA_REFINED, base)
    assert not np.array_equal(luma[0], base[0]) and equal(luma[1:], base[1:])
    all_of_it = networks.finish(SETUP, found, LUMA_REFINED | CHROMA_REFINED, base)
    assert np.array_equal(all_of_it[0], luma[0]) and not np.array_equal(all_of_it[2], base[2])
    assert equal(all_of_it, networks.refined(SETUP, found, 0, base))


def test_the_encoder_takes_what_is_closer():
    source, near, far = planes(5), planes(5), planes(6)
    near = (near[0] + 1, near[1] + 1, near[2] + 1)
    assert best_switches(source, near, far) == LUMA_REFINED | CHROMA_REFINED
    assert best_switches(source, far, near) == 0 and best_switches(source, near, near) == 0
    mixed = (far[0], *near[1:])
    assert best_switches(source, mixed, (near[0], *far[1:])) == CHROMA_REFINED
    assert equal(select(CHROMA_REFINED, mixed, near), near)


def test_cost_grows_with_the_coefficients():
    scaled = np.random.default_rng(0).normal(0, 1, (4, 384)).astype(np.float32)
    costs = [coefficient_cost(scaled * gain) for gain in (0, 0.5, 1, 4)]
    assert best_prediction(scaled * 0.5, scaled) == CORRECTED and best_prediction(scaled, scaled) == 0
    assert costs[0] == 0 and costs == sorted(costs) and len(set(costs)) == 4
    small = np.full((1, 384), 0.01, np.float32)
    assert coefficient_cost(small) == pytest.approx(384 * 0.01**2 / 0.13, rel=0.01)  # error over lambda


@pytest.mark.parametrize("depth", [8, 10])
def test_intra_pictures_keep_their_size(networks, depth):
    # Noise would count as text, which stays as it is.
    decoded = tuple((100 + plane // 16 << (depth - 8)).astype(np.uint16) for plane in planes(7))
    refined = refine_intra(networks, decoded, 30, depth)
    assert [p.shape for p in refined] == [p.shape for p in decoded] and refined[0].max() < 1 << depth
    assert equal(refine_intra(networks, decoded, 30, depth, 0), decoded)
    luma = refine_intra(networks, decoded, 30, depth, LUMA_REFINED)
    assert equal(luma[:1], refined[:1]) and equal(luma[1:], decoded[1:])
    assert not equal(refined, decoded) and equal(refine_intra(None, decoded, 30, depth), decoded)
