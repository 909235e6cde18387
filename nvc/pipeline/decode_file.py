"""Decode: packets of a coded file through the decoder into a video, with everything that was carried beside them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from nvc.errors import CorruptError, InputError, NvcError, UsageError
from nvc.pipeline.coders import close_coder, make_decoder
from nvc.pipeline.hashes import HashFile
from nvc.pipeline.limits import Limits, decode_memory
from nvc.pipeline.packets import CarriedRange
from nvc.pipeline.paths import Destination, Source, check_outputs
from nvc.pipeline.playback import HOLD, SKIP, STOP, Playback
from nvc.pipeline.stream import CodedStream, attachments_first, open_stream, period_at
from nvc.progress import Callback, Reporter
from nvc.types import CarriedPacket, Frame


@dataclass(frozen=True, slots=True)
class DecodeResult:
    """What a decode came to: frames written, wall time, frames by it, frames that damage cost or repeated."""

    frames: int
    seconds: float
    fps: float
    damaged_frames: int
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """The fields of the "done" object."""
        return {name: value for name, value in asdict(self).items() if name != "warnings"}


def decode_file(
    src: Source,
    dst: Destination,
    *,
    codec: str | None = None,
    crf: int | None = None,
    format: str | None = None,
    start: int = 0,
    frames: int | None = None,
    on_damage: str = STOP,
    strict: bool = False,
    hash_file: str | Path | None = None,
    enhance: bool = True,
    overwrite: bool = False,
    limits: Limits | None = None,
    progress: Callback | None = None,
    threads: int = 0,
    device: str = "auto",
    precision: str = "auto",
) -> DecodeResult:
    """Decode what encode_file wrote, or the plain base of any HEVC file.

    src            path, "-" for .nvc on stdin, bytes, or a binary file object
    dst            path (.mp4 .mkv .y4m .yuv, a folder for PNG), "-" for y4m on stdout, or a file object with ``format``
    codec, crf     "ffv1", "x264" or "x265" for .mp4 and .mkv; None is x264 at crf 12
    start, frames  first frame and how many; decoding begins at the I frame before
    on_damage      "stop", "hold" or "skip"; ``strict`` raises CorruptError at the end of the latter two all the same
    hash_file      where to write a hash of each frame
    enhance        False shows the plain base of layered mode, which needs no weights
    At damage "stop" writes what was whole, then CorruptError says how many frames that were.
    Raises UsageError, InputError, OutputError, FormatError, CorruptError, ModelError, LimitError.
    """
    if on_damage not in (STOP, HOLD, SKIP):
        raise UsageError(f"on-damage must be stop, hold or skip, got {on_damage!r}")
    limits, report = limits or Limits(), Reporter(progress)
    check_outputs(src, dst, hash_file, overwrite)
    with open_stream(src, limits) as stream:
        limits.check_memory(decode_memory(stream.header, threads))
        if stream.plain:
            report.warn("no nvc parameters in this file: decoding its plain HEVC base")
        decoder = make_decoder(stream.header, threads=threads, device=device, precision=precision, enhance=enhance)
        with closing(_Decode(stream, decoder, report, start, frames, on_damage)) as job, \
                HashFile(hash_file, overwrite) as hashes:  # fmt: skip
            job.run(_writer_options(dst, codec, crf, format, overwrite, threads), hashes)
    report.done()
    job.raise_damage(strict)
    seconds = report.seconds
    return DecodeResult(
        report.frames, round(seconds, 3), round(report.frames / seconds, 3), job.play.damaged_frames,
        tuple(report.warnings),
    )  # fmt: skip


def _writer_options(dst: Any, codec: Any, crf: Any, format: Any, overwrite: bool, threads: int) -> dict:
    """Keywords of nvc.io's open_writer."""
    return {"dest": dst, "codec": codec, "crf": crf, "format": format, "overwrite": overwrite, "threads": threads}


