"""The file that an encode writes into; what resuming makes of it is in test_resume."""

import os
from pathlib import Path

import pytest

from nvc.errors import CorruptError, OutputError, UsageError
from nvc.pipeline.part import PartFile


@pytest.fixture
def left(coded: Path, tmp_path: Path) -> bytes:
    """Most of a stream, as ``out.nvc.part``."""
    data = coded.read_bytes()[:-150]
    (tmp_path / "out.nvc.part").write_bytes(data)
    return data


def test_an_ordinary_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with PartFile(tmp_path / "out.nvc") as out:
        assert out.write(b"some") == 4 and out.replay is None
        out.sync()
        assert (tmp_path / "out.nvc.part").read_bytes() == b"some"
        out.write(memoryview(b" bytes"))
        out.finish()
        assert not (tmp_path / "out.nvc").exists()
    assert (tmp_path / "out.nvc").read_bytes() == b"some bytes" and os.listdir(tmp_path) == ["out.nvc"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, CorruptError, OutputError, ZeroDivisionError])
def test_what_is_no_stream_is_not_kept(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error, match="^why$"), PartFile(tmp_path / "out.nvc") as out:
        out.write(b"some")
        raise error("why")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "kept"), [(KeyboardInterrupt, True), (OutputError, True), (MemoryError, True), (CorruptError, False)]
)
def test_a_stream_is_kept_where_it_can_be_resumed(
    coded: Path, tmp_path: Path, error: type[BaseException], kept: bool
) -> None:
    with pytest.raises(error, match="why|interrupted") as caught, PartFile(tmp_path / "out.nvc") as out:
        out.write(coded.read_bytes()[:-150])
        raise error("why")
    assert os.listdir(tmp_path) == (["out.nvc.part"] if kept else [])
    assert ("--resume" in str(caught.value)) == (error in (KeyboardInterrupt, OutputError))


def test_what_is_there_is_compared_and_the_rest_is_written(coded: Path, tmp_path: Path, left: bytes) -> None:
    data = coded.read_bytes()
    with PartFile(tmp_path / "out.nvc", resume=True) as out:
        assert out.replay is not None and out.replay.start > 0
        for at in range(0, len(data), 37):
            assert out.write(data[at : at + 37]) == len(data[at : at + 37])
        out.finish()
    assert (tmp_path / "out.nvc").read_bytes() == data


@pytest.mark.parametrize("place", [0, 100, -200])
def test_a_difference_changes_nothing(coded: Path, tmp_path: Path, left: bytes, place: int) -> None:
    other = bytearray(coded.read_bytes()[: len(left)])
    other[place] ^= 1
    with pytest.raises(UsageError, match="other bytes"), PartFile(tmp_path / "out.nvc", resume=True) as out:
        out.write(bytes(other))
    assert (tmp_path / "out.nvc.part").read_bytes() == left


def test_less_than_is_there_changes_nothing(tmp_path: Path, left: bytes) -> None:
    with pytest.raises(UsageError, match="whole stream has 90"), PartFile(tmp_path / "out.nvc", resume=True) as out:
        out.write(left[:90])
        out.finish()
    assert (tmp_path / "out.nvc.part").read_bytes() == left


def test_a_device_cannot_be_resumed(tmp_path: Path) -> None:
    (tmp_path / "out.nvc").symlink_to("/dev/null")
    with pytest.raises(UsageError, match="device"):
        PartFile(tmp_path / "out.nvc", resume=True)
