"""``nvc train prepare|run|plot|export|contexts|measure|enhance``: words to calls of nvc.train, nothing more."""

import argparse
from pathlib import Path

from nvc.cli import train_enhance
from nvc.cli.options import add_common, minutes, settings_of, whole
from nvc.cli.output import Output
from nvc.errors import InputError, UsageError
from nvc.types import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of training and their options."""
    steps = parser.add_subparsers(dest="train", metavar="STEP", required=True)
    _add_prepare(steps.add_parser("prepare", help="make samples of a folder of clips"))
    _add_run(steps.add_parser("run", help="train a stage, or all"))
    _add_plot(steps.add_parser("plot", help="draw the curve of a run"))
    _add_export(steps.add_parser("export", help="write the weights that nvc uses"))
    _add_contexts(steps.add_parser("contexts", help="train the context networks and add them to the weights"))
    _add_measure(steps.add_parser("measure", help="what tools bring on the clips held out for validation"))
    train_enhance.add_arguments(steps.add_parser("enhance", help="the same for the enhancement"))


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="videos (.mkv); every tenth is held out for validation")
    parser.add_argument("--out", metavar="DIR", default="train-data", help="folder for the samples (train-data)")
    parser.add_argument("--clips", type=whole(1), metavar="N", help="most clips to use (all)")
    parser.add_argument("--workers", type=whole(1), metavar="N", default=1, help="processes (1)")
    add_common(parser)
    parser.set_defaults(train_run=_prepare)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", metavar="STAGE|all", help="stage to run")
    parser.add_argument("--data", metavar="DIR", required=True, help="what nvc train prepare made")
    parser.add_argument("--out", metavar="DIR", default="train-run", help="folder of the run (train-run)")
    parser.add_argument("--minutes", type=minutes, metavar="N", help="wall time in all (each stage's own steps)")
    parser.add_argument("--steps", type=whole(1), metavar="N", help="steps of each stage instead")
    parser.add_argument("--workers", type=whole(1), metavar="N", default=1, help="processes, one thread each (1)")
    parser.add_argument("--weights", metavar="FILE", help="weights to begin with")
    parser.add_argument("--seed", type=whole(0), metavar="N", help="of what is drawn (1)")
    parser.add_argument("--overfit", action="store_true", help="learn one clip only, to see that networks can learn")
    add_common(parser)
    parser.set_defaults(train_run=_run)


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", dest="folder", metavar="DIR", default="train-run", help="folder of the run (train-run)"
    )
    add_common(parser)
    parser.set_defaults(train_run=_plot)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", dest="folder", metavar="DIR", default="train-run", help="folder of the run (train-run)"
    )
    parser.add_argument("--data", metavar="DIR", help="samples to fit the tables on (those of the stage)")
    parser.add_argument("--stage", metavar="STAGE", help="stage whose weights to take (the last that ended)")
    parser.add_argument("--out", metavar="DIR", help="folder of weights (nvc/weights)")
    add_common(parser)
    parser.set_defaults(train_run=_export)


def _add_contexts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="videos (.mkv); every tenth is held out for validation")
    parser.add_argument("--weights", metavar="FILE", help="weights to add them to (those that nvc takes)")
    parser.add_argument("--minutes", type=minutes, metavar="N", default=7.0, help="processor time of training (7)")
    parser.add_argument("--workers", type=whole(1), metavar="N", default=1, help="processes (1)")
    parser.add_argument("--out", metavar="DIR", help="folder of weights (nvc/weights)")
    add_common(parser)
    parser.set_defaults(train_run=_contexts)


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="videos (.mkv); every tenth is held out for validation")
    parser.add_argument("--preset", choices=PRESETS, help="effort (medium)")
    parser.add_argument("--intra", choices=("auto", "hevc", "vvc"), help="what codes I frames (auto)")
    parser.add_argument("--disable", action="append", metavar="TOOL", help="switch a tool off")
    parser.add_argument(
        "--without", action="append", metavar="TOOL", default=[], help="code without it too and compare"
    )
    parser.add_argument("--weights", metavar="FILE", help="weights to code with (those that nvc takes)")
    parser.add_argument("--workers", type=whole(1), metavar="N", default=1, help="processes (1)")
    add_common(parser)
    parser.set_defaults(train_run=_measure)


def run(args: argparse.Namespace, output: Output) -> int:
    """Run one step of training."""
    output.begin(args.train)
    return args.train_run(args, output)


def _note(output: Output):
    return lambda text: output.note({"type": "progress", "message": text}, text)


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise InputError(f"folder {folder} is not there")
    return folder


def _prepare(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.prepare import one_thread, prepare

    one_thread()
    out = Path(args.out)
    prepare(_folder(args.folder), out, workers=args.workers, limit=args.clips, notify=_note(output))
    output.done({"output": str(out)}, f"samples in {out}")
    return 0


def _run(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.loop import Options
    from nvc.train.prepare import one_thread
    from nvc.train.run import run as run_stages

    device = _device(args.device, args.workers)
    if device == "cpu":
        one_thread()
    options = Options(
        data=_folder(args.data), out=Path(args.out), minutes=args.minutes, device=device, steps=args.steps,
        start=Path(args.weights) if args.weights else None, overfit=args.overfit, seed=args.seed,
    )  # fmt: skip
    weights = run_stages(args.stage, options, workers=args.workers, notify=_note(output))
    output.done({"weights": str(weights)}, f"weights in {weights}")
    return 0


def _device(wanted: str | None, workers: int) -> str:
    from nvc.train.prepare import training_device

    device = training_device(wanted or "auto")
    if device == "cuda" and workers > 1:
        raise UsageError("on a GPU one worker trains; leave --workers out")
    return device


def _plot(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.plot import plot

    target = plot(_folder(args.folder))
    output.done({"output": str(target)}, f"curve in {target}")
    return 0


def _export(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.export import export, last_stage, weights_folder
    from nvc.train.prepare import one_thread
    from nvc.train.run import samples_of

    one_thread()
    run = _folder(args.folder)
    out = Path(args.out) if args.out else weights_folder()
    stage = args.stage or last_stage(run)
    identity = export(run, Path(args.data) if args.data else samples_of(run, stage), out, stage)
    output.done({"weights": identity, "output": str(out)}, f"weights {identity} in {out}")
    return 0


def _contexts(args: argparse.Namespace, output: Output) -> int:
    from nvc.models.weights import find_weights
    from nvc.train.contexts import add_contexts
    from nvc.train.export import weights_folder
    from nvc.train.prepare import one_thread

    one_thread()
    weights = Path(args.weights) if args.weights else find_weights()
    out = Path(args.out) if args.out else weights_folder()
    identity = add_contexts(
        _folder(args.folder), weights, out, minutes=args.minutes, workers=args.workers, notify=_note(output)
    )
    output.done({"weights": identity, "output": str(out)}, f"weights {identity} in {out}")
    return 0


def _measure(args: argparse.Namespace, output: Output) -> int:
    from nvc.train.measure import measure_tools
    from nvc.train.prepare import one_thread

    one_thread()
    weights = Path(args.weights) if args.weights else None
    rows = measure_tools(_folder(args.folder), settings_of(args), args.without, weights, args.workers)
    for row in rows:
        if row["video"] != "mean":
            output.note({"type": "row", **row}, _line(row))
        else:
            output.done(row, result=_line(row))
    return 0


def _line(row: dict) -> str:
    """One line of ``measure`` for people."""

    def percent(rate: float | None) -> str:
        return "no number" if rate is None else f"{rate:+.2f} %"

    brings = "".join(f", {tool} brings {percent(rate)}" for tool, rate in row["without"].items())
    return f"{row['video']}: against x265 medium {percent(row['x265'])}{brings}; encoded in {row['seconds']:.1f} s"
