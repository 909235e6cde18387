"""Coded files as one thing."""

import os
from io import BytesIO
from pathlib import Path

import pytest

from nvc.errors import FormatError, InputError, LimitError
from nvc.pipeline.limits import Limits
from nvc.pipeline.stream import Period, open_stream, period_at, size_of
from nvc.types import CarriedPacket, LayeredPacket, Packet


@pytest.mark.parametrize("name", ["coded", "layered"])
def test_periods(name: str, request) -> None:
    with open_stream(request.getfixturevalue(name)) as stream:
        found = stream.periods()
    assert [(p.start, p.frames) for p in found] == [(0, 8), (8, 8), (16, 8), (24, 2)]
    step = found[1].pts // 8
    assert [p.pts for p in found] == [0, 8 * step, 16 * step, 24 * step]
    assert all(p.bytes > 0 for p in found)


@pytest.mark.parametrize("name", ["coded", "layered"])
@pytest.mark.parametrize(("frame", "start"), [(0, 0), (7, 0), (8, 8), (25, 24)])
def test_items_from_a_period_on(name: str, frame: int, start: int, request) -> None:
    with open_stream(request.getfixturevalue(name)) as stream:
        packets = [item for item in stream.items(frame) if isinstance(item, Packet | LayeredPacket)]
    assert packets[0].start == start


@pytest.mark.parametrize("name", ["coded", "layered"])
def test_passes_run_side_by_side(name: str, request) -> None:
    with open_stream(request.getfixturevalue(name)) as stream:
        one, two = stream.items(), stream.items(16)
        starts = [(next(one).start, next(two).start) for _ in range(2)]
    assert starts == [(0, 16), (1, 17)] if name == "coded" else [(0, 16), (8, 24)]


@pytest.mark.parametrize("name", ["coded", "layered", "sounding"])
def test_the_account_adds_up(name: str, request) -> None:
    path = request.getfixturevalue(name)
    with open_stream(path) as stream:
        items = list(stream.items())
        total, video, overhead = stream.account()
    carried = sum(len(i.data) for i in items if isinstance(i, CarriedPacket))
    assert total == path.stat().st_size
    assert overhead < video <= total - carried
    assert (video == total) == (carried == 0)


def test_units_cover_the_file(coded: Path) -> None:
    with open_stream(coded) as stream:
        units = stream.units()
    ends = [u["offset"] + u["bytes"] for u in units]
    assert [u["offset"] for u in units] == [0, *ends[:-1]] and ends[-1] == coded.stat().st_size


def test_a_pipe_is_read_once(coded: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, coded.read_bytes())
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe, open_stream(pipe) as stream:
        assert stream.size is None and not stream.whole
        assert len([i for i in stream.items() if isinstance(i, Packet)]) == 8
        assert stream.whole and stream.n_frames == 26


def test_sizes(coded: Path) -> None:
    data = coded.read_bytes()
    assert size_of(coded) == size_of(str(coded)) == size_of(data) == size_of(BytesIO(data)) == len(data)


def test_a_period_is_found_by_frame() -> None:
    periods = [Period(0, 8, 0, 1), Period(8, 5, 80, 1)]
    assert [period_at(periods, frame).start for frame in (0, 7, 8, 12)] == [0, 0, 8, 8]


@pytest.mark.parametrize(
    ("content", "error"), [(b"\x89NVC" + b"\0" * 40, FormatError), (b"", FormatError), (b"words " * 40, FormatError)]
)
def test_what_is_no_stream(tmp_path: Path, content: bytes, error: type) -> None:
    path = tmp_path / "x.nvc"
    path.write_bytes(content)
    with pytest.raises(error):
        open_stream(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.nvc", tmp_path / "no.mp4", tmp_path):
        with pytest.raises(InputError):
            open_stream(path)


def test_limits_hold_before_anything_is_read(layered: Path, coded: Path) -> None:
    for path in (layered, coded):
        with pytest.raises(LimitError):
            open_stream(path, Limits(max_pixels=100))
