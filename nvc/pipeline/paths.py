"""What sources and destinations are called, and which of them may not be used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nvc.errors import UsageError

Source = str | Path | bytes | BinaryIO
Destination = str | Path | BinaryIO

PIPE = "-"
NVC = ".nvc"
LAYERED_FILES = (".mp4", ".mkv")
FORMATS = ("nvc", "mp4", "mkv")


def is_path(value: Any) -> bool:
    """Whether a source or destination is a name in the file system, not a pipe, bytes or a file object."""
    return isinstance(value, str | os.PathLike) and str(value) != PIPE


def suffix_of(dst: Any) -> str:
    """Ending of a destination in lower case, "" for a pipe, a folder or a file object."""
    return Path(dst).suffix.lower() if is_path(dst) else ""


def check_source(src: Any) -> None:
    """Raise UsageError for what is no source: another type, or an empty name."""
    if isinstance(src, str) and not src:
        raise UsageError("the input has an empty name")
    if not (isinstance(src, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(src, "read")):
        raise UsageError(f"the input must be a path, bytes or a binary file object, got {src!r}")


def check_destination(dst: Any) -> None:
    """Raise UsageError for what is no destination: another type, or an empty name."""
    if isinstance(dst, str) and not dst:
        raise UsageError("the output has an empty name")
    if not (isinstance(dst, str | os.PathLike) or hasattr(dst, "write")):
        raise UsageError(f"the output must be a path or a binary file object, got {dst!r}")


def check_reopens(src: Any) -> None:
    """Raise UsageError for a source that can be read once only, since rate control reads it several times."""
    if isinstance(src, bytes | bytearray | memoryview) or (is_path(src) and not Path(src).is_fifo()):
        return
    what = "a pipe" if not hasattr(src, "read") else "a file object"
    raise UsageError(f"a bitrate or target PSNR needs passes before the encode, and {what} can be read once only")


def check_format(dst: Any, format: str | None, mode: str | None) -> None:
    """Raise UsageError for a ``format`` of an encode that does not exist or fits neither destination nor mode."""
    if format is None:
        return
    if format not in FORMATS:
        raise UsageError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if is_path(dst) and suffix_of(dst) != f".{format}":
        raise UsageError(f"{dst}: format {format} and the ending differ; format is for file objects")
    if mode == "neural" and format != "nvc":
        raise UsageError(f"format {format} is for layered mode; neural streams are nvc")


def choose_mode(dst: Any, mode: str | None, default: str = "neural") -> str:
    """Mode of an encode from what was asked for and the ending of the destination.

    Raises UsageError for what is no destination, for an ending that no mode writes, and for neural in .mp4 or .mkv.
    """
    check_destination(dst)
    suffix = suffix_of(dst)
    if is_path(dst) and suffix not in (NVC, *LAYERED_FILES):
        raise UsageError(f"{dst}: encode writes {NVC}, or layered also {' and '.join(LAYERED_FILES)}")
    if suffix in LAYERED_FILES:
        if mode == "neural":
            raise UsageError(f"{dst}: neural streams go into {NVC}; {' and '.join(LAYERED_FILES)} are for layered mode")
        return "layered"
    return mode or default


def check_output(src: Any, dst: Any, overwrite: bool) -> None:
    """Raise UsageError where writing ``dst`` would destroy the input, or a file that the user did not give up.

    Also for a source or destination that can be none: another type, or an empty name.
    """
    check_source(src)
    check_destination(dst)
    if not is_path(dst):
        return
    for place in (Path(dst), _part(Path(dst))):
        if is_path(src) and _same(Path(src), place):
            raise UsageError(f"{dst}: input and output are the same file")
    if os.path.lexists(dst) and not overwrite and not _is_empty_folder(Path(dst)):
        raise UsageError(f"{dst} exists; -y overwrites it")


def check_outputs(src: Any, dst: Any, beside: Any, overwrite: bool) -> None:
    """As check_output, and with a second output beside ``dst`` (None = there is none), which must be another file."""
    check_output(src, dst, overwrite)
    if beside is None:
        return
    check_output(src, beside, overwrite)
    if not is_path(dst):
        return
    one, other = (Path(os.path.realpath(path)) for path in (dst, beside))
    if _same(one, other) or other in (one, _part(one)) or _part(other) == one:
        raise UsageError(f"{beside}: two outputs cannot be the same file")


@contextmanager
def output_file(dst: Destination, overwrite: bool, resume: bool = False) -> Iterator[tuple[Any, Source]]:
    """(file to write, where it can be read back before it has its final name). A path appears when all went well.

    The file of a .nvc path is a PartFile, which ``resume`` lets go on with what is there.
    Raises UsageError and OutputError as nvc.io's AtomicFile.
    """
    if resume and suffix_of(dst) != NVC:
        raise UsageError(f"--resume goes on with a {NVC} file only, got {dst}")
    if not is_path(dst):
        yield dst, dst  # type: ignore[misc]
        return
    if suffix_of(dst) == NVC:
        from nvc.pipeline.part import PartFile

        with PartFile(dst, overwrite=overwrite, resume=resume) as part:  # type: ignore[arg-type]
            yield part, part.part
        return
    from nvc.io import AtomicFile

    with AtomicFile(dst, overwrite) as out:  # type: ignore[arg-type]
        yield out.file, out.part


def _part(path: Path) -> Path:
    """Where an output is written before it has its final name."""
    return Path(f"{os.path.realpath(path)}.part")


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
