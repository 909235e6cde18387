"""What all weights files share: safetensors of bounded size, named by a hash of what they hold."""

import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from nvc.errors import ModelError

ID_DIGITS = 16
MAX_FILE = 64 << 20


def open_tensors(path: Path):
    """A safetensors file of at most MAX_FILE bytes, unread. Raises ModelError where it is none."""
    if not path.is_file():
        raise ModelError(f"weights {path} are not there")
    if path.stat().st_size > MAX_FILE:
        raise ModelError(f"weights {path} have {path.stat().st_size} bytes, more than {MAX_FILE}")
    try:
        return safe_open(path, framework="np")
    except (SafetensorError, OSError) as error:
        raise ModelError(f"weights {path} cannot be read: {error}") from error


def content_id(arrays: dict[str, np.ndarray], config: str) -> str:
    """16 hex digits of the SHA-256 over a config and the names, types, shapes and values of arrays."""
    digest = hashlib.sha256(config.encode())
    for name in sorted(arrays):
        value = arrays[name]
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:ID_DIGITS]
