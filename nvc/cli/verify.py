"""``nvc verify IN``."""

import argparse

from nvc.cli.options import add_common, device_of, limits_of
from nvc.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of verify."""
    parser.add_argument("input", metavar="IN", help="what nvc encode wrote; - reads .nvc from stdin")
    parser.add_argument("--deep", action="store_true", help="decode everything, and check hashes of symbols and frames")
    add_common(parser)


def run(args: argparse.Namespace, output: Output) -> int:
    """Check one file; damage is an error (exit 5)."""
    from nvc.pipeline import verify_file

    found = verify_file(args.input, deep=args.deep, limits=limits_of(args), progress=output.event, **device_of(args))
    how = f"decoded, {found['hashes']} hashes checked" if args.deep else "sums checked"
    output.done(found, result=f"{args.input}: whole, {found['frames']} frames, {found['units']} units, {how}")
    return 0
