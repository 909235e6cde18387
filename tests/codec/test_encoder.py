"""The encoder: packets, periods, equal bytes whatever the threads, what it keeps."""

import weakref
from collections.abc import Callable

import numpy as np
import pytest

from nvc.codec.encoder import Encoder, lookahead
from nvc.codec.references import Reference, plane_hash
from nvc.errors import FormatError
from nvc.types import Frame, Packet, Settings

Clip = Callable[..., list[Frame]]
Encode = Callable[..., tuple]


def shape_of(packets: list[Packet]) -> list[tuple[str, int, int]]:
    return [(p.kind, p.start, len(p.frames)) for p in packets]


def bytes_of(packets: list[Packet]) -> list[tuple]:
    """All of a packet that must not depend on where in a stream it stands."""
    first = packets[0].start
    return [
        (p.kind, p.payloads, p.lanes, p.symbol_hash, p.plane_hashes)
        + tuple((f.display_index - first, f.type, f.level, f.quality) for f in p.frames)
        for p in packets
    ]


@pytest.mark.parametrize(
    ("n", "settings", "want"),
    [
        (1, {}, [("intra", 0, 1)]),
        (3, {"structure": "intra"}, [("intra", 0, 1), ("intra", 1, 1), ("intra", 2, 1)]),
        (12, {"mini_gop": 8}, [("intra", 0, 1), ("gop", 1, 8), ("gop", 9, 3)]),
        (7, {"keyint": 4}, [("intra", 0, 1), ("gop", 1, 3), ("intra", 4, 1), ("gop", 5, 2)]),
        (3, {"keyint": 1}, [("intra", 0, 1), ("intra", 1, 1), ("intra", 2, 1)]),
        (4, {"structure": "ld", "keyint": 3}, [("intra", 0, 1), ("ld", 1, 1), ("ld", 2, 1), ("intra", 3, 1)]),
    ],
)
def test_packets_follow_the_schedule(n: int, settings: dict, want: list, clip: Clip, encode: Encode) -> None:
    header, packets = encode(clip(32, 16, n), **settings)
    assert shape_of(packets) == want
    assert (header.start_pts, header.frame_step, header.weights) == (100, 1, "none")
    for p in packets:
        assert all(f.pts == 100 + f.display_index and f.duration == 1 for f in p.frames)
        assert len(p.bits) == len(p.frames)


@pytest.mark.parametrize("structure", ["ra", "ld", "intra"])
@pytest.mark.parametrize("depth", [8, 10])
def test_threads_do_not_change_a_bit(structure: str, depth: int, clip: Clip, encode: Encode) -> None:
    frames = clip(64, 48, 12, depth)
    one, two = (encode(frames, structure=structure, threads=k, keyint=11, hash=True)[1] for k in (1, 2))
    assert one == two
    assert bytes_of(one) == bytes_of(two)


@pytest.mark.parametrize("structure", ["ra", "ld"])
@pytest.mark.parametrize("keyint", [5, 9])
def test_no_state_crosses_an_i_period(structure: str, keyint: int, clip: Clip, encode: Encode) -> None:
    frames = clip(48, 32, 2 * keyint + 3)
    whole = encode(frames, structure=structure, keyint=keyint, mini_gop=8, hash=True)[1]
    for start in (keyint, 2 * keyint):
        alone = encode(frames[start:], structure=structure, keyint=keyint, mini_gop=8, hash=True)[1]
        assert bytes_of(alone) == bytes_of([p for p in whole if p.start >= start])


def with_cut(clip: Clip, at: int, n: int) -> list[Frame]:
    """A clip whose picture is another one from frame ``at`` on."""
    frames = clip(64, 48, n)
    for k in range(at, n):
        f = frames[k]
        y = f.y.copy()
        y[:, :32], y[:, 32:] = y[:, :32] // 4, 255 - y[:, 32:] // 4
        frames[k] = Frame(y, f.u, f.v, f.pts, f.info, f.duration)
    return frames


@pytest.mark.parametrize("structure", ["ra", "ld"])
@pytest.mark.parametrize("at", [1, 4, 9])
def test_a_scene_cut_starts_a_period(structure: str, at: int, clip: Clip, encode: Encode) -> None:
    frames = with_cut(clip, at, 12)
    packets = encode(frames, structure=structure, mini_gop=8)[1]
    assert [p.start for p in packets if p.kind == "intra"] == [0, at]
    assert sorted(f.display_index for p in packets for f in p.frames) == list(range(12))
    off = encode(frames, structure=structure, mini_gop=8, disable=["scenecut"])[1]
    assert [p.start for p in off if p.kind == "intra"] == [0]
    alone = encode(frames[at:], structure=structure, mini_gop=8)[1]
    assert bytes_of(alone) == bytes_of([p for p in packets if p.start >= at])


def test_low_delay_packets_come_at_once(clip: Clip) -> None:
    frames = clip(32, 32, 6)
    encoder = Encoder(frames[0].info, Settings(structure="ld", threads=1, disable=frozenset({"networks"})))
    assert [[p.start for p in encoder.push(f)] for f in frames] == [[k] for k in range(6)]
    assert encoder.flush() == []


def test_low_delay_frames_carry_a_hash_now_and_then(clip: Clip, encode: Encode) -> None:
    packets = encode(clip(16, 16, 34), structure="ld")[1]
    hashed = [p.start for p in packets if p.symbol_hash is not None]
    assert 1 <= len(hashed) <= 3
    assert all(p.symbol_hash is not None for p in encode(clip(16, 16, 4))[1] if p.kind == "gop")


