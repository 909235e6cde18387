"""``nvc encode IN OUT``."""

import argparse

from nvc.cli.options import add_common, add_range, limits_of, positive, settings_of, whole
from nvc.cli.output import Output
from nvc.types import PRESETS

TOOLS = "networks, merge, obmc, scenecut, rdoq, bipred, mirror, split, stills, mctf, alf, contexts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of encode."""
    parser.add_argument("input", metavar="IN", help="a video; - reads y4m from stdin; .yuv needs --raw")
    parser.add_argument("output", metavar="OUT", help=".nvc, or layered also .mp4 or .mkv")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("-q", "--quality", type=whole(0), metavar="0..63", help="higher is better and larger (32)")
    rate.add_argument("--bitrate", type=positive, metavar="KBPS", help="kbit/s of video, by passes before the encode")
    rate.add_argument("--target-psnr", type=positive, metavar="DB", help="mean PSNR 6:1:1 of the frames, the same way")
    parser.add_argument("--mode", choices=("neural", "layered"), help="neural; layered for .mp4 and .mkv")
    parser.add_argument("--structure", choices=("ra", "ld", "intra"), help="hierarchical B, low delay, or I only (ra)")
    parser.add_argument("--keyint", type=whole(1), metavar="N", help="frames from one I frame to the next (64)")
    parser.add_argument("--mini-gop", type=whole(1), metavar="N", help="8, 16 or 32 (16)")
    add_range(parser)
    parser.add_argument("--preset", choices=PRESETS, help="effort of the encoder in neural mode (medium)")
    parser.add_argument(
        "--intra", choices=("auto", "hevc", "vvc"), help="coder of I frames; auto: vvc if it can (auto)"
    )
    parser.add_argument("--base", choices=("hevc",), help="base of layered mode (hevc)")
    parser.add_argument("--base-preset", metavar="P", help="preset of the base's encoder (medium)")
    parser.add_argument("--video-stream", type=whole(0), default=0, metavar="N", help="which video stream (0)")
    parser.add_argument("--no-audio", action="store_true", help="leave sound out")
    parser.add_argument("--hash", action="store_true", default=None, help="store a hash of each decoded frame")
    parser.add_argument("--disable", action="append", metavar="TOOL", help=f"switch a tool off: {TOOLS}")
    parser.add_argument("--raw", metavar="WxH@FPS[:FORMAT]", help="what a .yuv input is, like 416x240@50:yuv420p")
    parser.add_argument("--resume", action="store_true", help="go on with the .part of a .nvc that was cut off")
    parser.add_argument("--verify", action="store_true", help="decode what was written and compare")
    add_common(parser)


def neural_only(args: argparse.Namespace) -> list[str]:
    """Options that were given and mean nothing in layered mode."""
    given = {"--mini-gop": args.mini_gop, "--intra": args.intra, "--preset": args.preset, "--hash": args.hash}
    tools = [f"--disable {tool}" for tool in args.disable or () if tool != "networks"]
    return [name for name, value in given.items() if value is not None] + tools


def run(args: argparse.Namespace, output: Output) -> int:
    """Encode one file."""
    from nvc.pipeline import encode_file
    from nvc.pipeline.paths import choose_mode

    if choose_mode(args.output, args.mode) == "layered" and (unused := neural_only(args)):
        output.warning(f"no effect in layered mode: {', '.join(unused)}")
    result = encode_file(
        args.input,
        args.output,
        settings_of(args),
        mode=args.mode,
        start=args.start,
        frames=args.frames,
        video_stream=args.video_stream,
        audio=not args.no_audio,
        raw=args.raw,
        overwrite=args.overwrite,
        resume=args.resume,
        verify=args.verify,
        bitrate=args.bitrate,
        target_psnr=args.target_psnr,
        limits=limits_of(args),
        progress=output.event,
    )
    text = (
        f"{args.output}: {result.frames} frames in {result.seconds:.1f} s ({result.fps:.2f} fps), "
        f"{result.bytes:,} bytes, video {result.video_bytes:,} bytes = {result.bitrate_kbps:,.1f} kbit/s"
    )
    output.done(result.to_dict(), text + (", verified" if args.verify else ""))
    return 0
