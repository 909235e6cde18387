"""Our own codec as a user runs it: ``nvc encode`` and ``nvc decode`` in processes of their own."""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nvc.bench.anchors import Point
from nvc.bench.child import module_command, run
from nvc.bench.planes import mean_quality, quality_by_frame
from nvc.errors import NvcError


@dataclass(frozen=True, slots=True)
class Ours:
    """How our encoder is asked. extra: further options of ``nvc encode``, as words of a command line."""

    mode: str = "neural"
    structure: str = "ra"
    keyint: int = 32
    disable: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For tables: the mode, the structure where it is not the default, and what is off."""
        words = ["nvc", self.mode, *([self.structure] if self.structure != "ra" else [])]
        return " ".join([*words, *(["without", *self.disable] if self.disable else [])])

    def encode_words(self, quality: int, frames: int | None, threads: int | None) -> list[str]:
        """Options of ``nvc encode``, without the files."""
        words = ["--quality", str(quality), "--mode", self.mode, "--keyint", str(self.keyint)]
        words += ["--structure", self.structure] if self.structure != "ra" else []
        words += [] if frames is None else ["--frames", str(frames)]
        words += [] if threads is None else ["--threads", str(threads)]
        for tool in self.disable:
            words += ["--disable", tool]
        return [*words, *self.extra]


def encode_nvc(source: str | Path, out: str | Path, words: Sequence[str], *, threads: int | None = None) -> dict:
    """Run ``nvc encode`` over whatever lies at ``out``; the "done" object of its --json (frames, bytes, fps, ...)."""
    return _done(module_command("nvc", "encode", str(source), str(out), *words, "--overwrite", "--json"), threads)


def decode_nvc(file: str | Path, out: str | Path, words: Sequence[str] = (), *, threads: int | None = None) -> dict:
    """Run ``nvc decode`` over whatever lies at ``out``; the "done" object of its --json (frames, seconds, fps, ...)."""
    words = [*words, "--threads", str(threads)] if threads is not None else words
    return _done(module_command("nvc", "decode", str(file), str(out), *words, "--overwrite", "--json"), threads)


def _done(command: Sequence[str], threads: int | None) -> dict:
    """The last JSON line of a child; an NvcError if it does not say that the job is done."""
    lines = run(command, threads=threads).stdout.decode(errors="replace").strip().splitlines()
    last = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    if last.get("type") != "done":
        raise NvcError(f"{' '.join(command[3:5])} ended without saying done, its last line is {lines[-1:]}")
    return last


def nvc_point(source: str | Path, ours: Ours, quality: int, frames: int | None, threads: int = 1) -> Point:
    """Rate and quality of our codec at one quality index, every byte of the file counted.

    The file is written, then decoded by a process that knows nothing but the file, and measured as written.
    """
    words = ours.encode_words(quality, frames, threads)
    with tempfile.TemporaryDirectory(prefix="nvc-bench-") as work:
        coded, decoded = Path(work) / "ours.nvc", Path(work) / "ours.y4m"
        start = time.perf_counter()
        encode_nvc(source, coded, [*words, "--no-audio"], threads=threads)
        seconds = time.perf_counter() - start
        decode_nvc(coded, decoded, threads=threads)
        measured = mean_quality(quality_by_frame(source, decoded, frames))
        command = " ".join(["nvc", "encode", "SOURCE", "OUT", *words, "--no-audio"])
        return Point(quality, coded.stat().st_size, measured, round(seconds, 3), command)
