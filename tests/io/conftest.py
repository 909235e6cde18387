"""Tiny clips made by PyAV, with everything that a real file may hold."""

import io
import wave
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from nvc.types import Frame, VideoInfo

SRT = b"1\n00:00:00,040 --> 00:00:00,120\nHello <i>you</i>\n\n2\n00:00:00,160 --> 00:00:00,240\nTwo\nlines\n\n"


def picture(width: int, height: int, number: int, bit_depth: int = 8) -> tuple[np.ndarray, ...]:
    """A moving gradient with noise: planes y, u, v."""
    rng = np.random.default_rng(number)
    dtype, peak = (np.uint8, 255) if bit_depth == 8 else (np.uint16, 1023)
    planes = []
    for index, (h, w) in enumerate([(height, width)] + [((height + 1) // 2, (width + 1) // 2)] * 2):
        ramp = np.add.outer(np.arange(h), np.arange(w)) * 3 + 7 * number + 31 * index
        planes.append(((ramp + rng.integers(0, 9, (h, w))) % peak).astype(dtype))
    return tuple(planes)


def frames_of(info: VideoInfo, count: int, pts: list[int] | None = None) -> list[Frame]:
    """Frames of an info, at one tick each where no times are given."""
    times = pts or list(range(count))
    return [Frame(*picture(info.width, info.height, i, info.bit_depth), times[i], info) for i in range(count)]


def av_frame(planes: tuple[np.ndarray, ...], pix_fmt: str) -> av.VideoFrame:
    """A PyAV frame with planes of that format's own shapes."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pix_fmt)
    for target, plane in zip(frame.planes, planes, strict=True):
        size = plane.dtype.itemsize
        rows = np.ndarray((target.height, target.line_size // size), plane.dtype, buffer=memoryview(target))
        rows[:, : plane.shape[1]] = plane
    return frame


def sound(seconds: float) -> io.BytesIO:
    """A mono 8 kHz WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((1000 * np.sin(np.arange(int(8000 * seconds)) / 5)).astype("<i2").tobytes())
    file.seek(0)
    return file


@dataclass
class Clip:
    """What to put into a file; ``write`` makes it and returns the source planes."""

    width: int = 48
    height: int = 32
    count: int = 8
    codec: str = "ffv1"
    pix_fmt: str = "yuv420p"
    time_base: Fraction = Fraction(1, 1000)
    step: int = 40
    pts: list[int] | None = None
    audio: tuple[str, ...] = ()
    srt: bool = False
    attachment: bytes = b""
    chapters: list[dict] = field(default_factory=list)
    rotation: int = 0
    context: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    container_options: dict = field(default_factory=dict)

    def write(self, dest: Path | io.BytesIO, container_format: str) -> list[tuple[np.ndarray, ...]]:
        bit_depth = 10 if "10" in self.pix_fmt else 8
        planes = [picture(self.width, self.height, i, bit_depth) for i in range(self.count)]
        target = str(dest) if isinstance(dest, Path) else dest
        with av.open(target, "w", format=container_format, container_options=self.container_options) as out:
            stream = out.add_stream(self.codec, Fraction(1000, self.step), options=self.options)
            stream.width, stream.height, stream.pix_fmt = self.width, self.height, self.pix_fmt
            stream.codec_context.time_base = stream.time_base = self.time_base
            stream.codec_context.thread_count = 1
            for name, value in self.context.items():
                setattr(stream.codec_context, name, value)
            if self.rotation:
                stream.set_display_rotation(self.rotation)
            packets = [p for codec in self.audio for p in self._audio(out, codec)] + self._srt(out)
            if self.attachment:
                out.add_attachment("font.ttf", "font/ttf", self.attachment)
            if self.chapters:
                out.set_chapters(self.chapters)
            packets += self._video(stream, planes)
            for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
                out.mux(packet)
        return planes

    def _video(self, stream: av.VideoStream, planes: list) -> list[av.Packet]:
        packets = []
        for index, item in enumerate(planes):
            frame = av_frame(item, self.pix_fmt)
            frame.pts = self.pts[index] if self.pts else index * self.step
            frame.time_base = self.time_base
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in packets:
            packet.duration = packet.duration or self.step
        return packets

    def _audio(self, out: av.container.OutputContainer, codec: str) -> list[av.Packet]:
        rate = 48000 if codec in ("libopus", "libmp3lame") else 8000
        stream = out.add_stream(codec, rate)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or 960)
        packets, samples = [], 0
        with av.open(sound(float(self.count * self.step * self.time_base))) as source:
            for frame in [*source.decode(audio=0), None]:
                for part in resampler.resample(frame):
                    part.pts, part.time_base = samples, Fraction(1, rate)
                    samples += part.samples
                    packets += stream.encode(part)
        return packets + stream.encode(None)

    def _srt(self, out: av.container.OutputContainer) -> list[av.Packet]:
        if not self.srt:
            return []
        with av.open(io.BytesIO(SRT), format="srt") as source:
            stream = out.add_stream_from_template(source.streams[0], opaque=True)
            packets = [p for p in source.demux() if p.size]
        for packet in packets:
            packet.stream = stream
        return packets


@pytest.fixture
def clip() -> type[Clip]:
    """The maker of test files."""
    return Clip


@pytest.fixture
def make_frames():
    """frames_of(info, count, pts=None)."""
    return frames_of


@pytest.fixture
def make_picture():
    """picture(width, height, number, bit_depth=8)."""
    return picture


@pytest.fixture
def make_av_frame():
    """av_frame(planes, pix_fmt)."""
    return av_frame
