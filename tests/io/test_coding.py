from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from nvc.container.hevc_headers import HevcHeaders
from nvc.io import open_video


def write(path: Path, encoder: str, options: dict[str, str], frames: int = 12) -> Path:
    rng = np.random.default_rng(1)
    big = rng.integers(0, 255, (40, 60), np.uint8).repeat(4, 0).repeat(4, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, 25, options=options)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for k in range(frames):
            rgb = np.repeat(big[k : k + 96, 2 * k : 2 * k + 128, None], 3, 2)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def codings(path: Path, **options):
    with open_video(path, coded=HevcHeaders(), **options) as reader:
        return [frame.coded for frame in reader]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_hevc_types_and_quantisers(tmp_path: Path, suffix: str) -> None:
    options = {"x265-params": "qp=33:log-level=none:info=0:pools=none:frame-threads=1:bframes=2:b-adapt=0"}
    found = codings(write(tmp_path / f"a{suffix}", "libx265", options))
    assert found[0].type == "I" and found[0].qp == 30
    assert {coded.type for coded in found} == {"I", "P", "B"}
    assert all(coded.qp == 33 for coded in found if coded.type == "P")
    assert all(coded.qp > 33 for coded in found if coded.type == "B")


def test_h264_types_and_quantisers(tmp_path: Path) -> None:
    found = codings(write(tmp_path / "a.mp4", "libx264", {"qp": "30", "bf": "2"}))
    assert found[0].type == "I" and found[0].qp == pytest.approx(27, abs=0.5)
    assert all(coded.qp == pytest.approx(30, abs=0.5) for coded in found if coded.type == "P")


def test_other_codecs_tell_the_type_only(tmp_path: Path) -> None:
    found = codings(write(tmp_path / "a.mkv", "mpeg4", {}))
    assert found[0].type == "I" and {coded.qp for coded in found} == {None}


def test_nothing_is_read_unasked(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "a.mp4", "libx264", {})) as reader:
        assert {frame.coded for frame in reader} == {None}
