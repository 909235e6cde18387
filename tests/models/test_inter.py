from dataclasses import asdict

import pytest
import torch

from nvc.errors import DeviceError, ModelError
from nvc.models.blocks import LATENTS, count_macs
from nvc.models.inter import InterConfig, InterModel, config_from, inference
from nvc.models.prior import STEPS, step_masks
from nvc.models.weights import seeded_weights

SMALL = InterConfig(fine=16, wide=32, hyper=16, hyper_wide=16, encoder=16, integer=16, renderer=16)
GAIN = torch.tensor([30.0, 25.0, 25.0])


@pytest.fixture(scope="module")
def seeded():
    return seeded_weights(1, SMALL).model


def pictures(count, n=1, h=3, w=5, seed=0):
    """``count`` similar smooth pictures (n, 6, 8h, 8w)."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.rand(n, 6, h, w, generator=generator) * 0.6 - 0.3
    base = torch.nn.functional.interpolate(base, scale_factor=8, mode="bilinear")
    return [base + 0.03 * torch.randn(base.shape, generator=generator) for _ in range(count)]


def code(model, source, prediction, warped, z=None, symbols=None, quality=32, level=2):
    """One frame as the docstring of InterModel says; with z and symbols given as the decoder does it."""
    context = model.fuse(prediction, warped, quality, level, GAIN)
    n, _, h, w = context.means.shape
    if z is None:
        y = model.transform(source - prediction, GAIN)
        y = y + model.analyse(source, prediction, y, context)
        z = model.hyper_analyse(y, context)
    features = model.hyper_synthesise(z, context)
    references = tuple(torch.full((n, LATENTS, h, w), k) for k in (1, 3))
    scales = model.prepare_indices(z, references, context)
    known, latents = torch.zeros(n, LATENTS, h, w), torch.zeros(n, LATENTS, h, w)
    indices = []
    for step, mask in enumerate(torch.from_numpy(step_masks(h, w))):
        mean = model.mean(step, features, context, latents)
        indices.append(model.index(step, scales, known))
        read = torch.round(y - mean) if symbols is None else symbols
        known = torch.where(mask, read, known)
        latents = torch.where(mask, known + mean, latents)
    reconstruction = prediction + model.inverse_transform(latents, GAIN)
    picture = reconstruction + model.synthesise(latents, context, prediction, reconstruction)
    return {"z": z, "symbols": known, "indices": torch.stack(indices), "picture": picture, "context": context}


def test_budgets():
    """kMAC per luma pixel: decoder <= 10, encoder (which decodes too) <= 60."""
    model = InterModel().eval()
    h, w = 8, 12
    source, prediction, *warped = pictures(4, h=h, w=w)
    everything = count_macs(lambda: code(model, source, prediction, tuple(warped))) / (256 * h * w)
    found = code(model, source, prediction, tuple(warped))
    decoder = count_macs(
        lambda: code(model, None, prediction, tuple(warped), found["z"], found["symbols"])
    ) / (256 * h * w)  # fmt: skip
    assert 5000 < decoder <= 10_000
    assert decoder < everything <= 60_000


def test_starts_as_the_dct_codec():
    model = InterModel(SMALL).eval()
    source, prediction, *warped = pictures(4)
    with torch.no_grad():
        found = code(model, source, prediction, tuple(warped))
        scaled = model.transform(source - prediction, GAIN)
        plain = prediction + model.inverse_transform(scaled.round(), GAIN)
    assert not found["z"].any() and not found["context"].correction.any()
    assert torch.equal(found["symbols"], scaled.round())
    torch.testing.assert_close(found["picture"], plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (5, 4)])
def test_decoder_follows_the_encoder(seeded, size):
    source, prediction, *warped = pictures(4, n=2, h=size[0], w=size[1])
    with inference(seeded):
        sent = code(seeded, source, prediction, tuple(warped))
        got = code(seeded, None, prediction, tuple(warped), sent["z"], sent["symbols"])
    assert sent["z"].any() and len(torch.unique(sent["indices"])) > 8
    assert torch.equal(sent["indices"], got["indices"])
    torch.testing.assert_close(sent["picture"], got["picture"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_precision_and_layout_change_no_index_and_hardly_a_sample(precision, layout):
    model = seeded_weights(1, SMALL).model
    source, prediction, *warped = pictures(4, h=5, w=6)
    with inference(model):
        sent = code(model, source, prediction, tuple(warped))
    moved = [picture.to(memory_format=layout) for picture in (prediction, *warped)]
    with inference(model.to(memory_format=layout), precision):
        got = code(model, None, moved[0], tuple(moved[1:]), sent["z"], sent["symbols"])
    assert torch.equal(sent["indices"], got["indices"]) and got["picture"].dtype == torch.float32
    assert (sent["picture"] - got["picture"]).abs().max() < 1 / 256


def test_samples_of_a_batch_do_not_meet(seeded):
    source, prediction, *warped = pictures(4, n=3)
    quality, level = torch.tensor([0, 31, 63]), torch.tensor([0, 2, 5])
    with inference(seeded):
        all_three = code(seeded, source, prediction, tuple(warped), quality=quality, level=level)
        alone = code(seeded, source[1:2], prediction[1:2], tuple(p[1:2] for p in warped), quality=31, level=2)
    assert torch.equal(all_three["indices"][:, 1:2], alone["indices"])
    torch.testing.assert_close(all_three["picture"][1:2], alone["picture"], rtol=0, atol=1e-5)


def test_one_reference_is_enough(seeded):
    source, prediction, warped = pictures(3)
    with inference(seeded):
        one = code(seeded, source, prediction, (warped,))
        same = code(seeded, source, prediction, (warped, prediction))
    assert torch.equal(one["picture"], same["picture"])


@pytest.mark.parametrize("input_name", ["quality", "level", "warped", "sizes"])
def test_every_input_is_heard(seeded, input_name):
    prediction, first, second = pictures(3)
    arguments = {"quality": 20, "level": 1, "warped": (first, first), "sizes": torch.zeros(1, 1, 3, 5)}
    other = {"quality": 50, "level": 4, "warped": (first, second), "sizes": torch.ones(1, 1, 3, 5)}
    features = []
    for chosen in (arguments, {**arguments, input_name: other[input_name]}):
        with inference(seeded):
            context = seeded.fuse(
                prediction, chosen["warped"], chosen["quality"], chosen["level"], GAIN, chosen["sizes"]
            )
            features.append(seeded.hyper_synthesise(torch.zeros(1, SMALL.hyper, 1, 2), context))
    assert not torch.equal(*features)


def test_confidence_and_correction(seeded):
    prediction, first, second = pictures(3)
    with inference(seeded):
        context = seeded.fuse(prediction, (first, second), 32, 1, GAIN)
        nothing = seeded.fuse(prediction, (prediction, prediction), 32, 1, GAIN)
    assert context.confidence.shape == (1, 2, 6, 10) and context.confidence.std() > 0
    assert context.correction.any() and not nothing.correction.any()
    limit = (first - prediction).abs() + (second - prediction).abs()
    assert (context.correction.abs() <= limit + 1e-6).all()
    torch.testing.assert_close(context.means, seeded.transform(context.correction, GAIN))


def test_every_parameter_learns():
    model = seeded_weights(1, SMALL).model.train()
    source, prediction, *warped = pictures(4, n=2, h=5, w=5)
    quality, level = torch.tensor([3, 44]), torch.tensor([0, 3])
    found = code(model, source, prediction, tuple(warped), quality=quality, level=level)
    loss = (found["picture"] - source).square().mean() * 1e4 + found["indices"].mean() + found["z"].abs().mean()
    loss.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_synthesis_learns():
    torch.manual_seed(0)
    model = InterModel(SMALL).train()
    source, prediction, *warped = pictures(4, n=2)
    with torch.no_grad():
        context = model.fuse(prediction, tuple(warped), 32, 2, GAIN)
        latents = model.transform(source - prediction, GAIN).round()
        reconstruction = source + 0.02 * torch.sign(prediction - source)
    optimiser = torch.optim.Adam(model.synthesis.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        residual = model.synthesise(latents, context, prediction, reconstruction)
        loss = (reconstruction + residual - source).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_self_test_passes_and_catches(seeded):
    expected = seeded.check_value()
    seeded.self_test()
    seeded.self_test(expected)
    with torch.autocast("cpu", torch.bfloat16):
        seeded.self_test(expected)
    with pytest.raises(DeviceError, match=f"must be {expected ^ 1:08x}"):
        seeded.self_test(expected ^ 1)


def test_self_test_catches_wrong_arithmetic(monkeypatch):
    model = seeded_weights(1, SMALL).model
    whole = torch.floor
    monkeypatch.setattr(torch, "floor", lambda x: whole(x + 1e-3 * (x > 40)).add(x > 40))
    with pytest.raises(DeviceError, match="self-test"):
        model.self_test()


def test_config_is_checked():
    assert config_from(asdict(SMALL)) == SMALL
    for values, word in (({"fine": 64}, "widths must be"), ({**asdict(SMALL), "wide": 40}, "multiple of 16")):
        with pytest.raises(ModelError, match=word):
            config_from(values)


def test_inference_leaves_the_mode_as_it_was():
    model = InterModel(SMALL).train()
    with inference(model):
        assert not model.training and torch.is_inference_mode_enabled()
    assert model.training and not torch.is_inference_mode_enabled()


def test_at_most_two_references_have_symbols(seeded):
    prediction, warped = pictures(2)
    with inference(seeded):
        context = seeded.fuse(prediction, (warped,), 0, 0, GAIN)
        with pytest.raises(ValueError, match="at most two"):
            seeded.prepare_indices(torch.zeros(1, SMALL.hyper, 1, 2), (torch.zeros(1, LATENTS, 3, 5),) * 3, context)
    assert STEPS == 2
