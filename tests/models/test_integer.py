import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nvc.errors import ModelError
from nvc.models import integer
from nvc.models.integer import (
    BIAS_LIMIT,
    INDICES,
    LATENTS,
    WEIGHT_LIMIT,
    Pointwise,
    ScaleIndexNetwork,
    check_sum,
    magnitude_code,
    requantise,
    shifted_sum,
    start_indices,
    whole,
)
from nvc.models.integer_reference import scale_indices

SHAPES = [(1, 1, 1), (1, 5, 3), (2, 4, 8), (3, 7, 9), (17, 3, 5), (16, 8, 8), (1, 17, 31)]


def network(hyper=16, hidden=32, extreme=False, seed=0):
    """A network with random integers; extreme: all at the limits."""
    net = ScaleIndexNetwork(hyper, hidden, 2).eval()
    rng = np.random.default_rng(seed)
    values = {}
    for name, like in net.integers().items():
        limit = BIAS_LIMIT if name.endswith("table") else WEIGHT_LIMIT
        if extreme:
            drawn = limit * rng.choice([-1, 1], like.shape, p=[0.1, 0.9])
        elif name.startswith("output_bias"):
            drawn = rng.integers(4 << 9, 40 << 9, like.shape)
        else:
            drawn = rng.integers(-limit // 3, limit // 3 + 1, like.shape) // (16 if name.endswith("table") else 1)
        values[name] = torch.from_numpy(drawn).to(like.dtype)
    net.load_integers(values)
    return net


def inputs(net, n, h, w, seed=1, extreme=False):
    """(z, two references and earlier symbols, sizes, quality, level) as int64 arrays."""
    rng = np.random.default_rng(seed)
    z = rng.integers(-300, 301, (n, net.hyper, -(-h // 4), -(-w // 4)))
    if extreme:
        symbols = np.full((3, n, LATENTS, h, w), -30000)
    else:
        symbols = np.rint(rng.laplace(0, 2, (3, n, LATENTS, h, w))).astype(np.int64)
    sizes = rng.integers(-1, 2, (n, 1, h, w))
    return z, symbols, sizes, rng.integers(0, 64, n), rng.integers(0, 6, n)


def plain(x):
    return x


def run(net, data, references=2, convert=plain):
    """Indices of both steps, stacked, int64 array."""
    z, symbols, sizes, quality, level = (torch.from_numpy(x) for x in data)
    z, chosen = convert(z), tuple(convert(s) for s in symbols)
    with torch.no_grad():
        state = net.prepare(z, chosen[:references], sizes, quality, level)
        return np.stack([net.index(state, 0).numpy(), net.index(state, 1, chosen[2]).numpy()]).astype(np.int64)


def reference(net, data, references=2):
    z, symbols, sizes, quality, level = data
    integers = {name: value.numpy() for name, value in net.integers().items()}
    common = (integers, z, tuple(symbols[:references]), sizes, quality, level)
    return np.stack([scale_indices(*common, 0), scale_indices(*common, 1, symbols[2])])


def as_float(x):
    return x.float()


def channels_last(x):
    return x.float().to(memory_format=torch.channels_last)


def half_size(x):
    return x.clamp(-32000, 32000).to(torch.int16)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_int64(shape, count, threads):
    threads(count)
    net = network()
    data = inputs(net, *shape)
    found = run(net, data)
    np.testing.assert_array_equal(found, reference(net, data))
    assert found.min() >= 0 and found.max() < INDICES and len(np.unique(found)) > 8


@pytest.mark.parametrize("batch", range(1, 18))
def test_equals_int64_at_every_batch_size(batch):
    net = network(seed=batch)
    data = inputs(net, batch, 2, 3, seed=batch)
    np.testing.assert_array_equal(run(net, data), reference(net, data))


@pytest.mark.parametrize("references", [0, 1, 2])
@pytest.mark.parametrize("convert", [plain, as_float, channels_last, half_size])
def test_types_and_layouts_do_not_matter(convert, references):
    net = network()
    data = inputs(net, 2, 5, 6)
    want = reference(net, data, references)
    np.testing.assert_array_equal(run(net, data, references, convert), want)
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(run(net, data, references, convert), want)
    with torch.inference_mode():
        np.testing.assert_array_equal(run(net, data, references, convert), want)


@pytest.mark.parametrize("hidden", [32, 256])
def test_exact_at_the_limits(hidden):
    net = network(hidden=hidden, extreme=True)
    data = inputs(net, 2, 5, 6, extreme=True)
    np.testing.assert_array_equal(run(net, data), reference(net, data))


@pytest.mark.parametrize("kept", [0.5, 1.0])
def test_sums_are_exact_near_the_limit(kept):
    rng = np.random.default_rng(8)
    products, places = 1900, 70
    layer = Pointwise(products, 48, 1.0)
    signs = np.where(rng.random((48, products)) < kept, 1, -1)
    weight = WEIGHT_LIMIT * signs
    x = 127 - rng.integers(0, 2, (17, products, places))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight) / 64)
        found = layer(torch.from_numpy(x).float().view(17, products, 7, 10))
    want = np.einsum("oi,nip->nop", weight, x)
    np.testing.assert_array_equal(found.numpy().reshape(want.shape).astype(np.int64), want)


def test_oracle_disagrees_where_a_symbol_differs():
    net = network()
    data = inputs(net, 1, 5, 6)
    before = reference(net, data)
    data[1][2, 0, 7, 2, 2] += 40
    after = run(net, data)
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[1] != before[1]).any()


def test_exact_with_onednn_switched_off_and_other_matmul_settings():
    net = network()
    data = inputs(net, 17, 8, 8)
    want = reference(net, data)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.backends.mkldnn.flags(enabled=False):
            np.testing.assert_array_equal(run(net, data), want)
            assert not torch.backends.mkldnn.enabled
    finally:
        torch.set_float32_matmul_precision(before)


def test_shifted_sum_equals_the_convolution():
    rng = np.random.default_rng(3)
    x = torch.from_numpy(rng.integers(-127, 128, (2, 8, 5, 7))).float()
    weight = torch.from_numpy(rng.integers(-64, 65, (8, 3, 3))).float()
    assert torch.equal(shifted_sum(x, weight), F.conv2d(x, weight[:, None], padding=1, groups=8))


def test_training_sees_the_same_indices_and_learns():
    torch.manual_seed(0)
    net = network()
    data = inputs(net, 2, 4, 4)
    want = reference(net, data)
    net.train()
    z, symbols, sizes, quality, level = (torch.from_numpy(x) for x in data)
    z = z.clamp(-9, 9).float().requires_grad_()
    state = net.prepare(z, tuple(symbols[:2]), sizes, quality, level)
    found = [net.index(state, 0), net.index(state, 1, symbols[2])]
    clamped = (data[0].clip(-9, 9), *data[1:])
    assert found[1].dtype == torch.float32
    np.testing.assert_array_equal(torch.stack(found).detach().numpy(), reference(net, clamped))
    assert (want >= 0).all()
    (found[0].square().mean() + found[1].square().mean()).backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == [] and z.grad is not None and z.grad.any()


def test_the_twin_learns_a_scale_from_the_references():
    torch.manual_seed(0)
    net = ScaleIndexNetwork(16, 16, 2).train()
    size = torch.randint(0, 5, (4, 1, 4, 4)).expand(4, LATENTS, 4, 4)
    references = ((2**size - 1).float(),)
    common = (
        torch.zeros(4, 16, 1, 1),
        references,
        torch.zeros(4, 1, 4, 4),
        torch.full((4,), 32),
        torch.zeros(4).long(),
    )
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        index = net.index(net.prepare(*common), 0)
        loss = (index - (10 + 8 * size)).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 * losses[0]


def test_masters_of_any_size_keep_the_bounds():
    net = network()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1e6)
    data = inputs(net, 1, 3, 3)
    np.testing.assert_array_equal(run(net, data), reference(net, data))
    largest = {name: int(value.to(torch.int64).abs().max()) for name, value in net.integers().items()}
    assert largest["output.weight"] == WEIGHT_LIMIT and largest["output_bias.0.table"] == BIAS_LIMIT


