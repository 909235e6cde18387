"""Errors a user can meet; each carries the exit code of the command line (docs/cli.md)."""


class NvcError(Exception):
    """Base of all errors a user can meet; the command line prints one line and returns ``exit_code``."""

    exit_code = 1


class UsageError(NvcError, ValueError):
    """An option or argument that cannot be taken; also output exists, output = input."""

    exit_code = 2


class InputError(NvcError, OSError):
    """Input missing, unreadable or without frames."""

    exit_code = 3


class OutputError(NvcError, OSError):
    """Output not writable, or the disk is full."""

    exit_code = 3


class FormatError(NvcError, ValueError):
    """Not an nvc stream, an unknown version, or a field that makes no sense."""

    exit_code = 4


class CorruptError(FormatError):
    """A sum or hash is wrong, or a stream ends early.

    ``frames`` is the number of whole frames that came before, where known.
    """

    exit_code = 5

    def __init__(self, message: str, *, frames: int | None = None) -> None:
        super().__init__(message)
        self.frames = frames


class ModelError(NvcError):
    """Weights missing, or other weights than the stream names."""

    exit_code = 6


class DeviceError(NvcError, RuntimeError):
    """No such device, out of device memory, or a device that fails the exactness self-test."""

    exit_code = 7


class LimitError(FormatError):
    """A size above the allowed limit."""

    exit_code = 8
