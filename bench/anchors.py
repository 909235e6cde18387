"""x265 as the anchor: command lines at its best fitting use, measured on decoded streams, cached on disk.

x265 runs single-threaded inside: with its default threads it lost 3.1 % here and its bytes depend on the machine.
Its information message (some 2.3 kB at each key picture) is off; GOPs are closed and as long as ours.
"""

import hashlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from nvc.bench.child import ffmpeg_exe, ffmpeg_version, file_url, run
from nvc.bench.planes import Quality, mean_quality, probe_picture, quality_by_frame
from nvc.errors import OutputError, UsageError

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
CRFS = (20, 24, 28, 32, 36, 40)
_SINGLE = "info=0:log-level=none:pools=none:frame-threads=1:wpp=0"
_LOW_DELAY = "bframes=0:b-adapt=0:rc-lookahead=0:no-cutree=1"
_MEASURE = 1  # raise this when the way a point is measured changes: older entries of the cache are then not used


@dataclass(frozen=True, slots=True)
class Point:
    """One measured point of a curve.

    setting   CRF of the anchor, quality index of ours
    bytes     of the whole coded file: elementary stream of x265, audio-free file of ours
    quality   mean PSNR over frames, of the decoded file against the source
    seconds   wall time of the encode, with whatever ran beside it
    command   command line of the encode; SOURCE and OUT stand for the files
    """

    setting: int
    bytes: int
    quality: Quality
    seconds: float
    command: str

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Anchor:
    """How x265 is asked: preset, distance of key pictures, our structure that it must match."""

    preset: str = "medium"
    keyint: int = 32
    structure: str = "ra"
    open_gop: bool = False

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UsageError(f"anchor must be one of {', '.join(PRESETS)}, got {self.preset!r}")

    @property
    def params(self) -> str:
        """Value of -x265-params. ld has no B frames and no look-ahead, intra a key picture at each frame."""
        keyint = 1 if self.structure == "intra" else self.keyint
        gop = f"keyint={keyint}:min-keyint={keyint}:scenecut=0:open-gop={int(self.open_gop)}"
        return ":".join([gop, *([_LOW_DELAY] if self.structure == "ld" else []), _SINGLE])

    @property
    def name(self) -> str:
        """For tables: x265 and what differs from a plain run."""
        words = ["x265", self.preset]
        words += ["low delay"] if self.structure == "ld" else []
        words += ["open GOP"] if self.open_gop else []
        return " ".join(words)

    def command(self, source: str, out: str, crf: float, frames: int | None, pixel_format: str) -> list[str]:
        """The ffmpeg command line; source and out are names as ffmpeg takes them."""
        import ffmpeg

        limit = {} if frames is None else {"frames:v": frames}
        options = {
            "c:v": "libx265",
            "preset": self.preset,
            "tune": "psnr",
            "crf": crf,
            "x265-params": self.params,
            "pix_fmt": pixel_format,
            "fps_mode": "passthrough",
            "f": "hevc",
        }
        video = ffmpeg.input(source, noautorotate=None)["v:0"]
        stream = video.output(out, an=None, sn=None, dn=None, **limit, **options)
        return stream.global_args("-nostdin", "-v", "error").overwrite_output().compile(cmd=ffmpeg_exe())


@lru_cache(maxsize=1)
def x265_version() -> str:
    """Version of the x265 inside the ffmpeg binary, in its own words."""
    command = [ffmpeg_exe(), "-hide_banner", "-nostdin", "-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1"]
    words = run([*command, "-c:v", "libx265", "-f", "null", "-"], threads=1).stderr.decode(errors="replace")
    found = re.search(r"HEVC encoder version (\S+)", words)
    return found.group(1) if found else "unknown"


def cache_folder() -> Path:
    """Where points of x265 are kept: $NVC_CACHE, else $XDG_CACHE_HOME/nvc, else ~/.cache/nvc; then x265."""
    if own := os.environ.get("NVC_CACHE"):
        return Path(own) / "x265"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nvc" / "x265"


def content_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode_x265(source: str | Path, out: str | Path, anchor: Anchor, crf: float, frames: int | None) -> float:
    """Encode the first ``frames`` of ``source`` to the elementary stream ``out``; seconds of wall time."""
    command = anchor.command(file_url(source), file_url(out), crf, frames, probe_picture(source).pixel_format)
    start = time.perf_counter()
    run(command, threads=1)
    return time.perf_counter() - start


def x265_point(source: str | Path, anchor: Anchor, crf: int, frames: int | None, cache: Path | None) -> Point:
    """Rate and quality of x265 at one CRF, measured on the decoded elementary stream.

    source   any video; frames   how many from its start, None = all
    cache    folder of kept points, None = measure anew. The key holds the source's content, the whole command line and
             the versions, so nothing stale is ever used.
    """
    form = probe_picture(source).pixel_format
    command = " ".join(["ffmpeg", *anchor.command("SOURCE", "OUT", crf, frames, form)[1:]])
    key = json.dumps([_MEASURE, content_hash(source), command, ffmpeg_version(), x265_version()])
    entry = cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json" if cache else None
    if entry and (kept := _read_point(entry)):
        return kept
    with tempfile.TemporaryDirectory(prefix="nvc-x265-") as work:
        out = Path(work) / "anchor.hevc"
        seconds = encode_x265(source, out, anchor, crf, frames)
        quality = mean_quality(quality_by_frame(source, out, frames))
        point = Point(crf, out.stat().st_size, quality, round(seconds, 3), command)
    if entry:
        _write_point(entry, point)
    return point


def _read_point(entry: Path) -> Point | None:
    """A kept point, or None where there is none or it cannot be read."""
    try:
        values = json.loads(entry.read_text())
        return Point(**{**values, "quality": Quality(**values["quality"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write_point(entry: Path, point: Point) -> None:
    """Keep a point; written beside and renamed, since several processes share the folder."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=entry.parent, suffix=".part", delete=False) as file:
            json.dump(point.to_dict(), file)
        os.replace(file.name, entry)
    except OSError as error:
        raise OutputError(f"cannot keep x265 results in {entry.parent}: {error.strerror}") from error


def curve(points: Sequence[Point], name: str) -> list[tuple[float, float]]:
    """(bytes, dB) of points for bd_rate; name is psnr_y or psnr_611."""
    return [(point.bytes, getattr(point.quality, name)) for point in points]


def crf_for_bytes(points: Sequence[tuple[float, int]], wanted: int) -> float:
    """CRF at which an encoder makes ``wanted`` bytes, between or beyond its points; one decimal, 0 to 51.

    points   (CRF, bytes) of different CRFs, at least 2
    The rate is close to exponential in CRF, so log bytes are followed along a straight line through the two nearest.
    """
    near = sorted(points, key=lambda point: abs(math.log(point[1] / wanted)))[:2]
    (low, more), (high, fewer) = sorted(near)
    share = math.log(wanted / more) / math.log(fewer / more) if fewer != more else 0.0
    return min(51.0, max(0.0, round(low + share * (high - low), 1)))
