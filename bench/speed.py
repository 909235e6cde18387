"""``nvc bench speed``: frames a second, share of each stage and peak memory, beside what the machine itself can do."""

import json
import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nvc.bench import sample_path
from nvc.bench.child import ffmpeg_exe, file_url, module_command, run
from nvc.errors import UsageError

SIZES = ("416x240", "832x480", "1920x1080")
# (pixels, frames): sizes up to so many pixels take so many frames, each a whole number of mini-GOPs behind an I frame
_FRAMES = ((200_000, 97), (1_000_000, 33), (float("inf"), 17))
Emit = Callable[[dict], None]


@dataclass(frozen=True, slots=True)
class JobSpeed:
    """One encode or decode in a process of its own.

    frames, seconds  coded frames and the wall time they took, reading and writing included
    startup          seconds of imports, tables and compiled loops before it, which a short job pays too
    stages           seconds by stage; what no stage claims is "other"
    peak_bytes       largest resident memory of the process
    """

    frames: int
    seconds: float
    startup: float
    stages: dict[str, float]
    peak_bytes: int

    @property
    def fps(self) -> float:
        """Frames a second without the start."""
        return self.frames / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class SizeSpeed:
    """Encode and decode of one size; bytes of the coded file."""

    width: int
    height: int
    bytes: int
    encode: JobSpeed
    decode: JobSpeed


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """What ``nvc bench speed`` measured.

    load          the system's mean number of running processes in the minute before, None where it tells none
    convolution   GFLOP/s of the machine by name ("bf16, 1 thread")
    """

    machine: str
    threads: int
    quality: int
    sizes: tuple[SizeSpeed, ...]
    convolution: dict[str, float]
    load: float | None = None

    def to_dict(self) -> dict:
        """Plain values for JSON, with fps in each job."""
        found = asdict(self)
        for entry, size in zip(found["sizes"], self.sizes, strict=True):
            for name in ("encode", "decode"):
                entry[name]["fps"] = getattr(size, name).fps
        return found


def run_speed(
    *,
    sizes: Sequence[str] = SIZES,
    frames: int | None = None,
    threads: int = 0,
    quality: int = 32,
    structure: str = "ra",
    preset: str = "medium",
    device: str = "auto",
    precision: str = "auto",
    disable: Iterable[str] = (),
    emit: Emit | None = None,
) -> SpeedReport:
    """Encode and decode the sample clip at each size, in processes of their own.

    sizes     "WIDTHxHEIGHT"
    frames    frames of each clip; None takes 97, 33 or 17 by size
    threads   0 = all cores
    emit      called with one dict for each finished size
    Raises UsageError for a size that cannot be read.
    """
    settings = {"quality": quality, "structure": structure, "preset": preset, "threads": threads,
                "device": device, "precision": precision, "disable": sorted(disable)}  # fmt: skip
    wanted = [parse_size(size) for size in sizes]
    found, load = [], _load()
    with tempfile.TemporaryDirectory(prefix="nvc-speed-") as work:
        for width, height in wanted:
            count = frames or next(n for pixels, n in _FRAMES if width * height <= pixels)
            found.append(_measure_size(Path(work), width, height, count, settings))
            if emit:
                emit({"type": "progress", "done": len(found), "total": len(wanted), **_brief(found[-1])})
        peaks = _worker({"job": "convolution", "threads": (1, 2)}, 2)
    return SpeedReport(_machine(), threads or os.cpu_count() or 1, quality, tuple(found), peaks, load)


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of "WIDTHxHEIGHT"."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip())
    if not found or not all(16 <= int(side) <= 16384 for side in found.groups()):
        raise UsageError(f"a size is WIDTHxHEIGHT with sides from 16 to 16384, got {text!r}")
    return int(found[1]), int(found[2])


def make_clip(out: Path, width: int, height: int, frames: int) -> None:
    """Write the first frames of the sample clip at a size as y4m; the scaler's exact rounding, so the same anywhere."""
    scale = f"scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,format=yuv420p"
    command = [ffmpeg_exe(), "-nostdin", "-v", "error", "-stream_loop", "-1", "-i", file_url(sample_path()), "-an"]
    run([*command, "-vf", scale, "-frames:v", str(frames), "-f", "yuv4mpegpipe", file_url(out)])


def _measure_size(work: Path, width: int, height: int, frames: int, settings: dict) -> SizeSpeed:
    clip, coded, decoded = work / "clip.y4m", work / "coded.nvc", work / "decoded.y4m"
    for path in (clip, coded, decoded):
        path.unlink(missing_ok=True)
    make_clip(clip, width, height, frames)
    threads = settings["threads"] or None
    encode = _worker({"job": "encode", "source": str(clip), "out": str(coded), "settings": settings}, threads)
    decode = _worker({"job": "decode", "source": str(coded), "out": str(decoded), "settings": settings}, threads)
    return SizeSpeed(width, height, coded.stat().st_size, JobSpeed(**encode), JobSpeed(**decode))


def _worker(job: dict, threads: int | None) -> dict:
    """Run one job in a process of its own; what it says on its last line."""
    done = run(module_command("nvc.bench.speed_worker", json.dumps(job)), threads=threads)
    return json.loads(done.stdout.decode().strip().splitlines()[-1])


def _brief(size: SizeSpeed) -> dict:
    return {"size": f"{size.width}x{size.height}", "encode_fps": size.encode.fps, "decode_fps": size.decode.fps}


def _machine() -> str:
    """Name of the processor where the system tells it, and the number of its cores."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        name = found.group(1) if found else name
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores"


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def format_speed(report: SpeedReport) -> str:
    """The report as text, ready to print; no trailing newline."""
    lines = [
        f"{report.machine}; {report.threads} threads, quality {report.quality}; the sample clip scaled to each size",
        f"{'size':<11}{'job':<8}{'frames':>7}{'fps':>9}{'Mpx/s':>8}{'start s':>9}{'peak MiB':>10}  share of each stage",
    ]
    if report.load is not None:
        lines.insert(
            1, f"load of the machine before: {report.load:.1f}; fps without the start, which a process pays once"
        )
    for size in report.sizes:
        for name in ("encode", "decode"):
            lines.append(_row(size, name, getattr(size, name)))
    peaks = ", ".join(f"{name}: {value:.0f}" for name, value in report.convolution.items())
    lines.append(f"this machine's own 3x3 convolution, GFLOP/s (64 channels, channels last): {peaks}")
    return "\n".join(lines)


def _row(size: SizeSpeed, name: str, job: JobSpeed) -> str:
    total = sum(job.stages.values()) or 1
    shares = sorted(job.stages.items(), key=lambda item: -item[1])
    words = ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in shares if seconds / total >= 0.005)
    pixels = job.fps * size.width * size.height / 1e6
    head = f"{f'{size.width}x{size.height}':<11}{name:<8}{job.frames:>7}{job.fps:>9.2f}{pixels:>8.2f}"
    return f"{head}{job.startup:>9.1f}{job.peak_bytes / 2**20:>10.0f}  {words}"
