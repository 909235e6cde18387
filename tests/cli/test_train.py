import json

import pytest

from nvc.cli import main
from nvc.cli.train import _line


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["train"], 2, "STEP"),
        (["train", "run", "first"], 2, "--data"),
        (["train", "run", "first", "--data", "nowhere"], 3, "nowhere is not there"),
        (["train", "run", "first", "--data", ".", "--minutes", "0"], 2, "minutes above 0"),
        (["train", "prepare", "nowhere"], 3, "nowhere is not there"),
        (["train", "plot", "--run", "nowhere"], 3, "nowhere is not there"),
        (["train", "export", "--run", "nowhere"], 3, "nowhere is not there"),
        (["train", "measure", "nowhere"], 3, "nowhere is not there"),
        (["train", "measure", ".", "--without", "magic"], 2, "magic"),
        (["train", "measure", "."], 3, "no validation videos"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, code, text, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1


def test_an_unknown_stage_is_exit_2(capsys, tmp_path):
    assert main(["train", "run", "third", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--json"]) == 2
    assert "first, refresh" in json.loads(capsys.readouterr().out.splitlines()[-1])["message"]


def test_plot_draws_a_log(capsys, tmp_path):
    line = {"stage": "first", "event": "step", "step": 50, "elapsed": 10, "change": 10}
    (tmp_path / "log.ndjson").write_text(json.dumps(line))
    assert main(["train", "plot", "--run", str(tmp_path), "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done["type"] == "done" and (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_a_measured_row_is_one_line():
    row = {"video": "a", "x265": -3.456, "seconds": 2.34, "without": {"mctf": -1.0, "merge": None}}
    text = "a: against x265 medium -3.46 %, mctf brings -1.00 %, merge brings no number; encoded in 2.3 s"
    assert _line(row) == text
