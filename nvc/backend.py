"""Which implementation serves a kernel family: ``NVC_BACKEND=auto|reference|numba|torch|cupy``."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nvc.errors import UsageError

NAMES = ("auto", "reference", "numba", "torch", "cupy")


@dataclass(frozen=True, slots=True)
class BackendUse:
    """What serves a kernel family and why; ``nvc doctor`` prints these."""

    family: str
    backend: str
    reason: str


def requested() -> str:
    """The value of NVC_BACKEND, "auto" when unset. Raises UsageError for an unknown name."""
    name = os.environ.get("NVC_BACKEND", "auto")
    if name not in NAMES:
        raise UsageError(f"NVC_BACKEND must be one of {', '.join(NAMES)}, got {name!r}")
    return name


def pick(family: str, available: Mapping[str, Callable]) -> tuple[Callable, BackendUse]:
    """The implementation to use: the one asked for where the family has it, else the family's first (its fastest)."""
    name = requested()
    if name in available:
        return available[name], BackendUse(family, name, f"NVC_BACKEND={name}")
    first = next(iter(available))
    reason = "fastest here" if name == "auto" else f"NVC_BACKEND={name} has no {family} kernel"
    return available[first], BackendUse(family, first, reason)
