"""Reading a run's folder and writing what becomes of it."""

import json
from pathlib import Path

import pytest

from nvc.bench.report import load_run, write_markdown, write_page
from nvc.errors import FormatError, InputError, OutputError


def test_page_and_markdown_are_written(folder: Path, tmp_path: Path) -> None:
    assert write_page(folder) == folder / "index.html"
    assert write_markdown(folder, tmp_path / "numbers.md").read_text().startswith("# Benchmarks")
    assert sorted(p.name for p in folder.iterdir()) == ["index.html", "jobs", "results.json"]


def test_frames_come_from_the_jobs_of_this_run_alone(folder: Path, results: dict) -> None:
    assert len(load_run(folder).frames) == len(results["points"]) + len(results["matched"])
    path = folder / "jobs" / "walk.nvc-ra.36.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "key": "of another run"}))
    assert "walk/nvc-ra/36" not in load_run(folder).frames


@pytest.mark.parametrize(
    ("text", "error"), [(None, InputError), ("{", FormatError), ('{"schema": 99}', FormatError), ("[]", FormatError)]
)
def test_folders_that_are_no_run(tmp_path: Path, text: str | None, error: type) -> None:
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    with pytest.raises(error, match="results"):
        load_run(tmp_path)


def test_a_place_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_markdown(folder, tmp_path / "none" / "numbers.md")
