"""Names of sources and destinations."""

from io import BytesIO
from pathlib import Path

import pytest

from nvc.errors import UsageError
from nvc.pipeline.paths import check_format, check_output, check_outputs, choose_mode, is_path, output_file, suffix_of


@pytest.mark.parametrize(
    ("value", "want"), [("a", True), (Path("-a"), True), ("-", False), (b"a", False), (BytesIO(), False)]
)
def test_what_is_a_path(value, want: bool) -> None:
    assert is_path(value) is want


@pytest.mark.parametrize(("value", "want"), [("a.NVC", ".nvc"), ("b/", ""), ("-", ""), (BytesIO(), "")])
def test_endings(value, want: str) -> None:
    assert suffix_of(value) == want


@pytest.mark.parametrize(
    ("dst", "mode", "want"),
    [
        ("a.nvc", None, "neural"), ("a.nvc", "layered", "layered"),
        ("a.mp4", None, "layered"), ("a.MKV", None, "layered"),
        ("a.mkv", "layered", "layered"), (BytesIO(), None, "neural"), (BytesIO(), "layered", "layered"),
    ],
)  # fmt: skip
def test_mode_follows_the_ending(dst, mode: str | None, want: str) -> None:
    assert choose_mode(dst, mode) == want


@pytest.mark.parametrize(("dst", "mode"), [("a.mp4", "neural"), ("a.webm", "layered"), ("a.txt", None), ("a", None)])
def test_endings_that_are_refused(dst: str, mode: str | None) -> None:
    with pytest.raises(UsageError):
        choose_mode(dst, mode)


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_output("a", tmp_path / "out", False)
    (tmp_path / "out" / "x").touch()
    with pytest.raises(UsageError):
        check_output("a", tmp_path / "out", False)


def test_a_dangling_link_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.nvc").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError):
        check_output("a", tmp_path / "out.nvc", False)


def test_a_file_appears_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with output_file(path, False) as (file, place):
        file.write(b"data")
        file.flush()
        assert not path.exists() and Path(place).read_bytes() == b"data"
    assert path.read_bytes() == b"data"
    with pytest.raises(ZeroDivisionError), output_file(tmp_path / "other", False) as (file, place):
        raise ZeroDivisionError
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_a_file_object_is_its_own_place() -> None:
    memory = BytesIO()
    with output_file(memory, False) as (file, place):
        assert file is place is memory


@pytest.mark.parametrize(("src", "dst"), [("", "b"), ("a", ""), (5, "b"), (None, "b"), ("a", 5), ("a", None)])
def test_what_is_no_source_or_destination(src, dst) -> None:
    with pytest.raises(UsageError):
        check_output(src, dst, True)


@pytest.mark.parametrize(
    ("dst", "format", "mode"),
    [(BytesIO(), "xyz", None), (BytesIO(), "mp4", "neural"), ("a.nvc", "mp4", None), ("a.mp4", "nvc", None)],
)
def test_formats_that_are_refused(dst, format: str, mode: str | None) -> None:
    with pytest.raises(UsageError, match=format):
        check_format(dst, format, mode)


@pytest.mark.parametrize(
    ("dst", "format", "mode"),
    [(BytesIO(), None, "neural"), (BytesIO(), "mkv", None), (BytesIO(), "nvc", "layered"), ("a.MP4", "mp4", "layered")],
)
def test_formats_that_fit(dst, format: str | None, mode: str | None) -> None:
    check_format(dst, format, mode)


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    check_outputs("a", out, None, False)
    check_outputs("a", "-", out, False)
    check_outputs("a", out, tmp_path / "other", False)
    (tmp_path / "link").symlink_to(out)
    for beside in (out, tmp_path / "out.part", tmp_path / "link"):
        with pytest.raises(UsageError):
            check_outputs("a", out, beside, True)
    with pytest.raises(UsageError):
        check_outputs("a", tmp_path / "out.part", out, True)
