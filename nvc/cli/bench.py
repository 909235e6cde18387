"""``nvc bench rd|gop|speed``: words to calls of nvc.bench, nothing more."""

import argparse

from nvc.cli.options import add_common, whole
from nvc.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benches and their options."""
    benches = parser.add_subparsers(dest="bench", metavar="BENCH", required=True)
    _add_rd(benches.add_parser("rd", help="rate and PSNR against x265, with BD-rates"))
    _add_gop(benches.add_parser("gop", help="bits and level of each frame of a coded file"))
    _add_speed(benches.add_parser("speed", help="frames a second, stages and memory"))


def _add_rd(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help="videos, or folders of videos")
    parser.add_argument("--qualities", type=whole(0), nargs="+", metavar="Q", help="qualities (20 28 36 44 52)")
    parser.add_argument("--anchor", choices=("medium", "veryslow"), help="preset of x265 (medium)")
    parser.add_argument("--frames", type=whole(1), metavar="N", help="frames of each source (32)")
    parser.add_argument("--keyint", type=whole(1), metavar="N", help="frames from one I frame to the next (32)")
    parser.add_argument("--mode", choices=("neural", "layered"), help="mode of ours (neural)")
    parser.add_argument("--structure", choices=("ra", "ld", "intra"), help="structure of both (ra)")
    parser.add_argument("--disable", action="append", metavar="TOOL", help="switch a tool of ours off")
    add_common(parser)
    parser.set_defaults(bench_run=_rd)


def _add_gop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="FILE", help="what nvc encode wrote")
    add_common(parser)
    parser.set_defaults(bench_run=_gop)


def _add_speed(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    parser.set_defaults(bench_run=_speed)


def run(args: argparse.Namespace, output: Output) -> int:
    """Run one bench."""
    return args.bench_run(args, output)


def _given(args: argparse.Namespace, *names: str) -> dict:
    """Options that were given, as keywords; the bench has the defaults of the others."""
    values = {name: getattr(args, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _rd(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.rd import run_rd
    from nvc.bench.rd_text import format_rd

    def emit(fields: dict) -> None:
        point = f"{fields['source']} {fields['encoder']} {fields['setting']}: {fields['bytes']:,} bytes"
        output.note(fields, f"{fields['done']}/{fields['total']}  {point}, {fields['psnr_611']:.2f} dB")

    extra = [f"--{name}={value}" for name, value in _given(args, "device", "precision").items()]
    options = _given(args, "qualities", "anchor", "frames", "keyint", "mode", "structure", "disable")
    report = run_rd(args.sources, extra=extra, emit=emit, **options)
    output.done(report.to_dict(), result=format_rd(report))
    return 0


def _gop(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.gop import format_gop, run_gop

    report = run_gop(args.input)
    output.done(report.to_dict(), result=format_gop(report))
    return 0


def _speed(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.speed import format_speed, run_speed

    def emit(fields: dict) -> None:
        speeds = f"encode {fields['encode_fps']:.2f} fps, decode {fields['decode_fps']:.2f} fps"
        output.note(fields, f"{fields['done']}/{fields['total']}  {fields['size']}: {speeds}")

    report = run_speed(emit=emit, **_given(args, "threads", "device", "precision"))
    output.done(report.to_dict(), result=format_speed(report))
    return 0
