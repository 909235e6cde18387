"""The values that pass between rooms refuse what makes no sense."""

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import numpy as np
import pytest

from nvc.errors import FormatError, LimitError, UsageError
from nvc.types import (
    Frame,
    FrameEntry,
    MasteringDisplay,
    Packet,
    Settings,
    StreamHeader,
    VideoInfo,
)

INFO = VideoInfo(321, 181, Fraction(1, 25))
HEADER = StreamHeader(INFO, "neural", "ra", 64, 16, 32, 1, 0)


def planes(height: int, width: int, dtype: type = np.uint8) -> list[np.ndarray]:
    half = ((height + 1) // 2, (width + 1) // 2)
    return [np.zeros(size, dtype) for size in ((height, width), half, half)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"width": 0}, LimitError),
        ({"height": 16385}, LimitError),
        ({"width": 16384, "height": 16384}, LimitError),
        ({"bit_depth": 12}, FormatError),
        ({"time_base": Fraction(0)}, FormatError),
        ({"rotation": 45}, FormatError),
    ],
)
def test_video_info_refuses(change: dict, error: type) -> None:
    with pytest.raises(error):
        replace(INFO, **change)


def test_chroma_is_rounded_up() -> None:
    assert INFO.chroma_size == (91, 161)


def test_dtype_follows_the_depth() -> None:
    assert INFO.dtype is np.uint8
    assert replace(INFO, bit_depth=10).dtype is np.uint16


def test_info_with_frames_changes_nothing_else() -> None:
    assert INFO.with_frames(9) == replace(INFO, n_frames=9)


def test_frame_takes_planes_of_its_size() -> None:
    frame = Frame(*planes(181, 321), pts=3, info=INFO)
    assert [p.shape for p in frame.planes] == [(181, 321), (91, 161), (91, 161)]
    with pytest.raises(FrozenInstanceError):
        frame.pts = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        planes(180, 321),
        planes(181, 320),
        planes(181, 321, np.uint16),
        [*planes(181, 321)[:2], np.zeros((90, 161), np.uint8)],
    ],
    ids=["height", "width", "dtype", "chroma"],
)
def test_frame_refuses(wrong: list[np.ndarray]) -> None:
    with pytest.raises(FormatError, match="plane [yuv] must be"):
        Frame(*wrong, pts=0, info=INFO)


@pytest.mark.parametrize(
    "change",
    [
        {"quality": 64},
        {"quality": -1},
        {"quality": 3.5},
        {"keyint": 0},
        {"threads": -1},
        {"mode": "both"},
        {"structure": "hd"},
        {"mini_gop": 12},
        {"preset": "slower"},
        {"intra": "jpeg"},
        {"base": "vp9"},
        {"device": "tpu"},
        {"precision": "int8"},
        {"disable": frozenset({"everything"})},
    ],
    ids=str,
)
def test_settings_refuse(change: dict) -> None:
    name = next(iter(change)).replace("_", "-")
    with pytest.raises(UsageError, match=name):
        Settings(**change)


@pytest.mark.parametrize("change", [{"mini_gop": 7}, {"quality": 64}, {"mode": "x"}, {"structure": "x"}], ids=str)
def test_stream_header_refuses(change: dict) -> None:
    with pytest.raises(FormatError):
        replace(HEADER, **change)


@pytest.mark.parametrize("count", [0, 65])
def test_packet_refuses_a_count_of_frames(count: int) -> None:
    entries = tuple(FrameEntry(i, "B", 1, 32, i) for i in range(count))
    with pytest.raises(LimitError):
        Packet("gop", entries, (b"",))


def test_packet_starts_at_its_first_frame_shown() -> None:
    entries = tuple(FrameEntry(i, "B", 1, 32, i) for i in (8, 4, 2, 1, 3))
    assert Packet("gop", entries, (b"",)).start == 1


@pytest.mark.parametrize(
    ("primaries", "luminance"),
    [
        (((65536, 0), (0, 0), (0, 0), (0, 0)), (1, 0)),
        (((0, 0), (0, 0), (0, 0), (0, -1)), (1, 0)),
        (((0, 0),) * 4, (2**32, 0)),
    ],
)
def test_mastering_display_refuses(primaries: tuple, luminance: tuple) -> None:
    with pytest.raises(FormatError):
        MasteringDisplay(primaries, luminance)
