import math

import pytest

from nvc.errors import InputError
from nvc.train import measure as room
from nvc.train.measure import measure_tools
from nvc.types import Settings
from tests.train.test_prepare import folder  # noqa: F401  six tiny videos, the last of them for validation


@pytest.fixture
def clips(folder, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    monkeypatch.setattr(room, "SIZE", 64)
    monkeypatch.setattr(room, "QUALITIES", (12, 20, 30, 40))
    return folder


def test_a_row_for_each_clip_and_their_mean(clips):
    settings = Settings(preset="fast", disable=frozenset({"networks"}))
    rows = list(measure_tools(clips, settings, ["merge", "obmc"]))
    assert [row["video"] for row in rows] == ["5", "mean"]
    assert rows[0]["x265"] == rows[1]["x265"] and rows[0]["without"] == rows[1]["without"]
    assert list(rows[0]["without"]) == ["merge", "obmc"]
    assert all(math.isfinite(rate) for rate in (rows[0]["x265"], *rows[0]["without"].values()))
    assert rows[0]["seconds"] == rows[1]["seconds"] > 0
    # A tool that is off already brings nothing, and the same settings give the same numbers.
    again = list(measure_tools(clips, settings, ["networks"]))
    assert again[0]["x265"] == rows[0]["x265"] and again[0]["without"] == {"networks": 0.0}


def test_settings_reach_the_encoder(clips):
    off = frozenset({"networks"})
    plain, other = (
        list(measure_tools(clips, Settings(preset="fast", disable=disable), []))[0]["x265"]
        for disable in (off, off | {"merge", "obmc", "rdoq"})
    )
    assert other > plain


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(InputError, match="validation"):
        list(measure_tools(tmp_path, Settings(), []))


def test_clips_of_another_size_are_said(folder, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    monkeypatch.setattr("nvc.train.prepare.SIZE", 256)
    with pytest.raises(InputError, match="256x256"):
        list(measure_tools(folder, Settings(preset="fast"), []))
