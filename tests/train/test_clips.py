from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import InputError
from nvc.io.writer import open_writer
from nvc.train.clips import read_clips, sources, videos
from nvc.types import Frame, VideoInfo


@pytest.fixture
def video(tmp_path):
    """36 frames of 80x72; frame k is filled with 2 k."""
    info = VideoInfo(80, 72, Fraction(1, 25), Fraction(25))
    path = tmp_path / "one.mkv"
    with open_writer(path, info, codec="ffv1") as writer:
        for k in range(36):
            y, u, v = (np.full(shape, 2 * k + 20, np.uint8) for shape in ((72, 80), (36, 40), (36, 40)))
            y[:, :8] = 0
            writer.write(Frame(y, u, v, k, info, 1))
    return path


def test_clips_of_17_frames_are_cut_from_the_middle(video):
    clips = list(read_clips(video, 64))
    assert [len(clip) for clip in clips] == [17, 17]
    first = clips[1][0]
    assert first.y.shape == (64, 64) and first.u.shape == (32, 32) and (first.y == 2 * 17 + 20).all()


def test_a_video_that_is_too_small_gives_nothing(video):
    assert list(read_clips(video, 128)) == []


def test_every_tenth_video_is_held_out(tmp_path):
    for k in range(23):
        (tmp_path / f"{k:02}.mkv").touch()
    validation = [path.stem for path in videos(tmp_path, "validation")]
    train = [path.stem for path in videos(tmp_path, "train")]
    assert validation == ["05", "15"] and len(train) == 21 and not set(train) & set(validation)


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(InputError, match="no train videos"):
        videos(tmp_path, "train")


def test_sources_are_counted(tmp_path):
    (tmp_path / "a.mkv").touch()
    assert sources(tmp_path) == {"a": 1}
    (tmp_path / "index.csv").write_text("file,source\na.mkv,one\nb.mkv,two\nc.mkv,one\n")
    assert sources(tmp_path) == {"one": 2, "two": 1}
