"""Rules of all readers, on a reader that is told its pictures."""

from fractions import Fraction

import pytest

from nvc.errors import CorruptError, InputError, UsageError
from nvc.io.reader_base import Picture, VideoReader
from nvc.types import VideoInfo

INFO = VideoInfo(4, 2, Fraction(1, 1000))


class Told(VideoReader):
    """Gives out pictures with the times it was told; an exception among them is raised."""

    def __init__(self, make_picture, times, **options):
        super().__init__("told", **options)
        self.info, self._times, self._planes = INFO, times, make_picture(4, 2, 0)

    def _pictures(self):
        for time in self._times[self._start :]:
            if isinstance(time, Exception):
                raise time
            yield Picture(self._planes, time, 10)

    def close(self):
        pass


@pytest.mark.parametrize(
    "times, want, notices",
    [
        ([0, 40, 80], [0, 40, 80], 0),
        ([-80, -40, 0], [-80, -40, 0], 0),
        ([0, 0, 0, 40], [0, 1, 2, 40], 1),
        ([0, 40, 20, 30, 80], [0, 40, 41, 42, 80], 1),
        ([None, None, 40], [0, 10, 40], 1),
        ([5, None, 5], [5, 15, 16], 2),
    ],
)
def test_times_rise(make_picture, times, want, notices):
    reader = Told(make_picture, times)
    frames = list(reader)
    assert [f.pts for f in frames] == want and len(reader.notices) == notices
    assert [f.duration for f in frames] == [b - a for a, b in zip(want, want[1:], strict=False)] + [10]


@pytest.mark.parametrize("frames, whole, raised", [(None, 2, True), (3, 2, True), (2, 2, False), (1, 1, False)])
def test_damage_is_told_after_the_whole_frames(make_picture, frames, whole, raised):
    reader, got = Told(make_picture, [0, 40, CorruptError("torn")], frames=frames), []
    try:
        for frame in reader:
            got.append(frame.pts)
    except CorruptError as error:
        assert raised and error.frames == whole and str(error) == f"torn; {whole} whole frames were read"
    else:
        assert not raised
    assert got == [0, 40][:whole]


def test_no_frames(make_picture):
    with pytest.raises(InputError, match="holds no video frames"):
        list(Told(make_picture, []))
    with pytest.raises(InputError, match="no frame 2"):
        list(Told(make_picture, [0, 1], start=2))


@pytest.mark.parametrize("options", [{"start": -1}, {"frames": 0}, {"frames": -3}])
def test_options(make_picture, options):
    with pytest.raises(UsageError):
        Told(make_picture, [0], **options)


@pytest.mark.parametrize("options, count", [({}, 10), ({"start": 3}, 7), ({"frames": 4}, 4), ({"start": 20}, 0)])
def test_count(make_picture, options, count):
    assert Told(make_picture, [0], **options).clip_count(10) == count
