"""Settings of the whole test run. They must stand before torch, numba or NumPy is imported anywhere."""

import hashlib
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("nvc", "io", "motion", "bench")


def _numba_state() -> str:
    """A name that changes with every file that uses numba: numba's cache does not see a change in a called file."""
    digest = hashlib.sha256()
    for path in sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py")):
        data = path.read_bytes()
        if b"numba" in data:
            digest.update(data)
    return digest.hexdigest()[:12]


def _hear_interrupts() -> None:
    """A run in the background of a script ignores SIGINT, and children inherit that: tests of Ctrl-C need it heard."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _limit_threads() -> None:
    threads = str(min(2, os.cpu_count() or 1))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, threads)


_hear_interrupts()
_limit_threads()
# Most tests are about other things than networks, which take torch a second to start in each process: off, but where a
# test asks for them (tests/pipeline/test_shipped_weights.py for those that ship).
os.environ["NVC_WEIGHTS"] = "none"
# One folder for all runs and child processes: compiling takes longer than most tests.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"nvc-numba-{os.getuid()}-{_numba_state()}"))

# Shared machines stall: no deadline. Fixed examples: a failure must come again in the next run.
hypothesis.settings.register_profile("nvc", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("nvc")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """GPU tests are collected everywhere and skipped where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _has_gpu():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session", params=["host", "host backwards", pytest.param("gpu", marks=pytest.mark.gpu)])
def kernel_device(request: pytest.FixtureRequest) -> Any:
    """What CUDA kernels run on: as C++ on the host, threads of a block in either order; or on a GPU with CuPy."""
    from nvc.backend_cupy import CupyDevice, fault
    from nvc.codec.cuda_host import HostDevice, compiler

    if request.param == "gpu":
        if fault():
            pytest.skip(str(fault()))
        return CupyDevice()
    if compiler() is None:
        pytest.skip("no C++ compiler")
    return HostDevice(backwards="backwards" in request.param)


@pytest.fixture(scope="session", params=["compute_75", "compute_80", "compute_90", "sm_75", "sm_90"])
def nvrtc_kernels(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Compile a kernel text by NVRTC for one architecture; the text of what came out, kernel names in it."""
    from nvc.codec.nvrtc import compile_kernels, library_path

    if library_path() is None:
        pytest.skip("no NVRTC: pip install nvidia-cuda-nvrtc-cu12")
    return lambda source: compile_kernels(source, request.param).decode("latin-1")
