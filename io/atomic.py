"""Output that appears under its final name only when it is whole."""

import contextlib
import errno
import io
import os
import re
import shutil
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from nvc.errors import OutputError, UsageError

try:
    import fcntl
except ImportError:  # Windows, which does not let two programs write one file anyway
    fcntl = None  # type: ignore[assignment]

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def output_error(path: str | os.PathLike, error: OSError) -> OutputError:
    """The error a user reads when ``path`` cannot be written; disk full is said as such."""
    if error.errno in DISK_FULL:
        return OutputError(f"cannot write {path}: the disk is full or a size limit is reached ({error.strerror})")
    return OutputError(f"cannot write {path}: {error.strerror or error}")


class _OutputFile(io.FileIO):
    """A file whose write errors are already OutputError (broken pipes excepted)."""

    def __init__(self, path: Path, shown: Path, mode: str) -> None:
        self._shown = shown
        try:
            super().__init__(path, mode, opener=None if path == shown else _open_part)
        except UsageError:
            raise
        except OSError as error:
            raise output_error(shown, error) from error

    def write(self, data) -> int:  # type: ignore[no-untyped-def, override]
        """Write bytes; OutputError where the system refuses them."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            raise
        except OSError as error:
            raise output_error(self._shown, error) from error


def _open_part(path: str, flags: int) -> int:
    """Open a .part that no other run writes: never through a link, and emptied only once it is ours."""
    if os.path.islink(path):
        raise UsageError(f"{path} is a link; remove it")
    file = os.open(path, (flags & ~os.O_TRUNC) | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another run may have renamed it between the two calls.
            if not os.path.samestat(os.fstat(file), os.lstat(path)):
                raise BlockingIOError
        if flags & os.O_TRUNC:
            os.ftruncate(file, 0)
    except (BlockingIOError, FileNotFoundError) as error:
        os.close(file)
        raise UsageError(f"another run writes {path}") from error
    except BaseException:
        os.close(file)
        raise
    return file


class AtomicFile:
    """Writes ``path`` + ".part" beside and renames it when everything went well.

    Use ``with AtomicFile(path) as out: out.write(...)``; ``out.file`` is a seekable BinaryIO. An error or Ctrl-C
    inside the block removes the .part and leaves ``path`` as it was. A device or named pipe is written directly.
    With ``resume`` a .part that exists is opened as it is, from its first byte.

    UsageError when ``path`` exists and ``overwrite`` is not set, or when another run writes the .part; OutputError when
    it cannot be written. A .part that nobody writes is replaced, a link of that name is refused with a UsageError.
    """

    def __init__(self, path: str | os.PathLike, overwrite: bool = False, *, resume: bool = False) -> None:
        self.path = Path(os.path.realpath(path))
        self.overwrite = overwrite
        self.direct = _is_special(self.path)
        self.part = self.path if self.direct else self.path.with_name(self.path.name + ".part")
        _check_target(self.path, overwrite or self.direct)
        raw = _OutputFile(self.part, self.path, "wb" if self.direct else "r+b" if resume else "w+b")
        buffered = io.BufferedWriter(raw) if self.direct else io.BufferedRandom(raw, 1 << 18)
        self.file: BinaryIO = cast(BinaryIO, buffered)
        self._open = True

    def write(self, data: bytes | memoryview) -> int:
        """Write bytes to the .part."""
        return self.file.write(data)

    def commit(self) -> None:
        """Flush to disk and rename to the final name; OutputError where that fails (the .part is removed then)."""
        if not self._open:
            return
        try:
            self.file.flush()
            if not self.direct:
                os.fsync(self.file.fileno())
                _check_target(self.path, self.overwrite)
                if fcntl is not None:  # while it is locked
                    os.replace(self.part, self.path)
            self.file.close()
            if not self.direct and fcntl is None:
                os.replace(self.part, self.path)
            self._open = False
        except (OSError, UsageError) as error:
            self.abort()
            if isinstance(error, OutputError | UsageError | BrokenPipeError):
                raise
            raise output_error(self.path, error) from error

    def abort(self) -> None:
        """Close and remove the .part; nothing else is touched. Safe to call again."""
        if not self._open:
            return
        self._open = False
        if not self.direct and fcntl is not None:
            self.part.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.file.close()
        if not self.direct and fcntl is None:
            self.part.unlink(missing_ok=True)

    def leave(self) -> None:
        """Close and keep the .part, with all that the disk takes. Safe to call again."""
        if self._open:
            self._open = False
            with contextlib.suppress(OSError):
                self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        if kind is None:
            self.commit()
        else:
            self.abort()


class AtomicFolder:
    """A folder of files made as ``path`` + ".part" and renamed when whole; the same rules as AtomicFile.

    With ``overwrite`` and an existing folder the new files replace those of the same name and all whose names match
    the pattern ``stale``, so that none of an earlier, longer run is left; others stay.
    """

    def __init__(self, path: str | os.PathLike, overwrite: bool = False, *, stale: str | None = None) -> None:
        self._stale = re.compile(stale) if stale else None
        self.path = Path(os.path.realpath(path))
        self.part = self.path.with_name(self.path.name + ".part")
        self.overwrite = overwrite
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"cannot write the folder {self.path}: a file has that name")
        if self.path.is_dir() and any(self.path.iterdir()) and not overwrite:
            raise UsageError(f"{self.path} exists and is not empty; say -y (overwrite) to write into it")
        try:
            self._remove_old_part()
            self.part.mkdir()
        except OSError as error:
            raise output_error(self.path, error) from error

    def _remove_old_part(self) -> None:
        """Remove what an earlier run left as .part, and nothing else."""
        if not os.path.lexists(self.part):
            return
        is_ours = self.part.is_dir() and not self.part.is_symlink()
        if not is_ours or not all(self._stale and self._stale.fullmatch(item.name) for item in self.part.iterdir()):
            raise UsageError(f"{self.part} is in the way: it is no folder, or holds what nvc did not write")
        shutil.rmtree(self.part)

    def write_file(self, name: str, data: bytes) -> None:
        """One file of the folder."""
        try:
            (self.part / name).write_bytes(data)
        except OSError as error:
            raise output_error(self.path / name, error) from error

    def commit(self) -> None:
        """Give the folder its final name."""
        try:
            if self.path.is_dir():
                new = {item.name for item in self.part.iterdir()}
                for name in new:
                    os.replace(self.part / name, self.path / name)
                self._remove_stale(new)
                self.part.rmdir()
            else:
                os.replace(self.part, self.path)
        except OSError as error:
            self.abort()
            raise output_error(self.path, error) from error

    def _remove_stale(self, new: set[str]) -> None:
        for item in self.path.iterdir() if self._stale else ():
            if item.name not in new and self._stale.fullmatch(item.name):  # type: ignore[union-attr]
                item.unlink()

    def abort(self) -> None:
        """Remove what was written so far."""
        shutil.rmtree(self.part, ignore_errors=True)


def _is_special(path: Path) -> bool:
    """True for an existing device, pipe or socket, which a rename would destroy."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _check_target(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists; say -y (overwrite) to replace it")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {path.parent} does not exist")
