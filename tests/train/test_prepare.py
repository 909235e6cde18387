import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvc.errors import DeviceError, InputError
from nvc.io.writer import open_writer
from nvc.train import prepare as room
from nvc.train.data import Samples, read_meta
from nvc.train.prepare import draw_quality, make_samples, map_jobs, one_thread, prepare, training_device, x265_point
from nvc.types import Frame, VideoInfo


def frames(count: int, seed: int = 0) -> list[Frame]:
    random = np.random.default_rng(seed)
    info = VideoInfo(64, 64, Fraction(1, 25), Fraction(25))
    big = random.integers(40, 200, (24, 24)).repeat(6, 0).repeat(6, 1)
    planes = [[big[k : k + n, k : k + n].astype(np.uint8) for n in (64, 32, 32)] for k in range(count)]
    return [Frame(*parts, k, info, 1) for k, parts in enumerate(planes)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six tiny videos, the last of them for validation; three frames a clip, two qualities."""
    monkeypatch.setattr(room, "SIZE", 64)
    monkeypatch.setattr(room, "QUALITIES", (20, 40))
    monkeypatch.setattr("nvc.train.clips.LENGTH", 3)
    monkeypatch.setattr("nvc.codec.encoder.may_be_still", lambda setup, source, scaled: False)
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    videos = tmp_path / "videos"
    videos.mkdir()
    for k in range(6):
        clip = frames(6 if k == 0 else 3, k)
        with open_writer(videos / f"{k}.mkv", clip[0].info, codec="ffv1") as writer:
            for frame in clip:
                writer.write(frame)
    return videos


def test_prepare_makes_samples_and_points(folder, tmp_path):
    said: list[str] = []
    prepare(folder, tmp_path / "out", notify=said.append)
    assert len(Samples(tmp_path / "out")) == 18 and len(Samples(tmp_path / "out", "validation")) == 3
    assert len(Samples(tmp_path / "out", intra=False)) == 12
    assert read_meta(tmp_path / "out")["clips"] == str(folder)
    points = json.loads((tmp_path / "out" / "points.json").read_text())
    assert list(points) == ["5"] and len(points["5"]["off"]) == len(points["5"]["x265"]) == 2
    assert points["5"]["off"][0][0] < points["5"]["off"][1][0] and said[0] == "train: 18 samples"


def test_a_limit_spreads_over_the_videos_and_replaces_what_was(folder, tmp_path):
    out = tmp_path / "out"
    prepare(folder, out, notify=lambda text: None)
    assert make_samples(folder, out, "train", limit=3) == 9 and len(Samples(out)) == 9


def test_x265_points_rise_with_quality():
    low, high = (x265_point(frames(3), quality) for quality in (10, 50))
    assert low[0] < high[0] and low[1] < high[1]


def test_qualities_are_all_there_and_the_usual_ones_more_often():
    random = np.random.default_rng(0)
    drawn = [draw_quality(random) for _ in range(4000)]
    assert set(drawn) == set(range(64))
    assert 0.75 < np.mean([16 <= quality < 57 for quality in drawn]) < 0.95


def test_jobs_come_back_in_order():
    assert map_jobs(divmod, [(7, 2), (9, 4)], 1) == [(3, 1), (2, 1)]
    assert map_jobs(divmod, [(7, 2), (9, 4)], 2) == [(3, 1), (2, 1)]


def test_one_thread_says_so_to_children(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setenv("NUMBA_NUM_THREADS", os.environ.get("NUMBA_NUM_THREADS", "1"))
    one_thread()
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert training_device("auto") == training_device("cpu") == "cpu"
    with pytest.raises(DeviceError, match="no CUDA device"):
        training_device("cuda")


def test_a_folder_without_clips_is_refused(tmp_path):
    with pytest.raises(InputError, match="no train videos"):
        prepare(tmp_path, tmp_path / "out", notify=lambda text: None)
