from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvc.codec.base_streams import StreamSettings
from nvc.errors import InputError
from nvc.io import open_writer
from nvc.train.enhance_data import CODECS, SIZE, EnhanceSamples, split_planes
from nvc.train.enhance_prepare import FRAMES, draw_settings, prepare_enhance, samples_of
from nvc.types import Frame, VideoInfo


def moving(count: int):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    out = []
    for k in range(count):
        luma = (128 + 60 * np.sin((columns - 3 * k) / 9) * np.cos(rows / 11)).astype(np.uint8)
        out.append((luma, luma[::2, ::2].copy(), luma[1::2, 1::2].copy()))
    return out


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    info = VideoInfo(SIZE, SIZE, Fraction(1, 25))
    for name in "abcdef":
        with open_writer(folder / f"{name}.mkv", info, crf=10) as writer:
            for k, planes in enumerate(moving(17)):
                writer.write(Frame(*planes, k, info, 1))
    return folder


def test_settings_cover_all_codecs() -> None:
    drawn = [draw_settings(np.random.default_rng(k)) for k in range(300)]
    assert {s.codec if s else "pristine" for s in drawn} == set(CODECS)
    assert all(s is None or 4 <= s.rate <= 63 for s in drawn)
    assert any(s and s.rate < 18 for s in drawn)


def test_samples_hold_original_decoded_and_moved_neighbours() -> None:
    frames = moving(5)
    settings = StreamSettings("x264", "veryfast", 35, constant=True)
    first, third = samples_of(frames, settings, [0, 2], 7)
    assert (first.kind, first.clip, CODECS[first.codec]) == (1, 7, "x264") and first.qp > 25
    pictures = [split_planes(row)[0].astype(int) for row in third.planes]
    assert np.array_equal(pictures[0], frames[2][0])
    assert np.square(pictures[0] - pictures[1]).mean() == pytest.approx(third.error[0], rel=1e-4)
    for moved in pictures[2:]:
        assert np.abs(moved - pictures[1]).mean() < np.abs(frames[1][0].astype(int) - frames[2][0]).mean() / 3
    assert np.array_equal(first.planes[2], first.planes[1])


def test_pristine_samples_tell_nothing() -> None:
    (only,) = samples_of(moving(3), None, [1], 0)
    assert np.isnan(only.qp) and only.kind == 0 and not only.error.any()
    assert np.array_equal(only.planes[0], only.planes[1])


def test_a_folder_is_prepared_once(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    easy = StreamSettings("x264", "ultrafast", 30)
    monkeypatch.setattr("nvc.train.enhance_prepare.draw_settings", lambda random: easy)
    assert prepare_enhance(clips, tmp_path, streams=1, limit=2) == 3 * FRAMES
    assert len(EnhanceSamples(tmp_path)) == 2 * FRAMES and len(EnhanceSamples(tmp_path, "validation")) == FRAMES
    monkeypatch.setattr("nvc.train.enhance_prepare.samples_of", None)
    assert prepare_enhance(clips, tmp_path, streams=1, limit=2) == 3 * FRAMES
    with pytest.raises(InputError):
        prepare_enhance(tmp_path, tmp_path / "out")
