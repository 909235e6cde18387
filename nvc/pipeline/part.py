"""The ``.part`` of a .nvc that is being written: on disk by I periods, kept where an encode can go on from it."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from nvc.errors import NvcError, OutputError, UsageError
from nvc.io.atomic import AtomicFile, output_error
from nvc.pipeline.resume import Replay, read_unfinished


class PartFile:
    """Takes the bytes of a stream from its first on; context manager. ``commit`` comes with leaving it in peace.

    replay  what an earlier run left, None where there is nothing or ``resume`` was not asked for. Bytes that are there
            already are compared, not written; the first difference raises UsageError and changes nothing
    An interrupt, a full disk or a crash keep the ``.part`` where resuming would save work, and the error says so.
    Other errors remove it, but not one that an earlier run left.
    """

    def __init__(self, path: str | os.PathLike, *, overwrite: bool = False, resume: bool = False) -> None:
        """UsageError and OutputError as AtomicFile."""
        name = Path(os.path.realpath(path))
        found = read_unfinished(name.with_name(name.name + ".part")) if resume else None
        self._out = AtomicFile(path, overwrite, resume=found is not None)
        self.part: Path = self._out.part
        if resume and self._out.direct:
            raise UsageError(f"cannot resume {path}: it is a device or pipe")
        self.replay = Replay(found) if found else None
        self._old = found.size if found else 0
        self._at = 0
        self._cut = found is None

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes; OutputError where the file cannot take them."""
        rest = memoryview(data)
        if self._at < self._old:
            rest = rest[self._compare(rest) :]
        if rest:
            self._cut_here()
            self._out.file.write(rest)
            self._at += len(rest)
        return len(data)

    def flush(self) -> None:
        """Hand what is held to the system."""
        self._out.file.flush()

    def sync(self) -> None:
        """Have everything written so far on disk: called at each I period."""
        if self._at <= self._old or self._out.direct:
            return
        try:
            self._out.file.flush()
            os.fsync(self._out.file.fileno())
        except OutputError:
            raise
        except OSError as error:
            raise output_error(self._out.path, error) from error

    def finish(self) -> None:
        """All was written: cut off what an earlier run left behind it."""
        if self._at < self._old and self.replay is not None:
            raise self.replay.refuse(f"it holds {self._old} bytes, and the whole stream has {self._at}")
        self._cut_here()

    def _compare(self, data: memoryview) -> int:
        """Compare with what is there; how many bytes of ``data`` that were."""
        count = min(len(data), self._old - self._at)
        self._out.file.seek(self._at)
        if self._out.file.read(count) != data[:count] and self.replay is not None:
            raise self.replay.refuse(
                f"from byte {self._at} on other bytes would be written: made by another version, from another input or "
                "with other settings"
            )
        self._at += count
        return count

    def _cut_here(self) -> None:
        """Before the first byte of one's own: the torn unit of an earlier run goes."""
        if not self._cut:
            self._cut = True
            self._out.file.seek(self._at)
            self._out.file.truncate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        if error is None:
            self._out.commit()
        elif self._out.direct:
            self._out.abort()
        else:
            self._leave(error)

    def _leave(self, error: BaseException) -> None:
        if self.replay is None and isinstance(error, NvcError) and not isinstance(error, OutputError):
            self._out.abort()
            return
        self._out.leave()
        found = None
        with suppress(NvcError):
            found = read_unfinished(self.part)
        if found is not None and found.start:
            text = f"{self.part} keeps {found.frames} frames: --resume goes on from them"
            if isinstance(error, KeyboardInterrupt):
                error.args = (f"interrupted; {text}",)
            elif isinstance(error, OutputError):
                error.args = (f"{error}; {text}",)
        elif self.replay is None:
            self.part.unlink(missing_ok=True)
