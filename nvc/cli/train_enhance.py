"""``nvc train enhance prepare|run|plot|export|measure``: words to calls of nvc.train, nothing more."""

import argparse
from pathlib import Path

from nvc.cli.options import add_common, minutes, whole
from nvc.cli.output import Output
from nvc.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of training the enhancement and their options."""
    steps = parser.add_subparsers(dest="enhance", metavar="STEP", required=True)
    _add_prepare(steps.add_parser("prepare", help="code the clips of a folder with x265, x264 and SVT-AV1"))
    _add_run(steps.add_parser("run", help="train, or go on where it was stopped"))
    _add_plot(steps.add_parser("plot", help="draw the curve of a run"))
    _add_export(steps.add_parser("export", help="write the weights that nvc uses"))
    _add_measure(steps.add_parser("measure", help="gains on videos that are coded here"))


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="videos (.mkv); every tenth is held out for validation")
    parser.add_argument("--out", metavar="DIR", default="enhance-data", help="folder for the samples (enhance-data)")
    parser.add_argument("--streams", type=whole(1), metavar="N", default=2, help="ways each clip is coded (2)")
    parser.add_argument("--clips", type=whole(1), metavar="N", help="most videos of a part, one clip each (all)")
    parser.add_argument("--workers", type=whole(1), metavar="N", default=1, help="processes (1)")
    add_common(parser)
    parser.set_defaults(train_run=_prepare)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", metavar="STAGE", nargs="?", default="enhance_fast", help="stage (enhance_fast)")
    parser.add_argument("--data", metavar="DIR", required=True, help="what nvc train enhance prepare made")
    parser.add_argument("--out", metavar="DIR", default="enhance-run", help="folder of the run (enhance-run)")
    parser.add_argument("--minutes", type=minutes, metavar="N", help="processor time in all (the stage's steps)")
    add_common(parser)
    parser.set_defaults(train_run=_run)


def _add_plot(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    add_common(parser)
    parser.set_defaults(train_run=_plot)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", dest="folder", metavar="DIR", default="enhance-run", help="folder of the run (enhance-run)"
    )


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", nargs="+", metavar="SOURCE", help="originals")
    parser.add_argument("--weights", metavar="FILE", help="weights (those that ship)")
    parser.add_argument("--codec", choices=("x265", "x264", "svt-av1"), default="x265", help="what codes them (x265)")
    parser.add_argument("--preset", metavar="NAME", help="of the codec (medium; 8 of svt-av1)")
    parser.add_argument(
        "--rates", type=float, nargs="+", metavar="N", default=[27, 32, 37, 42], help="quantisers (27 32 37 42)"
    )
    parser.add_argument("--crf", action="store_true", help="rates are rate factors, not quantisers")
    parser.add_argument("--hide", action="store_true", help="do not tell the network quantiser and type")
    parser.add_argument("--full", action="store_true", help="full strength, whatever the picture")
    parser.add_argument("--frames", type=whole(1), metavar="N", default=33, help="frames of each (33)")
    add_common(parser)
    parser.set_defaults(train_run=_measure)


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("--stage", metavar="STAGE", default="enhance_fast", help="stage of the run (enhance_fast)")
    parser.add_argument("--out", metavar="DIR", help="folder of weights (nvc/weights)")
    add_common(parser)
    parser.set_defaults(train_run=_export)


def run(args: argparse.Namespace, output: Output) -> int:
    """Run one step."""
    return args.train_run(args, output)


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise InputError(f"folder {folder} is not there")
    return folder


def _prepare(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.enhance_prepare import prepare_enhance

    out = Path(args.out)
    count = prepare_enhance(_folder(args.folder), out, streams=args.streams, workers=args.workers, limit=args.clips)
    output.done({"output": str(out), "samples": count}, f"{count} samples in {out}")
    return 0


def _run(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.enhance_loop import read_stage, train_enhance

    def say(fields: dict) -> None:
        output.note({"type": "progress", **fields}, " ".join(f"{key} {value}" for key, value in fields.items()))

    stage, out = read_stage(args.stage), Path(args.out)
    train_enhance(stage, _folder(args.data), out, minutes=args.minutes, threads=args.threads or 1, say=say)
    output.done({"output": str(out)}, f"state and log in {out}")
    return 0


def _plot(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.enhance_plot import plot_enhance

    target = plot_enhance(_folder(args.folder))
    output.done({"output": str(target)}, f"curve in {target}")
    return 0


def _measure(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.enhance_measure import measure

    preset = args.preset or ("8" if args.codec == "svt-av1" else "medium")
    rows = measure(
        [Path(video) for video in args.videos], Path(args.weights) if args.weights else None, codec=args.codec,
        preset=preset, rates=args.rates, constant=not args.crf, hide=args.hide, full=args.full, frames=args.frames,
    )  # fmt: skip
    last = next(rows)  # held back: the last one, over all videos, is the result
    for row in rows:
        output.note({"type": "row", **last}, _line(last))
        last = row
    output.done(last, result=_line(last))
    return 0


def _line(row: dict) -> str:
    """One line of ``measure`` for people."""
    if "bd_rate" in row:
        worst = f", worst {row['worst']:+.1f} % ({row['worst_video']})" if "worst" in row else ""
        without = f", {row['without']} without a number" if "without" in row else ""
        rate = "no number" if row["bd_rate"] is None else f"{row['bd_rate']:+.1f} %"
        return f"{row['video']}: BD-rate {rate}{worst}{without}"
    least = f", least {row['least']:+.3f}" if "least" in row else ""
    return f"{row['video']} at {row['rate']:g}: {row['gain']:+.3f} dB{least}"


def _export(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.enhance_export import export
    from nvc.train.export import weights_folder

    out = Path(args.out) if args.out else weights_folder()
    identity = export(_folder(args.folder), out, args.stage)
    output.done({"weights": identity, "output": str(out)}, f"weights {identity} in {out}")
    return 0
