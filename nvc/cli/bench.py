"""``nvc bench``: words to calls of nvc.bench, nothing more."""

import argparse
from collections.abc import Callable

from nvc.cli.options import add_common, whole
from nvc.cli.output import Output
from nvc.errors import InputError
from nvc.types import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benches and their options."""
    benches = parser.add_subparsers(dest="bench", metavar="BENCH", required=True)
    for name, (text, add, work) in BENCHES.items():
        one = benches.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        add(one)
        add_common(one)
        one.set_defaults(bench_run=work)


def run(args: argparse.Namespace, output: Output) -> int:
    """Run one bench."""
    output.begin(args.bench)
    return args.bench_run(args, output)


class Numbers(argparse.Action):
    """Whole numbers between spaces, commas or both; none given, or anything else, is an error of usage."""

    low = 0

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        """Put the list of numbers at the option's name."""
        words = [word for value in values for word in value.split(",") if word]
        try:
            numbers = [whole(self.low)(word) for word in words]
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument {option_string}: {error}")
        if not numbers:
            parser.error(f"argument {option_string}: expected at least one number")
        setattr(namespace, self.dest, numbers)


def _add_rd(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help="videos, or folders of videos")
    parser.add_argument("--qualities", action=Numbers, nargs="+", metavar="Q", help="qualities (20 28 36 44 52)")
    parser.add_argument("--crfs", action=Numbers, nargs="+", metavar="N", help="CRFs of x265 (20 24 28 32 36 40)")
    parser.add_argument("--anchor", choices=("medium", "veryslow"), help="preset of x265 (medium)")
    parser.add_argument("--open-gop", action="store_true", default=None, help="x265 with open GOPs too, beside")
    parser.add_argument("--frames", type=whole(1), metavar="N", help="frames of each source (32)")
    parser.add_argument("--keyint", type=whole(1), metavar="N", help="frames from one I frame to the next (32)")
    parser.add_argument("--mode", choices=("neural", "layered"), help="mode of ours (neural)")
    parser.add_argument("--structure", choices=("ra", "ld", "intra"), help="structure of both (ra)")
    parser.add_argument("--preset", choices=PRESETS, help="effort of our encoder (medium)")
    parser.add_argument("--intra", choices=("auto", "hevc", "vvc"), help="coder of our I frames (auto)")
    parser.add_argument("--disable", action="append", metavar="TOOL", help="switch a tool of ours off")
    parser.add_argument(
        "--without", action="append", metavar="TOOL", help="ours without this tool too, and what the tool brings"
    )
    _add_jobs(parser)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=whole(1), metavar="N", help="single-threaded processes at a time (cores)")


def _add_gop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="FILE", help="what nvc encode wrote")
    parser.add_argument("--source", metavar="ORIGINAL", help="what it was made from: adds each frame's PSNR")


def _add_speed(parser: argparse.ArgumentParser) -> None:
    sizes = "sizes of the clip (416x240 832x480 1920x1080)"
    parser.add_argument("--sizes", nargs="+", metavar="WxH", help=sizes)
    parser.add_argument("--frames", type=whole(1), metavar="N", help="frames of each clip (97, 33 or 17 by size)")
    parser.add_argument("--quality", type=whole(0), metavar="Q", help="quality (32)")
    parser.add_argument("--preset", choices=PRESETS, help="effort of the encoder (medium)")
    parser.add_argument("--disable", action="append", metavar="TOOL", help="switch a tool off")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile", metavar="PROFILE", help="smoke, public, uvg, hevc-b ...: nvc bench sequences list")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the results")
    parser.add_argument("--sequences", metavar="DIR", help="folder that holds the profile's sequences")
    parser.add_argument("--resume", action="store_true", help="go on with what DIR has")
    parser.add_argument("--only", action="append", metavar="PATTERN", help="these jobs only, like 'foreman*/nvc-ra/*'")
    parser.add_argument("--lines", nargs="+", metavar="LINE", help="these lines only, like nvc-ra x265-veryslow")
    parser.add_argument("--frames", type=whole(1), metavar="N", help="frames of each sequence (the profile's)")
    parser.add_argument("--keyint", type=whole(1), metavar="N", help="frames from one I frame to the next")
    parser.add_argument("--qualities", action=Numbers, nargs="+", metavar="Q", help="qualities of ours")
    _add_jobs(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="what nvc bench run wrote")
    parser.add_argument("--markdown", metavar="FILE", help="write the numbers as Markdown too")


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help="folder of one run")
    parser.add_argument("after", metavar="B", help="folder of another: its lines against the same lines of A")


