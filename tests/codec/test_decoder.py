"""The decoder: the encoder's pictures for every structure, size, depth and tool; damage; what it keeps."""

import dataclasses
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.references import Reference, plane_hash
from nvc.errors import CorruptError, FormatError, ModelError
from nvc.types import Frame, FrameEntry, Packet

Clip = Callable[..., list[Frame]]
Encode = Callable[..., tuple]
Decode = Callable[..., list[Frame]]


def check(frames: list[Frame], coded: tuple, decode: Decode, worst: float) -> None:
    """Same count, times, sizes, hashes of the encoder's pictures; not further than ``worst`` from the source."""
    header, packets = coded
    back = decode(header, packets)
    hashes = {f.display_index: h for p in packets for f, h in zip(p.frames, p.plane_hashes, strict=True)}
    assert [plane_hash(f.planes, f.info) for f in back] == [hashes[k] for k in range(len(frames))]
    for a, b in zip(frames, back, strict=True):
        assert (a.pts, a.duration, a.info) == (b.pts, b.duration, b.info)
        error = np.abs(a.y.astype(int) - b.y).mean() / (1 << (a.info.bit_depth - 8))
        assert error <= worst


@pytest.mark.parametrize("size", [(5, 3), (17, 33), (64, 48), (1, 1)])
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("structure", ["ra", "ld", "intra"])
def test_streams_come_back(
    size: tuple[int, int], depth: int, structure: str, clip: Clip, encode: Encode, decode: Decode
) -> None:
    frames = clip(*size, 11, depth)
    coded = encode(frames, structure=structure, mini_gop=8, quality=45, hash=True, keyint=10)
    check(frames, coded, decode, 14)


@pytest.mark.parametrize("tool", ["merge", "obmc", "scenecut", "rdoq", "bipred"])
@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_every_tool_can_be_off(tool: str, structure: str, clip: Clip, encode: Encode, decode: Decode) -> None:
    frames = clip(48, 32, 6)
    coded = encode(frames, structure=structure, quality=45, hash=True, disable=[tool])
    assert tool in coded[0].disabled
    check(frames, coded, decode, 14)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 17, 18, 33])
@pytest.mark.parametrize("mini_gop", [8, 16, 32])
def test_every_count_comes_back(n: int, mini_gop: int, clip: Clip, encode: Encode, decode: Decode) -> None:
    frames = clip(16, 16, n)
    check(frames, encode(frames, mini_gop=mini_gop, hash=True), decode, 20)


@pytest.mark.parametrize("quality", [0, 63])
def test_extreme_qualities_and_content_come_back(quality: int, clip: Clip, encode: Encode, decode: Decode) -> None:
    rng = np.random.default_rng(1)
    frames = []
    for f in clip(34, 18, 5, 10):
        y, u, v = (rng.choice([0, 1023], p.shape).astype(np.uint16) for p in f.planes)
        frames.append(Frame(y, u, v, f.pts, f.info, f.duration))
    check(frames, encode(frames, quality=quality, hash=True), decode, 200)


def test_threads_do_not_change_a_sample(short: tuple, decode: Decode) -> None:
    one, two = (decode(*short, threads=k) for k in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


@pytest.mark.parametrize("backend", ["reference", "numba"])
def test_backends_do_not_change_a_sample(
    backend: str, short: tuple, decode: Decode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NVC_BACKEND", backend)
    assert len(decode(*short)) == 11  # the plane hashes are checked on the way


def decode_all(header, packets: list[Packet]) -> tuple[int, int]:
    """(frames, errors) of a stream, going on at the next I frame after an error."""
    decoder = Decoder(header, threads=1)
    frames = errors = 0
    for p in packets:
        try:
            frames += len(decoder.push(p))
        except CorruptError:
            errors += 1
            decoder.reset()
    decoder.close()
    return frames, errors


@pytest.mark.parametrize("index", [0, 1, 2])
def test_flipped_payloads_raise_or_decode(index: int, short: tuple) -> None:
    header, packets = short
    plain = [dataclasses.replace(p, plane_hashes=()) for p in packets]
    rng, seen = np.random.default_rng(index), 0
    for _ in range(120):
        which = int(rng.integers(len(plain[index].payloads)))
        payload = bytearray(plain[index].payloads[which])
        payload[rng.integers(len(payload))] ^= 1 << int(rng.integers(8))
        payloads = list(plain[index].payloads)
        payloads[which] = bytes(payload)
        frames, errors = decode_all(
            header, [*plain[:index], dataclasses.replace(plain[index], payloads=tuple(payloads))]
        )
        assert frames + errors > 0
        seen += errors
    assert index == 0 or seen == 120  # symbols are hashed; a damaged still may look whole


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 7, 30, -1, -2])
def test_cut_payloads_are_seen(keep: int, short: tuple) -> None:
    header, packets = short
    for k in (1, 2):
        cut = dataclasses.replace(packets[k], payloads=(packets[k].payloads[0][:keep], *packets[k].payloads[1:]))
        assert decode_all(header, [*packets[:k], cut]) == (sum(len(p.frames) for p in packets[:k]), 1)