class _Decode:
    """One decode between an open stream and a writer."""

    def __init__(
        self, stream: CodedStream, decoder: Any, report: Reporter, start: int, frames: int | None, on_damage: str
    ) -> None:
        self._stream, self._decoder, self._report = stream, decoder, report
        self._start, self._count = start, frames
        first = 0
        if start and (periods := stream.periods()):
            first = period_at(periods, start).start
        known = stream.n_frames
        if start and known is not None and start >= known:
            raise InputError(f"there is no frame {start} to start at, the stream has {known}")
        told = stream.promised if known is None else known
        end = told if frames is None else start + frames if told is None else min(told, start + frames)
        report.total = None if end is None else max(end - start, 0)
        self._beside = CarriedRange(stream.carried, start > 0, frames is not None, stream.header.frame_step)
        items = chain(stream.carried_before(first), stream.items(start)) if start else stream.items()
        self.play = Playback(
            attachments_first(items, stream.carried), decoder, stream.header, on_damage=on_damage, start=first,
            end=None if frames is None else start + frames, waits=self._beside.waits, total=known,
            promised=lambda: stream.promised, warn=report.warn,
        )  # fmt: skip

    def run(self, options: dict, hashes: HashFile) -> None:
        """Decode into a writer, which opens with the first frame, so that nothing is made of a file without any."""
        from nvc.io import open_writer

        self._report.start(f"{self._stream.header.mode}, {self._stream.header.structure}")
        items = self._in_range()
        early: list[CarriedPacket] = []
        first = self._first_frame(items, early)
        info, carried, chapters = self._stream.header.info, self._stream.carried, self._stream.chapters
        with open_writer(options.pop("dest"), info, carried=carried, chapters=chapters, **options) as writer:
            for packet in early:
                writer.write_carried(packet)
            self._write(writer, first, hashes)
            for item in items:
                if isinstance(item, Frame):
                    self._write(writer, item, hashes)
                else:
                    writer.write_carried(item)
            self._say(writer)

    def _first_frame(self, items: Iterator[Frame | CarriedPacket], early: list[CarriedPacket]) -> Frame:
        """The first frame; carried packets before it go to ``early``. Raises the error that says why there is none."""
        for item in items:
            if isinstance(item, Frame):
                return item
            early.append(item)
        raise self._no_frames()

    def _write(self, writer: Any, frame: Frame, hashes: HashFile) -> None:
        writer.write(frame)
        hashes.add(frame)
        self._report.advance()
        self._say(writer)

    def _say(self, writer: Any) -> None:
        for notice in [*writer.notices, *getattr(self._decoder, "warnings", ())]:
            self._report.warn(notice)

    def _in_range(self) -> Iterator[Frame | CarriedPacket]:
        """Frames from the first that was asked for on, and carried packets that belong beside them."""
        for item in self.play:
            if not isinstance(item, Frame):
                yield from self._beside.take(item)
            elif self.play.index >= self._start:
                due = self._beside.shown(item)
                yield item
                yield from due

    def _no_frames(self) -> NvcError:
        """The error that says why there is not one frame."""
        if self.play.stopped is not None:
            return CorruptError(f"the input is damaged and no frame is whole: {self.play.stopped}", frames=0)
        if self.play.damages:
            return CorruptError(f"no frame could be decoded: {self.play.damages[0]}", frames=0)
        if self._start:
            return InputError(f"there is no frame {self._start} to start at")
        return InputError("the input has no frames")

    def raise_damage(self, strict: bool) -> None:
        """Raise CorruptError where damage ended the decode, or with ``strict`` where there was any."""
        frames = self._report.frames
        if self.play.stopped is not None:
            raise CorruptError(
                f"the input is damaged after {frames} whole frames, which were written: {self.play.stopped}",
                frames=frames,
            )
        if self._count is None and not self._stream.whole:
            message = f"the input ends without its index after {frames} frames, which were written"
            if self.play.on_damage == STOP or strict:
                raise CorruptError(message, frames=frames)
            self._report.warn(message)
        if strict and self.play.damages:
            raise CorruptError(f"damage was gone over: {self.play.damages[0]}", frames=frames)

    def close(self) -> None:
        """Let go of the decoder's threads."""
        close_coder(self._decoder)
