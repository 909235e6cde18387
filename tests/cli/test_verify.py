"""nvc verify."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("words", [[], ["--deep"]])
def test_a_whole_file(run, objects, coded: Path, words: list[str]) -> None:
    code, out, _ = run("verify", coded, *words)
    assert code == 0 and "20 frames" in out
    code, found = objects("verify", coded, *words)
    assert (code, found[-1]["type"], found[-1]["frames"], found[-1]["deep"]) == (0, "done", 20, bool(words))


@pytest.mark.parametrize("words", [[], ["--deep"]])
def test_a_damaged_file(run, objects, damaged: Path, words: list[str]) -> None:
    code, out, err = run("verify", damaged, *words)
    assert (code, out, len(err.splitlines())) == (5, "", 1)
    code, found = objects("verify", damaged, *words)
    assert (code, found[-1]["type"], found[-1]["code"]) == (5, "error", 5)
