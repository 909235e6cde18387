"""Rate control: which quality each I period gets, so that a bitrate or a PSNR is met.

Whole passes of the real encoder measure; the last of them lies within a few steps of the plan, so the model between
only has to bridge those. A plan says all beforehand: no I period depends on how another came out (contract 6), and
runs are equal byte for byte.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any

from nvc.codec.quality import intra_qp
from nvc.errors import CorruptError, InputError, UsageError
from nvc.metrics import frame_psnr, psnr_611
from nvc.pipeline.coders import close_coder, make_decoder, make_encoder
from nvc.pipeline.limits import Limits
from nvc.pipeline.packets import Coded, picture_bytes, starts_period, times_of
from nvc.pipeline.sinks import Interleaver, MuxSink, NvcSink, open_sink
from nvc.progress import Reporter
from nvc.types import QUALITIES, Frame, Packet, Settings, Structure

_OCTAVE = 0.085  # log2 of bytes by which a step of quality changes a stream, before two passes have told
_DECIBEL = 0.3  # the same for the mean PSNR
_INTRA_OCTAVE = 0.145  # log2 of an I frame's bytes by a QP: 0.13 to 0.17 on the training clips
_NEAR = 1  # steps that the model may bridge
_PASSES = 5  # at most, until one is near
_MOST_PASSES = 9  # at most in all, for a PSNR
_PREFIX = 17  # frames of the pass that finds where to begin
_SLOPES = (0.04, 0.2)
_DECIBELS = (0.1, 0.6)


@dataclass(frozen=True, slots=True)
class Target:
    """What an encode is to come to: one of these.

    kbps  kilobits (1000) a second of video, by its own duration; carried sound is not counted
    psnr  mean PSNR of the frames, (6 Y + U + V) / 8, in dB
    """

    kbps: float | None = None
    psnr: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.kbps, self.psnr) if value is not None]
        if len(given) != 1:
            raise UsageError("rate control takes one of bitrate and target PSNR")
        if not 0 < given[0] < 1e9 or (self.psnr is not None and self.psnr > 100):
            raise UsageError(f"bitrate must be above 0 kbit/s, a target PSNR from 0 to 100 dB, got {given[0]:g}")


@dataclass(frozen=True, slots=True)
class Plan:
    """Qualities by the display index of each I period's first frame.

    reached    what is expected of it, in the target's unit
    passes     whole passes that were made
    is_missed  the target lies beyond the lowest or highest quality
    """

    qualities: Mapping[int, int]
    reached: float
    passes: int
    is_missed: bool = False

    @property
    def quality(self) -> int:
        """The first period's, which stands in the header."""
        return self.qualities[min(self.qualities)]


@dataclass(slots=True)
class Measured:
    """What a pass at one quality came to.

    periods  bytes of each I period by its first frame, in .mp4 and .mkv of its pictures; fixed: bytes of the rest
    psnr     mean of the frames, where asked for; seconds: duration of the video
    is_part  made from the first frames only
    intra    bytes of I frames in ``periods``, which follow a whole QP, by ``structure``; in neural mode only
    """

    quality: int
    periods: dict[int, int] = field(default_factory=dict)
    fixed: int = 0
    psnr: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    is_part: bool = False
    intra: dict[int, int] = field(default_factory=dict)
    structure: Structure = "ra"

    @property
    def moving(self) -> int:
        """Bytes that follow the quality."""
        return max(1, sum(self.periods.values()))

    @property
    def rest(self) -> int:
        """Bytes that follow every step of the quality."""
        return max(1, self.moving - sum(self.intra.values()))

    def size(self, start: int, quality: int, slope: float) -> float:
        """Bytes of a period at another quality. slope: octaves of ``rest`` a step."""
        intra = self.intra.get(start, 0)
        lower = intra_qp(self.quality, self.structure) - intra_qp(quality, self.structure)
        rest = self.periods[start] - intra
        return intra * 2 ** (_INTRA_OCTAVE * lower) + rest * 2 ** (slope * (quality - self.quality))


Pass = Callable[[int, int | None], Measured]


