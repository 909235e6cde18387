"""What the CuPy kernels share: why they cannot serve, where arrays lie, and a CuPy that is only pretended."""

import sys
from types import ModuleType

import numpy as np
import pytest

from nvc import backend_cupy


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module in the place of CuPy; ``fault`` asks it anew."""
    module = ModuleType("cupy")
    monkeypatch.setitem(sys.modules, "cupy", module)
    backend_cupy.fault.cache_clear()
    yield module
    backend_cupy.fault.cache_clear()


class OnGpu:
    """Looks like an array on a GPU."""

    __cuda_array_interface__ = {"shape": (1,)}


def test_no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    backend_cupy.fault.cache_clear()
    assert backend_cupy.fault() == "CuPy is not installed"
    backend_cupy.fault.cache_clear()


@pytest.mark.parametrize(("there", "want"), [(True, None), (False, "CuPy finds no GPU")])
def test_cupy_with_and_without_a_gpu(pretended: ModuleType, there: bool, want: str | None) -> None:
    pretended.is_available = lambda: there
    assert backend_cupy.fault() == want


def test_a_broken_driver_is_named(pretended: ModuleType) -> None:
    def broken() -> bool:
        raise RuntimeError("cudaErrorUnknown")

    pretended.is_available = broken
    assert backend_cupy.fault() == "CuPy does not start: cudaErrorUnknown"


def test_where_arrays_lie() -> None:
    assert not backend_cupy.on_gpu(np.zeros(1), 3, None)
    assert backend_cupy.on_gpu(np.zeros(1), OnGpu())


def test_a_result_goes_home() -> None:
    class Device:
        def download(self, array: str) -> str:
            return f"{array} on the host"

    assert backend_cupy.home(Device(), "result", np.zeros(1)) == "result on the host"
    assert backend_cupy.home(Device(), "result", np.zeros(1), OnGpu()) == "result"


def test_a_given_device_is_used() -> None:
    device = object()
    assert backend_cupy.device_of(device) is device
    assert isinstance(backend_cupy.device_of(None), backend_cupy.CupyDevice)


@pytest.mark.gpu
def test_arrays_to_a_gpu_and_back() -> None:
    cupy = pytest.importorskip("cupy")
    import torch

    device = backend_cupy.CupyDevice()
    given = np.arange(12, dtype=np.int32).reshape(3, 4)
    there = device.upload(given.T, np.uint16)
    assert there.dtype == np.uint16 and there.flags.c_contiguous
    assert np.array_equal(device.download(there), given.T)
    assert device.upload(there, np.uint16).data.ptr == there.data.ptr
    tensor = torch.arange(5, dtype=torch.int32, device="cuda")
    assert device.upload(tensor, np.int32).data.ptr == tensor.data_ptr()
    assert isinstance(device.empty((2, 2), np.int32), cupy.ndarray)
    assert {"card", "compute", "cupy", "cuda", "driver"} <= set(device.names())
