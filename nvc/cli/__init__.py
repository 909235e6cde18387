"""The command ``nvc``. Nothing heavy is imported here: each command imports what it needs when it runs."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nvc.cli.options import build_parser
from nvc.cli.output import Output
from nvc.errors import LimitError, NvcError, OutputError

INTERRUPTED = 130
BROKEN_PIPE = 141
BUG = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (docs/cli.md lists them).

    argv  words after ``nvc``; None takes those of the process
    """
    words = list(sys.argv[1:] if argv is None else argv)
    output = Output.from_words(words)
    try:
        with _terminate_like_interrupt(), output:
            return _run(words, output)
    except SystemExit as stop:  # argparse: --help and --version
        return int(stop.code or 0)
    except KeyboardInterrupt as stop:
        return _fail(output, NvcError(str(stop) or "interrupted"), INTERRUPTED)
    except Exception as error:
        return _report(output, error)


def _run(words: list[str], output: Output) -> int:
    args = build_parser(words).parse_args(words)
    output.configure(args)
    code = args.run(args, output)
    output.flush()
    return code


def _report(output: Output, error: Exception) -> int:
    """Tell of an error; the exit code that it stands for."""
    if _is_broken_pipe(error):
        _silence_stdout()
        return BROKEN_PIPE
    if output.debug:
        traceback.print_exception(error)
    if isinstance(error, NvcError):
        return _fail(output, error, error.exit_code)
    if isinstance(error, MemoryError):
        return _fail(output, LimitError(f"out of memory {error}".strip()), LimitError.exit_code)
    if isinstance(error, OSError):
        return _fail(output, error, OutputError.exit_code)
    if not output.debug:
        traceback.print_exception(error)
    return _fail(output, NvcError(f"this is a bug in nvc: {type(error).__name__}: {error}"), BUG)


def _fail(output: Output, error: Exception, code: int) -> int:
    try:
        output.error(error, code)
        output.flush()
    except OSError as trouble:
        _silence_stdout()
        return BROKEN_PIPE if _is_broken_pipe(trouble) else code
    return code


def _is_broken_pipe(error: BaseException | None) -> bool:
    """Whether the reader of a pipe went away; libraries wrap that error in theirs."""
    while error is not None:
        if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.errno == errno.EPIPE):
            return True
        error = error.__cause__ or error.__context__
    return False


def _silence_stdout() -> None:
    """Point stdout at nothing, so that Python does not complain when it flushes at exit."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """SIGTERM ends a job as Ctrl-C does, so that it leaves nothing behind either."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread: the caller's business
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
