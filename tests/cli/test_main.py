"""The command as a whole: exit codes, one last word, and what is loaded when."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nvc import cli, errors
from nvc.cli import main, options

HEAVY = ("torch", "av", "numba", "cv2", "rich")


def nvc(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "nvc", *words], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """Lets "nvc doctor" do what a test says."""

    def use(work) -> None:
        def build(words):
            parser = options.Parser(prog="nvc")
            options.add_common(parser.add_subparsers(dest="command").add_parser("doctor"))
            parser.set_defaults(run=work)
            return parser

        monkeypatch.setattr(cli, "build_parser", build)

    return use


def raises(error: BaseException):
    def work(args, output):
        raise error

    return work


@pytest.mark.parametrize("words", [["--help"], ["encode", "--help"], ["decode", "--help"], ["bench", "rd", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    look = "import sys; from nvc.cli import main; code = main(sys.argv[2:]); "
    look += "print(code, sorted(set(sys.argv[1].split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look, " ".join(HEAVY), *words], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


def test_help_is_code_zero_and_nothing_is_code_two() -> None:
    assert nvc("--help").returncode == 0
    done = nvc()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nvc: error: ")


def test_files_without_a_command(capsys: pytest.CaptureFixture) -> None:
    assert main(["in.mp4", "out.nvc"]) == 2
    assert "nvc encode" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.InputError("x"), 3),
        (errors.OutputError("x"), 3),
        (errors.FormatError("x"), 4),
        (errors.CorruptError("x"), 5),
        (errors.ModelError("x"), 6),
        (errors.DeviceError("x"), 7),
        (errors.LimitError("x"), 8),
        (MemoryError(), 8),
        (FileNotFoundError(2, "no such file", "x"), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_exit_codes(command, capsys: pytest.CaptureFixture, error: BaseException, code: int) -> None:
    command(raises(error))
    assert main(["doctor", "--json"]) == code
    last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(o["type"], o["code"]) for o in last] == [("error", code)]


def test_a_trace_comes_with_debug_and_with_bugs(command, capsys: pytest.CaptureFixture) -> None:
    command(raises(errors.InputError("gone")))
    main(["doctor"])
    assert capsys.readouterr().err == "nvc: error: gone\n"
    main(["doctor", "--debug"])
    assert "Traceback" in capsys.readouterr().err
    command(raises(ZeroDivisionError("half")))
    main(["doctor"])
    assert "Traceback" in capsys.readouterr().err


def test_usage_errors_keep_to_json(capsys: pytest.CaptureFixture) -> None:
    assert main(["encode", "a", "b", "--bitrate", "3", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["code"] == 2 and err == ""


def test_a_wrapped_broken_pipe_is_quiet(
    command, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_silence_stdout", lambda: None)

    def work(args, output):
        try:
            raise BrokenPipeError(32, "gone")
        except BrokenPipeError as error:
            raise errors.OutputError("cannot write") from error

    command(work)
    assert main(["doctor"]) == 141
    assert capsys.readouterr() == ("", "")


def test_nobody_reads_stdout() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "nvc", "doctor", "--bogus", "--json"], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_terminate_counts_as_interrupt(command) -> None:
    def work(args, output):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    command(work)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["doctor", "--quiet"]) == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_version() -> None:
    import nvc as package

    assert nvc("--version").stdout == f"nvc {package.__version__}\n"
    assert Path(package.__file__).is_file()


@pytest.mark.parametrize("words", [["encode", "IN", "out.nvc"], ["decode", "OURS", "out.y4m"],
                                   ["decode", "OURS", "-"], ["verify", "OURS", "--deep"], ["doctor"]])  # fmt: skip
def test_cuda_that_is_not_there(
    run, clip: Path, coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    names = {"IN": clip, "OURS": coded}
    code, out, err = run(*[names.get(word, word) for word in words], "--device", "cuda")
    assert (code, out) == (7, "") and "no CUDA device" in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("words", [["encode", "IN", ""], ["encode", "", "out.nvc"], ["decode", "OURS", ""],
                                   ["decode", "", "out.y4m"], ["info", ""], ["verify", ""],
                                   ["decode", "OURS", "out.y4m", "--hash", ""]])  # fmt: skip
def test_empty_names(run, clip: Path, coded: Path, words: list[str]) -> None:
    names = {"IN": clip, "OURS": coded}
    code, _, err = run(*[names.get(word, word) for word in words])
    assert code == 2 and "empty name" in err


def test_an_interrupt_while_modules_load_is_quiet() -> None:
    look = "import sys\nfrom nvc.__main__ import main\n"
    look += "class Finder:\n def find_spec(self, name, *rest):\n  if name == 'nvc.cli': raise KeyboardInterrupt\n"
    look += "sys.meta_path.insert(0, Finder())\nsys.exit(main())"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
