"""The demonstration that scripts/demo runs: the sample clip through the codec, and x265 on the same clip.

Every number comes from files: bytes as they lie on disk, PSNR of the exact decoded frames, speed as the command line
says it. x265's rate at our PSNR is interpolated (pchip over log rate) between measured points that enclose it.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import nvc
from nvc.bench import sample_path
from nvc.bench.anchors import (
    Anchor,
    Point,
    cache_folder,
    crf_for_bytes,
    curve,
    encode_x265,
    x265_point,
    x265_version,
)
from nvc.bench.ours import decode_nvc, encode_nvc
from nvc.bench.picture import Panel, side_by_side, write_png
from nvc.bench.planes import Picture, Quality, mean_quality, probe_picture, quality_by_frame, read_frame
from nvc.errors import NvcError
from nvc.metrics import interpolate_log_rate

QUALITY = 32
KEYINT = 64
_STEP, _MOST_POINTS = 3, 7
_NAMES = {"psnr_611": "6:1:1", "psnr_y": "Y"}


@dataclass(frozen=True, slots=True)
class Need:
    """What one preset of x265 needs for our PSNR: bytes by measure (None where no two points enclose it)."""

    anchor: str
    points: tuple[Point, ...]
    bytes: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything that the demonstration prints. encode and decode are the "done" objects of the command line."""

    picture: Picture
    encode: dict
    decode: dict
    quality: Quality
    needs: tuple[Need, ...]
    files: tuple[str, ...]


def run_demo(folder: str | Path, *, presets: Sequence[str] = ("medium", "veryslow"), say=print) -> DemoReport:
    """Encode, decode and measure the sample clip; leaves its files in ``folder``.

    presets   of x265; the picture shows the last one at our bytes
    say       is given each line of text as it is known
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    source, coded, shown = sample_path(), out / "sample.nvc", out / "sample-decoded.mp4"
    picture = probe_picture(source)
    with tempfile.TemporaryDirectory(prefix="nvc-demo-") as work:
        exact = Path(work) / "decoded.y4m"
        say(f"nvc {nvc.__version__}, sample clip of {picture.width}x{picture.height} with sound")
        encode = encode_nvc(source, coded, ["--quality", str(QUALITY), "--keyint", str(KEYINT)])
        say(_rate_line(encode, picture, coded))
        decode_nvc(coded, shown)
        decode = decode_nvc(coded, exact)
        quality = mean_quality(quality_by_frame(source, exact))
        say(f"  PSNR     Y {quality.psnr_y:.2f} dB, 6:1:1 {quality.psnr_611:.2f} dB; played by any player: {shown}")
        say(f"  speed    encode {encode['fps']:.2f} fps, decode {decode['fps']:.2f} fps")
        needs = _needs(presets, quality)
        for line in need_lines(needs, encode["video_bytes"]):
            say(line)
        files = [coded, shown, *_compare(out, exact, needs[-1], presets[-1], encode["video_bytes"], quality)]
    say(f"  picture  {files[-1]}")
    report = DemoReport(picture, encode, decode, quality, needs, tuple(path.name for path in files))
    (out / "report.json").write_text(json.dumps(asdict(report), indent=1, default=str) + "\n")
    return report


def _rate_line(encode: dict, picture: Picture, coded: Path) -> str:
    video, rest = encode["video_bytes"], encode["bytes"] - encode["video_bytes"]
    rate = video * 8 * float(picture.frame_rate) / encode["frames"] / 1000
    return f"  rate     {video:,} bytes of video = {rate:.1f} kbit/s, and {rest:,} bytes of sound: {coded}"


def _needs(presets: Sequence[str], quality: Quality) -> tuple[Need, ...]:
    """x265's needs for our PSNR; the presets run beside each other."""
    with ThreadPoolExecutor(len(presets)) as pool:
        return tuple(pool.map(lambda preset: _need(preset, quality), presets))


def _need(preset: str, quality: Quality) -> Need:
    anchor = Anchor(preset, KEYINT)

    def measure(crf: int) -> Point:
        return x265_point(sample_path(), anchor, crf, None, cache_folder())

    points = enclosing_points(measure, quality, first=round(47 - 0.44 * QUALITY))
    need = {name: interpolate_log_rate(curve(points, name), getattr(quality, name)) for name in _NAMES}
    return Need(anchor.name, points, need)


def enclosing_points(measure, quality: Quality, first: int) -> tuple[Point, ...]:
    """Measured points of a CRF encoder, by rising CRF, that enclose a quality by every measure.

    measure   gives the point of a CRF
    first     CRF to begin with; the search goes on in steps of 3 and ends after 7 points
    """
    found = {crf: measure(crf) for crf in (first - _STEP, first, first + _STEP)}
    while len(found) < _MOST_POINTS:
        worse, better = max(found), min(found)
        # a larger CRF gives a lower PSNR
        if any(getattr(found[worse].quality, name) > getattr(quality, name) for name in _NAMES) and worse < 51:
            crf = min(51, worse + _STEP)
        elif any(getattr(found[better].quality, name) < getattr(quality, name) for name in _NAMES) and better > 0:
            crf = max(0, better - _STEP)
        else:
            break
        found[crf] = measure(crf)
    return tuple(found[crf] for crf in sorted(found))


def need_lines(needs: Sequence[Need], ours: int) -> list[str]:
    """Text of what x265 needs for our PSNR, each measured; ours is our bytes of video."""
    lines = [f"  x265 {x265_version()} for the same PSNR, single-threaded, key picture every {KEYINT} frames:"]
    for need in needs:
        words = []
        for name, value in need.bytes.items():
            known = "not enclosed by its points" if value is None else f"{value:,.0f} bytes ({_more(ours, value)})"
            words.append(f"{_NAMES[name]}: {known}")
        lines.append(f"    {need.anchor.removeprefix('x265 '):<9}" + "; ".join(words))
    return lines


def _more(ours: int, theirs: float) -> str:
    share = ours / theirs - 1
    return f"nvc takes {abs(share):.1%} {'more' if share >= 0 else 'less'}"


def _compare(out: Path, exact: Path, need: Need, preset: str, ours: int, quality: Quality) -> list[Path]:
    """Encode x265 at our bytes and draw the middle frame of source, ours and x265; paths of what was written."""
    stream, drawn = out / f"x265-{preset}.hevc", out / "compare.png"
    crf = crf_for_bytes([(point.setting, point.bytes) for point in need.points], ours)
    encode_x265(sample_path(), stream, Anchor(preset, KEYINT), crf, None)
    theirs = mean_quality(quality_by_frame(sample_path(), stream))
    at = quality.frames // 2
    panels = [
        Panel(read_frame(sample_path(), at), ("source", f"frame {at}")),
        Panel(read_frame(exact, at), (f"nvc q {QUALITY}", _label(ours, quality))),
        Panel(read_frame(stream, at), (f"x265 {preset} crf {crf:.1f}", _label(stream.stat().st_size, theirs))),
    ]
    write_png(side_by_side(panels), drawn)
    return [stream, drawn]


def _label(size: int, quality: Quality) -> str:
    return f"{size:,} bytes, 6:1:1 {quality.psnr_611:.2f} dB"


def main(arguments: Sequence[str]) -> int:
    """``python -m nvc.bench.demo FOLDER``; exit code as of the command line."""
    try:
        run_demo(arguments[0] if arguments else "demo-out")
    except NvcError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
