"""Decoding over damage, with a decoder that only checks the order of what it is given."""

from fractions import Fraction

import numpy as np
import pytest

from nvc.container.unit import Damage
from nvc.errors import CorruptError
from nvc.pipeline.playback import TRAIL, Playback, fill_times
from nvc.types import CarriedPacket, Frame, FrameEntry, Packet, StreamHeader, VideoInfo

INFO = VideoInfo(2, 2, Fraction(1, 100), Fraction(25))
HEADER = StreamHeader(INFO, "neural", "ra", 8, 8, 32, frame_step=4, start_pts=0)
SOUND = CarriedPacket(0, 0, 0, 1, True, b"sound")
BROKEN = Damage(77, 5, "wrong sum")


def packet(start: int, count: int, first: int = 0) -> Packet:
    """An I frame (count 1) or a mini-GOP, coded last frame first, of frames 4 ticks long."""
    kind = "intra" if count == 1 else "gop"
    order = [start + count - 1, *range(start, start + count - 1)]
    entries = tuple(FrameEntry(i, "I" if count == 1 else "B", 0, 32, first + 4 * i, 4) for i in order)
    return Packet(kind, entries, (b"x",))


def stream() -> list:
    """24 frames: I periods of 8, each an I frame, 4 frames and 3 frames; sound between."""
    items: list = []
    for start in (0, 8, 16):
        items += [packet(start, 1), SOUND, packet(start + 1, 4), packet(start + 5, 3)]
    return items


class Decoder:
    """Refuses a packet that does not follow the one before; the luma of a frame is its index."""

    def __init__(self, bad: tuple[int, ...] = ()) -> None:
        self.next: int | None = None
        self.bad = bad
        self.resets = 0

    def reset(self) -> None:
        self.next = None
        self.resets += 1

    def flush(self) -> list[Frame]:
        return []

    def push(self, packet: Packet) -> list[Frame]:
        assert packet.kind == "intra" or packet.start == self.next
        if packet.start in self.bad:
            raise CorruptError(f"symbols of frame {packet.start} differ")
        self.next = packet.start + len(packet.frames)
        return [frame(e.display_index, e.pts) for e in sorted(packet.frames, key=lambda e: e.display_index)]


def frame(index: int, pts: int) -> Frame:
    y = np.full((2, 2), index % 256, np.uint8)
    return Frame(y, y[:1, :1], y[:1, :1], pts, INFO, 4)


def play(items: list, on_damage: str, bad: tuple[int, ...] = (), **options) -> tuple[list, Playback]:
    """([(luma, pts, damaged)], the Playback)."""
    playback = Playback(items, Decoder(bad), HEADER, on_damage=on_damage, **options)
    got = [(int(f.y[0, 0]), f.pts, f.damaged) for f in playback if isinstance(f, Frame)]
    return got, playback


def good(*spans: range) -> list:
    return [(i, 4 * i, False) for span in spans for i in span]


@pytest.mark.parametrize("on_damage", ["stop", "hold", "skip"])
def test_a_whole_stream(on_damage: str) -> None:
    got, playback = play(stream(), on_damage, total=24)
    assert got == good(range(24))
    assert (playback.damages, playback.damaged_frames, playback.stopped) == ([], 0, None)


def test_carried_packets_come_in_their_places() -> None:
    kinds = [isinstance(item, Frame) for item in Playback(stream(), Decoder(), HEADER)]
    assert [i for i, is_frame in enumerate(kinds) if not is_frame] == [1, 10, 19]


# What is taken out of the middle period, and the first frame that is lost by it.
LOSSES = {"I frame": (4, 8), "first mini-GOP": (6, 9), "second mini-GOP": (7, 13)}


@pytest.mark.parametrize("with_trace", [True, False], ids=["damaged", "missing without a trace"])
@pytest.mark.parametrize(("place", "lost"), LOSSES.values(), ids=LOSSES)
def test_a_lost_packet(place: int, lost: int, with_trace: bool) -> None:
    items = stream()
    items[place : place + 1] = [BROKEN] if with_trace else []
    got, playback = play(items, "stop", total=24)
    assert got == good(range(lost)) and playback.stopped is not None
    got, playback = play(items, "skip", total=24)
    assert got == good(range(lost), range(16, 24))
    assert playback.damaged_frames == 16 - lost
    got, playback = play(items, "hold", total=24)
    held = [(lost - 1, 4 * i, True) for i in range(lost, 16)]
    assert got == good(range(lost)) + held + good(range(16, 24))
    assert playback.damaged_frames == 16 - lost and playback.stopped is None


def test_a_packet_that_does_not_decode() -> None:
    said: list[str] = []
    got, playback = play(stream(), "hold", bad=(9,), total=24, warn=said.append)
    assert got[8:17] == [(8, 32, False)] + [(8, 4 * i, True) for i in range(9, 16)] + [(16, 64, False)]
    assert said == ["damaged: symbols of frame 9 differ"]