def test_overrun_is_seen_before_the_next_frame(short: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that ask for many large frames cost the time and memory of one."""
    header, packets = short
    decoder = Decoder(header, threads=1)
    decoder.push(packets[0])
    made: list[int] = []
    monkeypatch.setattr("nvc.codec.decoder.reconstruct", lambda *a, **k: made.append(1))
    empty = dataclasses.replace(packets[1], payloads=(b"\x01\x02\x03\x04",), lanes=(1,), plane_hashes=())
    with pytest.raises(CorruptError):
        decoder.push(empty)
    assert not made


def test_a_wrong_symbol_hash_or_picture_hash_is_seen(short: tuple) -> None:
    header, packets = short
    for change in ({"symbol_hash": packets[1].symbol_hash ^ 1}, {"plane_hashes": packets[1].plane_hashes[::-1]}):
        with pytest.raises(CorruptError, match="differ"):
            decoder = Decoder(header, threads=1)
            for p in (packets[0], dataclasses.replace(packets[1], **change)):
                decoder.push(p)


@pytest.mark.parametrize("start", [1, 2])
def test_a_missing_i_frame_is_said(start: int, short: tuple) -> None:
    header, packets = short
    decoder = Decoder(header, threads=1)
    with pytest.raises(CorruptError, match="I frame"):
        decoder.push(packets[start])


def test_reset_forgets_and_an_i_frame_starts_anew(clip: Clip, encode: Encode) -> None:
    header, packets = encode(clip(32, 32, 12), keyint=6, mini_gop=8, hash=True)
    decoder = Decoder(header, threads=1)
    decoder.push(packets[0])
    decoder.reset()
    with pytest.raises(CorruptError, match="I frame"):
        decoder.push(packets[1])
    assert [len(decoder.push(p)) for p in packets[2:]] == [1, 5]
    decoder.push(packets[0])
    assert len(decoder.push(packets[1])) == 5
    assert decoder.flush() == []


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_bits_of_the_last_packet_are_the_encoders(structure: str, clip: Clip, encode: Encode) -> None:
    header, packets = encode(clip(32, 32, 6), structure=structure)
    decoder = Decoder(header, threads=1)
    for p in packets:
        decoder.push(p)
        assert decoder.last_bits == p.bits
        coded, counted = 8 * sum(map(len, p.payloads)), sum(sum(b.values()) for b in p.bits)
        assert counted - 8 <= coded <= counted * 1.01 + 8 * 8 * len(p.payloads)


B = FrameEntry(3, "B", 1, 32, 0)


@pytest.mark.parametrize(
    "entries",
    [
        (FrameEntry(1, "I", 0, 32, 0),),
        (B,),
        (B, FrameEntry(8, "P", 0, 32, 0)),
        (FrameEntry(0, "P", 0, 32, 0),),
        (FrameEntry(8, "P", 0, 32, 0), FrameEntry(8, "B", 1, 32, 0)),
        (FrameEntry(8, "P", 3, 32, 0), FrameEntry(4, "B", 1, 32, 0)),
    ],
)
def test_impossible_orders_are_corrupt(entries: tuple[FrameEntry, ...], short: tuple) -> None:
    header, packets = short
    decoder = Decoder(header, threads=1)
    decoder.push(packets[0])
    levels = len({e.level for e in entries})
    bad = Packet("gop", entries, (b"\x00\x00\x01\x00",) * levels, default=False, lanes=(1,) * levels)
    with pytest.raises(CorruptError):
        decoder.push(bad)


@pytest.mark.parametrize(("frames", "payloads"), [(1, 0), (2, 1), (2, 2), (1, 2)])
def test_i_packets_hold_one_frame_and_one_payload(frames: int, payloads: int, short: tuple) -> None:
    header, packets = short
    entries = tuple(FrameEntry(k, "I", 0, 32, k) for k in range(frames))
    with pytest.raises(CorruptError):
        Decoder(header, threads=1).push(Packet("intra", entries, packets[0].payloads * payloads))


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x26\x01garbage", b"\x40\x01\x0c"])
def test_impossible_i_payloads_are_corrupt(payload: bytes, short: tuple) -> None:
    with pytest.raises(CorruptError):
        Decoder(short[0], threads=1).push(Packet("intra", (FrameEntry(0, "I", 0, 32, 0),), (payload,)))


def test_too_few_picture_hashes_are_corrupt(short: tuple) -> None:
    header, packets = short
    decoder = Decoder(header, threads=1)
    decoder.push(packets[0])
    with pytest.raises(CorruptError):
        decoder.push(dataclasses.replace(packets[1], plane_hashes=packets[1].plane_hashes[:-1]))


@pytest.mark.parametrize(
    ("change", "error"), [({"intra": "jpeg"}, FormatError), ({"weights": "0123456789abcdef"}, ModelError)]
)
def test_unknown_coders_and_weights_are_refused(change: dict, error: type[Exception], short: tuple) -> None:
    with pytest.raises(error):
        Decoder(dataclasses.replace(short[0], **change))


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_references_are_freed(structure: str, clip: Clip, encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref] = []

    class Watched(Reference):
        __slots__ = ("__weakref__",)

        def __init__(self, *args) -> None:
            super().__init__(*args)
            made.append(weakref.ref(self))

    header, packets = encode(clip(16, 16, 30), structure=structure, mini_gop=8)
    monkeypatch.setattr("nvc.codec.decoder.Reference", Watched)
    decoder = Decoder(header, threads=1)
    for p in packets:
        decoder.push(p)
        assert sum(r() is not None for r in made) <= 2
    assert len(made) == 30
