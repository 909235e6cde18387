"""Which implementation serves a kernel family: ``NVC_BACKEND=auto|reference|numba|torch|cupy``."""

import functools
import os
import warnings
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


def pick(
    family: str, available: Mapping[str, Callable], faults: Mapping[str, Callable[[], str | None]] | None = None
) -> tuple[Callable, BackendUse]:
    """The implementation to use: the one asked for where the family has it, else the family's first (its fastest).

    faults  for implementations that need more than this package: a function that says why one cannot serve here, or
            None where it can. One that was asked for and cannot serve is replaced by the first, with one warning.
    """
    name = requested()
    first = next(iter(available))
    if name == "auto":
        return available[first], BackendUse(family, first, "fastest here")
    if name not in available:
        return available[first], BackendUse(family, first, f"NVC_BACKEND={name} has no {family} kernel")
    fault = faults[name]() if faults and name in faults else None
    if fault is None:
        return available[name], BackendUse(family, name, f"NVC_BACKEND={name}")
    _warn_once(f"NVC_BACKEND={name} cannot serve: {fault}; using {first}")
    return available[first], BackendUse(family, first, f"NVC_BACKEND={name}: {fault}")


@functools.cache
def _warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=3)
