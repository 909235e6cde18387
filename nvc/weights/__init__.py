"""Weights that ship with nvc (*.safetensors, manifest.json), and where else to look: ``NVC_WEIGHTS``.

It names files or folders, separated as PATH is; "none" takes away those that ship too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

VARIABLE = "NVC_WEIGHTS"
NONE = "none"
_EMPTY = '{"default": null, "weights": []}'


def offered_paths() -> list[Path]:
    """Files and folders that ``NVC_WEIGHTS`` names, there or not."""
    text = os.environ.get(VARIABLE, "")
    return [] if text == NONE else [Path(part) for part in text.split(os.pathsep) if part]


@contextmanager
def offering(path: Path) -> Iterator[None]:
    """Within it ``NVC_WEIGHTS`` names a file or folder, and nothing else."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def manifest_text() -> str:
    """JSON of the weights that ship; of none where ``NVC_WEIGHTS`` says so."""
    if os.environ.get(VARIABLE) == NONE:
        return _EMPTY
    return (resources.files("nvc.weights") / "manifest.json").read_text(encoding="utf-8")
