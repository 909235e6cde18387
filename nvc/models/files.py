"""What all weights files share: safetensors of bounded size, named by a hash of what they hold."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

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


def write_tensors(path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write a safetensors file by way of ``path`` + ".part": equal contents give equal bytes."""
    data = save({name: np.ascontiguousarray(value) for name, value in arrays.items()}, metadata)
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    head["__metadata__"] = dict(sorted(head["__metadata__"].items()))  # safetensors keeps them in no order
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(path.name + ".part")
    part.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    os.replace(part, path)


def content_id(arrays: dict[str, np.ndarray], config: str) -> str:
    """16 hex digits of the SHA-256 over a config and the names, types, shapes and values of arrays."""
    digest = hashlib.sha256(config.encode())
    for name in sorted(arrays):
        value = arrays[name]
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:ID_DIGITS]