def test_hashes_are_written_when_asked_for(clip: Clip, encode: Encode) -> None:
    for asked in (True, False):
        for p in encode(clip(32, 16, 4), hash=asked)[1]:
            assert len(p.plane_hashes) == (len(p.frames) if asked else 0)


def test_more_quality_costs_more(clip: Clip, encode: Encode) -> None:
    frames = clip(48, 48, 9)
    sizes = [sum(len(b) for p in encode(frames, quality=q)[1] for b in p.payloads) for q in (0, 20, 40, 63)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 4


@pytest.mark.parametrize("other", [(32, 18, 8), (34, 16, 8), (32, 16, 10)])
def test_frames_of_another_kind_are_refused(other: tuple[int, int, int], clip: Clip) -> None:
    encoder = Encoder(clip(32, 16, 1)[0].info, Settings(threads=1, disable=frozenset({"networks"})))
    width, height, depth = other
    with pytest.raises(FormatError, match="every frame must be 32x16"):
        encoder.push(clip(width, height, 1, depth)[0])
    encoder.close()


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_references_are_freed(structure: str, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref] = []

    class Watched(Reference):
        __slots__ = ("__weakref__",)

        def __init__(self, *args) -> None:
            super().__init__(*args)
            made.append(weakref.ref(self))

    monkeypatch.setattr("nvc.codec.encoder.Reference", Watched)
    frames = clip(16, 16, 30)
    settings = Settings(structure=structure, mini_gop=8, threads=1, disable=frozenset({"networks"}))
    encoder = Encoder(frames[0].info, settings)
    for frame in frames:
        if encoder.push(frame):
            assert sum(r() is not None for r in made) <= 2
    assert len(made) >= 25
    encoder.flush()


@pytest.mark.parametrize("depth", [8, 10])
def test_the_plane_hash_is_of_the_shown_samples(depth: int, clip: Clip) -> None:
    frame = clip(17, 33, 1, depth)[0]
    wide = tuple(np.pad(p, ((0, 3), (0, 5))).astype(np.uint16) for p in frame.planes)
    assert plane_hash(wide, frame.info) == plane_hash(frame.planes, frame.info)
    wide[2][0, 0] ^= 1
    assert plane_hash(wide, frame.info) != plane_hash(frame.planes, frame.info)


@pytest.mark.parametrize("structure", ["ra", "ld", "intra"])
def test_skipped_frames_count_and_the_next_period_is_the_same(structure: str, clip: Clip, encode: Encode) -> None:
    frames = clip(48, 32, 14)
    settings = {"structure": structure, "keyint": 5, "mini_gop": 8, "quality": 30}
    header, whole = encode(frames, **settings)
    encoder = Encoder(frames[0].info, Settings(**settings, threads=1, preset="fast"))
    first = encoder.push(frames[0])
    for frame in frames[1:5]:
        encoder.skip(frame)
    rest = [packet for frame in frames[5:] for packet in encoder.push(frame)] + encoder.flush()
    assert first == ([] if structure == "ra" else whole[:1])  # there an I frame waits for the frames after it
    assert rest == [packet for packet in whole if packet.start >= 5]
    assert encoder.header == header


@pytest.mark.parametrize(
    ("size", "structure", "disable", "want"),
    [
        ((64, 48), "ra", (), 6),
        ((64, 48), "ra", ("mctf",), 0),
        ((64, 48), "ld", (), 0),
        ((64, 48), "intra", (), 0),
        ((64, 16), "ra", (), 0),
    ],
)
def test_an_i_frame_waits_for_what_it_is_filtered_with(size, structure, disable, want, clip: Clip) -> None:
    frames = clip(*size, 10)
    assert lookahead(frames[0].info, structure, disable) == want
    settings = Settings(structure=structure, preset="fast", threads=1, disable=frozenset({"networks", *disable}))
    encoder = Encoder(frames[0].info, settings)
    given = [encoder.push(frame) for frame in frames]
    at = next(k for k, packets in enumerate(given) if packets)
    assert (at, given[at][0].kind, given[at][0].start) == (want, "intra", 0)
    encoder.close()


def test_the_filter_takes_noise_out_of_key_pictures(clip: Clip, encode: Encode) -> None:
    """The noise of a clip that hardly moves costs bits in its I frame, and the frames after it pay for it again."""
    random = np.random.default_rng(4)
    first = clip(96, 64, 1)[0]
    frames = [
        Frame(
            *(np.clip(p + random.normal(0, 5, p.shape), 0, 255).astype(np.uint8) for p in first.planes),
            k,
            first.info,
            1,
        )
        for k in range(9)
    ]
    sizes = [
        sum(len(data) for packet in encode(frames, quality=45, disable=off)[1] for data in packet.payloads)
        for off in ((), ("mctf",))
    ]
    assert sizes[0] < 0.75 * sizes[1]  # the coarser quantiser of its I frame alone makes 0.87


def test_nothing_is_taken_from_another_period(clip: Clip, encode: Encode) -> None:
    frames = clip(64, 48, 14)
    whole = encode(frames, keyint=5)[1]
    part = encode(frames[5:10], keyint=5)[1]
    assert bytes_of(part) == bytes_of([packet for packet in whole if 5 <= packet.start < 10])
