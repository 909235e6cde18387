"""Reads a benchmark's folder and writes the page or the Markdown of it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from nvc.bench.jobs import SCHEMA, read_results
from nvc.bench.report.markdown import markdown
from nvc.bench.report.page import page
from nvc.errors import FormatError, InputError, OutputError


@dataclass(frozen=True, slots=True)
class Run:
    """A benchmark as it lies on disk.

    results   what results.json holds
    frames    by_frame, pictures and crop of each job by its id
    """

    results: dict
    frames: dict[str, dict]


def load_run(folder: str | Path) -> Run:
    """Read DIR/results.json and DIR/jobs. Raises InputError where there is none, FormatError for another schema."""
    path = Path(folder) / "results.json"
    try:
        results = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: no results of nvc bench run: {error.strerror}") from error
    except ValueError as error:
        raise FormatError(f"{path}: not JSON: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != SCHEMA:
        raise FormatError(f"{path}: results must be of schema {SCHEMA}")
    keys = {point["id"]: point["key"] for point in (*results["points"], *results.get("matched", ()))}
    kept = [one for one in read_results(Path(folder) / "jobs") if keys.get(one.get("id")) == one.get("key")]
    return Run(results, {one["id"]: {n: one.get(n) for n in ("by_frame", "pictures", "crop")} for one in kept})


def write_page(folder: str | Path) -> Path:
    """Write DIR/index.html: one file that needs no other and no network. Returns its path."""
    run = load_run(folder)
    return _write(Path(folder) / "index.html", page(run.results, run.frames))


def write_markdown(folder: str | Path, file: str | Path) -> Path:
    """Write the numbers as Markdown. Returns the file's path."""
    return _write(Path(file), markdown(load_run(folder).results))


def _write(path: Path, text: str) -> Path:
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    return path
