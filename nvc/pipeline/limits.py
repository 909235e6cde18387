"""Limits a user sets on what a job may take, checked before anything large is allocated."""

import os
import re
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

from nvc.errors import LimitError, UsageError
from nvc.types import Settings, StreamHeader, VideoInfo

# Resident memory before the first frame: the interpreter with NumPy, numba and PyAV loaded.
BASE_BYTES = 350_000_000
# Bytes for each luma pixel of one frame that is being coded, beside those that are kept.
_ENCODE_WORK, _DECODE_WORK, _VVENC = 160, 60, 60  # a worker's, and that of a process of VVenC
_LOOKAHEAD = 64  # frames at most
# With networks: torch loaded, and bytes for each luma pixel of a frame that is being coded.
_TORCH_BYTES, _NETWORK_ENCODE, _NETWORK_DECODE = 280_000_000, 270, 200
_SOURCE = 3  # bytes for each luma pixel of an original that waits for its decoded picture
_KEPT = 12  # bytes for each luma pixel of a kept frame: planes in 16 bit, symbols, motion


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may take; None = no limit of one's own.

    max_pixels   luma pixels of a picture
    max_frames   frames of the input
    max_memory   bytes; None takes half of what is free
    """

    max_pixels: int | None = None
    max_frames: int | None = None
    max_memory: int | None = None

    def check_size(self, info: VideoInfo) -> None:
        """Raise LimitError for a picture or a known number of frames above the limit."""
        pixels = info.width * info.height
        if self.max_pixels is not None and pixels > self.max_pixels:
            size = f"pictures of {info.width}x{info.height} have {pixels} pixels"
            raise LimitError(f"{size}, allowed are {self.max_pixels} (--max-pixels)")

    def check_frames(self, frames: int | None) -> None:
        """Raise LimitError for more frames than allowed."""
        if frames is not None and self.max_frames is not None and frames > self.max_frames:
            raise LimitError(f"there are {frames} frames or more, allowed are {self.max_frames} (--max-frames)")

    def check_memory(self, estimate: int) -> None:
        """Raise LimitError where a job needs more than it may take; ``estimate`` in bytes."""
        allowed = self.max_memory
        if allowed is None:
            free = free_memory()
            allowed = None if free is None else free // 2
        if allowed is not None and estimate > allowed:
            name = "--max-memory" if self.max_memory is not None else "half of what is free; --max-memory sets it"
            needs = f"this needs about {estimate / 1e9:.2f} GB of memory"
            raise LimitError(f"{needs}, allowed are {allowed / 1e9:.2f} ({name})")


def check_range(start: int, frames: int | None) -> None:
    """Raise UsageError for a first frame below 0, or a number of frames below 1."""
    for name, value, low in (("start", start, 0), ("frames", 1 if frames is None else frames, 1)):
        if not isinstance(value, Integral) or value < low:
            raise UsageError(f"{name} must be a whole number of {low} or more, got {value!r}")


def encode_memory(info: VideoInfo, settings: Settings) -> int:
    """Estimate in bytes of what encoding takes at its peak."""
    pixels = info.width * info.height
    held = 3
    if settings.mode == "neural" and settings.structure == "ra":
        from nvc.codec.encoder import lookahead

        # The last mini-GOP of an I period waits for the frames that the next I frame looks at.
        held = settings.mini_gop + lookahead(info, settings.structure, settings.disable)
    work = _workers(settings.threads) * _ENCODE_WORK
    if settings.mode == "layered":  # originals wait for their pictures as long as x265 looks ahead
        work += _LOOKAHEAD * (2 if info.bit_depth == 8 else 3)
    elif _takes_vvenc(settings):
        work += _workers(settings.threads) * _VVENC
    bytes_ = BASE_BYTES + pixels * (held * (_KEPT + 3) + work)
    return bytes_ + (_network_memory(pixels, settings.threads, _NETWORK_ENCODE) if uses_networks(settings) else 0)


def measure_memory(info: VideoInfo, settings: Settings) -> int:
    """Estimate in bytes of what coding takes where every picture is decoded beside and compared."""
    pixels = info.width * info.height
    waiting = settings.keyint if settings.mode == "layered" else settings.mini_gop
    decoding = waiting * (_KEPT + _SOURCE) + _workers(settings.threads) * _DECODE_WORK
    bytes_ = encode_memory(info, settings) + pixels * decoding
    return bytes_ + (pixels * _workers(settings.threads) * _NETWORK_DECODE if uses_networks(settings) else 0)


def _takes_vvenc(settings: Settings) -> bool:
    from nvc.codec.intra_coders import choose_intra_coder

    return choose_intra_coder(settings.intra, settings.structure, settings.preset) == "vvc"


def uses_networks(settings: Settings) -> bool:
    """Whether an encode with these settings runs networks."""
    from nvc.codec.network_choice import weights_there

    return "networks" not in settings.disable and (settings.mode == "layered" or weights_there())


def _network_memory(pixels: int, threads: int, each: int) -> int:
    return _TORCH_BYTES + pixels * _workers(threads) * each


def decode_memory(header: StreamHeader, threads: int = 0) -> int:
    """Estimate in bytes of what decoding takes at its peak."""
    pixels = header.info.width * header.info.height
    held = header.mini_gop if header.mode == "neural" and header.structure == "ra" else 3
    bytes_ = BASE_BYTES + pixels * (held * _KEPT + _workers(threads) * _DECODE_WORK)
    return bytes_ + (_network_memory(pixels, threads, _NETWORK_DECODE) if header.weights != "none" else 0)


def free_memory() -> int | None:
    """Bytes that can still be taken: what the system has, or what is left to this process's group; None if unknown."""
    found = [value for value in (_system_free(), _group_free()) if value is not None]
    return min(found) if found else None


def _workers(threads: int) -> int:
    return threads or os.cpu_count() or 1


def _system_free() -> int | None:
    try:
        line = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
        if line:
            return int(line.group(1)) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _group_free() -> int | None:
    """What a control group (a container) still allows."""
    root = Path("/sys/fs/cgroup")
    try:
        most, used = (int((root / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no group, or "max" for no limit
        return None
    return max(most - used, 0)