def make_plan(target: Target, run: Pass, *, uniform: bool = False) -> Plan:
    """A plan that meets a target.

    run      (quality, frames or None for all) -> what that pass measured
    uniform  one quality for all periods
    Where the target lies beyond the lowest or highest quality, the plan is that quality.
    """
    known = [run(QUALITIES // 2, _PREFIX)]
    quality = _solve(target, known)
    if quality != known[0].quality:
        known.append(run(quality, _PREFIX))
        quality = _solve(target, known)
    count = 0
    while True:
        count += 1
        known.append(run(quality, None))
        better = _solve(target, known)
        whole = [m for m in known if not m.is_part]
        if abs(better - quality) <= _NEAR or better in {m.quality for m in whole} or count == _PASSES:
            break
        quality = better
    if target.psnr is not None:
        return _psnr_plan(target.psnr, run, whole, better)
    nearest = min(whole, key=lambda m: abs(m.quality - better))
    return _bitrate_plan(target, known, nearest, count, uniform)


def _bitrate_plan(target: Target, known: list[Measured], nearest: Measured, passes: int, uniform: bool) -> Plan:
    """Every period at one quality, and as many of them one step above as come closest to the target."""
    assert target.kbps is not None
    wanted, slope = target.kbps * 125 * nearest.seconds, _slope(known, lambda m: math.log2(m.rest))

    def size(start: int, quality: int) -> float:
        return nearest.size(start, quality, slope)

    def total(quality: int) -> float:
        return nearest.fixed + sum(size(start, quality) for start in nearest.periods)

    base = max([q for q in range(QUALITIES) if total(q) <= wanted], default=0)
    plan = dict.fromkeys(nearest.periods, base)
    reached = total(base)
    if base + 1 < QUALITIES and not uniform and reached < wanted:
        for start in _spread(sorted(plan)):
            more = size(start, base + 1) - size(start, base)
            if abs(reached + more - wanted) < abs(reached - wanted):
                plan[start], reached = base + 1, reached + more
    elif base + 1 < QUALITIES and uniform and abs(total(base + 1) - wanted) < abs(reached - wanted):
        plan, reached = dict.fromkeys(plan, base + 1), total(base + 1)
    kbps = reached / nearest.seconds / 125
    is_end = set(plan.values()) <= {0} or set(plan.values()) <= {QUALITIES - 1}
    return Plan(plan, kbps, passes, is_end and abs(kbps - target.kbps) > 0.05 * target.kbps)


def _psnr_plan(wanted: float, run: Pass, whole: list[Measured], quality: int) -> Plan:
    """The lowest quality that reaches the PSNR, for all periods: from ``quality`` on to one that does beside one that
    does not, in steps that double and then halve."""
    known = {m.quality: m for m in whole}
    step, next_one = 1, quality
    while len(known) < _MOST_PASSES:
        if next_one not in known:
            known[next_one] = run(next_one, None)
        reaching = min([q for q, m in known.items() if m.psnr >= wanted], default=QUALITIES)
        short = max([q for q, m in known.items() if m.psnr < wanted and q < reaching], default=-1)
        if reaching - short == 1:
            break
        if reaching == QUALITIES:
            next_one = min(QUALITIES - 1, short + step)
        elif short == -1:
            next_one = max(0, reaching - step)
        else:
            next_one = (reaching + short) // 2
        step *= 2
    found = known[min([q for q, m in known.items() if m.psnr >= wanted], default=max(known))]
    return Plan(dict.fromkeys(found.periods, found.quality), found.psnr, len(known), found.psnr < wanted)


def _solve(target: Target, known: list[Measured]) -> int:
    """The quality that would meet the target, by what is known."""
    last = known[-1]
    if target.psnr is not None:
        steps = (target.psnr - last.psnr) / _slope(known, lambda m: m.psnr, _DECIBEL, _DECIBELS)
    else:
        assert target.kbps is not None
        wanted = max(1.0, target.kbps * 125 * last.seconds - last.fixed)
        steps = math.log2(wanted / last.moving) / _slope(known, lambda m: math.log2(m.moving))
    return min(QUALITIES - 1, max(0, round(last.quality + steps)))


def _slope(
    known: list[Measured],
    value: Callable[[Measured], float],
    default: float = _OCTAVE,
    limits: tuple[float, float] = _SLOPES,
) -> float:
    """Change of ``value`` a step of quality, between the last two passes over the same frames."""
    pairs = [
        (a, b) for a, b in zip(known, known[1:], strict=False) if a.quality != b.quality and a.is_part == b.is_part
    ]
    if not pairs:
        return default
    a, b = pairs[-1]
    return min(limits[1], max(limits[0], (value(b) - value(a)) / (b.quality - a.quality)))


def _spread(starts: list[int]) -> list[int]:
    """The same in an order that visits all parts of the video early: bit-reversed positions."""
    bits = max(1, (len(starts) - 1).bit_length())
    order = sorted(range(1 << bits), key=lambda k: int(format(k, f"0{bits}b")[::-1], 2))
    return [starts[k] for k in order if k < len(starts)]


class Prober:
    """Runs passes over a video that can be opened again and again.

    reopen   gives a new reader of the video, a context manager
    target   with a PSNR what was coded is decoded too
    format   "nvc", "mp4" or "mkv", whose bytes count
    """

    def __init__(
        self,
        reopen: Callable[[], Any],
        settings: Settings,
        target: Target,
        format: str = "nvc",
        report: Reporter | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._reopen, self._settings, self._target, self._format = reopen, settings, target, format
        self._report, self._limits = report or Reporter(), limits or Limits()

    def __call__(self, quality: int, frames: int | None) -> Measured:
        """A pass; frames: only the first so many."""
        self._report.restart(f"measuring at quality {quality}")
        settings = replace(self._settings, quality=quality)
        found = Measured(quality, structure=settings.structure)
        with self._reopen() as video:
            coder = _Watched(make_encoder(video.info, settings), found, self._target, settings, self._format, video)
            try:
                with suppress(CorruptError):  # what is whole is encoded; the encode itself says so
                    for frame in video:
                        self._limits.check_frames(found.frames + 1)
                        coder.push(frame)
                        self._report.advance()
                        if found.frames == frames:
                            break
                coder.finish()
            finally:
                coder.close()
            if not found.frames:
                raise InputError("the input has no frames")
            found.seconds = float(coder.ticks * video.info.time_base) or found.frames / 25
            if found.frames == frames and video.info.n_frames != frames:
                found.is_part = True
                coder.project(min(settings.keyint, video.info.n_frames or settings.keyint))
        return found


class _Nowhere(BytesIO):
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        """Take bytes and forget them."""
        return len(data)


class _Watched:
    """An encoder whose packets are counted, and decoded where their PSNR is wanted; carried packets go along."""

    def __init__(
        self, encoder: Any, found: Measured, target: Target, settings: Settings, format: str, video: Any
    ) -> None:
        self._encoder, self._found, self._settings, self._format = encoder, found, settings, format
        self._video, self._carried = video, tuple(video.carried)
        self._measure = target.psnr is not None
        self._decoder: Any = None
        self._sources: list[Frame] = []
        self._sink: NvcSink | MuxSink | None = None
        self._file: Any = None
        self._sum = 0.0
        self._start = 0
        self.ticks = 0

    def push(self, frame: Frame) -> None:
        """The next frame."""
        self._found.frames += 1
        self.ticks += frame.duration
        if self._measure:
            self._sources.append(frame)
        packets = self._encoder.push(frame)
        if self._sink is None:
            self._open_sink()
        for carried in self._video.take_carried():
            self._lanes.write(carried)
        self._take(packets)

    def finish(self) -> None:
        """The end: all is measured."""
        self._take(self._encoder.flush())
        if self._sink is not None:
            self._lanes.flush()
            self._sink.close()
            self._found.fixed = max(0, self._sink.video_bytes - sum(self._found.periods.values()))
        if self._decoder is not None:
            self._compare(self._decoder.flush())
            self._found.psnr = self._sum / self._found.frames

    def project(self, frames: int) -> None:
        """Make the first frames of an I period stand for a whole one: as much more of what is not the I frame."""
        found, more = self._found, (frames - 1) / max(1, self._found.frames - 1)
        if found.intra and len(found.periods) == 1 and more > 1:
            intra = found.intra[0]
            found.periods[0] = round(intra + (found.periods[0] - intra) * more)
            found.seconds *= frames / found.frames

    def close(self) -> None:
        """Let go of threads and files."""
        close_coder(self._encoder)
        if self._file is not None:
            self._file.close()
        if self._decoder is not None:
            close_coder(self._decoder)

    def _take(self, packets: list[Coded]) -> None:
        for packet in packets:
            if starts_period(packet):
                self._start = min(times_of(packet))
                self._found.periods[self._start] = 0
            size = self._size(packet)
            self._found.periods[self._start] += size
            if isinstance(packet, Packet) and packet.kind == "intra":
                self._found.intra[self._start] = self._found.intra.get(self._start, 0) + size
            if self._measure:
                if self._decoder is None:
                    self._decoder = make_decoder(
                        self._encoder.header, threads=self._settings.threads, device=self._settings.device
                    )
                self._compare(self._decoder.push(packet))

    def _size(self, packet: Coded) -> int:
        """Bytes that the packet takes in a .nvc; in other files, which write late, those of its pictures."""
        assert self._sink is not None
        before = self._sink.video_bytes
        self._lanes.write(packet)
        own = self._sink.video_bytes - before if self._format == "nvc" else 0
        return max(picture_bytes(packet), own)

    def _open_sink(self) -> None:
        header = self._encoder.header
        if self._format != "nvc":
            self._file = TemporaryFile()
        self._sink = open_sink(self._file or _Nowhere(), header, self._carried, (), self._format)
        self._lanes = Interleaver(self._sink, header.info.time_base, self._carried)

    def _compare(self, shown: list[Frame]) -> None:
        for frame in shown:
            self._sum += psnr_611(*frame_psnr(frame.planes, self._sources.pop(0).planes, frame.info.bit_depth))
