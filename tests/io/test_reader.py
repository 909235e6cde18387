"""open_video on files, bytes, streams and pipes."""

import io

import numpy as np
import pytest

from nvc.errors import InputError, UsageError
from nvc.io import open_video

SIZES = [(17, 33), (321, 181), (16, 16), (48, 32), (3, 5), (1, 1)]


def same(frames, planes) -> bool:
    """All planes of all frames equal."""
    pairs = list(zip(frames, planes, strict=True))
    return all(np.array_equal(a, b) for f, p in pairs for a, b in zip(f.planes, p, strict=True))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_native_planes_are_exact(tmp_path, clip, size, pix_fmt):
    path = tmp_path / "a.mkv"
    planes = clip(*size, count=3, pix_fmt=pix_fmt, options={"level": "1" if min(size) < 16 else "3"}).write(
        path, "matroska"
    )
    with open_video(path) as reader:
        frames = list(reader)
        assert (reader.info.width, reader.info.height) == size
        assert reader.info.bit_depth == (10 if "10" in pix_fmt else 8)
        assert same(frames, planes)
        assert reader.notices == []


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "stream"])
def test_every_kind_of_source(tmp_path, clip, kind):
    path = tmp_path / "a.mkv"
    planes = clip().write(path, "matroska")
    sources = {"path": path, "str": str(path), "bytes": path.read_bytes(), "stream": io.BytesIO(path.read_bytes())}
    with open_video(sources[kind]) as reader:
        assert same(list(reader), planes)


def test_a_path_that_looks_like_a_protocol(tmp_path, clip, monkeypatch):
    clip(count=2).write(tmp_path / "http:x.mkv", "matroska")
    monkeypatch.chdir(tmp_path)
    with open_video("http:x.mkv") as reader:
        assert len(list(reader)) == 2


def test_media_from_a_pipe(tmp_path, clip, monkeypatch):
    planes = clip().write(tmp_path / "a.mkv", "matroska")

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *args):
            raise io.UnsupportedOperation

    with open_video(Pipe((tmp_path / "a.mkv").read_bytes())) as reader:
        assert same(list(reader), planes)


@pytest.mark.parametrize("start, frames, want", [(0, 3, [0, 1, 2]), (5, None, [5, 6, 7]), (2, 2, [2, 3]), (7, 9, [7])])
def test_start_and_frames(tmp_path, clip, start, frames, want):
    planes = clip().write(tmp_path / "a.mkv", "matroska")
    with open_video(tmp_path / "a.mkv", start=start, frames=frames) as reader:
        got = list(reader)
    assert same(got, [planes[i] for i in want])
    assert [f.pts for f in got] == [40 * i for i in want]
    assert [f.duration for f in got] == [40] * len(want)


def test_start_behind_the_end(tmp_path, clip):
    clip().write(tmp_path / "a.mkv", "matroska")
    with open_video(tmp_path / "a.mkv", start=8) as reader, pytest.raises(InputError, match="no frame 8"):
        list(reader)


@pytest.mark.parametrize("options", [{"start": -1}, {"frames": 0}, {"video_stream": 1}])
def test_options_that_cannot_be_taken(tmp_path, clip, options):
    clip(count=1).write(tmp_path / "a.mkv", "matroska")
    with pytest.raises(UsageError):
        open_video(tmp_path / "a.mkv", **options)


@pytest.mark.parametrize("data", [b"", b"hello, world\n" * 50, bytes(5000), b"\x1a\x45\xdf\xa3junk"])
def test_what_is_no_video(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(InputError) as caught:
        open_video(tmp_path / "a.txt")
    assert "\n" not in str(caught.value) and caught.value.exit_code == 3


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(InputError):
            open_video(path)


def test_raw_planes_need_a_format(tmp_path):
    (tmp_path / "a.yuv").write_bytes(bytes(600))
    with pytest.raises(UsageError, match="--raw"):
        open_video(tmp_path / "a.yuv")
