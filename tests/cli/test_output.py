"""What is said where: stdout for results and JSON, stderr for the rest."""

import argparse
import json

import pytest

from nvc.cli import output as module
from nvc.cli.output import Output
from nvc.errors import CorruptError, InputError
from nvc.types import Event


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def configured(**fields) -> Output:
    names = {"json": False, "quiet": False, "debug": False, "command": "decode", "input": "a.nvc", "output": "b.mp4"}
    output = Output()
    output.configure(argparse.Namespace(**{**names, **fields}))
    return output


def tell(output: Output) -> None:
    output.event(Event("start", total=3, message="neural"))
    output.event(Event("progress", 1, 3, 100, 0.5))
    output.event(Event("warning", message="odd"))
    output.event(Event("done", 3, 3, 300, 1.0))
    output.done({"frames": 3}, "b.mp4: 3 frames")


def test_json_lines(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JSON_EVERY", 0.0)
    tell(configured(json=True))
    out, err = capsys.readouterr()
    found = objects(out)
    assert [o["type"] for o in found] == ["start", "progress", "warning", "done"]
    assert found[0] | {"frames": 3, "input": "a.nvc", "output": "b.mp4", "command": "decode"} == found[0]
    assert (found[1]["frame"], found[1]["frames"], found[1]["bytes"], found[1]["eta_s"]) == (1, 3, 100, None)
    assert found[-1] == {"type": "done", "frames": 3}
    assert err == ""


def test_json_goes_to_stderr_where_stdout_holds_the_video(capsys: pytest.CaptureFixture) -> None:
    tell(configured(json=True, output="-"))
    out, err = capsys.readouterr()
    assert out == ""
    assert objects(err)[-1]["type"] == "done"


def test_text_goes_to_stderr(capsys: pytest.CaptureFixture) -> None:
    tell(configured())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["nvc: warning: odd", "b.mp4: 3 frames"]


def test_a_line_every_ten_seconds_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    output = configured()
    output.event(Event("start", total=100))
    for second in range(1, 26):
        now[0] = float(second)
        output.event(Event("progress", second, 100, 0, now[0]))
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["10/100", "20/100"]


def test_quiet_says_nothing_but_errors(capsys: pytest.CaptureFixture) -> None:
    output = configured(quiet=True)
    tell(output)
    assert capsys.readouterr() == ("", "")
    output.error(InputError("gone"), 3)
    assert capsys.readouterr().err == "nvc: error: gone\n"


def test_an_error_is_one_line(capsys: pytest.CaptureFixture) -> None:
    configured().error(InputError("two\nlines"), 3)
    assert capsys.readouterr().err == "nvc: error: two lines\n"


def test_the_last_object_comes_once(capsys: pytest.CaptureFixture) -> None:
    output = configured(json=True)
    output.error(CorruptError("broken", frames=7), 5)
    output.done({"frames": 1})
    output.error(InputError("again"), 3)
    want = {"type": "error", "code": 5, "message": "broken", "frames": 7}
    assert objects(capsys.readouterr().out) == [want]


def test_results_go_to_stdout_as_text_or_object(capsys: pytest.CaptureFixture) -> None:
    configured(command="info").bare({"frames": 2}, "two frames")
    assert capsys.readouterr() == ("two frames\n", "")
    configured(command="info", json=True).bare({"frames": 2}, "two frames")
    assert objects(capsys.readouterr().out) == [{"frames": 2}]


class Terminal:
    """A stderr that says that it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_a_live_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(module.sys, "stderr", terminal)
    monkeypatch.setattr(module, "LIVE_EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    with configured() as output:
        output.event(Event("start", total=10))
        output.event(Event("progress", 4, 10, 50, 1.0))
        output.event(Event("warning", message="odd"))
        output.done({}, "finished")
    assert "frame 4/10" in terminal.text
    assert "nvc: warning: odd" in terminal.text
    assert terminal.text.rstrip().endswith("finished")


@pytest.mark.parametrize(
    ("words", "stderr"),
    [(["decode", "a", "-", "--json"], True), (["decode", "-", "b", "--json"], False), (["info", "-", "--json"], False)],
)
def test_errors_of_the_words_themselves_keep_the_form(words: list[str], stderr: bool) -> None:
    output = Output.from_words(words)
    assert output.json and output.data_on_stdout is stderr
