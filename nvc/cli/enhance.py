"""``nvc enhance IN OUT``."""

import argparse

from nvc.cli.options import add_common, add_range, device_of, limits_of, whole
from nvc.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of enhance."""
    parser.add_argument("input", metavar="IN", help="a video that some codec coded; - reads y4m from stdin")
    parser.add_argument("output", metavar="OUT", help=".mp4 .mkv .y4m .yuv, a folder for PNG, - writes y4m to stdout")
    parser.add_argument(
        "--strength", type=strength, default="auto", metavar="auto|0..1",
        help="how far to go; auto goes by how coarsely each picture was coded (auto)",
    )  # fmt: skip
    parser.add_argument("--preset", choices=("fast", "quality"), default="fast", help="which network (fast)")
    parser.add_argument("--reference", metavar="ORIGINAL", help="say what is gained against the original")
    parser.add_argument("--codec", choices=("ffv1", "x264", "x265"), help="codec of .mp4 and .mkv (x264)")
    parser.add_argument("--crf", type=whole(0), metavar="C", help="quality of that codec, lower is better (12)")
    add_range(parser)
    parser.add_argument("--video-stream", type=whole(0), default=0, metavar="N", help="which video stream (0)")
    parser.add_argument("--raw", metavar="WxH@FPS[:FORMAT]", help="what a .yuv input is, like 416x240@50:yuv420p")
    add_common(parser)


def strength(text: str) -> float | str:
    """ "auto", or a number from 0 to 1."""
    if text == "auto":
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be auto or a number from 0 to 1, got {text!r}")
    return value


def run(args: argparse.Namespace, output: Output) -> int:
    """Enhance one file."""
    from nvc.pipeline.enhance_file import enhance_file

    result = enhance_file(
        args.input,
        args.output,
        strength=args.strength,
        preset=args.preset,
        reference=args.reference,
        codec=args.codec,
        crf=args.crf,
        start=args.start,
        frames=args.frames,
        video_stream=args.video_stream,
        raw=args.raw,
        overwrite=args.overwrite,
        limits=limits_of(args),
        progress=output.event,
        **device_of(args),
    )
    gain = ""
    if result.psnr_before is not None and result.psnr_after is not None:
        gain = f", PSNR 6:1:1 {result.psnr_before:.2f} -> {result.psnr_after:.2f} dB"
    text = f"{args.output}: {result.frames} frames in {result.seconds:.1f} s ({result.fps:.2f} fps)"
    output.done(result.to_dict(), f"{text}, strength {result.strength:.2f}{gain}")
    return 0
