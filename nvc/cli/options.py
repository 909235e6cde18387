"""The words of the command line: one parser, and the options that several commands share."""

import argparse
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import nvc
from nvc.errors import UsageError

if TYPE_CHECKING:
    from nvc.pipeline.limits import Limits
    from nvc.types import Settings

COMMANDS = {
    "encode": "code a video as .nvc, or layered as .mp4 or .mkv",
    "decode": "turn a coded file back into a video",
    "enhance": "make a video that some codec coded look more like its original",
    "info": "say what a coded file holds",
    "verify": "check a coded file for damage",
    "doctor": "check this machine and say what serves what",
    "bench": "measure rate, quality and speed",
    "train": "train the networks of the neural mode",
}
EPILOG = """exit codes: 0 done, 1 bug in nvc, 2 usage, 3 input or output, 4 not our format, 5 damaged, 6 weights,
7 device, 8 limit, 130 interrupted, 141 broken pipe"""


class Parser(argparse.ArgumentParser):
    """A parser that takes no shortened options and raises UsageError instead of leaving the process."""

    def __init__(self, **options) -> None:
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong as UsageError."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def build_parser(words: Iterable[str]) -> Parser:
    """The parser for these words; raises UsageError with a hint where they name files but no command."""
    words = list(words)
    parser = Parser(prog="nvc", description="nvc, a neural video codec.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"nvc {nvc.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _check_command(words)
    for name, text in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name in words:  # the others need no options, so their modules are not loaded
            module = importlib.import_module(f"nvc.cli.{name}")
            module.add_arguments(one)
            one.set_defaults(run=module.run)
    return parser


def _check_command(words: list[str]) -> None:
    first = next((word for word in words if not word.startswith("-")), None)
    if first is None or first in COMMANDS or words[0].startswith("--h") or words[0] == "-h":
        return
    if len([word for word in words if not word.startswith("--")]) > 1 or "." in first:
        raise UsageError(
            f"{first!r} is no command; to code a video: nvc encode IN OUT; to get it back: nvc decode IN OUT"
        )
    raise UsageError(f"{first!r} is no command; there are: {', '.join(COMMANDS)}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options that every command takes."""
    group = parser.add_argument_group("everywhere")
    group.add_argument("--json", action="store_true", help="one JSON object a line on stdout instead of text")
    group.add_argument("--quiet", action="store_true", help="say nothing but errors")
    group.add_argument("--debug", action="store_true", help="add the trace to an error")
    group.add_argument("-y", "--overwrite", action="store_true", help="write over an output that exists")
    group.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to compute (auto)")
    group.add_argument("--threads", type=whole(0), metavar="N", help="threads, 0 = as many as there are cores (0)")
    group.add_argument("--precision", choices=("auto", "fp32", "bf16"), help="numbers of a decoder's networks (auto)")
    group.add_argument("--max-pixels", type=whole(1), metavar="N", help="refuse larger pictures")
    group.add_argument("--max-frames", type=whole(1), metavar="N", help="refuse more frames")
    group.add_argument("--max-memory", type=gigabytes, metavar="GB", help="refuse to need more (half of what is free)")


def add_range(parser: argparse.ArgumentParser) -> None:
    """``--start`` and ``--frames``."""
    parser.add_argument("--start", type=whole(0), default=0, metavar="N", help="first frame, counted from 0 (0)")
    parser.add_argument("--frames", type=whole(1), metavar="N", help="number of frames (all)")


def whole(low: int):
    """A type for argparse: a whole number of ``low`` or more."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < low:
            raise argparse.ArgumentTypeError(f"must be a whole number of {low} or more, got {text!r}")
        return int(text)

    return number


def gigabytes(text: str) -> int:
    """Bytes of a number of gigabytes (10^9)."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"must be a number of gigabytes above 0, got {text!r}")
    return int(value * 1e9)


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return value


def minutes(text: str) -> float:
    """Minutes above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be a number of minutes above 0, got {text!r}")
    return value


SETTINGS = ("quality", "mode", "structure", "keyint", "mini_gop", "preset", "intra", "base", "base_preset", "device",
            "threads", "precision", "hash")  # fmt: skip


def settings_of(args: argparse.Namespace) -> "Settings":
    """Settings from what was given; what was not keeps the default of Settings."""
    from nvc.types import Settings

    asked: dict[str, Any] = {name: getattr(args, name, None) for name in SETTINGS}
    given = {name: value for name, value in asked.items() if value is not None}
    off = Settings().disable | frozenset(getattr(args, "disable", None) or ())
    return Settings(**given, disable=off)


def limits_of(args: argparse.Namespace) -> "Limits":
    """Limits of ``--max-pixels``, ``--max-frames`` and ``--max-memory``."""
    from nvc.pipeline.limits import Limits

    return Limits(args.max_pixels, args.max_frames, args.max_memory)


def device_of(args: argparse.Namespace) -> dict:
    """device, threads and precision as keywords of a decoder; what was not given is left out."""
    given = {name: getattr(args, name) for name in ("device", "threads", "precision")}
    return {name: value for name, value in given.items() if value is not None}
