"""Encode: frames from a video through the encoder into a file, with everything that is carried beside them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nvc.errors import CorruptError, InputError, NvcError, UsageError
from nvc.pipeline.coders import close_coder, make_encoder
from nvc.pipeline.limits import Limits, encode_memory, measure_memory
from nvc.pipeline.packets import Coded
from nvc.pipeline.paths import (
    PIPE,
    Destination,
    Source,
    check_output,
    check_reopens,
    choose_mode,
    output_file,
    suffix_of,
)
from nvc.pipeline.rate import Plan, Prober, Target, make_plan
from nvc.pipeline.resume import Replay
from nvc.pipeline.sinks import Interleaver, MuxSink, NvcSink, open_sink
from nvc.pipeline.verify import Written, check_written
from nvc.progress import Callback, Reporter
from nvc.types import Frame, Settings

BESIDE_AUDIO = ("subtitle", "attachment", "video")
BASE_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """What an encode came to.

    bytes, video_bytes  of the whole file; without carried sound, subtitles and attachments
    seconds, fps        wall time, and frames by it
    bitrate_kbps        of the video, by its own duration; 0 where that is not known
    weights             id of the weights that decoding needs, "none" for no networks
    warnings            what was said on the way
    """

    frames: int
    bytes: int
    video_bytes: int
    seconds: float
    fps: float
    bitrate_kbps: float
    weights: str
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """The fields of the "done" object."""
        return {name: value for name, value in asdict(self).items() if name != "warnings"}


def encode_file(
    src: Source,
    dst: Destination,
    settings: Settings | None = None,
    *,
    mode: str | None = None,
    format: str | None = None,
    start: int = 0,
    frames: int | None = None,
    video_stream: int = 0,
    audio: bool = True,
    raw: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
    bitrate: float | None = None,
    target_psnr: float | None = None,
    limits: Limits | None = None,
    progress: Callback | None = None,
) -> EncodeResult:
    """Encode a video.

    src            path, "-" for y4m on stdin, bytes, or a binary file object
    dst            path that ends in .nvc, or .mp4 or .mkv (layered), or a seekable binary file object
    mode           "neural" or "layered"; None follows the ending of ``dst``, and without one the settings
    format         of a file object: "nvc", "mp4" or "mkv"
    start, frames  first frame and how many
    audio          carry sound along
    raw            what headerless input is: "416x240@50:yuv420p"
    resume         go on with what an unfinished encode left as ``dst``.part (.nvc only): the file becomes what an
                   unbroken run makes. UsageError where that was made from another input or with other settings
    verify         decode what was written and compare; CorruptError where it differs, and nothing is left
    bitrate        kbit/s of video to meet, by passes before the encode; takes the place of the settings' quality
    target_psnr    the same for the mean PSNR of the frames, (6 Y + U + V) / 8, in dB
    progress       called with Events
    A damaged input is encoded as far as it is whole; then CorruptError says how many frames that were.
    Raises UsageError, InputError, OutputError, LimitError.
    """
    limits, report = limits or Limits(), Reporter(progress)
    if isinstance(dst, str) and dst == PIPE:
        raise UsageError("encode writes a file; only decode writes to stdout")
    chosen = choose_mode(dst, mode or (format and {"mp4": "layered", "mkv": "layered"}.get(format)),
                         (settings or Settings()).mode)  # fmt: skip
    settings = replace(settings or Settings(), mode=chosen)  # type: ignore[arg-type]
    if settings.base_preset not in (None, *BASE_PRESETS):
        raise UsageError(f"base preset must be one of {', '.join(BASE_PRESETS)}, got {settings.base_preset!r}")
    check_output(src, dst, overwrite)
    from nvc.io import open_video, parse_raw

    carry = True if audio else BESIDE_AUDIO
    options: dict[str, Any] = {"video_stream": video_stream, "start": start, "frames": frames, "carry": carry}
    options["raw"] = parse_raw(raw) if raw else None
    target = None if bitrate is None and target_psnr is None else Target(bitrate, target_psnr)
    if target is not None:
        check_reopens(src)
    with open_video(src, **options) as video:
        job = _Encode(video, settings, limits, report)
        format = format or suffix_of(dst).lstrip(".") or "nvc"
        with output_file(dst, overwrite, resume) as (file, place):
            if target is not None:
                # The tables that mp4 and mkv keep of sound count as video, so passes carry it there.
                passing = {**options, "carry": carry if format in ("mp4", "mkv") else False}
                job.plan_for(target, lambda: open_video(src, **passing), format)
            job.run(file, format)
            file.flush()
            if verify:
                check_written(place, job.written, settings, limits)
    report.done()
    if job.trouble is not None:
        raise CorruptError(
            f"the input is damaged after {report.frames} whole frames, which were encoded: {job.trouble}",
            frames=report.frames,
        )
    return job.result()


class _Encode:
    """One encode between an open video and an open file."""

    def __init__(self, video: Any, settings: Settings, limits: Limits, report: Reporter) -> None:
        self._video, self._settings, self._limits, self._report = video, settings, limits, report
        self.trouble: str | None = None
        self.written = Written()
        limits.check_size(video.info)
        limits.check_frames(video.info.n_frames)
        limits.check_memory(encode_memory(video.info, settings))
        self._carried = tuple(video.carried)
        self._sink: NvcSink | MuxSink | None = None
        self._span: list[int] = []
        report.total = video.info.n_frames
        self._plan: Plan | None = None

    def plan_for(self, target: Target, reopen: Callable[[], Any], format: str) -> None:
        """Choose qualities that meet a target, by passes over the video, which ``reopen`` opens anew."""
        if target.psnr is not None:
            self._limits.check_memory(measure_memory(self._video.info, self._settings))
        probe = Prober(reopen, self._settings, target, format, self._report, self._limits)
        self._plan = plan = make_plan(target, probe, uniform=self._settings.mode == "layered")
        self._settings = replace(self._settings, quality=plan.quality)
        if plan.is_missed:
            wanted = f"{target.kbps:g} kbit/s" if target.psnr is None else f"{target.psnr:g} dB"
            found = f"{plan.reached:.1f} kbit/s" if target.psnr is None else f"{plan.reached:.2f} dB"
            self._report.warn(f"{wanted} cannot be met: quality {plan.quality} comes to about {found}")

    def run(self, file: Any, format: str) -> None:
        """Encode everything into ``file``, a PartFile after what it replays."""
        self._replay: Replay | None = getattr(file, "replay", None)
        plan = self._plan.qualities if self._plan is not None and self._settings.mode == "neural" else None
        encoder = make_encoder(self._video.info, self._settings, plan)
        self._encoder = encoder
        begin = f", going on at frame {self._replay.start}" if self._replay else ""
        used = sorted({self._settings.quality, *(plan or {}).values()})
        say = self._report.start if self._plan is None else self._report.restart
        intra = _intra_note(self._settings, encoder.header.intra) if self._settings.mode == "neural" else ""
        say(f"{self._settings.mode} quality {' and '.join(map(str, used))}{intra}{begin}")
        try:
            for index, frame in enumerate(self._frames()):
                packets = self._replay.code(encoder, index, frame) if self._replay else encoder.push(frame)
                if self._sink is None:
                    self._open_sink(file, format)
                self._write(packets, 1)
            if self._sink is None:
                raise InputError(self.trouble or "the input has no frames")
            left = self._replay.end(self._report.frames) if self._replay else []
            self._write([*left, *encoder.flush()], 0)
            self._lanes.flush()
            self._sink.close()
            getattr(file, "finish", lambda: None)()
        finally:
            close_coder(encoder)
            self._say_notices()

    def _frames(self) -> Iterator[Frame]:
        try:
            for frame in self._video:
                self._limits.check_frames(self._report.frames + 1)
                self._span = [self._span[0] if self._span else frame.pts, frame.pts + frame.duration]
                yield frame
        except CorruptError as error:
            self.trouble = str(error)

    def _open_sink(self, file: Any, format: str) -> None:
        header, chapters = self._encoder.header, tuple(self._video.chapters)
        if self._replay is not None:
            self._replay.check_head(header, self._carried, chapters)
        self._sink = open_sink(file, header, self._carried, chapters, format)
        self._lanes = Interleaver(self._sink, header.info.time_base, self._carried)

    def _write(self, packets: Sequence[Coded], frames: int) -> None:
        for carried in self._video.take_carried():  # first: attachments stand before all pictures
            self._lanes.write(carried)
        for packet in packets:
            self._lanes.write(packet)
            self.written.add(packet)
        self._say_notices()
        if frames:
            self._report.advance(frames, self._sink.bytes if self._sink else 0)

    def _say_notices(self) -> None:
        for notice in [*self._video.notices, *(self._sink.notices if self._sink else ())]:
            self._report.warn(notice)

    def result(self) -> EncodeResult:
        """The numbers of a finished encode."""
        seconds, frames, sink = self._report.all_seconds, self._report.frames, self._sink
        if sink is None:
            raise NvcError("nothing was encoded")
        duration = float((self._span[1] - self._span[0]) * self._video.info.time_base)
        return EncodeResult(
            frames=frames,
            bytes=sink.bytes,
            video_bytes=sink.video_bytes,
            seconds=round(seconds, 3),
            fps=round(frames / seconds, 3),
            bitrate_kbps=round(sink.video_bytes * 8 / 1000 / duration, 3) if duration > 0 else 0.0,
            weights=self._encoder.header.weights,
            warnings=tuple(self._report.warnings),
        )


def _intra_note(settings: Settings, intra: str) -> str:
    """What codes I frames, and why not VVC where it was wanted."""
    from nvc.codec.intra_coders import vvc_missing, wants_vvc

    missing = vvc_missing() if wants_vvc(settings.intra, settings.structure, settings.preset) else None
    return f", I frames by {intra.upper()}" + (f" since {missing}" if missing else "")
