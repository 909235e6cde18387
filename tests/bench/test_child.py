"""Child processes: right package, right threads, errors with the right class."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nvc import errors
from nvc.bench import child


def test_a_module_runs_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    words = ["-P", "-c", "import json, os, nvc; print(nvc.__version__, os.environ['OMP_NUM_THREADS'])"]
    said = child.run([sys.executable, *words], threads=1).stdout.decode().split()
    assert said == [child.nvc.__version__, "1"]


def test_module_command_keeps_the_working_folder_out() -> None:
    assert child.module_command("nvc", "info", "a") == [sys.executable, "-P", "-m", "nvc", "info", "a"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1, errors.NvcError), (2, errors.UsageError), (3, errors.InputError), (5, errors.CorruptError)],
)
def test_our_exit_codes_come_back_as_errors(code: int, kind: type) -> None:
    error = child.child_error(child.module_command("nvc", "decode", "x"), code, b"first\nnvc: the last line\n\n")
    assert type(error) is kind
    assert "nvc decode" in str(error) and "the last line" in str(error)


@pytest.mark.parametrize(
    ("stdout", "words"),
    [
        (b'{"type": "start"}\n{"type": "error", "code": 3, "message": "no such file"}\n', "no such file"),
        (b'{"type": "done"}\n', "said on stderr"),
        (b"{broken", "said on stderr"),
        (b"", "said on stderr"),
    ],
)
def test_an_error_object_on_stdout_is_the_message(stdout: bytes, words: str) -> None:
    error = child.child_error(child.module_command("nvc", "encode", "x"), 3, b"said on stderr\n", stdout)
    assert type(error) is errors.InputError and str(error) == f"nvc encode ended with 3: {words}"


def test_what_our_command_says_with_json_comes_through(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match=r"nvc info ended with 3: .*none\.nvc"):
        child.run(child.module_command("nvc", "info", str(tmp_path / "none.nvc"), "--json"))


def test_exit_codes_of_others_mean_nothing() -> None:
    with pytest.raises(errors.NvcError, match="ended with 4: no message") as caught:
        child.run([sys.executable, "-c", "raise SystemExit(4)"])
    assert type(caught.value) is errors.NvcError


def test_stdin_reaches_the_child() -> None:
    words = "import sys; print(len(sys.stdin.buffer.read()))"
    assert child.run([sys.executable, "-c", words], stdin=b"abc").stdout.strip() == b"3"


def test_code_hash_stands_and_sees_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert child.code_hash() == child.code_hash()
    (tmp_path / "a.py").write_text("x = 1")
    place = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(child, "find_spec", lambda room: place)
    first = child.code_hash()
    (tmp_path / "a.py").write_text("x = 2")
    assert child.code_hash() != first


def test_ffmpeg_is_there() -> None:
    assert child.ffmpeg_version().startswith("ffmpeg version")


def test_file_url_is_absolute() -> None:
    assert child.file_url("-a:b%.y4m") == f"file:{Path.cwd()}/-a:b%.y4m"
