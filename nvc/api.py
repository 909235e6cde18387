"""The Python side of nvc: ``nvc.encode``, ``nvc.decode``, ``nvc.open``, and the coders underneath.

>>> import nvc
>>> done = nvc.encode("sample.mp4", "sample.nvc", quality=24, frames=12)
>>> done.frames
12
>>> nvc.decode("sample.nvc", "back.mp4").frames
12
>>> with nvc.open("sample.nvc") as video:
...     len(video), video.info.width, video[5].rgb().shape
(12, 640, (360, 640, 3))

Nothing prints. What can go wrong is an NvcError (nvc.errors), each of which is also the builtin a caller expects:
InputError is an OSError, UsageError and FormatError are ValueErrors.
"""

import math
import operator
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from nvc.errors import CorruptError, UsageError
from nvc.pipeline import DecodeResult, EncodeResult, Limits, decode_file, encode_file
from nvc.pipeline.coders import check_computing, close_coder, make_decoder, make_encoder
from nvc.pipeline.enhance_file import EnhanceResult, enhance_file
from nvc.pipeline.limits import check_range, decode_memory
from nvc.pipeline.packets import Coded, times_of
from nvc.pipeline.paths import Destination, Source, check_format, check_source
from nvc.pipeline.playback import Playback
from nvc.pipeline.rgb import to_rgb
from nvc.pipeline.stream import Period, open_stream, period_at
from nvc.progress import Callback
from nvc.types import Frame, LayeredPacket, Packet, Settings, StreamHeader, VideoInfo

if TYPE_CHECKING:
    import torch

_KEPT_FRAMES = 16  # frames that a Video remembers: going back a few costs nothing


def encode(
    src: Source,
    dst: Destination,
    *,
    quality: int = 32,
    mode: str | None = None,
    start: int = 0,
    frames: int | None = None,
    video_stream: int = 0,
    audio: bool = True,
    raw: str | None = None,
    format: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
    bitrate: float | None = None,
    target_psnr: float | None = None,
    progress: Callback | None = None,
    max_pixels: int | None = None,
    max_frames: int | None = None,
    max_memory: int | None = None,
    **settings: Any,
) -> EncodeResult:
    """Encode a video.

    src            path, bytes, binary file object, or "-" for y4m on stdin
    dst            path (.nvc, layered also .mp4 and .mkv) or a seekable binary file object, then ``format`` names the
                   container: "nvc" (default), "mp4" or "mkv"
    quality        0..63, higher is better
    mode           "neural" or "layered"; None follows the ending of ``dst``
    start, frames  first frame and how many
    audio          carry sound along; subtitles and chapters always are
    raw            what a headerless input is: "416x240@50:yuv420p"
    resume         go on with the .part that an interrupted encode of the same input and settings left (.nvc only)
    verify         decode what was written and compare
    bitrate        kbit/s to meet, in place of a quality, by passes over ``src`` (a path or bytes) before the encode
    target_psnr    the same for the mean PSNR of the frames, (6 Y + U + V) / 8, in dB
    progress       called with nvc.types.Event
    max_*          limits, max_memory in bytes; None takes half of the free memory
    settings       the other fields of nvc.types.Settings: structure, keyint, mini_gop, threads, disable, hash, ...
    Raises UsageError for arguments that cannot be taken, before anything is read or written.

    >>> import io
    >>> data = io.BytesIO()
    >>> done = encode("sample.mp4", data, quality=20, frames=9, structure="ld", audio=False)
    >>> done.bytes == len(data.getvalue())
    True
    """
    check_range(start, frames)
    check_format(dst, format, mode)
    return encode_file(
        src, dst, _settings(quality=quality, **settings), mode=mode, format=format, start=start, frames=frames,
        video_stream=video_stream, audio=audio, raw=raw, overwrite=overwrite, resume=resume,
        verify=verify, bitrate=bitrate, target_psnr=target_psnr,
        limits=Limits(max_pixels, max_frames, max_memory), progress=progress,
    )  # fmt: skip


