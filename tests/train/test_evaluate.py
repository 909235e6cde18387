import pytest

from nvc.train.data import Samples
from nvc.train.evaluate import relative_cost, summarise
from nvc.train.losses import Coder
from nvc.train.workers import Group

POINTS = [[1000, 30.0], [2000, 33.0], [4000, 36.0], [8000, 39.0], [16000, 42.0]]


def test_bd_rates_are_means_over_clips():
    half = [[size / 2, decibel] for size, decibel in POINTS]
    cached = {"a": {"off": POINTS, "x265": half}, "b": {"off": POINTS, "x265": POINTS}}
    found = summarise({"a": half, "b": POINTS}, cached)
    assert found["off"] == pytest.approx(-25, abs=0.01) and found["x265"] == pytest.approx(0, abs=0.01)
    assert found["clips"]["a"]["off"] == pytest.approx(-50) and found["clips"]["a"]["points"] == half


def test_clips_without_a_number_are_left_out():
    broken = [[1000, 30.0], [900, 33.0], [4000, 36.0]]
    found = summarise({"a": broken}, {"a": {"off": POINTS, "x265": POINTS}})
    assert found["off"] is None and found["clips"]["a"]["off"] is None


def test_the_change_is_in_percent_of_the_clips_bits(small_model, prepared):
    samples = Samples(prepared, "validation")
    change = relative_cost(Coder(small_model), samples, Group())
    for _, index in samples._shards:
        index["own_cost"] = index["own_cost"] + 200.0
    assert relative_cost(Coder(small_model), samples, Group()) == pytest.approx(change - 10, abs=1e-3)