def test_integers_come_back():
    net, other = network(seed=4), network(seed=5)
    other.load_integers(net.integers())
    assert all(torch.equal(value, other.integers()[name]) for name, value in net.integers().items())
    assert {v.dtype for v in net.integers().values()} == {torch.int8, torch.int32}


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("output.weight", lambda v: v + 100, "within"),
        ("output.weight", lambda v: torch.full_like(v, -128), "within"),
        ("output_bias.1.table", lambda v: v + (1 << 21), "within"),
        ("mix.weight", lambda v: v[:3], "whole numbers"),
        ("mix.weight", lambda v: v.float(), "whole numbers"),
        ("local.weight", lambda v: None, "must be"),
    ],
)
def test_bad_integers_are_refused(name, change, word):
    net = network()
    values = net.integers()
    changed = change(values.pop(name))
    with pytest.raises(ModelError, match=word):
        net.load_integers(values if changed is None else {**values, name: changed})


def test_sums_are_checked_when_the_network_is_built():
    check_sum("x", 1900, 9)
    for products, shift in ((1936, 9), (10, 0)):
        with pytest.raises(ModelError, match=r"2\*\*24"):
            check_sum("x", products, shift)
    with pytest.raises(ModelError, match="input"):
        ScaleIndexNetwork(16, 1248, 2)


def test_requantise_is_a_shift_of_the_sum_plus_half():
    sums = np.concatenate([np.arange(-5000, 5000), [-(2**24) + 256, 2**24 - 256]])
    for shift in (1, 2, 6, 9):
        want = np.clip((sums + (1 << (shift - 1))) >> shift, -127, 127)
        np.testing.assert_array_equal(requantise(torch.from_numpy(sums).float(), shift).numpy(), want)


def test_index_scale_doubles_every_eight():
    index = torch.tensor([0.0, 8.0, 63.0], requires_grad=True)
    scale = integer.index_scale(index)
    scale.sum().backward()
    assert scale.tolist() == pytest.approx([0.08, 0.16, 18.78], rel=1e-3) and index.grad is not None
    assert (index.grad > 0).all()


def test_magnitude_codes():
    codes = [magnitude_code(m) for m in range(300)]
    assert codes[:9] == [0, 16, 24, 32, 36, 40, 44, 48, 50] and codes[255] == 127
    assert codes == sorted(codes)


def test_rounding_of_masters_is_half_up():
    master = torch.tensor([0.5, 1.5, -0.5, -1.5, 900.0]) / 64
    assert whole(master, 64, WEIGHT_LIMIT).tolist() == [1, 2, 0, -1, 64]


def test_start_falls_with_frequency_and_rises_with_quality():
    net = ScaleIndexNetwork(16, 16, 2).eval()
    start = start_indices()
    assert start.shape == (6, integer.ANCHORS, LATENTS)
    common = (torch.zeros(1, 16, 1, 1), (), torch.zeros(1, 1, 1, 1))
    index = [net.index(net.prepare(*common, torch.tensor([q]), torch.tensor([0])), 0) for q in (0, 63)]
    assert index[0][0, 0] > index[0][0, 255] and (index[1] >= index[0]).all() and index[1][0, 0] > index[0][0, 0]
