"""XPSNR by the ffmpeg binary's filter of that name, frame by frame.

Helmrich, Siekmann, Becker, Bosse, Marpe, Wiegand, "XPSNR: a low-complexity extension of the perceptually weighted peak
signal-to-noise ratio for high-resolution video quality assessment", ICASSP 2020. Binaries without the filter exist.
"""

import re
import tempfile
from functools import lru_cache
from pathlib import Path

from nvc.bench.child import ffmpeg_exe, file_url, run
from nvc.errors import CorruptError
from nvc.metrics import PSNR_CAP

_ROW = re.compile(r"^n:\s*(\d+)\s+XPSNR y:\s*(\S+)", re.M)
# The filter was seen to read 0.005 dB of pictures that are fine; nothing that a coder makes comes near.
_BROKEN_DB = 1.0


@lru_cache(maxsize=1)
def has_xpsnr() -> bool:
    """Whether the ffmpeg binary has the filter."""
    return b" xpsnr " in run([ffmpeg_exe(), "-hide_banner", "-filters"]).stdout


def xpsnr_command(source: str, decoded: str, frames: int, log: str) -> list[str]:
    """The ffmpeg command line. Frames are paired by their number, as for VMAF; the distorted file comes first."""
    import ffmpeg

    a, b = (
        ffmpeg.input(name, noautorotate=None)["v:0"]
        .filter("settb", "AVTB")
        .filter("setpts", "N")
        .filter("trim", end_frame=frames)
        for name in (decoded, source)
    )
    graph = ffmpeg.filter([a, b], "xpsnr", stats_file=log, eof_action="endall")
    return graph.output("-", f="null").global_args("-nostdin", "-v", "error").compile(cmd=ffmpeg_exe())


def measure_xpsnr(source: str | Path, decoded: str | Path, frames: int) -> tuple[float, ...] | None:
    """XPSNR of each frame's luma in dB, at most 100; None where the filter is missing or what it says cannot be.

    source, decoded   files of one pixel format: where they differ ffmpeg converts between, and the filter fails
    frames            how many frames both have
    Raises CorruptError if another number was measured.
    """
    if not has_xpsnr():
        return None
    with tempfile.TemporaryDirectory(prefix="nvc-xpsnr-") as work:
        log = Path(work) / "xpsnr.log"
        run(xpsnr_command(file_url(source), file_url(decoded), frames, str(log)), threads=1)
        values = parse_log(log.read_text())
    if len(values) != frames:
        raise CorruptError(f"{decoded}: XPSNR saw {len(values)} frames, expected {frames}", frames=len(values))
    return None if min(values) < _BROKEN_DB else values


def parse_log(text: str) -> tuple[float, ...]:
    """Luma of each frame from the filter's log; equal frames read "inf", which becomes the cap."""
    return tuple(min(float(value), PSNR_CAP) for _, value in _ROW.findall(text))
