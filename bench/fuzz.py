"""Fuzzing: a stream damaged at random must end in frames or in one clear error, never in anything else (SECURITY.md).

Most tries put the sums of the damaged units right again, so that the damage reaches what reads symbols and pictures.
"""

import argparse
import io
import random
import signal
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nvc.container.unit import ANY_SYNC, Head, read_head
from nvc.errors import NvcError
from nvc.pipeline import Limits, decode_file, encode_file, probe_file
from nvc.types import Settings

WIDTH, HEIGHT, FRAMES = 50, 38, 11
# What a damaged head may claim: enough for the clips here, little enough that no try takes long.
LIMITS = Limits(max_pixels=2**16, max_frames=300, max_memory=4 * 10**9)
TRY_SECONDS = 30.0
RUNNING = "fuzz-running.bin"

Mutation = Callable[[bytearray, random.Random], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """A try that ended in neither frames nor an NvcError.

    number   of the try; with the seed it gives the same bytes again
    stream   name of the stream that was damaged
    error    class and text of what came
    data     the damaged stream
    """

    number: int
    stream: str
    error: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FuzzReport:
    """How many tries there were, how they ended (name of the outcome -> count), and what must not be."""

    tries: int
    outcomes: dict[str, int]
    findings: tuple[Finding, ...]


class _TooLong(BaseException):
    """A try that goes on and on. No Exception, so that nothing on the way takes it for a damage."""


def make_corpus() -> dict[str, bytes]:
    """Whole streams to damage, by name: every structure, plane hashes, layered mode in both kinds of file."""
    video = _synthetic_y4m()
    jobs = {
        "ra": Settings(quality=30, keyint=8, mini_gop=8, threads=1, hash=True, preset="fast"),
        "ra by vvc": Settings(quality=30, keyint=8, mini_gop=8, threads=1),
        "stills": Settings(quality=20, mini_gop=8, threads=1, preset="slow", intra="hevc"),
        "ld": Settings(quality=20, structure="ld", keyint=6, threads=1, preset="fast"),
        "intra": Settings(quality=10, structure="intra", threads=1),
        "layered": Settings(quality=30, mode="layered", keyint=6, base_preset="ultrafast", threads=1),
        "layered mp4": Settings(quality=30, mode="layered", keyint=6, base_preset="ultrafast", threads=1),
    }
    streams = {}
    for name, settings in jobs.items():
        file = io.BytesIO()
        encode_file(video, file, settings, mode=settings.mode, format="mp4" if name.endswith("mp4") else "nvc")
        streams[name] = file.getvalue()
    return streams


def _synthetic_y4m() -> bytes:
    noise = np.random.default_rng(3).integers(60, 190, (HEIGHT + FRAMES, WIDTH + 2 * FRAMES), np.uint8)
    parts = [f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip C420jpeg\n".encode()]
    for index in range(FRAMES):
        luma = noise[index // 2 : index // 2 + HEIGHT, 2 * index : 2 * index + WIDTH]
        chroma = luma[::2, ::2] // 2 + 50
        parts += [b"FRAME\n", luma.tobytes(), chroma.tobytes(), (250 - chroma).tobytes()]
    return b"".join(parts)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A damaged copy: one to four mutations, and in three of four cases the sums put right afterwards."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if damaged:
            rng.choice(MUTATIONS)(damaged, rng)
    return seal(bytes(damaged)) if rng.random() < 0.75 else bytes(damaged)


def _flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set_extreme(data: bytearray, rng: random.Random) -> None:
    at, size = _place(data, rng, 8)
    data[at : at + size] = bytes([rng.choice((0, 1, 127, 128, 254, 255))]) * size


def _set_random(data: bytearray, rng: random.Random) -> None:
    at, size = _place(data, rng, 64)
    data[at : at + size] = rng.randbytes(size)


def _cut_end(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _delete(data: bytearray, rng: random.Random) -> None:
    at, size = _place(data, rng, 200)
    del data[at : at + size]


def _insert(data: bytearray, rng: random.Random) -> None:
    at, size = _place(data, rng, 40)
    data[at:at] = rng.randbytes(size)


def _copy(data: bytearray, rng: random.Random) -> None:
    (at, size), (to, _) = _place(data, rng, 400), _place(data, rng, 1)
    data[to : to + rng.choice((0, size))] = data[at : at + size]


def _swap_units(data: bytearray, rng: random.Random) -> None:
    spans = [(at, at + head.start + head.size) for at, head in _units(bytes(data))]
    if len(spans) > 1:
        (a, b), (c, d) = sorted(rng.sample(spans, 2))
        data[:] = data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _double_unit(data: bytearray, rng: random.Random) -> None:
    spans = [(at, at + head.start + head.size) for at, head in _units(bytes(data))]
    if spans:
        a, b = rng.choice(spans)
        data[a:a] = data[a:b]


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits, _flip_bits, _flip_bits, _set_extreme, _set_random,
    _cut_end, _delete, _insert, _copy, _swap_units, _double_unit,
)  # fmt: skip


def _place(data: bytearray, rng: random.Random, most: int) -> tuple[int, int]:
    """Where, and how many bytes from there; one byte at least."""
    at = rng.randrange(len(data))
    return at, rng.randint(1, max(1, min(most, len(data) - at)))


def _units(data: bytes) -> Iterator[tuple[int, Head]]:
    """Offset and head of every unit that lies whole in ``data``, right sum or not."""
    at = 0
    while match := ANY_SYNC.search(data, at):
        at = match.start()
        head = read_head(data[at : at + 14])
        if isinstance(head, str) or at + head.start + head.size > len(data):
            at += 1
            continue
        yield at, head
        at += head.start + head.size


def seal(data: bytes) -> bytes:
    """The same bytes with the sum of every unit made right: what someone who means harm would do."""
    sealed = bytearray(data)
    for at, head in _units(data):
        payload = at + head.start
        total = zlib.crc32(data[payload : payload + head.size], head.seed)
        sealed[payload - 4 : payload] = struct.pack("<I", total)
    return bytes(sealed)


def outcome(data: bytes, rng: random.Random) -> str:
    """Read a stream in one of the ways users have: "frames", or the name of the NvcError that came; others pass on."""
    way = rng.choice(("stop", "hold", "skip", "probe"))
    try:
        if way == "probe":
            probe_file(data, units=True, limits=LIMITS, threads=1)
        else:
            decode_file(data, io.BytesIO(), format="y4m", on_damage=way, limits=LIMITS, threads=1)
    except NvcError as error:
        return type(error).__name__
    return "frames"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _TooLong in the main thread after ``seconds``."""

    def stop(*_: object) -> None:
        raise _TooLong(f"no end after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_fuzz(
    seconds: float,
    *,
    seed: int = 0,
    folder: str | Path = ".",
    first: int = 0,
    tries: int | None = None,
    say: Callable[[str], None] | None = None,
) -> FuzzReport:
    """Damage streams and read them, for ``seconds`` or ``tries`` tries, whichever ends first. Main thread only.

    seed, first  the tries are numbered from ``first``; a number and a seed give the same bytes again
    folder       gets fuzz-SEED-NUMBER.bin for each finding. A stream that ends the process remains there as
                 fuzz-running.bin, since no exception tells of it
    """
    folder, corpus = Path(folder), make_corpus()
    folder.mkdir(parents=True, exist_ok=True)
    running, outcomes, findings = folder / RUNNING, Counter[str](), []
    end, number = time.monotonic() + seconds, first
    while time.monotonic() < end and (tries is None or number < first + tries):
        rng = random.Random(f"{seed}/{number}")
        name = rng.choice(sorted(corpus))
        data = mutate(corpus[name], rng)
        running.write_bytes(data)
        try:
            with _at_most(TRY_SECONDS):
                outcomes[outcome(data, rng)] += 1
        except (Exception, _TooLong) as error:
            findings.append(Finding(number, name, f"{type(error).__name__}: {error}", data))
            (folder / f"fuzz-{seed}-{number}.bin").write_bytes(data)
            if say:
                say(f"try {number} ({name}): {findings[-1].error}")
        number += 1
    running.unlink(missing_ok=True)
    return FuzzReport(number - first, dict(outcomes.most_common()), tuple(findings))


def main(arguments: Sequence[str] | None = None) -> int:
    """Words to run_fuzz; exit code 1 where something was found."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Damage streams at random and read them.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other damages (0)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first try (0)")
    parser.add_argument("--tries", type=int, metavar="N", help="at most so many tries")
    parser.add_argument("--out", default="fuzz-out", metavar="DIR", help="folder for what was found (fuzz-out)")
    args = parser.parse_args(arguments)
    report = run_fuzz(
        args.seconds, seed=args.seed, folder=args.out, first=args.first, tries=args.tries,
        say=lambda line: print(line, flush=True),
    )  # fmt: skip
    ends = ", ".join(f"{count} {name}" for name, count in report.outcomes.items())
    print(f"{report.tries} damaged streams, seed {args.seed}: {ends}; {len(report.findings)} findings")
    return 1 if report.findings else 0
