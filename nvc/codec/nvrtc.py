"""Compiles CUDA C with NVRTC alone: no GPU, no driver, no CuPy. The library comes with ``nvidia-cuda-nvrtc-cu12``."""

import ctypes
import ctypes.util
import functools
import importlib.util
from pathlib import Path

from nvc.errors import DeviceError

# Turing, Ampere and Hopper; PTX of an older one also runs on every newer card.
ARCHITECTURES = ("compute_75", "compute_80", "compute_90")
_PACKAGES = ("nvidia.cuda_nvrtc", "nvidia.cu13")


@functools.cache
def library_path() -> str | None:
    """Where libnvrtc lies (wheel of NVIDIA, then the system), or None."""
    for package in _PACKAGES:
        try:
            found = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for folder in found.submodule_search_locations or () if found else ():
            for pattern in ("lib/libnvrtc.so.*", "bin/**/nvrtc64_*.dll"):
                paths = [p for p in sorted(Path(folder).glob(pattern)) if ".alt." not in p.name]
                if paths:
                    return str(paths[0])
    return ctypes.util.find_library("nvrtc")


def compile_kernels(source: str, architecture: str, options: tuple[str, ...] = ("--std=c++14",)) -> bytes:
    """PTX text of ``source`` for a virtual architecture (``compute_75``), machine code for a real one (``sm_75``).

    Raises DeviceError where there is no NVRTC, and with the compiler's own lines where it refuses the source.
    """
    nvrtc, program = _library(), ctypes.c_void_p()
    _check(nvrtc, nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None))
    try:
        wanted = [o.encode() for o in (f"--gpu-architecture={architecture}", *options)]
        status = nvrtc.nvrtcCompileProgram(program, len(wanted), (ctypes.c_char_p * len(wanted))(*wanted))
        if status:
            raise DeviceError(f"NVRTC refused a kernel for {architecture}: {_log(nvrtc, program)}")
        return _fetch(nvrtc, program, "PTX" if architecture.startswith("compute_") else "CUBIN")
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def version() -> str:
    """Version of NVRTC, such as "12.9". Raises DeviceError where there is none."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library(), _library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


@functools.cache
def _library() -> ctypes.CDLL:
    path = library_path()
    if path is None:
        raise DeviceError("NVRTC is not installed; pip install nvidia-cuda-nvrtc-cu12")
    library = ctypes.CDLL(path)
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    return library


def _check(nvrtc: ctypes.CDLL, status: int) -> None:
    if status:
        raise DeviceError(f"NVRTC: {nvrtc.nvrtcGetErrorString(status).decode()}")


def _fetch(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    data = ctypes.create_string_buffer(size.value)
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}")(program, data))
    return data.raw


def _log(nvrtc: ctypes.CDLL, program: ctypes.c_void_p) -> str:
    return _fetch(nvrtc, program, "ProgramLog").rstrip(b"\0").decode(errors="replace").strip()
