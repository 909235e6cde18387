"""What the CuPy kernels of all rooms share: is a GPU there, arrays to it and back, starting a kernel.

A twin in ``*_cupy.py`` takes a ``Device``, so that the same function and the same kernel text also run on a host
that has only a C++ compiler (nvc.codec.cuda_host). Kernels take pointers and ``int`` values, nothing else.
"""

import functools
import sys
from typing import Any, Protocol

import numpy as np

OPTIONS = ("--std=c++14",)


class Device(Protocol):
    """Where kernels run: arrays go in by ``upload``, kernels start by ``launch``, results come out by ``download``."""

    def upload(self, array: Any, dtype: type) -> Any:
        """The array as contiguous ``dtype`` on the device; no copy where it is that already."""

    def empty(self, shape: tuple[int, ...], dtype: type) -> Any:
        """An array on the device whose values nobody has set."""

    def launch(self, source: str, name: str, grid: tuple[int, ...], threads: int, *arguments: Any) -> None:
        """Run the kernel ``name`` of ``source`` on ``grid`` blocks of ``threads``; arrays and ints as arguments."""

    def download(self, array: Any) -> np.ndarray:
        """A NumPy copy of an array of the device."""


class CupyDevice:
    """The current CUDA device through CuPy, on torch's current stream where torch uses the GPU."""

    def upload(self, array: Any, dtype: type) -> Any:
        """CuPy and torch CUDA arrays stay where they are (DLPack), NumPy arrays are copied."""
        import cupy

        if on_gpu(array) and not isinstance(array, cupy.ndarray):
            array = cupy.from_dlpack(array)
        with _stream():
            return cupy.ascontiguousarray(cupy.asarray(array), dtype)

    def empty(self, shape: tuple[int, ...], dtype: type) -> Any:
        """Uninitialised memory of CuPy's pool."""
        import cupy

        with _stream():
            return cupy.empty(shape, dtype)

    def launch(self, source: str, name: str, grid: tuple[int, ...], threads: int, *arguments: Any) -> None:
        """Starts and does not wait; a grid with no block starts nothing."""
        if 0 in grid:
            return
        values = tuple(np.int32(a) if isinstance(a, int) else a for a in arguments)
        with _stream():
            _module(source).get_function(name)(grid, (threads,), values)

    def download(self, array: Any) -> np.ndarray:
        """Waits for the stream, then copies."""
        import cupy

        with _stream():
            return cupy.asnumpy(array)

    def synchronize(self) -> None:
        """Wait until everything that was started has ended."""
        import cupy

        cupy.cuda.Device().synchronize()

    def names(self) -> dict[str, str]:
        """Name of the card, and the versions that matter for what it computed."""
        import cupy

        card = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
        runtime, driver = cupy.cuda.runtime.runtimeGetVersion(), cupy.cuda.runtime.driverGetVersion()
        return {
            "card": card["name"].decode(), "compute": f"{card['major']}.{card['minor']}",
            "cupy": cupy.__version__, "cuda": str(runtime), "driver": str(driver),
        }  # fmt: skip


@functools.cache
def fault() -> str | None:
    """Why the CuPy kernels cannot serve here, or None where they can. Imports CuPy on first use (0.2 s)."""
    try:
        import cupy

        return None if cupy.is_available() else "CuPy finds no GPU"
    except ImportError:
        return "CuPy is not installed"
    except Exception as error:  # a broken driver shows itself in many classes
        return f"CuPy does not start: {error}"


def on_gpu(*arrays: Any) -> bool:
    """Whether any of the arrays lies on a GPU (CuPy or torch CUDA). Imports nothing."""
    return any(hasattr(a, "__cuda_array_interface__") for a in arrays)


def device_of(device: Device | None) -> Device:
    """``device``, or the GPU where it is None."""
    return device or CupyDevice()


def home(device: Device, result: Any, *inputs: Any) -> Any:
    """``result`` where the inputs live: left on the device if any input lies on a GPU, else a NumPy array."""
    return result if on_gpu(*inputs) else device.download(result)


@functools.cache
def _module(source: str) -> Any:
    """The compiled module; NVRTC runs at first use and CuPy keeps the result on disk."""
    import cupy

    return cupy.RawModule(code=source, options=OPTIONS)


def _stream() -> Any:
    """torch's current stream if torch is loaded and uses the GPU, else CuPy's: kernels of both run in order."""
    import cupy

    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return cupy.cuda.ExternalStream(torch.cuda.current_stream().cuda_stream)
    return cupy.cuda.get_current_stream()
