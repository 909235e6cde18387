import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from nvc.train.enhance import main
from nvc.train.enhance_loop import read_stage


def test_commands_refuse_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["prepare", str(tmp_path), "--data", str(tmp_path / "data")]) == 3
    assert main(["run", "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 3
    assert main(["run", "none", "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert main(["export", "--run", str(tmp_path), "--out", str(tmp_path / "e.safetensors")]) == 3
    assert "error:" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train"])


def test_the_stage_file_says_all_there_is(tmp_path: Path) -> None:
    stage = replace(read_stage("enhance_fast"), steps=1)
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in asdict(stage).items())
    (tmp_path / "own.toml").write_text(text)
    assert read_stage(str(tmp_path / "own.toml")) == stage
