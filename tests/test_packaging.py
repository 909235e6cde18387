"""The wheel: every room and data file is in it, and it works away from the checkout."""

import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("nvc", "io", "motion", "bench")
IGNORED = ("__pycache__", "*.pyc", "*.egg-info")
WIDTH, HEIGHT, FRAMES = 64, 48, 5


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def files_of(base: Path) -> Iterator[Path]:
    """Files of the rooms below ``base``, relative to it, without what running them leaves."""
    for room in ROOMS:
        for path in sorted((base / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(base)


def run(*args: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    done = subprocess.run([str(a) for a in args], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{args}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building in the checkout would leave folders that hide later mistakes."""
    copy = tmp_path_factory.mktemp("source")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns(*IGNORED))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", copy / "dist", copy, cwd=copy)
    (built,) = (copy / "dist").glob("nvc-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel in it. The dependencies are borrowed by path: torch is not installed twice.

    A path in a .pth file brings the packages, but not this environment's own editable install of the checkout.
    """
    home = tmp_path_factory.mktemp("env")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    target = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).stdout.strip()
    borrowed = dict.fromkeys([*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    Path(target, "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--ignore-installed", wheel, cwd=home)
    return home


def test_package_list_equals_the_folders() -> None:
    folders = {p.parent for room in ROOMS for p in (ROOT / room).rglob("__init__.py")}
    names = {".".join(f.relative_to(ROOT).parts) for f in folders}
    assert sorted(settings()["packages"]) == sorted(n if n.split(".")[0] == "nvc" else f"nvc.{n}" for n in names)


def test_every_python_file_lies_in_a_package() -> None:
    assert [p for p in files_of(ROOT) if p.suffix == ".py" and not (ROOT / p).with_name("__init__.py").is_file()] == []


def test_wheel_holds_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    want = {str(p) if p.parts[0] == "nvc" else f"nvc/{p}" for p in files_of(ROOT)}
    assert sorted(want - inside) == []
    assert sorted(inside - want) == []


def test_wheel_says_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
        names = archive.namelist()
    assert "Requires-Python: >=3.11" in text
    assert "Requires-Dist: torch<2.14,>=2.6" in text
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_installed_package_lies_outside_the_checkout(installed: Path) -> None:
    look = (
        "import nvc, nvc.io, nvc.motion, nvc.bench; print(*(m.__file__ for m in (nvc, nvc.io, nvc.motion, nvc.bench)))"
    )
    files = run(installed / "bin" / "python", "-c", look, cwd=installed).stdout.split()
    assert [f for f in files if not f.startswith(str(installed))] == []
    # Started inside the checkout the checkout's files serve, all of them.
    files = run(installed / "bin" / "python", "-c", look, cwd=ROOT).stdout.split()
    assert [f for f in files if not f.startswith(str(ROOT))] == []


def moving_planes(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Planes of a smooth pattern that moves two pixels a frame."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    luma = 128 + 60 * np.sin((x - 2 * index) / 7) * np.cos(y / 9)
    return luma.astype(np.uint8), luma[::2, ::2].astype(np.uint8), (255 - luma[::2, ::2]).astype(np.uint8)


def write_y4m(path: Path) -> None:
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(FRAMES):
            file.write(b"FRAME\n" + b"".join(p.tobytes() for p in moving_planes(index)))


def read_lumas(path: Path) -> list[np.ndarray]:
    head, _, body = path.read_bytes().partition(b"\n")
    assert head.startswith(b"YUV4MPEG2") and f"W{WIDTH} H{HEIGHT}".encode() in head
    size = len(b"FRAME\n") + WIDTH * HEIGHT * 3 // 2
    assert len(body) == FRAMES * size
    starts = range(len(b"FRAME\n"), len(body), size)
    return [np.frombuffer(body, np.uint8, WIDTH * HEIGHT, start).reshape(HEIGHT, WIDTH) for start in starts]


def luma_psnr(path: Path) -> float:
    errors = [np.square(got.astype(float) - moving_planes(i)[0]) for i, got in enumerate(read_lumas(path))]
    return float(10 * np.log10(255**2 / max(np.mean(errors), 1e-9)))


@pytest.mark.parametrize("start", [["bin/nvc"], ["bin/python", "-m", "nvc"]], ids=["nvc", "python -m nvc"])
def test_round_trip_outside_the_checkout(installed: Path, tmp_path: Path, start: list[str]) -> None:
    nvc = [installed / start[0], *start[1:]]
    cache = {"NUMBA_CACHE_DIR": str(installed / "numba")}  # compiled for this path only: not into the shared cache
    write_y4m(tmp_path / "in.y4m")
    encode = run(*nvc, "encode", "in.y4m", "out.nvc", "-q", "32", "--json", cwd=tmp_path, **cache)
    done = json.loads(encode.stdout.splitlines()[-1])
    size = (tmp_path / "out.nvc").stat().st_size
    assert (done["type"], done["frames"], done["bytes"]) == ("done", FRAMES, size)
    assert size < FRAMES * WIDTH * HEIGHT // 4
    run(*nvc, "decode", "out.nvc", "back.y4m", cwd=tmp_path, **cache)
    assert luma_psnr(tmp_path / "back.y4m") > 28
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back.y4m", "in.y4m", "out.nvc"]
