"""What this machine is, what serves what on it, and whether it computes the same symbols as every other."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import nvc
from nvc.errors import DeviceError
from nvc.pipeline.limits import free_memory

PACKAGES = ("torch", "numpy", "av", "opencv-python", "numba", "safetensors", "cupy-cuda12x", "cupy-cuda13x")


def examine(device: str = "auto") -> dict[str, Any]:
    """{"versions", "cores", "free_memory" (bytes), "device", "backends": [{family, backend, reason}], "checks":
    [{name, ok, detail}]}.

    Raises DeviceError where ``device`` is asked for and not there.
    """
    from nvc.codec.selftest import backends, self_test

    return {
        "versions": {"nvc": nvc.__version__, "python": platform.python_version(), **_packages()},
        "cores": os.cpu_count() or 1,
        "free_memory": free_memory() or 0,
        "device": device_name(device),
        "backends": [{"family": u.family, "backend": u.backend, "reason": u.reason} for u in backends()],
        "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in self_test()],
    }


def device_name(device: str) -> str:
    """The device that "auto", "cpu" or "cuda" stands for here, with the name of a GPU."""
    if device == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    if device == "cuda":
        raise DeviceError("no CUDA device: --device cuda needs one, and a torch built for it")
    return "cpu"


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if not name.startswith("cupy"):
                found[name] = "missing"
    return found
