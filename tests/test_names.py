"""The folders io, motion and bench are nvc.io, nvc.motion and nvc.bench, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("nvc", "io", "motion", "bench")

LOOK = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
import io
print(json.dumps({
    "top": sorted({name.split(".")[0] for name in sys.modules} & {"motion", "bench"}),
    "twice": sorted(name for name in sys.modules if name.startswith(("nvc.nvc", "io.", "nvc.tests"))),
    "io": hasattr(io, "BytesIO") and io is not sys.modules["nvc.io"],
    "files": {name: sys.modules[name].__file__ for name in ("nvc.io", "nvc.motion", "nvc.bench")},
}))
"""


def module_names() -> list[str]:
    """Every module of the rooms but the ones that run something when loaded, and those that need a GPU's package."""
    paths = sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))
    parts = [p.relative_to(ROOT).with_suffix("").parts for p in paths if p.stem != "__main__"]
    full = [p if p[0] == "nvc" else ("nvc", *p) for p in parts]
    return [".".join(p[:-1] if p[-1] == "__init__" else p) for p in full]


def run(*args: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, *args], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_everything_makes_no_second_copy() -> None:
    seen = json.loads(run("-c", LOOK, json.dumps(module_names()), cwd=ROOT))
    assert seen["top"] == []
    assert seen["twice"] == []
    assert seen["io"] is True
    assert seen["files"] == {f"nvc.{room}": str(ROOT / room / "__init__.py") for room in ("io", "motion", "bench")}


def test_this_run_holds_no_bare_rooms() -> None:
    import io

    assert {"motion", "bench"} & set(sys.modules) == set()
    assert hasattr(io, "BytesIO")


def test_import_nvc_is_light() -> None:
    heavy = run(
        "-c", "import sys, nvc; print(sorted({'torch', 'av', 'cv2', 'numba', 'numpy'} & set(sys.modules)))", cwd=ROOT
    )
    assert heavy.strip() == "[]"
