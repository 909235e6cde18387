"""The rules of the house: who imports whom, which room may use which package, sizes, a test for every module."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("nvc", "io", "motion", "bench")

# Imports go down in rank only. A room may import itself; two rooms of one rank may not import each other.
RANK = {
    "nvc.errors": 0, "nvc.types": 0, "nvc.progress": 0, "nvc.backend": 0, "nvc.backend_cupy": 0, "nvc.weights": 0,
    "nvc.color": 1, "nvc.metrics": 1, "nvc.entropy": 1, "nvc.container": 1, "nvc.motion": 1, "nvc.io": 1,
    "nvc.models": 2,
    "nvc.codec": 3,
    "nvc.pipeline": 4, "nvc.train": 4,
    "nvc.api": 5, "nvc.bench": 5,
    "nvc.cli": 6, "nvc.__main__": 7,
}  # fmt: skip
# Rank 0 is one floor: its modules may use errors and types.
FLOOR = {"nvc.errors", "nvc.types"}

# Package -> prefixes of the modules that may import it ("" = all).
MAY_USE = {
    "numpy": ("",),
    "numba": ("",),
    "torch": ("",),
    "safetensors": ("nvc.models", "nvc.train", "nvc.entropy", "nvc.weights", "nvc.codec.symbols"),
    "av": ("nvc.io", "nvc.codec.base", "nvc.codec.intra_", "nvc.codec.layered"),
    "cv2": ("nvc.motion", "nvc.io"),
    "ffmpeg": ("nvc.bench", "nvc.codec.intra_vvc"),
    "imageio_ffmpeg": ("nvc.bench", "nvc.codec.intra_vvc"),
    "cupy": ("nvc.motion", "nvc.entropy", "nvc.codec", "nvc.backend"),
    "rich": ("nvc.cli", "nvc.progress", "nvc.bench", "nvc.train"),
    "scipy": ("nvc.bench", "nvc.train"),
    "bjontegaard": ("nvc.bench",),
}
NO_TORCH = ("nvc.container", "nvc.cli")
# Imported inside functions only, except by modules of these prefixes: torch takes 1.5 s, scipy 0.5 s to load.
LAZY = {
    "torch": ("nvc.models", "nvc.train"), "scipy": (), "bjontegaard": (), "cupy": (), "rich": (),
}  # fmt: skip

# Modules without a test file of the mirrored name, each with the reason.
UNTESTED = {
    "nvc.__main__": "one line; run by tests/test_packaging.py",
}
TWINS = ("_reference", "_numba", "_torch", "_cupy")  # tested by the test of their dispatcher, or by their own


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "nvc" else ("nvc", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))
MODULES = {module_of(path): path for path in FILES}
SCRIPTS = [p for p in sorted((ROOT / "scripts").iterdir()) if p.is_file() and b"python" in p.read_bytes()[:40]]
ALL_PYTHON = FILES + sorted((ROOT / "tests").rglob("*.py")) + SCRIPTS


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(name: str) -> str | None:
    """The room, or the single module beside the rooms, that a dotted name lies in; None for the bare package."""
    parts = name.split(".")
    if parts[0] != "nvc" or len(parts) == 1:
        return None
    return ".".join(parts[:2])


def imports(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """(line, full dotted name, level of a relative import) of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module or ''}.{alias.name}", node.level


def top_imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Imports that run when the module is loaded: outside functions and outside ``if TYPE_CHECKING``."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((line, name) for line, name, _ in imports(node))
        waiting.extend(ast.iter_child_nodes(node))


def rank_fault(mine: str | None, theirs: str | None) -> str | None:
    """Why a module of the room ``mine`` may not import from the room ``theirs``, or None where it may."""
    if mine is None or theirs is None or mine == theirs:
        return None
    for room in (mine, theirs):
        if room not in RANK:
            return f"{room} has no rank in tests/test_layers.py"
    if theirs in FLOOR or RANK[theirs] < RANK[mine]:
        return None
    return f"{mine} (rank {RANK[mine]}) may not import {theirs} (rank {RANK[theirs]})"


