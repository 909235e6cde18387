"""The layout of the tables, the scan, the fitted model and its checks."""

from importlib import resources

import numpy as np
import pytest
from safetensors.numpy import load

from nvc.codec import symbols as layout
from nvc.entropy.coder import RAW_BIT, RAW_NIBBLE
from nvc.errors import ModelError


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """The stored integers of the shipped model."""
    return load((resources.files("nvc.weights") / "tables.safetensors").read_bytes())


def test_the_layout_is_whole() -> None:
    sizes = layout.table_sizes()
    assert len(sizes) == layout.TABLES
    assert sizes.min() >= 2
    assert sizes.max() <= layout.SYMBOLS
    for bank in range(layout.BANKS):
        motion = sizes[layout.MOTION_BASE + bank * layout.MOTION_TABLES :]
        assert [motion[k] for k in (layout.MERGE, layout.CELL_MERGE, layout.MODE, layout.LENGTH)] == [9, 8, 4, 15]
        side = sizes[layout.SIDE_BASE + bank * layout.SIDE_TABLES :]
        assert [side[layout.PATTERN], side[layout.LAST_LUMA], side[layout.LAST_CHROMA]] == [8, 31, 15]
    assert np.all(sizes[layout.LATENT_BASE :] == layout.SYMBOLS)


def test_the_scan_takes_every_latent_once_by_diagonals() -> None:
    s = layout.scan()
    assert sorted(s.position.tolist()) == list(range(layout.LATENTS))
    for low, high, n in ((0, 256, 16), (256, 320, 8), (320, 384, 8)):
        inner = s.position[low:high] - low
        assert np.array_equal(s.diagonal[low:high], inner // n + inner % n)
        assert np.all(np.diff(s.diagonal[low:high]) >= 0)
        assert inner[:3].tolist() in ([0, 1, n], [0, n, 1])


def test_contexts_come_earlier_in_the_scan() -> None:
    s = layout.scan()
    when = np.argsort(s.position)
    for channel in range(layout.LATENTS):
        for other in s.before[channel]:
            assert other < 0 or when[other] < when[channel]
    assert np.all(s.before[[0, 256, 320]] == -1)
    assert s.zone.min() == 0
    assert s.zone.max() < layout.ZONES


def test_the_shipped_model_is_whole(arrays: dict[str, np.ndarray]) -> None:
    model = layout.load_model()
    assert model is layout.load_model()
    sizes = layout.table_sizes()
    assert [np.count_nonzero(row) for row in model.tables.frequencies] == sizes.tolist()
    for raw, size in ((RAW_NIBBLE, 16), (RAW_BIT, 2)):
        assert np.abs(model.tables.costs[raw, :size] - np.log2(size)).max() < 0.1
    assert model.index.max() < layout.LATENT_TABLES
    assert model.level_of.max() < layout.LEVELS
    assert np.abs(model.recon).max() < 64
    assert np.all(np.diff(model.level_of.astype(int)) >= 0)


def test_feature_sums_of_the_shipped_model_fit_32_bits() -> None:
    caps = np.array([16, 30, 15, 30, 60, 120, 15, 15, 15, 15])
    assert np.abs(layout.load_model().weights.astype(np.int64) * caps).sum(-1).max() < 2**31


@pytest.mark.parametrize("name", ["frequencies", "weights", "level_of", "index", "recon"])
def test_a_missing_or_misshapen_array_is_refused(arrays: dict[str, np.ndarray], name: str) -> None:
    with pytest.raises(ModelError, match=name):
        layout.model_from({k: v for k, v in arrays.items() if k != name})
    with pytest.raises(ModelError, match=name):
        layout.model_from({**arrays, name: arrays[name][:-1]})
    assert layout.model_from(arrays).index.shape == arrays["index"].shape
