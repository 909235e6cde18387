"""``nvc info IN``."""

import argparse

from nvc.cli.options import add_common, device_of, limits_of
from nvc.cli.output import Output

_MODES = {"plain": "plain base"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of info."""
    parser.add_argument("input", metavar="IN", help="what nvc encode wrote; - reads .nvc from stdin")
    parser.add_argument("--units", action="store_true", help="list every unit of the file")
    add_common(parser)


def run(args: argparse.Namespace, output: Output) -> int:
    """Say what one file holds. The bits of each picture need decoding, so they are counted for --json only."""
    from nvc.pipeline import probe_file

    found = probe_file(args.input, bits=args.json, units=args.units, limits=limits_of(args), **device_of(args))
    for warning in found["warnings"] if not args.json else ():
        output.warning(warning)
    output.bare(found, text_of(found))
    return 0


def text_of(found: dict) -> str:
    """What probe_file found, as text: facts, then I periods, then units where they were asked for."""
    fps = f"{found['fps']:.6g} fps" if found["fps"] else "variable frame rate"
    length = "unknown" if found["duration"] is None else f"{found['duration']:.3f} s"
    kilobits = ""
    if found["duration"]:
        kilobits = f" = {found['video_bytes'] * 8 / 1000 / found['duration']:,.1f} kbit/s"
    asked = [f"{name} {found[name]}" for name in ("structure", "keyint", "quality") if found[name] is not None]
    lines = [
        f"format      {', '.join([found['format'], _MODES.get(found['mode'], found['mode']), *asked])}",
        f"picture     {found['width']}x{found['height']}, {found['bit_depth']} bit, {fps}",
        f"length      {found['frames']} frames, {length}",
        f"weights     {found['weights']}",
        f"off         {', '.join(found['disabled']) or 'nothing'}",
        f"bytes       {found['bytes']:,}: video {found['video_bytes']:,}{kilobits}, "
        f"of it framing {found['overhead_bytes']:,}",
    ]
    if found["enhancement"] is not None:
        lines.append(f"enhancement {found['enhancement']}")
    lines += [f"carried     {stream['kind']} {stream['codec']}" for stream in found["carried"]]
    lines.append("")
    lines.append(f"{'I frame':>8}{'frames':>8}{'bytes':>12}{'bits/frame':>12}")
    for gop in found["gops"]:
        rate = 8 * gop["bytes"] / gop["frames"]
        lines.append(f"{gop['start']:>8}{gop['frames']:>8}{gop['bytes']:>12,}{rate:>12,.0f}")
    if "units" in found:
        lines += ["", f"{'offset':>10}{'bytes':>10}  unit"]
        lines += [f"{_number(u['offset'])}{_number(u['bytes'])}  {u['what']}" for u in found["units"]]
    return "\n".join(lines)


def _number(value: int | None) -> str:
    return f"{'-' if value is None else value:>10}"
