"""Hashes of frames as a text file: a check that two decodes gave the same pictures."""

import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nvc.errors import OutputError
from nvc.types import Frame

HEAD = "# index pts crc32 (over the planes y, u, v; 10 bit as 16 bit little endian)"


def frame_hash(frame: Frame) -> int:
    """CRC-32 over y, u, v as they are shown: true size, uint8 or little-endian uint16."""
    crc = 0
    for plane in frame.planes:
        crc = zlib.crc32(np.ascontiguousarray(plane, "u1" if frame.info.bit_depth == 8 else "<u2").data, crc)
    return crc


class HashFile:
    """Writes one line a frame: index, pts, hash as eight hexadecimal digits. It appears when all went well.

    path  None writes nothing. OutputError where it cannot be written, UsageError where it exists.
    """

    def __init__(self, path: str | Path | None, overwrite: bool) -> None:
        self._file: Any = None
        self._count = 0
        if path is not None:
            from nvc.io import AtomicFile

            self._file = AtomicFile(path, overwrite)
            self._write(HEAD)

    def add(self, frame: Frame) -> None:
        """The next frame."""
        if self._file is not None:
            self._write(f"{self._count} {frame.pts} {frame_hash(frame):08x}")
            self._count += 1

    def _write(self, line: str) -> None:
        try:
            self._file.write(line.encode() + b"\n")
        except OSError as error:
            raise OutputError(f"cannot write the hashes: {error}") from error

    def __enter__(self) -> "HashFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.__exit__(kind, error, trace)