def decode(
    src: Source,
    dst: Destination,
    *,
    codec: str | None = None,
    crf: int | None = None,
    format: str | None = None,
    start: int = 0,
    frames: int | None = None,
    on_damage: str = "stop",
    strict: bool = False,
    hash_file: str | Path | None = None,
    enhance: bool = True,
    overwrite: bool = False,
    progress: Callback | None = None,
    device: str = "auto",
    threads: int = 0,
    precision: str = "auto",
    max_pixels: int | None = None,
    max_frames: int | None = None,
    max_memory: int | None = None,
) -> DecodeResult:
    """Decode what ``encode`` wrote, or the plain base of any HEVC file.

    src            path, bytes, binary file object (a pipe holds .nvc), or "-" for .nvc on stdin
    dst            path (.mp4 .mkv .y4m .yuv, a folder for PNG), a binary file object with ``format``, or "-" for y4m
    codec, crf     "x264" (crf 12 by default), "x265" or "ffv1" (exact) for .mp4 and .mkv
    on_damage      "stop" at damage, "hold" the last good frame, or "skip" to the next I frame
    strict         raise CorruptError at the end where damage was held or skipped over
    hash_file      where to write a hash of each frame
    enhance        False shows the plain base of layered mode

    >>> _ = encode("sample.mp4", "some.nvc", quality=20, frames=9, audio=False)
    >>> events = []
    >>> decode("some.nvc", "some.y4m", start=3, frames=4, progress=events.append).frames
    4
    >>> [event.kind for event in events]
    ['start', 'progress', 'progress', 'progress', 'progress', 'done']
    """
    check_range(start, frames)
    check_computing(threads, device, precision)
    return decode_file(
        src, dst, codec=codec, crf=crf, format=format, start=start, frames=frames, on_damage=on_damage, strict=strict,
        hash_file=hash_file, enhance=enhance, overwrite=overwrite, limits=Limits(max_pixels, max_frames, max_memory),
        progress=progress, threads=threads, device=device, precision=precision,
    )  # fmt: skip


def enhance(
    src: Source,
    dst: Destination,
    *,
    strength: float | str = "auto",
    preset: str = "fast",
    reference: Source | None = None,
    max_pixels: int | None = None,
    max_frames: int | None = None,
    max_memory: int | None = None,
    **options: Any,
) -> EnhanceResult:
    """Bring a video that some codec coded (x265, x264, SVT-AV1, ...) closer to its original.

    src, dst    as of ``decode``, but any video may come in
    strength    "auto" by how coarsely each picture was coded, or a number 0..1
    preset      which network; ModelError where it has no weights
    reference   the original: the result says what was gained against it
    options     the others of nvc.pipeline.enhance_file: codec, crf, start, frames, overwrite, progress, ...
    """
    limits = Limits(max_pixels, max_frames, max_memory)
    return enhance_file(src, dst, strength=strength, preset=preset, reference=reference, limits=limits, **options)


@dataclass(frozen=True, slots=True)
class VideoFrame(Frame):
    """A decoded frame: ``planes`` (y, u, v), ``pts``, ``duration`` and ``info`` of nvc.types.Frame, and as RGB."""

    @property
    def seconds(self) -> float:
        """When the frame is shown."""
        return float(self.pts * self.info.time_base)

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB by the stream's matrix and range."""
        return to_rgb(self)

    def tensor(self) -> "torch.Tensor":
        """(3, H, W) uint8 RGB."""
        import torch

        return torch.from_numpy(self.rgb()).permute(2, 0, 1).contiguous()


def open(  # noqa: A001 - nvc.open is the name that people look for
    src: Source,
    *,
    device: str = "auto",
    threads: int = 0,
    precision: str = "auto",
    max_pixels: int | None = None,
    max_frames: int | None = None,
    max_memory: int | None = None,
) -> "Video":
    """A coded file as a sequence of frames. ``src`` as of ``decode``; a pipe is read to its end first."""
    limits = Limits(max_pixels, max_frames, max_memory)
    return Video(src, limits, {"device": device, "threads": threads, "precision": precision})


