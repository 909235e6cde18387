"""Checks of whole and damaged files."""

from pathlib import Path

import pytest

from nvc.errors import CorruptError, FormatError
from nvc.io import open_video, open_writer
from nvc.pipeline import Limits, encode_file, verify_file
from nvc.pipeline.stream import open_stream
from nvc.pipeline.verify import Written, check_written
from nvc.types import Settings


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", ["coded", "layered", "sounding"])
def test_whole_files(name: str, deep: bool, request) -> None:
    found = verify_file(request.getfixturevalue(name), deep)
    assert found["frames"] == (20 if name == "sounding" else 26)
    assert found["deep"] is deep and found["hashes"] > 0


def test_frame_hashes_are_counted(coded: Path) -> None:
    assert verify_file(coded, deep=True)["hashes"] == 26 + 4


@pytest.mark.parametrize("deep", [False, True])
def test_flipped_bytes_are_found(coded: Path, deep: bool) -> None:
    data = coded.read_bytes()
    for place in range(10, len(data), len(data) // 23):
        broken = bytearray(data)
        broken[place] ^= 0x40
        with pytest.raises(CorruptError):
            verify_file(bytes(broken), deep)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_cuts_are_found(coded: Path, share: float) -> None:
    data = coded.read_bytes()
    with pytest.raises(CorruptError):
        verify_file(data[: int(share * len(data))])


@pytest.mark.parametrize("deep", [False, True])
def test_a_changed_picture_of_a_layered_file_is_found(layered: Path, deep: bool) -> None:
    data = bytearray(layered.read_bytes())
    start = data.index(b"mdat")
    data[start + (len(data) - start) // 3] ^= 0x10
    with pytest.raises(CorruptError, match="damaged|sum"):
        verify_file(bytes(data), deep)


def test_what_was_written_is_compared(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.nvc"
    settings = Settings(quality=30)
    encode_file(clip, out, settings, frames=3)
    with pytest.raises(CorruptError, match="3 of 0 frames"):
        check_written(out, Written(), settings, Limits())
    written = Written()
    with open_stream(out) as stream:
        for packet in stream.items():
            written.add(packet)  # type: ignore[arg-type]
    check_written(out, written, settings, Limits())
    written.times[-1] += 1
    with pytest.raises(CorruptError, match="symbols equal: True, times equal: False"):
        check_written(out, written, settings, Limits())


def test_a_plain_file_cannot_be_checked(clip: Path, tmp_path: Path) -> None:
    with open_video(clip) as video, open_writer(tmp_path / "plain.mkv", video.info, codec="x265", crf=30) as writer:
        for frame in video:
            writer.write(frame)
    with pytest.raises(FormatError):
        verify_file(tmp_path / "plain.mkv")
