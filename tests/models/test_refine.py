from dataclasses import asdict

import pytest
import torch

from nvc.errors import ModelError
from nvc.models.blocks import count_macs
from nvc.models.inter import inference
from nvc.models.refine import INTRA_LEVEL, RefineConfig, RefineModel, refine_config
from nvc.models.weights import load_weights, save_weights, seeded_weights

SMALL = RefineConfig(16, 16, 1, 1)


def pictures(count: int, n: int = 1, rows: int = 32, columns: int = 48) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(n, 6, rows // 2, columns // 2, generator=generator) - 0.5 for _ in range(count)]


def both(model: RefineModel, prediction, warped, base, quality=30, level=1, gains=None):
    features, correction = model.fuse(prediction, warped, quality, level)
    x = model.render(features, prediction, base, quality, level)
    return correction, model.synthesis.blend(x, gains or model.config.plain)


def test_an_untrained_model_adds_nothing():
    prediction, base, first, second = pictures(4)
    correction, residual = both(RefineModel().eval(), prediction, (first, second), base)
    assert not correction.any() and not residual.any()
    assert not RefineModel().eval().refine_intra(prediction, 30).any()


def test_the_decoder_stays_below_ten_thousand_macs_a_sample():
    model = RefineModel().eval()
    prediction, base, first, second = pictures(4, rows=64, columns=64)
    gains = ((-3, 2, 7, -8), (1, -1))
    assert count_macs(lambda: both(model, prediction, (first, second), base, gains=gains)) / 64**2 < 10_000


@pytest.mark.parametrize("references", [0, 1, 2])
def test_all_parts_have_a_say(references):
    model = seeded_weights(4, SMALL).model
    prediction, base, first, second = pictures(4)
    with torch.no_grad():
        correction, residual = both(model, prediction, (first, second)[:references], base)
        again = both(model, prediction, (first, second)[:references], base, quality=31)
        deeper = both(model, prediction, (first, second)[:references], base, level=4)
    assert correction.shape == residual.shape == prediction.shape
    assert correction.any() and residual.any()
    assert not torch.equal(again[0], correction) and not torch.equal(deeper[1], residual)


def test_one_kernel_is_the_sum_of_the_heads():
    model = seeded_weights(4, SMALL).model
    prediction, base = pictures(2)
    with torch.no_grad():
        features, _ = model.fuse(prediction, (), 30, 1)
        x = model.render(features, prediction, base, 30, 1)
        luma, chroma = model.synthesis.bases(x)
        plain = model.synthesis.blend(x, model.config.plain)
        blended = model.synthesis.blend(x, ((-2, 3, 0, -8), (7, -5)))
    assert luma.shape == (1, 4, 4, 16, 24) and chroma.shape == (1, 2, 2, 16, 24)
    assert torch.allclose(plain, torch.cat([luma[:, 0], chroma[:, 0]], 1))
    y = luma[:, 0] * 0.75 + luma[:, 1] * 0.375 - luma[:, 3]
    uv = chroma[:, 0] * 1.875 - chroma[:, 1] * 0.625
    assert torch.allclose(blended, torch.cat([y, uv], 1), atol=1e-6) and not torch.allclose(blended, plain, atol=1e-3)


def test_a_missing_reference_counts_as_the_prediction():
    model = seeded_weights(4, SMALL).model
    prediction, first = pictures(2)
    with torch.no_grad():
        alone, given = model.fuse(prediction, (first,), 30, 1), model.fuse(prediction, (first, prediction), 30, 1)
    assert torch.equal(alone[1], given[1])


def test_samples_of_a_batch_do_not_mix():
    model = seeded_weights(4, SMALL).model
    prediction, base, first, second = pictures(4, n=2)
    quality, level = torch.tensor([3, 50]), torch.tensor([INTRA_LEVEL, 2])
    with torch.no_grad():
        together = both(model, prediction, (first, second), base, quality, level)[1]
        one = both(model, prediction[1:], (first[1:], second[1:]), base[1:], 50, 2)[1]
    assert torch.allclose(together[1:], one, atol=1e-5)


def test_the_place_in_a_block_counts():
    """The same cell content at another place of the 16x16 grid gets another residual."""
    model = seeded_weights(4, SMALL).model
    flat = torch.zeros(1, 6, 32, 32)
    with torch.no_grad():
        _, residual = both(model, flat, (), flat)
    inner = residual[..., 8:24, 8:24]
    assert torch.allclose(inner[..., :8, :8], inner[..., 8:, 8:], atol=1e-6)
    assert not torch.allclose(inner[..., :2, :2], inner[..., 2:4, 2:4], atol=1e-6)


def test_text_is_left_alone():
    model = seeded_weights(4, SMALL).model
    text = torch.where(torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) > 0.5, 0.4, -0.4)
    with inference(model, "fp32"):
        assert not model.refine_intra(text.expand(1, 6, 64, 64).contiguous(), 30).any()


def test_weights_files_hold_it(tmp_path):
    weights = seeded_weights(4, SMALL)
    identity = save_weights(tmp_path / "refine.safetensors", weights.model)
    found = load_weights(tmp_path / "refine.safetensors", want=identity)
    assert found.model.config == SMALL and found.tables == {}
    for a, b in zip(found.model.parameters(), weights.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "values", [{}, {"fusion": 8}, {"fusion": 17}, {"synthesis_blocks": -1}, {"synthesis": "64"}, {"luma_heads": 0}]
)
def test_impossible_widths_are_refused(values):
    with pytest.raises(ModelError):
        refine_config({**asdict(SMALL), **values} if values else {})
