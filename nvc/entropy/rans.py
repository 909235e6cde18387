"""Interleaved rANS: checks and dispatch. 32-bit states, 16-bit words, 12-bit tables.

Range asymmetric numeral systems after Duda, arXiv 1311.2540; interleaving after Giesen, arXiv 1402.3392.
"""

import numpy as np

from nvc.backend import BackendUse, pick
from nvc.backend_cupy import fault, on_gpu
from nvc.entropy import rans_cupy
from nvc.entropy.tables import Tables
from nvc.errors import FormatError


def encode(symbols: np.ndarray, tables: np.ndarray, model: Tables, lanes: int) -> bytes:
    """Bytes of a stream of ``symbols`` (N,) uint8, each with its table (N,) uint16, on 1 to 64 ``lanes``.

    Arrays on a GPU (CuPy, torch) are coded there. Raises FormatError for a symbol its table does not have.
    """
    if on_gpu(symbols, tables):
        return rans_cupy.encode(symbols, tables, model, lanes)
    symbols, tables = np.asarray(symbols, np.uint8), np.asarray(tables, np.uint16)
    if symbols.shape != tables.shape or symbols.ndim != 1 or lanes not in (1, 2, 4, 8, 16, 32, 64):
        raise FormatError(f"symbols {symbols.shape}, tables {tables.shape} and {lanes} lanes do not fit together")
    if len(symbols) and (
        tables.max() >= len(model)
        or symbols.max() >= model.frequencies.shape[1]
        or not np.all(model.frequencies[tables, symbols])
    ):
        raise FormatError("a symbol is outside its table")
    words = _encoder()[0](symbols, tables, model.frequencies, model.starts, lanes)
    return words.astype("<u2").tobytes()


def lanes_for(payload_estimate: int) -> int:
    """Lanes for a payload of about so many bytes: 1 lane costs 4 bytes, each further lane 4 more."""
    if payload_estimate < 2000:
        return 1
    return 4 if payload_estimate < 16000 else 32


def backend_use() -> BackendUse:
    """Which implementation encodes here, and why."""
    return _encoder()[1]


def _encoder():
    from nvc.entropy import rans_numba, rans_reference

    kernels = {
        "numba": rans_numba.encode_words,
        "reference": rans_reference.encode_words,
        "cupy": rans_cupy.encode_words,
    }
    return pick("rans", kernels, {"cupy": fault})