def _add_sequences(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_common(actions.add_parser("list", help="say which sets are known, and their files' names"))
    check = actions.add_parser("check", help="say what of a set a folder has and lacks")
    check.add_argument("profile", metavar="PROFILE", help="name of the set")
    check.add_argument("--sequences", metavar="DIR", help="folder to look in, with all folders below")
    add_common(check)
    add = actions.add_parser("add", help="keep files of your own under a name, for nvc bench run NAME")
    add.add_argument("name", metavar="NAME", help="small letters, digits, - and _")
    add.add_argument("paths", metavar="PATH", nargs="+", help="videos, .yuv files, folders of them")
    add.add_argument("--title", metavar="TEXT", help="what the page of a run is called")
    add.add_argument("--frames", type=whole(1), metavar="N", help="frames of each sequence (32)")
    add.add_argument("--keyint", type=whole(1), metavar="N", help="frames from one I frame to the next (32)")
    add.add_argument("--raw", metavar="WxH@FPS[:FORMAT]", help="what .yuv files are, where their names do not say it")
    add_common(add)


def _add_motion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help="videos, or folders of videos")
    parser.add_argument("--distances", action=Numbers, nargs="+", metavar="N", help="in frames (1 2 4 8)")
    parser.add_argument("--frames", type=whole(1), metavar="N", help="look at the first N frames (33)")
    parser.add_argument("--quality", type=whole(0), metavar="Q", help="quality that weighs bits against error (32)")
    parser.add_argument(
        "--disable", action="append", metavar="TOOL", help="switch a tool off: merge, obmc, bipred, mirror, split"
    )


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

    extra = [f"--{name}={value}" for name, value in _given(args, "device", "precision", "preset", "intra").items()]
    options = _given(args, "qualities", "crfs", "anchor", "frames", "keyint", "mode", "structure", "disable", "without",
                     "jobs", "open_gop")  # fmt: skip
    report = run_rd(args.sources, extra=extra, emit=emit, **options)
    output.done(report.to_dict(), result=format_rd(report))
    return 0


def _gop(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.gop import format_gop, run_gop

    report = run_gop(args.input, **_given(args, "source"))
    output.done(report.to_dict(), result=format_gop(report))
    return 0


def _speed(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.speed import format_speed, run_speed

    def emit(fields: dict) -> None:
        speeds = f"encode {fields['encode_fps']:.2f} fps, decode {fields['decode_fps']:.2f} fps"
        output.note(fields, f"{fields['done']}/{fields['total']}  {fields['size']}: {speeds}")

    options = _given(args, "sizes", "frames", "quality", "preset", "disable", "threads", "device", "precision")
    if "sizes" in options:
        options["sizes"] = [size for word in options["sizes"] for size in word.split(",") if size]
    report = run_speed(emit=emit, **options)
    output.done(report.to_dict(), result=format_speed(report))
    return 0


def _run(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.compare import Comparison, format_comparisons
    from nvc.bench.run import progress_words, run_profile

    options = _given(args, "sequences", "only", "lines", "frames", "keyint", "qualities", "jobs")

    def emit(fields: dict) -> None:
        if fields["type"] == "warning":
            output.warning(fields["message"])
        else:
            output.note(fields, progress_words(fields))

    results = run_profile(args.profile, args.out, resume=args.resume, overwrite=args.overwrite, emit=emit, **options)
    fields = {"out": args.out, **{name: results[name] for name in ("comparisons", "means", "warnings")}}
    text = f"{len(results['points'])} points in {args.out}; to see them: nvc bench report {args.out}"
    output.done(fields, text, result=format_comparisons(Comparison(**one) for one in results["comparisons"]))
    return 0


def _report(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.report import write_markdown, write_page

    written = [str(write_page(args.folder))]
    if args.markdown is not None:
        written.append(str(write_markdown(args.folder, args.markdown)))
    output.done({"files": written}, result="\n".join(written))
    return 0


def _compare(args: argparse.Namespace, output: Output) -> int:
    from dataclasses import asdict

    from nvc.bench.compare import compare_runs, format_comparisons
    from nvc.bench.report import load_run

    found = compare_runs(*(load_run(folder).results for folder in (args.before, args.after)))
    output.done({"comparisons": [asdict(one) for one in found]}, result=format_comparisons(found))
    return 0


def _sequences(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench import sequences

    if args.action == "list":
        output.done({"profiles": list(sequences.profile_names())}, result=sequences.format_profiles())
        return 0
    if args.action == "add":
        options = _given(args, "title", "frames", "keyint", "raw")
        profile = sequences.add_own(args.name, args.paths, overwrite=args.overwrite, **options)
        args.sequences = None
    else:
        profile = sequences.load_profile(args.profile)
    found = sequences.find_sequences(profile, args.sequences)
    fields = {"profile": profile.name, "sequences": [one.to_dict() for one in found]}
    text = sequences.format_found(profile, found)
    bad = [one.name for one in found if one.problem]
    if bad:
        output.note({**fields, "type": "found"}, text)
        raise InputError(f"profile {profile.name}: {', '.join(bad)} cannot be measured")
    output.done(fields, result=text)
    return 0


def _motion(args: argparse.Namespace, output: Output) -> int:
    from nvc.bench.motion import format_motion, run_motion

    def emit(fields: dict) -> None:
        output.note(fields, f"{fields['done']}/{fields['total']}  {fields['source']}")

    report = run_motion(args.sources, emit=emit, **_given(args, "distances", "frames", "quality", "disable"))
    output.done(report.to_dict(), result=format_motion(report))
    return 0


BENCHES: dict[str, tuple[str, Callable, Callable]] = {
    "rd": ("rate and PSNR against x265, with BD-rates", _add_rd, _rd),
    "gop": ("bits and level of each frame of a coded file", _add_gop, _gop),
    "speed": ("frames a second, stages and memory", _add_speed, _speed),
    "run": ("measure a set of sequences against x265, SVT-AV1 and VVenC", _add_run, _run),
    "report": ("write the page of a run", _add_report, _report),
    "compare": ("BD-rates of one run against another", _add_compare, _compare),
    "sequences": ("known sets, what a folder has of them, and sets of your own", _add_sequences, _sequences),
    "motion": ("prediction and motion bits over distance", _add_motion, _motion),
}
