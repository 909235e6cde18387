"""Networks that refine: tests/codec/test_networks.py runs the whole path with both kinds."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from nvc.codec import frame_coder
from nvc.codec.frame_coder import FrameSetup, block_bits, choose, squared_lambda
from nvc.codec.motion_search import search_motion
from nvc.codec.network_choice import choose_intra, make_networks, pack_refinement, refine_intra, unpack_refinement
from nvc.codec.references import Reference, squared_error
from nvc.codec.refine import (
    ADAPTED,
    CHROMA_REFINED,
    CORRECTED,
    LUMA_REFINED,
    REFINED,
    RefineNetworks,
    best_prediction,
    best_refinement,
    best_switches,
    coefficient_cost,
    fit_gains,
    select,
)
from nvc.codec.stages import Stages
from nvc.codec.symbols import load_model
from nvc.errors import CorruptError
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
    motion = MotionField(np.full((4, 6), BOTH, np.int8), np.zeros((4, 6, 2, 2), np.int16), (-1, 1))
    return networks.fuse(SETUP, references, motion, planes(3, 32, 48))


def equal(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_switch_chooses_the_prediction(networks):
    found = fused(networks)
    assert equal(found.prediction(0), planes(3, 32, 48)) and equal(found.prediction(LUMA_REFINED), found.plain)
    assert not equal(found.prediction(CORRECTED), found.plain) and found.corrected[0].shape == (32, 48)


def test_a_plane_of_one_value_stays_so(networks):
    grey = (planes(1, 32, 48)[0], np.full((16, 24), 128, np.uint16), np.full((16, 24), 128, np.uint16))
    found = fused(networks)
    refined = networks.refined(networks.render(SETUP, found, 0, grey))
    assert equal(refined[1:], grey[1:]) and not np.array_equal(refined[0], grey[0])
    grey[2][3, 3] = 129
    assert not np.array_equal(networks.refined(networks.render(SETUP, found, 0, grey))[2], grey[2])


def test_gains_weigh_the_heads(networks):
    found, base = fused(networks), planes(4, 32, 48)
    rendered = networks.render(SETUP, found, 0, base)
    plain = networks.refined(rendered)
    assert not np.array_equal(plain[0], base[0]) and not np.array_equal(plain[2], base[2])
    louder = networks.refined(rendered, ((4, 0, 0, 0), (0, 0)))
    assert not np.array_equal(louder[0], plain[0]) and equal(louder[1:], plain[1:])
    assert equal(networks.refined(rendered, ((-8, 0, 0, 0), (-8, 0))), base)


def test_the_best_gains_are_found():
    bases = torch.randn(4, 5000, generator=torch.Generator().manual_seed(1))
    wanted = (-3, 5, 0, -2)
    error = bases[0] + sum(base * gain / 8 for base, gain in zip(bases, wanted, strict=True))
    gains, saved = fit_gains(bases, error)
    assert gains == wanted and saved == pytest.approx(float((error - bases[0]).square().sum()), rel=1e-3)
    assert fit_gains(bases, bases[0]) == ((0, 0, 0, 0), 0)
    assert fit_gains(bases, -3 * bases[0])[0][0] == -8  # off is as far as it goes
    assert fit_gains(torch.zeros(2, 10), torch.ones(10)) == ((0, 0), 0)


def test_gains_are_given_where_they_pay(networks):
    rendered = networks.render(SETUP, fused(networks), 0, planes(4, 32, 48))
    loud = networks.refined(rendered, ((-3, 5, 0, -2), (6, -4)))
    source = tuple(p[:h, :w] for p, (h, w) in zip(loud, ((30, 44), (15, 22), (15, 22)), strict=True))
    assert networks.best_gains(rendered, source, 1e9) is None
    switches, gains, shown = best_refinement(networks, rendered, rendered.plain, source, 0.01)
    assert switches == ADAPTED | REFINED and equal(shown, networks.refined(rendered, gains))

    def error(found):
        return sum(
            float(np.square(f[: s.shape[0], : s.shape[1]].astype(float) - s).sum())
            for f, s in zip(found, source, strict=True)
        )

    assert error(shown) < 0.7 * error(networks.refined(rendered))
    plain = tuple(p[:h, :w] for p, (h, w) in zip(rendered.plain, ((30, 44), (15, 22), (15, 22)), strict=True))
    switches, gains, shown = best_refinement(networks, rendered, rendered.plain, plain, 0.01)
    assert not switches & REFINED and gains is None and equal(shown, rendered.plain)


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
    refined = refine_intra(networks, decoded, 30, depth, None)
    assert [p.shape for p in refined] == [p.shape for p in decoded] and refined[0].max() < 1 << depth
    assert equal(refine_intra(networks, decoded, 30, depth, pack_refinement(0, None)), decoded)
    luma = refine_intra(networks, decoded, 30, depth, pack_refinement(LUMA_REFINED, None))
    assert equal(luma[:1], refined[:1]) and equal(luma[1:], decoded[1:])
    assert not equal(refined, decoded) and equal(refine_intra(None, decoded, 30, depth, None), decoded)
    note = pack_refinement(ADAPTED | REFINED, ((3, -2, 7, 0), (-4, 1)))
    assert not equal(refine_intra(networks, decoded, 30, depth, note), refined)


def test_what_is_chosen_for_an_i_frame_is_decoded(networks):
    decoded = tuple((100 + plane // 16).astype(np.uint16) for plane in planes(7))
    rendered = networks.render_intra(decoded, 30, 8)
    for source in (decoded, networks.refined(rendered), networks.refined(rendered, ((4, -3, 0, 1), (-7, 2)))):
        shown, note = choose_intra(networks, decoded, source, 30, 8, 0.01)
        assert equal(shown, refine_intra(networks, decoded, 30, 8, note[0] if note else None))
        errors = [
            sum(np.square(a.astype(int) - b).sum() for a, b in zip(p, source, strict=True)) for p in (shown, decoded)
        ]
        assert errors[0] <= errors[1]


def test_notes_of_i_frames():
    gains = ((-8, 7, 0, 1), (2, -3))
    assert pack_refinement(2, None) == b"\x02" and len(pack_refinement(14, gains)) == 4
    for switches, given in ((0, None), (2, None), (4, None), (10, gains), (12, gains), (14, gains)):
        assert unpack_refinement(pack_refinement(switches, given), (4, 2)) == (switches, given)
    whole = pack_refinement(14, gains)
    for wrong in (
        b"",
        b"\x01",
        b"\x06",
        b"\x12",
        b"\x02\x00",
        whole[:-1],
        whole + b"\x00",
        b"\x09" + whole[1:],
        whole[:-1] + b"\xff",
    ):
        with pytest.raises(CorruptError, match="refinement"):
            unpack_refinement(wrong, (4, 2))
    with pytest.raises(CorruptError, match="note for networks"):
        refine_intra(None, planes(7), 30, 8, b"\x02")


def test_more_passes_over_the_latents_never_cost_more(networks, monkeypatch):
    """With a refinement that goes half the way to the source, so that the second pass knows what comes for nothing."""
    model = load_model()
    monkeypatch.setattr(frame_coder, "search_motion", lambda *args: search_motion(*args[:-1], 1))  # the same motion
    fine, nothing = replace(SETUP, quality=62), (np.zeros((6, 384), np.int16), np.zeros(6, np.uint8))
    costs = []
    for passes in (1, 2, 3):
        costs.append([])
        for seed in range(6):
            random = np.random.default_rng(seed)
            source = tuple(cv2.GaussianBlur(p.astype(np.float32), (0, 0), 2).astype(np.uint16) for p in planes(seed))
            noisy = [tuple((p + random.integers(-9, 10, p.shape)).astype(np.uint16) for p in source) for _ in range(2)]
            wide = [np.pad(p, ((0, h), (0, w)), "edge") for p, h, w in zip(source, (2, 1, 1), (4, 2, 2), strict=True)]

            def halfway(self, rendered, gains=None, wide=wide):
                return tuple((p + q) >> 1 for p, q in zip(rendered.plain, wide, strict=True))

            monkeypatch.setattr(RefineNetworks, "refined", halfway)
            monkeypatch.setattr(RefineNetworks, "best_gains", lambda self, rendered, source, weight: None)
            references = tuple(Reference(p, None, 8) for p in noisy)
            found = choose(fine, references, source, model, Stages(), networks, passes)
            s = found.symbols
            bits = block_bits(s.latents, s.patterns, s.lasts, (nothing, nothing), (2, 3), model)
            costs[-1].append(squared_error(found.picture, source) + squared_lambda(fine.steps[0]) * bits)
    assert all(a >= b >= c for a, b, c in zip(*costs, strict=True))
    assert sum(costs[1]) < sum(costs[0])
