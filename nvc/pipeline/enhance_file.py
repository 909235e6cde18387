"""Enhance: frames of a coded video through the enhancement network, with everything that is carried beside them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nvc.errors import CorruptError, InputError, UsageError
from nvc.metrics import frame_psnr, psnr_611
from nvc.pipeline.limits import BASE_BYTES, Limits
from nvc.pipeline.paths import NVC, PIPE, Destination, Source, check_output, suffix_of
from nvc.progress import Callback, Reporter
from nvc.types import Frame, VideoInfo

PRESETS = ("fast", "quality")
AUTO = "auto"
# torch itself, bytes a luma sample that goes through the network at once, bytes a sample of the pictures held.
_TORCH_BYTES, _NETWORK_WORK, _HELD = 400_000_000, 130, 40
_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class EnhanceResult:
    """What an enhancement came to.

    strength       mean strength of the frames, 0..1
    psnr_before, psnr_after   PSNR 6:1:1 against the reference (mean over frames, dB), None without one
    weights        id of the weights
    """

    frames: int
    seconds: float
    fps: float
    strength: float
    weights: str
    psnr_before: float | None = None
    psnr_after: float | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """The fields of the "done" object."""
        return {name: value for name, value in asdict(self).items() if name != "warnings" and value is not None}


def enhance_file(
    src: Source,
    dst: Destination,
    *,
    strength: float | str = AUTO,
    preset: str = "fast",
    reference: Source | None = None,
    codec: str | None = None,
    crf: int | None = None,
    format: str | None = None,
    start: int = 0,
    frames: int | None = None,
    video_stream: int = 0,
    raw: str | None = None,
    overwrite: bool = False,
    limits: Limits | None = None,
    progress: Callback | None = None,
    threads: int = 0,
    device: str = "auto",
    precision: str = "auto",
) -> EnhanceResult:
    """Bring a decoded video closer to what it was before some codec coded it.

    src         path, "-" for y4m on stdin, bytes, or a binary file object: any video but .nvc
    dst         path (.mp4 .mkv .y4m .yuv, a folder for PNG), "-" for y4m, or a file object with ``format``
    strength    "auto": by how coarsely each picture was coded, 0 for pristine ones; or a number 0..1 for all
    reference   the original; only measured against
    codec, crf  as of decode_file
    raw         what headerless input is: "416x240@50:yuv420p"; also of a headerless reference
    Quantisers and types are read from HEVC and H.264, otherwise estimated. Sound, subtitles, chapters and times stay.
    A damaged input is enhanced as far as it is whole; then CorruptError says how many frames that were.
    Raises UsageError, InputError, OutputError, LimitError, ModelError where the preset has no weights.
    """
    _check(src, strength, preset)
    limits, report = limits or Limits(), Reporter(progress)
    for other in (src,) if reference is None else (src, reference):
        check_output(other, dst, overwrite)
    from nvc.codec.enhance import open_enhancer

    enhancer = open_enhancer(preset=preset, device=device, precision=precision, threads=threads)
    span = {"start": start, "frames": frames, "video_stream": video_stream}
    with ExitStack() as stack:
        video = stack.enter_context(_open(src, raw, span, True))
        against = None if reference is None else stack.enter_context(_open(reference, raw, span, False))
        job = _Enhance(video, enhancer, strength, against, limits, report)
        job.run({"dest": dst, "codec": codec, "crf": crf, "format": format, "overwrite": overwrite, "threads": threads})
    report.done()
    if job.trouble is not None:
        raise CorruptError(
            f"the input is damaged after {report.frames} whole frames, which were enhanced: {job.trouble}",
            frames=report.frames,
        )
    return job.result()


def enhance_memory(info: VideoInfo) -> int:
    """Estimate in bytes of what enhancing takes at its peak."""
    pixels = info.width * info.height
    return BASE_BYTES + _TORCH_BYTES + pixels * _HELD + min(pixels, _AT_ONCE) * _NETWORK_WORK


def _check(src: Source, strength: float | str, preset: str) -> None:
    if preset not in PRESETS:
        raise UsageError(f"preset must be {' or '.join(PRESETS)}, got {preset!r}")
    if strength != AUTO and not (isinstance(strength, int | float) and 0 <= strength <= 1):
        raise UsageError(f"strength must be auto or a number from 0 to 1, got {strength!r}")
    if suffix_of(src) == NVC and isinstance(src, str | Path):
        raise UsageError(f"{src}: enhance takes ordinary videos; nvc decode turns {NVC} into one")


def _open(source: Source, raw: str | None, span: dict, coded: bool) -> Any:
    from nvc.container.hevc_headers import HevcHeaders
    from nvc.io import open_video, parse_raw

    headless = source == PIPE or suffix_of(source) in ("", ".yuv")
    layout = parse_raw(raw) if raw and (coded or headless) else None
    return open_video(source, raw=layout, carry=coded, coded=HevcHeaders() if coded else None, **span)


class _Enhance:
    """One enhancement between an open video and a writer."""

    def __init__(
        self, video: Any, enhancer: Any, strength: float | str, against: Any, limits: Limits, report: Reporter
    ) -> None:
        self._video, self._enhancer, self._strength = video, enhancer, strength
        self._limits, self._report = limits, report
        self._against = None if against is None else _Against(against, video.info)
        self.trouble: str | None = None
        self._strengths: list[float] = []
        limits.check_size(video.info)
        limits.check_frames(video.info.n_frames)
        limits.check_memory(enhance_memory(video.info))
        report.total = video.info.n_frames

    def run(self, options: dict) -> None:
        """Enhance everything into a writer."""
        from nvc.codec.enhance import enhance_frames
        from nvc.io import open_writer

        video, dest = self._video, options.pop("dest")
        self._report.start(f"enhance, strength {self._strength}")
        with open_writer(dest, video.info, carried=video.carried, chapters=tuple(video.chapters), **options) as writer:
            for frame in enhance_frames(self._enhancer, self._frames(), self._choose):
                writer.write(frame)
                if self._against is not None:
                    self._against.after(frame)
                for packet in video.take_carried():
                    writer.write_carried(packet)
                self._report.advance()
                for notice in [*video.notices, *writer.notices]:
                    self._report.warn(notice)
            for packet in video.take_carried():
                writer.write_carried(packet)
            if not self._report.frames:
                raise InputError(self.trouble or "the input has no frames")
        for notice in [*video.notices, *writer.notices]:
            self._report.warn(notice)

    def _frames(self) -> Iterator[Frame]:
        try:
            for frame in self._video:
                self._limits.check_frames(self._report.frames + 1)
                if self._against is not None:
                    self._against.before(frame)
                yield frame
        except CorruptError as error:
            self.trouble = str(error)

    def _choose(self, frame: Frame, found: Any) -> tuple[float, float, float]:
        chosen = found.blind_strength if self._strength == AUTO else float(self._strength)
        self._strengths.append(chosen)
        return (chosen,) * 3

    def result(self) -> EnhanceResult:
        """The numbers of a finished enhancement."""
        seconds, frames = self._report.seconds, self._report.frames
        before, after = (None, None) if self._against is None else self._against.means(self._report)
        return EnhanceResult(
            frames, round(seconds, 3), round(frames / seconds, 3), round(float(np.mean(self._strengths)), 3),
            self._enhancer.id, before, after, tuple(self._report.warnings),
        )  # fmt: skip


class _Against:
    """Measures against the original, which has the same size and depth."""

    def __init__(self, reader: Any, info: VideoInfo) -> None:
        want = (info.width, info.height, info.bit_depth)
        got = (reader.info.width, reader.info.height, reader.info.bit_depth)
        if got != want:
            size = "{}x{} {} bit"
            raise UsageError(f"the reference is {size.format(*got)}, the input {size.format(*want)}")
        self._frames = iter(reader)
        self._waiting: list[Frame | None] = []
        self._before: list[float] = []
        self._after: list[float] = []

    def before(self, frame: Frame) -> None:
        """A frame of the input."""
        original = next(self._frames, None)
        self._waiting.append(original)
        if original is not None:
            self._before.append(_psnr(original, frame))

    def after(self, frame: Frame) -> None:
        """A frame of the output, in the same order."""
        original = self._waiting.pop(0)
        if original is not None:
            self._after.append(_psnr(original, frame))

    def means(self, report: Reporter) -> tuple[float | None, float | None]:
        """(before, after), dB."""
        if len(self._after) < report.frames:
            report.warn(f"the reference has {len(self._after)} frames, the input {report.frames}")
        if not self._after:
            return None, None
        return round(float(np.mean(self._before)), 3), round(float(np.mean(self._after)), 3)


def _psnr(original: Frame, frame: Frame) -> float:
    return psnr_611(*frame_psnr(original.planes, frame.planes, frame.info.bit_depth))
