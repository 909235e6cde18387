"""``python -m nvc.train.enhance prepare|run|measure|export``: trains what ``nvc enhance`` and layered mode use."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from nvc.errors import NvcError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    args = _parser().parse_args(argv)
    try:
        return args.run_command(args)
    except NvcError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nvc.train.enhance", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    prepare = commands.add_parser("prepare", help="code the clips of a folder")
    prepare.add_argument("clips", type=Path, help="folder of .mkv videos")
    prepare.add_argument("--data", type=Path, required=True, help="where samples go")
    prepare.add_argument("--streams", type=int, default=2, help="ways each clip is coded (2)")
    prepare.add_argument("--workers", type=int, default=1)
    prepare.add_argument("--limit", type=int, help="at most so many sources of a part, one clip each")
    prepare.set_defaults(run_command=_prepare)
    run = commands.add_parser("run", help="train, or go on where it was stopped")
    run.add_argument("stage", nargs="?", default="enhance_fast")
    run.add_argument("--data", type=Path, required=True, help="what prepare wrote")
    run.add_argument("--run", type=Path, required=True, help="folder of state and log")
    run.add_argument("--minutes", type=float, help="processor time of training in all, instead of the stage's steps")
    run.add_argument("--threads", type=int, default=1)
    run.set_defaults(run_command=_run)
    measure = commands.add_parser("measure", help="gains on videos, coded here")
    measure.add_argument("videos", type=Path, nargs="+")
    measure.add_argument("--weights", type=Path, help="weights file (the default's)")
    measure.add_argument("--codec", choices=("x265", "x264", "svt-av1"), default="x265")
    measure.add_argument("--preset", help="of the codec (medium; 8 of svt-av1)")
    measure.add_argument("--rates", type=float, nargs="+", default=[27, 32, 37, 42], help="quantisers")
    measure.add_argument("--crf", action="store_true", help="rates are rate factors, not quantisers")
    measure.add_argument("--hide", action="store_true", help="do not tell the network quantiser and type")
    measure.add_argument("--full", action="store_true", help="full strength, whatever the picture")
    measure.add_argument("--frames", type=int, default=33)
    measure.set_defaults(run_command=_measure)
    export = commands.add_parser("export", help="write the weights file, and its entry in the manifest")
    export.add_argument("--run", type=Path, required=True, help="folder of the training")
    export.add_argument("--out", type=Path, required=True, help=".safetensors")
    export.add_argument("--stage", default="enhance_fast")
    export.add_argument("--data", default="", help="a word on the data, for the metadata")
    export.add_argument("--manifest", type=Path, help="manifest.json that lists the file from now on")
    export.set_defaults(run_command=_export)
    return parser


def _prepare(args: argparse.Namespace) -> int:
    from nvc.train.enhance_prepare import prepare_enhance

    count = prepare_enhance(args.clips, args.data, streams=args.streams, workers=args.workers, limit=args.limit)
    print(f"{count} samples in {args.data}")
    return 0


def _run(args: argparse.Namespace) -> int:
    from nvc.train.enhance_loop import read_stage, train_enhance

    stage = read_stage(args.stage)
    train_enhance(stage, args.data, args.run, minutes=args.minutes, threads=args.threads, say=_say)
    return 0


def _say(fields: dict) -> None:
    print(json.dumps(fields), flush=True)


def _measure(args: argparse.Namespace) -> int:
    from nvc.train.enhance_measure import measure

    preset = args.preset or ("8" if args.codec == "svt-av1" else "medium")
    for row in measure(
        args.videos, args.weights, codec=args.codec, preset=preset, rates=args.rates, constant=not args.crf,
        hide=args.hide, full=args.full, frames=args.frames,
    ):  # fmt: skip
        print(json.dumps(row), flush=True)
    return 0


def _export(args: argparse.Namespace) -> int:
    from nvc.train.enhance_export import export

    print(export(args.run, args.out, args.stage, args.data, args.manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
