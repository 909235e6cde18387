import pytest

from nvc.errors import UsageError
from nvc.train.stage import Stage, read_stage, stages


def test_the_stages_come_in_order():
    found = list(stages().values())
    assert [stage.name for stage in found] == ["first", "refresh", "adapt", "hyper"]
    assert not found[0].refresh and found[1].refresh and found[0].level_draw[0] > found[0].level_draw[4]
    assert [stage.model for stage in found] == ["refine"] * 3 + ["hyper"] and found[3].order == 0
    assert found[2].adapt and found[2].varied and found[2].refresh and not found[1].adapt
    assert [stage.blend for stage in found] == [1, 1, 0.5, 1]


@pytest.mark.parametrize(
    "text", ["order = 1\nsteps = 1\nbatch = 1\ncrop = 32\nrate = 0.1\nspeed = 3", "order = 1", "order = 1\nsteps = 0"]
)
def test_a_wrong_stage_is_refused(tmp_path, text):
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match="odd"):
        read_stage(path)


@pytest.mark.parametrize(
    "change",
    [
        *({"crop": 20}, {"rate": 2.0}, {"steps": 0}, {"clip": 0.0}, {"model": "other"}),
        *({"blend": 0.0}, {"blend": 1.1}, {"seed": -1}, {"seed": 1 << 32}),
    ],
)
def test_values_out_of_range_are_refused(change):
    with pytest.raises(UsageError, match="stage x"):
        Stage(**{"name": "x", "order": 1, "steps": 1, "batch": 1, "crop": 32, "rate": 0.1, **change})
