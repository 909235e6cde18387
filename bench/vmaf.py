"""VMAF and VMAF-NEG by the ffmpeg binary's libvmaf, frame by frame.

Netflix, "Toward a better quality metric for the video community" (2020) for NEG: it does not reward sharpening.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nvc.bench.child import ffmpeg_exe, file_url, run
from nvc.errors import CorruptError

_MODELS = "version=vmaf_v0.6.1:name=vmaf|version=vmaf_v0.6.1neg:name=vmaf_neg"  # ffmpeg-python escapes it


@dataclass(frozen=True, slots=True)
class Vmaf:
    """Means over frames of VMAF and VMAF-NEG (0..100), and each frame's values."""

    vmaf: float
    vmaf_neg: float
    by_frame: tuple[tuple[float, float], ...]


def vmaf_command(source: str, decoded: str, frames: int, log: str) -> list[str]:
    """The ffmpeg command line. The distorted file comes first: the measure is not symmetric.

    Frames are paired by their number: with each file's own times, a raw stream (which has none) is paired off by one.
    """
    import ffmpeg

    a, b = (
        ffmpeg.input(name, noautorotate=None)["v:0"]
        .filter("settb", "AVTB")
        .filter("setpts", "N")
        .filter("trim", end_frame=frames)
        for name in (decoded, source)
    )
    # endall: a file that ends early ends the measure; by default its last frame would be repeated in silence
    graph = ffmpeg.filter(
        [a, b], "libvmaf", model=_MODELS, n_threads=1, log_fmt="json", log_path=log, eof_action="endall"
    )
    return graph.output("-", f="null").global_args("-nostdin", "-v", "error").compile(cmd=ffmpeg_exe())


def measure_vmaf(source: str | Path, decoded: str | Path, frames: int) -> Vmaf:
    """VMAF of a decoded file against the first ``frames`` frames of its source.

    frames   how many frames both have; planes.quality_by_frame has counted them
    Raises CorruptError if another number was measured.
    """
    with tempfile.TemporaryDirectory(prefix="nvc-vmaf-") as work:
        log = Path(work) / "vmaf.json"
        run(vmaf_command(file_url(source), file_url(decoded), frames, str(log)), threads=1)
        found = json.loads(log.read_text())["frames"]
    if len(found) != frames:
        raise CorruptError(f"{decoded}: VMAF saw {len(found)} frames, expected {frames}", frames=len(found))
    values = tuple((float(f["metrics"]["vmaf"]), float(f["metrics"]["vmaf_neg"])) for f in found)
    a, b = (sum(column) / frames for column in zip(*values, strict=True))
    return Vmaf(a, b, values)
