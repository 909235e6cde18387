"""VideoInfo of files: colour, HDR10, rotation, aspect, chroma location; written and read again."""

from fractions import Fraction

import pytest

from nvc.io import open_video, open_writer
from nvc.types import MasteringDisplay, VideoInfo

HDR = MasteringDisplay(((13250, 34500), (7500, 3000), (34000, 16000), (15635, 16450)), (10000000, 50))
BASE = VideoInfo(64, 48, Fraction(1, 1000), Fraction(25))


def round_trip(path, info, make_frames, **options):
    with open_writer(path, info, **options) as writer:
        for frame in make_frames(info, 3, [0, 40, 80]):
            writer.write(frame)
    with open_video(path) as reader:
        assert len(list(reader)) == 3
        return reader.info, writer.notices


@pytest.mark.parametrize(
    "name, codec", [("a.mp4", "x264"), ("a.mkv", "x264"), ("a.mp4", "x265"), ("a.mkv", "x265"), ("a.mkv", "ffv1")]
)
def test_colour_tags(tmp_path, make_frames, name, codec):
    for tags in (
        {"matrix": 9, "primaries": 9, "transfer": 16, "color_range": 1},
        {"matrix": 6, "primaries": 5, "transfer": 6, "color_range": 2},
    ):
        info = VideoInfo(64, 48, Fraction(1, 1000), Fraction(25), 10, **tags)
        got, _ = round_trip(tmp_path / name, info, make_frames, codec=codec, overwrite=True)
        assert {key: getattr(got, key) for key in tags} == tags


@pytest.mark.parametrize("name, codec", [("a.mp4", "x264"), ("a.mkv", "x264"), ("a.mp4", "x265"), ("a.mkv", "x265")])
def test_everything_else(tmp_path, make_frames, name, codec):
    more = {"sample_aspect": Fraction(4, 3), "mastering": HDR, "content_light": (1000, 400), "chroma_location": 3}
    info = VideoInfo(64, 48, Fraction(1, 1000), Fraction(25), 10, rotation=270, **more)
    got, notices = round_trip(tmp_path / name, info, make_frames, codec=codec)
    assert {key: getattr(got, key) for key in more} == more
    assert got.rotation == 270 and got.frame_rate == 25 and notices == []


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation(tmp_path, clip, rotation):
    clip(codec="libx264", rotation=rotation, count=2).write(tmp_path / "a.mp4", "mp4")
    with open_video(tmp_path / "a.mp4") as reader:
        assert reader.info.rotation == rotation and reader.notices == []


def test_ffv1_says_what_it_cannot_keep(tmp_path, make_frames):
    info = VideoInfo(64, 48, Fraction(1, 1000), sample_aspect=Fraction(4, 3), mastering=HDR)
    _, notices = round_trip(tmp_path / "a.mkv", info, make_frames, codec="ffv1")
    assert len(notices) == 2


@pytest.mark.parametrize("location", range(0, 7))
@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_chroma_location(tmp_path, make_frames, location, codec):
    info = VideoInfo(64, 48, Fraction(1, 1000), chroma_location=location)
    got, _ = round_trip(tmp_path / "a.mp4", info, make_frames, codec=codec)
    # An encoder leaves the usual place (left) unsaid.
    assert got.chroma_location == location or (location, got.chroma_location) == (1, 0)


def test_counts_and_bases(tmp_path, clip):
    clip(codec="libx264", time_base=Fraction(1, 90000), step=3000).write(tmp_path / "a.mp4", "mp4")
    with open_video(tmp_path / "a.mp4", start=2, frames=4) as reader:
        assert (reader.info.n_frames, reader.info.time_base) == (4, Fraction(1, 90000))


def test_full_range_format(tmp_path, clip):
    clip(codec="mjpeg", pix_fmt="yuvj420p", count=2).write(tmp_path / "a.mkv", "matroska")
    with open_video(tmp_path / "a.mkv") as reader:
        assert reader.info.color_range == 2 and reader.notices == []


def test_logging_is_left_as_it_was(tmp_path, clip):
    import av

    clip(codec="libx264", count=2).write(tmp_path / "a.mp4", "mp4")
    before = av.logging.get_level()
    with open_video(tmp_path / "a.mp4"):
        assert av.logging.get_level() == before
