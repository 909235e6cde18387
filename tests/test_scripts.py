"""The scripts start, and say what they do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHELL = [ROOT / "scripts" / "test", ROOT / "scripts" / "demo", ROOT / ".ci" / "run"]


@pytest.mark.parametrize("path", SHELL, ids=lambda p: p.name)
def test_shell_scripts_parse_and_may_run(path: Path) -> None:
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(path, os.X_OK)
    assert "set -euo pipefail" in path.read_text()


def test_fuzz_starts_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "fuzz", "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--seconds" in done.stdout


def test_golden_starts_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "golden", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "--check" in done.stdout


def test_test_refuses_a_python_without_the_tools(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    env = {**os.environ, "NVC_TEST_PYTHON": str(bare)}
    done = subprocess.run([ROOT / "scripts" / "test"], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "lacks some of the tools" in done.stderr