def test_damage_that_costs_no_frame() -> None:
    items = stream()
    items[5] = BROKEN
    got, playback = play(items, "skip", total=24)
    assert got == good(range(24))
    assert (playback.damages, playback.damaged_frames) == (["at byte 77: wrong sum"], 0)
    assert play(items, "stop", total=24)[0] == good(range(9))


def test_the_first_i_frame_is_lost() -> None:
    items = [BROKEN, *stream()[1:]]
    assert play(items, "skip", total=24)[0] == good(range(8, 24))
    got, playback = play(items, "hold", total=24)
    assert got == [(8, 4 * i, True) for i in range(8)] + good(range(8, 24))
    assert playback.damaged_frames == 8


def test_the_end_is_lost() -> None:
    items = stream()[:9]
    got, playback = play(items, "hold", total=24)
    assert got == good(range(17)) + [(16, 4 * i, True) for i in range(17, 24)]
    assert play(items, "skip", total=24)[0] == good(range(17))
    assert play(items, "stop", total=24)[1].stopped == "frames 17 to 23 are missing at the end"
    # Without an index nobody knows what is missing.
    assert play(items, "hold")[0] == good(range(17))


def test_a_promised_end_is_held() -> None:
    items = stream()[:9]
    got, playback = play(items, "hold", promised=lambda: 24)
    assert got == good(range(17)) + [(16, 4 * i, True) for i in range(17, 24)] and playback.damaged_frames == 7
    got, playback = play(items, "skip", promised=lambda: 24)
    assert got == good(range(17)) and playback.damaged_frames == 7
    assert play(items, "hold", promised=lambda: 5)[0] == good(range(17))


@pytest.mark.parametrize(("waits", "seen"), [(False, 2), (True, 4)])
def test_what_trails_an_end_by_far_comes_while_it_is_waited_for(waits: bool, seen: int) -> None:
    items = [packet(0, 1), SOUND, packet(1, 1), SOUND, packet(1 + TRAIL, 1), SOUND, packet(2 + TRAIL, 1), SOUND, BROKEN]
    playback = Playback(items, Decoder(), HEADER, end=1, waits=lambda: waits)
    assert sum(not isinstance(item, Frame) for item in playback) == seen and playback.damages == []


def test_packets_in_the_wrong_order_are_damage() -> None:
    items = stream()
    items[2], items[3] = items[3], items[2]
    got, playback = play(items, "skip", total=24)
    assert got == good(range(1), range(8, 24))
    assert len(playback.damages) == 2


def test_a_packet_that_comes_twice_is_passed_over() -> None:
    items = stream()
    items.insert(4, items[3])
    got, playback = play(items, "skip", total=24)
    assert got == good(range(24)) and playback.damages == ["frame 5 comes again or out of order"]


@pytest.mark.parametrize("end", [13, 11, 8, 24])
def test_an_end_is_exact_and_decodes_no_further(end: int) -> None:
    decoder = Decoder()
    playback = Playback(stream(), decoder, HEADER, end=end, total=24)
    items = list(playback)
    assert [f.pts for f in items if isinstance(f, Frame)] == [4 * i for i in range(end)]
    assert len(items) == end + 3  # what is carried may trail
    assert playback.damages == [] and decoder.next in (8, 13, 24)


def test_a_start_in_the_middle() -> None:
    playback = Playback(stream()[4:], Decoder(), HEADER, start=8, total=24)
    places = [playback.index for item in playback if isinstance(item, Frame)]
    assert places == list(range(8, 24))


def test_a_gap_that_no_stream_has_is_not_filled() -> None:
    items = [packet(0, 1), packet(2**40, 1)]
    got, playback = play(items, "hold")
    assert [luma for luma, _, _ in got] == [0, 0]
    assert playback.damaged_frames == 2**40 - 1


@pytest.mark.parametrize(
    ("known", "following", "step", "want"),
    [
        ({}, (40, 4), 4, [(5, 24, 4), (6, 28, 4), (7, 32, 4), (8, 36, 4)]),
        ({}, None, 4, [(5, 24, 4), (6, 28, 4), (7, 32, 4), (8, 36, 4)]),
        ({6: (22, 1), 7: (30, 2)}, (41, 4), 3, [(5, 21, 3), (6, 22, 1), (7, 30, 2), (8, 35, 3)]),
        ({}, (22, 1), 0, [(7, 21, 0)]),
        ({6: (10, 1)}, None, 0, [(5, 21, 0), (6, 22, 0), (7, 23, 0), (8, 24, 0)]),
    ],
)
def test_times_of_what_is_held(known: dict, following: tuple | None, step: int, want: list) -> None:
    assert fill_times(20, 5, 9, known, following, step) == want
