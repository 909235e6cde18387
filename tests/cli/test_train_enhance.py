import json

import pytest

from nvc.cli import main
from nvc.cli.train_enhance import _line
from nvc.train.enhance_loop import read_stage


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "STEP"),
        (["prepare", "nowhere"], 3, "nowhere is not there"),
        (["run"], 2, "--data"),
        (["run", "--data", "nowhere"], 3, "nowhere is not there"),
        (["run", "none", "--data", "."], 2, "no stage of the enhancement"),
        (["run", "--data", ".", "--minutes", "-1"], 2, "minutes above 0"),
        (["measure", "nowhere.mkv"], 6, "no weights"),
        (["plot", "--run", "nowhere"], 3, "nowhere is not there"),
        (["plot", "--run", "."], 3, "no log.ndjson"),
        (["export", "--run", "nowhere"], 3, "nowhere is not there"),
        (["export", "--run", "."], 3, "holds no training"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, code, text, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "enhance", *words]) == code
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1


def test_measures_as_json(capsys, tmp_path, monkeypatch, clip):
    """An untrained network gains nothing, and says so in rows and a last object."""
    from nvc.models.enhance import EnhanceModel
    from nvc.models.enhance_weights import save_enhance

    save_enhance(tmp_path / "e.safetensors", EnhanceModel())
    words = ["measure", str(clip), "--weights", str(tmp_path / "e.safetensors"), "--rates", "30", "40", "--frames", "3"]
    assert main(["train", "enhance", *words, "--codec", "x264", "--preset", "veryfast", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [line for line in lines if line["type"] == "row"]
    assert [(row["video"], row.get("rate"), row.get("gain")) for row in rows[:3]] == [
        ("clip", 30, 0), ("clip", 40, 0), ("clip", None, None),
    ]  # fmt: skip
    assert lines[-1]["type"] == "done" and lines[-1]["bd_rate"] == 0 and lines[-1]["worst_video"] == "clip"
    assert len([line for line in lines if "worst" in line]) == 1


def test_plot_draws_a_log(capsys, tmp_path):
    (tmp_path / "log.ndjson").write_text(json.dumps({"step": 500, "seconds": 54.4, "loss": 1.1, "skipped": 0}))
    assert main(["train", "enhance", "plot", "--run", str(tmp_path), "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done == {"type": "done", "output": str(tmp_path / "curve.svg")}
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_rows_for_people():
    assert _line({"video": "a", "rate": 27.0, "gain": 0.1234}) == "a at 27: +0.123 dB"
    assert _line({"video": "mean", "rate": 27.0, "gain": 0.1, "least": -0.01}) == "mean at 27: +0.100 dB, least -0.010"
    row = {"video": "mean", "bd_rate": -4.26, "worst": 0.5, "worst_video": "a"}
    assert _line(row) == "mean: BD-rate -4.3 %, worst +0.5 % (a)"
    assert _line({**row, "without": 2}) == "mean: BD-rate -4.3 %, worst +0.5 % (a), 2 without a number"
    assert _line({"video": "a", "bd_rate": None}) == "a: BD-rate no number"


def test_the_stage_file_says_all_there_is(tmp_path):
    from dataclasses import asdict, replace

    stage = replace(read_stage("enhance_fast"), steps=1)
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in asdict(stage).items())
    (tmp_path / "own.toml").write_text(text)
    assert read_stage(str(tmp_path / "own.toml")) == stage
