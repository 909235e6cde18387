"""Where packets go, and in which order."""

from fractions import Fraction
from io import BytesIO

import pytest

from nvc.errors import NvcError
from nvc.pipeline.sinks import Interleaver, MuxSink, NvcSink
from nvc.types import CarriedPacket, CarriedStream, FrameEntry, Packet, StreamHeader, VideoInfo

INFO = VideoInfo(64, 48, Fraction(1, 25), Fraction(25))
HEADER = StreamHeader(INFO, "neural", "ra", 8, 8, 32, 1, 0)
STREAMS = (
    CarriedStream(0, "audio", "aac", Fraction(1, 50), b""),
    CarriedStream(1, "attachment", "ttf", Fraction(1), b""),
)


def packet(start: int) -> Packet:
    return Packet("intra", (FrameEntry(start, "I", 0, 32, start, 1),), (b"picture",))


def sound(pts: int | None, stream: int = 0) -> CarriedPacket:
    return CarriedPacket(stream, pts, pts, 1, True, b"sound")


class Sink:
    """Keeps what it gets: pts of sound as a negative number, start of a packet as itself."""

    def __init__(self) -> None:
        self.got: list = []

    def write(self, item) -> None:
        self.got.append(item.start if isinstance(item, Packet) else ("sound", item.pts))


def test_sound_follows_the_video_that_it_belongs_to() -> None:
    sink = Sink()
    lanes = Interleaver(sink, INFO.time_base, STREAMS)
    for pts in range(5):
        lanes.write(sound(pts))
    lanes.write(sound(None, 1))
    assert sink.got == [("sound", None)]
    lanes.write(packet(0))
    lanes.write(packet(1))
    assert sink.got[1:] == [0, ("sound", 0), 1, ("sound", 1), ("sound", 2)]
    lanes.flush()
    assert sink.got[6:] == [("sound", 3), ("sound", 4)]
    lanes.flush()
    assert len(sink.got) == 8


def test_a_stream_keeps_its_order() -> None:
    sink = Sink()
    lanes = Interleaver(sink, INFO.time_base, STREAMS)
    lanes.write(packet(3))
    for pts in (9, 2, 4):
        lanes.write(sound(pts))
    lanes.flush()
    assert sink.got == [3, ("sound", 9), ("sound", 2), ("sound", 4)]


def test_a_stream_counts_its_bytes() -> None:
    file = BytesIO()
    sink = NvcSink(file, HEADER, (), ())
    sink.write(packet(0))
    sink.close()
    assert sink.bytes == sink.video_bytes == len(file.getvalue())


def test_neural_packets_do_not_go_into_a_track() -> None:
    from nvc.codec.layered import LayeredEncoder
    from nvc.types import Settings

    header = LayeredEncoder(INFO, Settings(mode="layered")).header
    sink = MuxSink(BytesIO(), header, (), (), "mkv")
    with pytest.raises(NvcError):
        sink.write(packet(0))