class Video:
    """Frames of a coded file by index, slice or time; use as a context manager.

    info    VideoInfo; ``header`` is all that the stream says of itself
    A seek decodes only the I period that holds the frame, from its I frame on; going on from there costs one frame.
    Damage raises CorruptError where it is met, a closed Video UsageError. One Video serves one thread.

    >>> _ = encode("sample.mp4", "part.nvc", quality=20, frames=20, keyint=8, audio=False)
    >>> with open("part.nvc") as video:
    ...     [frame.pts for frame in video[2:10:3]], video[-1].pts == video.at(19 / 25).pts, len(list(video))
    ([1024, 2560, 4096], True, 20)
    """

    def __init__(self, src: Source, limits: Limits, options: dict[str, Any]) -> None:
        check_source(src)
        check_computing(**options)
        if hasattr(src, "read") and not src.seekable():  # type: ignore[union-attr]
            src = src.read()  # type: ignore[union-attr]
        self._options, self._limits = options, limits
        self._stream = open_stream(src, limits)
        self._periods: list[Period] | None = None
        self._times: dict[int, list[int]] = {}
        self._kept: deque[tuple[int, VideoFrame]] = deque(maxlen=_KEPT_FRAMES)
        self._pass: _Pass | None = None
        self._closed = False

    @property
    def header(self) -> StreamHeader:
        """Head of the stream."""
        return self._stream.header

    @property
    def info(self) -> VideoInfo:
        """Size, depth, time base, colour; with the number of frames."""
        return self.header.info.with_frames(len(self))

    def __len__(self) -> int:
        periods = self._index()
        return periods[-1].start + periods[-1].frames

    @overload
    def __getitem__(self, key: int) -> VideoFrame: ...
    @overload
    def __getitem__(self, key: slice) -> list[VideoFrame]: ...
    def __getitem__(self, key: Any) -> Any:
        """Frame ``key``, counted from 0 or back from -1, or the list of frames of a slice. IndexError outside."""
        if isinstance(key, slice):
            wanted = range(*key.indices(len(self)))
            found = {i: self._frame(i) for i in sorted(wanted)}
            return [found[i] for i in wanted]
        index = operator.index(key)
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"frame {index} of a video of {len(self)} frames")
        return self._frame(place)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Every frame in order, each decoded once; other access in between does not disturb it."""
        self._check_open()
        one = _Pass(self._stream, 0, self._options, self._limits)
        try:
            for _, frame in one:
                yield frame
                self._check_open()
        finally:
            one.close()

    def at(self, seconds: float | Fraction) -> VideoFrame:
        """The frame that is on show at a time of the stream's own clock. IndexError before the first, or at the end.

        IndexError also for a time that is no finite number.
        """
        if not math.isfinite(seconds):
            raise IndexError(f"no frame is shown at {seconds} s")
        time = Fraction(seconds).limit_denominator(10**9)  # 0.28 means 7/25, not the float just beside it
        ticks = time / self.header.info.time_base
        periods = self._index()
        here = max((p for p in periods if p.pts <= ticks), key=lambda p: p.pts, default=None)
        if here is None:
            raise IndexError(f"the video begins after {float(seconds)} s")
        place = max(i for i, pts in enumerate(self._period_times(here)) if pts <= ticks)
        frame = self._frame(here.start + place)
        if here is periods[-1] and place == here.frames - 1 and frame.duration and ticks >= frame.pts + frame.duration:
            raise IndexError(f"the video ends before {float(seconds)} s")
        return frame

    def close(self) -> None:
        """Let go of the file and the decoder. Safe to call again."""
        self._closed = True
        if self._pass is not None:
            self._pass.close()
        self._stream.close()

    def __enter__(self) -> "Video":
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the video is closed")

    def _index(self) -> list[Period]:
        self._check_open()
        if self._periods is None:
            self._periods = self._stream.periods()
            if not self._periods:
                raise CorruptError("the stream has no whole frame", frames=0)
        return self._periods

    def _period_times(self, period: Period) -> list[int]:
        """pts of the frames of an I period in display order, read without decoding."""
        if period.start not in self._times:
            found: dict[int, int] = {}
            for item in self._stream.items(period.start):
                if isinstance(item, Packet | LayeredPacket):
                    found.update({i: pts for i, (pts, _) in times_of(item).items()})
                    if len(found) >= period.frames:
                        break
            self._times[period.start] = [pts for _, pts in sorted(found.items())]
        return self._times[period.start]

    def _frame(self, index: int) -> VideoFrame:
        for place, frame in self._kept:
            if place == index:
                return frame
        start = period_at(self._index(), index).start
        if self._pass is None or not start <= self._pass.next <= index:
            if self._pass is not None:
                self._pass.close()
            self._pass = _Pass(self._stream, start, self._options, self._limits)
        for place, frame in self._pass:
            self._kept.append((place, frame))
            if place >= index:
                return frame
        raise CorruptError(f"frame {index} is missing")


class _Pass:
    """Decoding from one I period on. ``next`` is the display index of the frame to come."""

    def __init__(self, stream: Any, start: int, options: dict[str, Any], limits: Limits) -> None:
        limits.check_memory(decode_memory(stream.header, options["threads"]))
        self.next = start
        self._decoder = make_decoder(stream.header, **options)
        self._play = Playback(stream.items(start), self._decoder, stream.header, start=start, total=stream.n_frames)
        self._items = iter(self._play)

    def __iter__(self) -> Iterator[tuple[int, VideoFrame]]:
        for item in self._items:
            if isinstance(item, Frame):
                self.next = self._play.index + 1
                frame = VideoFrame(item.y, item.u, item.v, item.pts, item.info, item.duration, item.damaged)
                yield self._play.index, frame
        if self._play.stopped is not None:
            raise CorruptError(f"damaged after frame {self.next - 1}: {self._play.stopped}", frames=self.next)

    def close(self) -> None:
        """Let go of the decoder."""
        close_coder(self._decoder)


class Encoder:
    """Frames in, packets out; it knows no files.

    >>> import numpy as np
    >>> from fractions import Fraction
    >>> from nvc.types import Frame, VideoInfo
    >>> info = VideoInfo(64, 48, Fraction(1, 25), Fraction(25))
    >>> gray = np.full((24, 32), 128, np.uint8)
    >>> frames = [Frame(np.full((48, 64), 16 * i, np.uint8), gray, gray, i, info, 1) for i in range(5)]
    >>> encoder = Encoder(info, quality=30)
    >>> packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    >>> decoder = Decoder(encoder.header)
    >>> [frame.pts for packet in packets for frame in decoder.push(packet)] + decoder.flush()
    [0, 1, 2, 3, 4]
    """

    def __init__(self, info: VideoInfo, settings: Settings | None = None, **options: Any) -> None:
        """info of the frames to come; settings, or fields of Settings as keywords (quality, structure, ...)."""
        if settings is not None and options:
            raise UsageError("give settings or its fields as keywords, not both")
        self._coder = make_encoder(info, settings or _settings(**options))

    @property
    def header(self) -> StreamHeader:
        """Head of the stream: what a Decoder needs. Complete after the first ``push``."""
        return self._coder.header

    def push(self, frame: Frame) -> list[Coded]:
        """Take the next frame in display order; the packets that it completes."""
        return list(self._coder.push(frame))

    def flush(self) -> list[Coded]:
        """The packets of what still waits. The encoder takes no frames after it."""
        return list(self._coder.flush())

    def close(self) -> None:
        """Let go of the threads, for a job that ends early."""
        close_coder(self._coder)


class Decoder:
    """Packets in, frames out in display order; see Encoder for an example."""

    def __init__(
        self, header: StreamHeader, *, device: str = "auto", threads: int = 0, precision: str = "auto"
    ) -> None:
        self._coder = make_decoder(header, threads=threads, device=device, precision=precision)

    def push(self, packet: Coded) -> list[Frame]:
        """The frames of a packet. Raises CorruptError; then, or to go on elsewhere, call ``reset``."""
        return list(self._coder.push(packet))  # type: ignore[arg-type]

    def flush(self) -> list[Frame]:
        """Frames that are still held."""
        return list(self._coder.flush())

    def reset(self) -> None:
        """Forget all references; the next packet must begin an I period."""
        self._coder.reset()

    def close(self) -> None:
        """Let go of the threads."""
        close_coder(self._coder)


def _settings(**fields: Any) -> Settings:
    """Settings from keywords; ``disable``, a name or a collection of names, adds to what is off by default."""
    try:
        if "disable" in fields:
            off = fields["disable"]
            fields["disable"] = Settings().disable | frozenset([off] if isinstance(off, str) else off)
        return Settings(**fields)
    except TypeError as error:
        raise UsageError(f"settings that cannot be taken: {error}") from error
