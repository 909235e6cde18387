"""Words and numbers that page and Markdown share."""

from nvc.bench.compare import METRICS
from nvc.bench.lines import LINES, line_by_id
from nvc.metrics.bdrate import GOOD_POINTS, MIN_OVERLAP

HEADLINES = tuple((line.id, line.against[0]) for line in LINES if line.is_ours)


def percent(value: float | None) -> str:
    """A BD-rate with a true minus sign; a dash where there is none."""
    return "–" if value is None else f"{value:+.1f} %".replace("-", "−")


def marks(one: dict) -> list[str]:
    """What weakens a comparison: few points, little overlap, a curve that does not rise, another way of joining."""
    found = []
    if not one["monotone"]:
        found.append("a curve does not rise with its rate")
    if one["overlap"] < MIN_OVERLAP:
        found.append(f"the curves overlap by {one['overlap']:.0%}")
    if min(one["test_points"], one["anchor_points"]) < GOOD_POINTS:
        found.append(f"{min(one['test_points'], one['anchor_points'])} points")
    if one["akima"] is not None and abs(one["akima"] - one["percent"]) > 1.5:
        found.append(f"by Akima's curve it is {percent(one['akima'])}")
    return found or ([one["reason"]] if one["reason"] else [])


def conditions(results: dict) -> str:
    """Frames and key pictures of a run."""
    profile = results["profile"]
    frames = "all frames" if profile["frames"] is None else f"{profile['frames']} frames of each"
    return f"{frames}, an I frame every {profile['keyint']}"


def claims(results: dict) -> list[tuple[str, str, str]]:
    """(number, what it says, what stands behind it) for each headline comparison of a run."""
    found = []
    for test, anchor in HEADLINES:
        mean = mean_of(results, test, anchor, "psnr_611")
        if mean is None:
            continue
        says = f"{line_by_id(test).name} against {line_by_id(anchor).name}"
        found.append((_number(mean), says, _behind(mean)))
    return found


def _number(mean: dict) -> str:
    if mean["percent"] is not None:
        return percent(mean["percent"])
    return "no mean" if mean["sequences"] > 1 else "no number"


def _behind(mean: dict) -> str:
    words = METRICS[mean["metric"]]
    if mean["sequences"] == 1:
        words += ", one sequence" + (f": {mean['worst_sequence']}" if mean["worst_sequence"] else "")
    elif mean["sequences"]:
        words += f", mean of {mean['sequences']} natural sequences"
        words += "; one of them has no number" if mean["percent"] is None else ""
    if mean["sequences"] > 1 and mean["worst"] is not None:
        words += f"; worst {percent(mean['worst'])} ({mean['worst_sequence']})"
        words += f", best {percent(mean['best'])} ({mean['best_sequence']})"
    for name, value in mean["screen"]:
        words += f"; apart: {name} {percent(value)}"
    return words


def mean_of(results: dict, test: str, anchor: str, metric: str) -> dict | None:
    """The mean of a comparison by one metric, or None where it was not measured."""
    key = (test, anchor, metric)
    return next((m for m in results["means"] if (m["test"], m["anchor"], m["metric"]) == key), None)


def pairs_of(results: dict) -> list[tuple[str, str]]:
    """(test, anchor) of every comparison of a run: headlines first."""
    pairs = dict.fromkeys((one["test"], one["anchor"]) for one in results["comparisons"])
    return sorted(pairs, key=lambda p: (HEADLINES.index(p) if p in HEADLINES else len(HEADLINES), list(pairs).index(p)))


def sequences_of(results: dict) -> list[str]:
    """Names of the sequences that have points: natural ones, then screen content."""
    measured = dict.fromkeys(point["sequence"] for point in results["points"])
    screen = {s["name"]: s["screen"] for s in results["sequences"]}
    return sorted(measured, key=lambda name: screen[name])


def speeds(results: dict) -> list[dict]:
    """Frames a second of each line and picture size: all frames of its points over all seconds."""
    pictures = {s["name"]: s["picture"] for s in results["sequences"] if s["picture"]}
    sizes = {name: f"{p['width']}x{p['height']}" for name, p in pictures.items()}
    sums: dict[tuple[str, str], list[float]] = {}
    for point in results["points"]:
        entry = sums.setdefault((point["line"], sizes[point["sequence"]]), [0, 0.0, 0.0])
        entry[0] += point["frames"]
        entry[1] += point["encode_seconds"]
        entry[2] += point["decode_seconds"]
    order = [line.id for line in LINES]
    found = []
    for (line, size), (frames, encode, decode) in sorted(sums.items(), key=lambda i: (order.index(i[0][0]), i[0][1])):
        found.append({"line": line, "size": size, "encode": frames / encode if encode else 0.0,
                      "decode": frames / decode if decode else 0.0})  # fmt: skip
    return found


METHOD = (
    "Every file is written to disk, decoded by a process of its own, and compared frame by frame with its source; "
    "frames are counted on both sides. Bytes are those of the whole coded file: of ours with head, index and sums, of "
    "x265 and VVenC the elementary stream, of SVT-AV1 the packets without the IVF file around them. PSNR is the mean "
    "over frames; 6:1:1 is (6 Y + U + V) / 8. BD-rate is by piecewise cubic Hermite curves over log rate; a negative "
    "number means fewer bits at equal quality. Every coder runs with one thread inside. VVenC codes 8-bit sources as "
    "10 bit, its decoded frames are rounded. MS-SSIM and XPSNR are of luma, means over frames: MS-SSIM as "
    "-10 lg (1 - mean) dB, XPSNR by ffmpeg's filter. VMAF rewards sharpening, so VMAF-NEG and PSNR stand beside it."
)
