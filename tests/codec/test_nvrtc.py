"""NVRTC without CuPy and without a driver."""

import pytest

from nvc.codec import nvrtc
from nvc.errors import DeviceError

GOOD = 'extern "C" __global__ void twice(int *x) { x[threadIdx.x] *= 2; }'
needs_nvrtc = pytest.mark.skipif(nvrtc.library_path() is None, reason="no NVRTC: pip install nvidia-cuda-nvrtc-cu12")


@needs_nvrtc
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_virtual_architectures_give_ptx(architecture: str) -> None:
    ptx = nvrtc.compile_kernels(GOOD, architecture).decode()
    assert ".entry twice(" in ptx
    assert f".target {architecture.replace('compute', 'sm')}" in ptx


@needs_nvrtc
def test_real_architectures_give_machine_code() -> None:
    assert nvrtc.compile_kernels(GOOD, "sm_80").startswith(b"\x7fELF")


@needs_nvrtc
@pytest.mark.parametrize(
    ("source", "architecture", "word"),
    [("__global__ void f() { y = 1; }", "compute_75", "kernels.cu"), (GOOD, "compute_1", "compute_1")],
)
def test_the_compilers_own_lines_are_shown(source: str, architecture: str, word: str) -> None:
    with pytest.raises(DeviceError, match=word):
        nvrtc.compile_kernels(source, architecture)


@needs_nvrtc
def test_version() -> None:
    assert int(nvrtc.version().split(".")[0]) >= 11


def test_without_nvrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvrtc, "library_path", lambda: None)
    nvrtc._library.cache_clear()
    with pytest.raises(DeviceError, match="pip install"):
        nvrtc.compile_kernels(GOOD, "compute_75")
