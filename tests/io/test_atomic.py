"""Files that appear whole or not at all."""

import os
import stat

import pytest

from nvc.errors import OutputError, UsageError
from nvc.io.atomic import AtomicFile, AtomicFolder


def names(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_the_file_appears_at_the_end(tmp_path):
    path = tmp_path / "a.bin"
    with AtomicFile(path) as out:
        out.write(b"abc")
        out.file.write(b"def")
        out.file.seek(1)
        out.write(b"X")
        out.file.flush()
        assert names(tmp_path) == ["a.bin.part"]
    assert names(tmp_path) == ["a.bin"] and path.read_bytes() == b"aXcdef"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OutputError])
def test_an_error_leaves_what_was_there(tmp_path, error):
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(error), AtomicFile(tmp_path / "a.bin", overwrite=True) as out:
        out.write(b"new")
        raise error("stop")
    assert names(tmp_path) == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == b"old"


def test_overwrite(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(UsageError, match="exists"):
        AtomicFile(tmp_path / "a.bin")
    with AtomicFile(tmp_path / "a.bin", overwrite=True) as out:
        out.write(b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_a_file_that_came_meanwhile_is_not_lost(tmp_path):
    with pytest.raises(UsageError), AtomicFile(tmp_path / "a.bin") as out:
        out.write(b"new")
        (tmp_path / "a.bin").write_bytes(b"other")
    assert names(tmp_path) == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == b"other"


def test_places_that_cannot_be_written(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "a.bin"):
        with pytest.raises(OutputError):
            AtomicFile(path, overwrite=True)
    assert names(tmp_path) == []


def test_a_link_keeps_pointing(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.bin").write_bytes(b"old")
    os.symlink(tmp_path / "real" / "a.bin", tmp_path / "link.bin")
    with AtomicFile(tmp_path / "link.bin", overwrite=True) as out:
        out.write(b"new")
    assert (tmp_path / "link.bin").is_symlink() and (tmp_path / "real" / "a.bin").read_bytes() == b"new"


def test_a_device_is_written_directly():
    with AtomicFile("/dev/null") as out:
        out.write(b"abc")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OutputError, match="disk is full"), AtomicFile("/dev/full") as out:
        out.write(bytes(1 << 20))


def test_commit_and_abort_by_hand(tmp_path):
    one, two = AtomicFile(tmp_path / "a"), AtomicFile(tmp_path / "b")
    one.commit()
    one.abort()
    two.abort()
    two.commit()
    assert names(tmp_path) == ["a"]


def test_folder(tmp_path):
    folder = AtomicFolder(tmp_path / "out")
    folder.write_file("1.png", b"x")
    assert names(tmp_path) == ["out.part"]
    folder.commit()
    assert names(tmp_path / "out") == ["1.png"]
    with pytest.raises(UsageError):
        AtomicFolder(tmp_path / "out")
    again = AtomicFolder(tmp_path / "out", overwrite=True)
    again.write_file("2.png", b"y")
    again.abort()
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["1.png"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError):
        AtomicFolder(tmp_path / "file")


def test_stale_files_of_a_folder_go_when_the_new_ones_are_there(tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("1.png", "2.png", "a.png"):
        (tmp_path / "out" / name).write_bytes(b"old")
    folder = AtomicFolder(tmp_path / "out", overwrite=True, stale=r"\d\.png")
    folder.write_file("1.png", b"new")
    assert (tmp_path / "out" / "2.png").exists()
    folder.commit()
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {"1.png": b"new", "a.png": b"old"}


def test_two_runs_cannot_write_one_file(tmp_path):
    path = tmp_path / "a.bin"
    with AtomicFile(path) as first:
        first.write(b"first")
        with pytest.raises(UsageError, match="another run writes"):
            AtomicFile(path)
        with pytest.raises(UsageError, match="another run writes"):
            AtomicFile(path, resume=True)
    assert path.read_bytes() == b"first" and names(tmp_path) == ["a.bin"]
    with AtomicFile(path, overwrite=True) as again:
        again.write(b"second")
    assert path.read_bytes() == b"second"


def test_a_part_that_an_earlier_run_left_is_replaced(tmp_path):
    (tmp_path / "a.bin.part").write_bytes(b"longer than what comes")
    with AtomicFile(tmp_path / "a.bin") as out:
        out.write(b"new")
    assert names(tmp_path) == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == b"new"


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "thesis").write_bytes(b"precious")
    (tmp_path / "a.bin.part").symlink_to("thesis")
    with pytest.raises(UsageError, match="is a link"):
        AtomicFile(tmp_path / "a.bin")
    assert (tmp_path / "thesis").read_bytes() == b"precious" and names(tmp_path) == ["a.bin.part", "thesis"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_folder_part_of_others_is_left(tmp_path, kind):
    part, other = tmp_path / "out.part", tmp_path / "other"
    other.mkdir()
    (other / "thesis").write_bytes(b"precious")
    if kind == "folder":
        other.rename(part)
    elif kind == "file":
        part.write_bytes(b"precious")
    else:
        part.symlink_to("other")
    with pytest.raises(UsageError, match="in the way"):
        AtomicFolder(tmp_path / "out", stale=r"\d\.png")
    assert (part if kind == "file" else part / "thesis").read_bytes() == b"precious"


def test_a_folder_part_of_an_earlier_run_is_replaced(tmp_path):
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "7.png").write_bytes(b"old")
    folder = AtomicFolder(tmp_path / "out", stale=r"\d\.png")
    folder.write_file("1.png", b"new")
    folder.commit()
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["1.png"]
