"""Packets and streams for the tests of the container: no pictures, random payloads, a schedule of their own."""

import io
import random
from dataclasses import dataclass
from fractions import Fraction

import pytest

from nvc.container import StreamReader, StreamWriter
from nvc.types import CarriedPacket, CarriedStream, FrameEntry, LayeredPacket, Packet, StreamHeader, VideoInfo


class Pipe(io.RawIOBase):
    """Bytes that come once, in small pieces, and cannot be sought."""

    def __init__(self, data: bytes, piece: int = 1000) -> None:
        self.data, self.at, self.piece = data, 0, piece

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self.piece if size < 0 else min(size, self.piece)
        self.at += size
        return self.data[self.at - size : self.at]


def pyramid(kind: str, count: int, mini_gop: int) -> tuple[tuple[int, str, int], ...]:
    """The last frame first, then the middle of each gap: as good as any schedule."""
    if kind != "gop":
        return ((0, "I" if kind == "intra" else "P", 0),)
    out, gaps, level = [(count - 1, "P", 0)], [(-1, count - 1)], 1
    while gaps:
        middles = [(a, (a + b) // 2, b) for a, b in gaps if b - a > 1]
        out += [(m, "B", level) for _, m, _ in middles]
        gaps, level = [pair for a, m, b in middles for pair in ((a, m), (m, b))], level + 1
    return tuple(out)


@dataclass
class Maker:
    """Makes headers, packets and streams; times of 512 ticks a frame unless said otherwise."""

    step: int = 512
    schedule = staticmethod(pyramid)
    pipe = staticmethod(Pipe)

    def header(self, **changes: object) -> StreamHeader:
        info = VideoInfo(352, 288, Fraction(1, 12800), Fraction(25), n_frames=changes.pop("n_frames", None))
        base = {"mode": "neural", "structure": "ra", "keyint": 32, "mini_gop": 16, "quality": 20}
        base |= {"frame_step": self.step, "start_pts": 1024, "parameter_sets": bytes(85)}
        return StreamHeader(info, **(base | changes))

    def entry(self, start: int, offset: int, type_: str, level: int, quality: int) -> FrameEntry:
        return FrameEntry(start + offset, type_, level, quality, 1024 + (start + offset) * self.step, self.step)

    def packet(self, kind: str, start: int, count: int = 1, *, size: int = 200, **changes: object) -> Packet:
        frames = tuple(self.entry(start, *spec, 20 - spec[2]) for spec in pyramid(kind, count, 16))
        data = random.Random(start).randbytes(size)
        lanes = () if kind == "intra" else (4,)
        return Packet(kind, frames, (data,), **({"lanes": lanes} | changes))

    def period(self, start: int, gops: int = 2, size: int = 200) -> list[Packet]:
        packets = [self.packet("intra", start, size=3 * size)]
        for i in range(gops):
            packets.append(self.packet("gop", start + 1 + 16 * i, 16, size=size, symbol_hash=start + i))
        return packets

    def ld_frames(self, start: int, count: int, size: int = 200) -> list[Packet]:
        """An I frame and the P frames after it, a hash in each sixteenth."""
        hashes = [i if i % 16 == 15 else None for i in range(count - 1)]
        rest = [self.packet("ld", start + 1 + i, size=size, symbol_hash=h) for i, h in enumerate(hashes)]
        return [self.packet("intra", start), *rest]

    def layered(self, start: int, count: int = 8, payload: bytes = b"parameters") -> LayeredPacket:
        """An I period whose samples come in another order than they are shown."""
        pts = tuple(1024 + (start + i) * self.step for i in range(count))
        order = [0, *(i for pair in zip(range(2, count, 2), range(1, count, 2), strict=False) for i in pair)]
        order += sorted(set(range(count)) - set(order))
        samples = tuple(
            (pts[place], pts[0] + (i - 2) * self.step, self.step, i == 0, b"\0\0\0\1" + random.Random(i).randbytes(90))
            for i, place in enumerate(order)
        )
        return LayeredPacket(start, pts, (self.step,) * count, samples, payload)

    def audio(self, count: int, size: int = 100) -> list[CarriedPacket]:
        return [
            CarriedPacket(0, i * 1024 - 1024, i * 1024 - 1024, 1024, True, bytes([i % 256]) * size)
            for i in range(count)
        ]

    def stream(self, items: list, *, close: bool = True, header: StreamHeader | None = None, **head: object) -> bytes:
        file = io.BytesIO()
        writer = StreamWriter(file, header or self.header(), **head)
        for item in items:
            writer.write(item)
        if close:
            writer.close()
        return file.getvalue()

    def sound(self) -> CarriedStream:
        return CarriedStream(0, "audio", "aac", Fraction(1, 48000), b"how to make it again")

    def reader(self, source: object, **options: object) -> StreamReader:
        return StreamReader(source, schedule=pyramid, **options)


@pytest.fixture(scope="session")
def make() -> Maker:
    return Maker()
