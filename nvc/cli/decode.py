"""``nvc decode IN OUT``."""

import argparse

from nvc.cli.options import add_common, add_range, device_of, limits_of, whole
from nvc.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of decode."""
    parser.add_argument("input", metavar="IN", help="what nvc encode wrote, or any HEVC file; - reads .nvc from stdin")
    parser.add_argument("output", metavar="OUT", help=".mp4 .mkv .y4m .yuv, a folder for PNG, - writes y4m to stdout")
    parser.add_argument("--codec", choices=("ffv1", "x264", "x265"), help="codec of .mp4 and .mkv (x264)")
    parser.add_argument("--crf", type=whole(0), metavar="C", help="quality of that codec, lower is better (12)")
    add_range(parser)
    parser.add_argument(
        "--on-damage",
        choices=("stop", "hold", "skip"),
        default="stop",
        help="damaged input: stop there, hold the last good frame, or skip to the next I frame (stop)",
    )
    parser.add_argument("--strict", action="store_true", help="exit 5 even where damage was held or skipped over")
    parser.add_argument(
        "--enhance", action=argparse.BooleanOptionalAction, default=True,
        help="layered: enhance the base as the stream says; --no-enhance shows it as it is",
    )  # fmt: skip
    parser.add_argument("--hash", metavar="FILE", help="write a hash of each frame to FILE")
    add_common(parser)


def run(args: argparse.Namespace, output: Output) -> int:
    """Decode one file."""
    from nvc.pipeline import decode_file

    result = decode_file(
        args.input,
        args.output,
        codec=args.codec,
        crf=args.crf,
        start=args.start,
        frames=args.frames,
        on_damage=args.on_damage,
        strict=args.strict,
        hash_file=args.hash,
        enhance=args.enhance,
        overwrite=args.overwrite,
        limits=limits_of(args),
        progress=output.event,
        **device_of(args),
    )
    damaged = f", {result.damaged_frames} damaged" if result.damaged_frames else ""
    text = f"{args.output}: {result.frames} frames in {result.seconds:.1f} s ({result.fps:.2f} fps){damaged}"
    output.done(result.to_dict(), text)
    return 0
