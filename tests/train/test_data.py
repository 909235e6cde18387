import numpy as np
import pytest
import torch

from nvc.errors import InputError
from nvc.models.blocks import BlockDct
from nvc.train.data import Sample, Samples, _augmented, _stack, read_meta, write_shard

SIZE = 64


def test_samples_come_back(prepared, sample_of):
    samples = Samples(prepared)
    assert len(samples) == 8
    for k in range(8):
        want, got = sample_of(k, k % 3), samples.sample(k)
        assert np.array_equal(want.planes, got.planes) and np.array_equal(want.steps, got.steps)
        assert (got.quality, got.level, got.cost, got.own_cost) == (want.quality, want.level, 2000.0, 1000.0)
        assert len(got.symbols) == k % 3
        for (where, what), (found, values) in zip(want.symbols, got.symbols, strict=True):
            assert np.array_equal(where, found) and np.array_equal(what, values)


def test_a_batch_is_sorted_by_references_and_holds_the_pictures(prepared, sample_of):
    batch = Samples(prepared).batch([2, 0, 1])
    assert batch.counts.tolist() == [0, 1, 2] and batch.quality.tolist() == [20, 21, 22]
    assert batch.source.shape == (3, 6, SIZE // 2, SIZE // 2) and batch.symbols[0].shape == (3, 384, 4, 4)
    planes = sample_of(0).planes[0].reshape(-1)[: SIZE * SIZE].reshape(SIZE, SIZE)
    assert torch.equal(batch.source[0, 1], torch.from_numpy(planes[0::2, 1::2].astype(np.float32) / 256 - 0.5))
    assert batch.symbols[1][1].abs().sum() == 0 and batch.symbols[1][2].abs().sum() > 0


@pytest.mark.parametrize("seed", range(8))
def test_symbols_turn_with_the_picture(seed, sample_of):
    """Where the symbols are the picture's own DCT, they stay so under every symmetry."""
    sample = sample_of(3)
    whole = _stack([([_planes(row) for row in sample.planes], [np.zeros((384, 4, 4))] * 2, sample, 0)], 1.0)
    y = torch.round(BlockDct()(whole.source) * 256)[0].numpy().astype(np.int16)
    flat = y.transpose(1, 2, 0).ravel()
    where = np.flatnonzero(flat)
    sample = Sample(sample.planes, ((where, flat[where]),), 30, 1, sample.steps, 1.0, 1.0)
    view = _augmented(sample, SIZE, 32, np.random.default_rng(seed))
    batch = _stack([view], 1.0)
    assert batch.source.shape[-1] == 16
    found = torch.round(BlockDct()(batch.source) * 256)
    assert (found - batch.symbols[0]).abs().max() <= 1 and batch.symbols[0].abs().max() > 50


def _planes(row):
    luma, half = SIZE * SIZE, SIZE // 2
    y, u, v = np.split(row, [luma, luma + half * half])
    return y.reshape(SIZE, SIZE), u.reshape(half, half), v.reshape(half, half)


def test_what_is_drawn_depends_on_the_step_alone(prepared):
    samples = Samples(prepared)
    first, again, other = (samples.draw(1, step, 50, (1.0, 1.0)) for step in (4, 4, 5))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    a, b = (samples.batch([3, 4], 32, (1, 9)) for _ in range(2))
    assert torch.equal(a.source, b.source) and torch.equal(a.symbols[0], b.symbols[0])


def test_levels_are_drawn_as_often_as_asked(prepared):
    samples = Samples(prepared)
    drawn = samples.levels[samples.draw(1, 0, 400, (1.0, 0.0, 0.0, 0.0, 0.0))]
    assert set(drawn) == {0}


def test_a_folder_that_was_not_prepared_is_refused(tmp_path):
    with pytest.raises(InputError, match="nvc train prepare"):
        read_meta(tmp_path)


def test_a_part_without_samples_is_refused(prepared):
    with pytest.raises(InputError, match="holds no other samples"):
        Samples(prepared, "other")


def test_an_empty_shard_is_stepped_over(prepared):
    assert write_shard(prepared, "train-2", []) == 0
    assert len(Samples(prepared)) == 8