def import_faults(module: str, tree: ast.Module) -> list[str]:
    """Every broken import rule of one module, as lines to read."""
    faults = []
    outside = {*MAY_USE, *sys.stdlib_module_names, "nvc"}
    for line, name, level in imports(tree):
        package = name.split(".")[0]
        if level:
            faults.append(f"{line}: relative import")
        elif package in ("motion", "bench"):
            faults.append(f"{line}: say nvc.{name}")
        elif package not in outside:
            faults.append(f"{line}: package {package} stands in no rule")
        elif package in MAY_USE and not module.startswith(MAY_USE[package]):
            faults.append(f"{line}: {package} is not for {module}")
        elif package == "torch" and module.startswith(NO_TORCH):
            faults.append(f"{line}: no torch in {module}")
        # nvc/__init__.py may hand out anything, but only inside a function (checked below).
        fault = rank_fault(room_of(module), room_of(name.removesuffix(".*")))
        faults.extend([f"{line}: {fault}"] if fault else [])
    for line, name in top_imports(tree):
        package = name.split(".")[0]
        if package in LAZY and not module.startswith(LAZY[package] or ("-",)):
            faults.append(f"{line}: import {package} inside the function that needs it")
        if module == "nvc" and package == "nvc":
            faults.append(f"{line}: nvc/__init__.py loads rooms on first use only")
    return faults


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_keep_the_rules(path: Path) -> None:
    assert import_faults(module_of(path), ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    ("module", "source", "word"),
    [
        ("nvc.io.reader", "from nvc.codec import encoder", "rank"),
        ("nvc.io.reader", "import nvc.motion.warp", "rank"),
        ("nvc.progress", "from nvc.backend import pick", "rank"),
        ("nvc.io.reader", "from . import probe", "relative"),
        ("nvc.codec.encoder", "from motion.warp import warp", "nvc.motion"),
        ("nvc.container.reader", "def f():\n    import torch", "torch"),
        ("nvc.codec.encoder", "import torch", "inside"),
        ("nvc.codec.encoder", "try:\n    import torch\nexcept ImportError:\n    pass", "inside"),
        ("nvc.pipeline.encode", "import av", "av is not"),
        ("nvc.api", "import requests", "no rule"),
        ("nvc.new.thing", "import nvc.types", "no rank"),
    ],
)
def test_a_planted_fault_is_found(module: str, source: str, word: str) -> None:
    assert any(word in fault for fault in import_faults(module, ast.parse(source)))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nvc.codec.encoder", "from nvc.io.reader import x\ndef f():\n    import torch"),
        ("nvc.codec.encoder", "if TYPE_CHECKING:\n    import torch"),
        ("nvc.models.blocks", "import torch.nn as nn"),
        ("nvc.codec.intra_hevc", "import av"),
        ("nvc.progress", "from nvc.types import Event"),
    ],
)
def test_an_allowed_import_is_not_refused(module: str, source: str) -> None:
    assert import_faults(module, ast.parse(source)) == []


@pytest.mark.parametrize("path", ALL_PYTHON, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 600
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    limit = 40 if path.name.startswith("test_") else 100
    long = [(f.name, f.end_lineno - f.lineno + 1) for f in functions if f.end_lineno - f.lineno >= limit]
    assert long == []


def has_code(path: Path) -> bool:
    """Whether a file defines anything; a package's __init__ that only hands on names needs no test."""
    body = ast.parse(path.read_text()).body
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in body)


def mirrored_tests(path: Path) -> list[Path]:
    """Test files any of which will do: of the module itself, and for a backend's twin also of its dispatcher."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    folder = Path(ROOT, "tests", *(parts[1:-1] if parts[0] == "nvc" else parts[:-1]))
    stems = [parts[-1].lstrip("_")]
    stems += [stems[0].removesuffix(twin) for twin in TWINS if stems[0].endswith(twin)]
    return [folder / f"test_{stem}.py" for stem in stems]


@pytest.mark.parametrize("path", [p for p in FILES if p.name != "__init__.py" and has_code(p)], ids=name_of)
def test_every_module_has_its_test(path: Path) -> None:
    wanted = [name_of(test) for test in mirrored_tests(path)]
    has_test = any((ROOT / name).is_file() for name in wanted)
    listed = module_of(path) in UNTESTED
    assert has_test or listed, f"no {' or '.join(wanted)}"
    assert not (has_test and listed), f"{module_of(path)} has a test: strike it from UNTESTED"


def test_the_list_of_untested_modules_is_not_stale() -> None:
    assert sorted(set(UNTESTED) - set(MODULES)) == []


def test_no_package_under_tests() -> None:
    """A test folder with __init__.py would be a package called ``io``."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def packages_of(requirements: list[str]) -> set[str]:
    """The import names of a list of requirements."""
    differs = {"opencv-python": "cv2", "ffmpeg-python": "ffmpeg", "imageio-ffmpeg": "imageio_ffmpeg"}
    names = {re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0] for requirement in requirements}
    return {"cupy" if name.startswith("cupy-") else differs.get(name, name) for name in names}


def test_the_package_rules_fit_the_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = packages_of(project["dependencies"])
    optional = packages_of([r for name in extras if name != "dev" for r in extras[name]])
    assert needed <= set(MAY_USE) <= needed | optional
    assert set(LAZY) <= set(MAY_USE)
