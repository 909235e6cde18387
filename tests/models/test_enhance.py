import numpy as np
import pytest
import torch

from nvc.errors import ModelError
from nvc.models.blocks import count_macs
from nvc.models.enhance import (
    PRESETS,
    TYPES,
    EnhanceConfig,
    EnhanceModel,
    Whitening,
    config_from_json,
    config_to_json,
    flat_gate,
    gates,
    pack,
    text_gate,
    unpack,
)

SMALL = EnhanceConfig(channels=16, blocks=1)


def picture(seed: int = 0, height: int = 32, width: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 6, height // 2, width // 2, generator=generator) - 0.5


def told(qp: float = 30.0, known: float = 1.0, kind: str = "P") -> tuple[torch.Tensor, ...]:
    return torch.tensor([qp]), torch.tensor([known]), torch.tensor([TYPES.index(kind)])


def awake(config: EnhanceConfig = SMALL) -> EnhanceModel:
    torch.manual_seed(0)
    model = EnhanceModel(config)
    with torch.no_grad():
        model.leave.weight.normal_(std=0.05)
        model.modulation.weight.normal_(std=0.3)
    return model.eval()


def test_it_starts_as_the_identity_within_its_budget() -> None:
    model = EnhanceModel(PRESETS["fast"])
    image = picture(0, 64, 64)
    residual, estimate = model(image, (image, image), *told())
    assert residual.shape == image.shape and not residual.any() and estimate.shape == (1,)
    assert count_macs(lambda: model(image, (image, image), *told())) / 64**2 <= 22_000


def test_packing_keeps_cells_together() -> None:
    image = picture()
    cells = pack(image)
    assert cells.shape == (1, 24, 8, 12) and torch.equal(unpack(cells), image)


def test_whitening_is_orthogonal_up_to_its_gains() -> None:
    matrix = Whitening().matrix[:, :, 0, 0]
    product = matrix @ matrix.T
    assert torch.allclose(product, torch.diag(product.diagonal()), atol=1e-2)
    flat = Whitening()(torch.ones(1, 24, 1, 1))[0, :, 0, 0]
    assert set(torch.nonzero(flat.abs() > 1e-3).flatten().tolist()) == {0, 16, 20}


def test_brightness_changes_nothing() -> None:
    model, image = awake(), picture()
    there = model(image * 0.25, (image * 0.25,) * 2, *told())[0]
    brighter = model(image * 0.25 + 0.1, (image * 0.25 + 0.1,) * 2, *told())[0]
    assert torch.allclose(there, brighter, atol=1e-5) and there.abs().max() > 1e-3


def test_type_quantiser_and_neighbours_matter() -> None:
    model, image = awake(), picture() * 0.25
    base = model(image, (image, image), *told())[0]
    for other in (told(40.0), told(kind="B"), told(known=0.0)):
        assert not torch.allclose(base, model(image, (image, image), *other)[0])
    assert not torch.allclose(base, model(image, (image, image + 0.1), *told())[0])


def test_a_hidden_quantiser_does_not_leak() -> None:
    model, image = awake(), picture()
    one, other = (model(image, (image, image), *told(qp, 0.0, ""))[0] for qp in (5.0, 45.0))
    assert torch.equal(one, other)
    assert 0 <= model.estimate_qp(image).item() <= 51


def text_like(seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    glyphs = rng.random((32, 32)) < 0.3
    luma = np.where(glyphs, 16, 235).repeat(2, 0).repeat(2, 1)
    rows = np.full((128, 128), 235)
    rows[32:96, 32:96] = luma
    phases = [rows[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return torch.from_numpy(np.stack([*phases, *[np.full((64, 64), 128)] * 2])[None] / 256 - 0.5).float()


def test_text_is_left_alone_and_nature_is_not() -> None:
    smooth = torch.nn.functional.interpolate(picture(1, 32, 32) * 0.4, scale_factor=4, mode="bilinear")
    assert float(text_gate(smooth).min()) == 1
    assert float(text_gate(text_like(0))[0, 0, 32, 32]) == 0
    assert float(text_gate(torch.zeros(1, 6, 2, 3)).min()) == 1


def test_what_is_flat_stays_flat() -> None:
    image = picture(0, 64, 64)
    image[:, 4] = 0.25
    image[:, :4, :, :20] = -0.4
    gate = flat_gate(image)
    assert gate.shape == image.shape and not gate[:, 4].any() and gate[:, 5].all()
    assert not gate[:, :4, :, :14].any() and gate[:, :4, :, 20:].all()
    assert torch.equal(gates(image), gate * text_gate(image))


def test_widths_as_json() -> None:
    assert config_from_json(config_to_json(SMALL)) == SMALL
    for text in ("{}", "[]", "x", '{"channels": "a", "blocks": 1, "neighbours": 2}'):
        with pytest.raises(ModelError):
            config_from_json(text)
    with pytest.raises(ModelError):
        EnhanceConfig(neighbours=1)
    with pytest.raises(ModelError, match="neighbours"):
        EnhanceModel(SMALL)(picture(), (), *told())
