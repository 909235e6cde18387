import math

import pytest
import torch

from nvc.models.integer import index_scale
from nvc.train.data import Samples
from nvc.train.losses import Coder, HyperRate, lagrangian, laplace_bits, laplace_tables_costs, squared_error


@pytest.mark.parametrize("scale", [0.2, 0.5, 2.0])
def test_bits_are_those_of_a_distribution(scale):
    values = torch.arange(-60, 61).float()
    bits = laplace_bits(values, torch.tensor(scale))
    likely = bits < 20
    assert (2 ** -bits[likely].double()).sum().item() == pytest.approx(1, abs=1e-4)
    assert torch.equal(bits, bits.flip(0)) and (bits[60:].diff() > 0).all()


def test_surprises_cost_more_and_more_but_not_without_end():
    bits = laplace_bits(torch.tensor([0.0, 1.0, 100.0, 30000.0]), torch.tensor(0.06))
    assert bits[0] < 0.01 and 12 < bits[1] < 14 and 20 < bits[2] < bits[3] < 400


def test_the_best_scale_of_a_zero_is_small_and_of_a_large_value_large():
    scale = torch.tensor(1.0, requires_grad=True)
    zero = torch.autograd.grad(laplace_bits(torch.tensor(0.0), scale), scale)[0]
    large = torch.autograd.grad(laplace_bits(torch.tensor(5.0), scale), scale)[0]
    assert zero > 0 > large


def test_costs_of_the_start_fall_with_the_index_for_large_symbols():
    costs = laplace_tables_costs()
    assert costs.shape == (64, 32) and (costs[1:, 0] >= costs[:-1, 0]).all() and costs[60, 29] < costs[20, 29]
    assert costs[40, 1] == costs[40, 2]
    deviation = float(index_scale(torch.tensor(40.0)))
    want = -math.log2(1 - math.exp(-0.5 / (deviation * math.sqrt(0.5))))
    assert costs[40, 0] == pytest.approx(want, rel=1e-3)


def test_z_costs_little_at_the_start():
    rate = HyperRate(16)
    z = torch.zeros(2, 16, 2, 2)
    quality = torch.tensor([0, 63])
    assert (rate(z, quality) < 1).all()
    z[1, 3] = 2
    assert rate(z, quality)[1] > rate(z, quality)[0] + 20


def test_chroma_counts_by_its_weight():
    a, b = torch.zeros(1, 6, 4, 4), torch.zeros(1, 6, 4, 4)
    b[0, 0, 0, 0] = 1 / 256
    luma = squared_error(a, b).item()
    b[0, 5, 0, 0] = 1 / 256
    assert luma == 1 and squared_error(a, b).item() == 2.5


@pytest.fixture
def coded(small_model, prepared):
    coder = Coder(small_model)
    batch = Samples(prepared).batch([0, 1, 2, 3])
    return coder, batch, coder(batch)


def test_at_the_start_it_is_a_dct_codec(coded):
    coder, batch, outcome = coded
    gain = 256 * 16.0 / batch.steps
    y = coder.model.transform(batch.source - batch.prediction, gain)
    assert (outcome.symbols - y).abs()[outcome.indices > 0].max() <= 1.51
    want = (batch.prediction + coder.model.inverse_transform(outcome.symbols, gain)).clamp(-0.5, 255 / 256 - 0.5)
    assert (outcome.picture - want).abs().max() < 1.01 / 256
    assert (outcome.symbols != 0).any()


def test_the_floor_of_the_index_codes_nothing(coded):
    _, _, outcome = coded
    floor = outcome.indices == 0
    assert floor.any() and (outcome.symbols[floor] == 0).all()


def test_all_but_the_analysis_learns(coded):
    coder, batch, outcome = coded
    (lagrangian(outcome, batch) / batch.cost).mean().backward()
    learning = {n.split(".")[1] for n, p in coder.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert learning >= {"fusion", "means", "scale_index", "synthesis", "scale"}
    assert all(p.grad is None for p in coder.model.analysis.parameters())


def test_the_analysis_learns_where_asked(small_model, prepared):
    coder = Coder(small_model, analysis=True)
    batch = Samples(prepared).batch([0, 1])
    lagrangian(coder(batch), batch).sum().backward()
    assert coder.model.analysis.leave.weight.grad.abs().sum() > 0


def test_indices_are_those_that_decode(coded):
    """The integer path in training and in evaluation gives the same indices (contract 9)."""
    coder, batch, outcome = coded
    with torch.no_grad():
        again = coder.eval()(batch)
    assert torch.equal(outcome.indices, again.indices.float()) and torch.equal(outcome.symbols, again.symbols)
