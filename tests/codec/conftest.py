"""Tiny clips, and both ends of the neural mode, for the tests of the codec core."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.symbols import SymbolModel, load_model
from nvc.types import Frame, Packet, Settings, StreamHeader, VideoInfo

Coded = tuple[StreamHeader, list[Packet]]


def make_clip(width: int, height: int, n: int, depth: int = 8, seed: int = 0) -> list[Frame]:
    """n frames of a random texture that moves by (2, 1) samples a frame, with a little noise."""
    rng = np.random.default_rng(seed)
    info = VideoInfo(width, height, Fraction(1, 25), bit_depth=depth)
    peak = (1 << depth) - 1
    base = rng.integers(peak // 4, 3 * peak // 4, (height // 4 + n + 2, width // 4 + n + 2))
    big = base.repeat(4, 0).repeat(4, 1)
    ch, cw = info.chroma_size
    frames = []
    for k in range(n):
        planes = [big[k : k + h, 2 * k : 2 * k + w] for h, w in ((height, width), (ch, cw), (ch, cw))]
        y, u, v = (np.clip(p + rng.integers(-3, 4, p.shape), 0, peak).astype(info.dtype) for p in planes)
        frames.append(Frame(y, u, v, 100 + k, info, 1))
    return frames


def encode_clip(frames: Iterable[Frame], *, disable: Iterable[str] = (), **settings) -> Coded:
    """(header, packets) of a clip, networks off; in preset fast, whose mini-GOPs are all symbols."""
    frames = list(frames)
    asked = Settings(**{"threads": 1, "preset": "fast", **settings}, disable=frozenset({"networks", *disable}))
    encoder = Encoder(frames[0].info, asked)
    packets = [p for frame in frames for p in encoder.push(frame)] + encoder.flush()
    return encoder.header, packets


def decode_packets(header: StreamHeader, packets: Iterable[Packet], threads: int = 1) -> list[Frame]:
    """Frames of packets, in display order."""
    decoder = Decoder(header, threads=threads)
    frames = [f for p in packets for f in decoder.push(p)] + decoder.flush()
    decoder.close()
    return frames


@pytest.fixture(scope="session")
def learned() -> SymbolModel:
    """The fitted model with random context networks."""
    from nvc.codec.network_choice import make_networks
    from nvc.models.contexts import TABLE, binary_tables, seeded_contexts
    from nvc.models.refine import RefineConfig
    from nvc.models.weights import seeded_weights

    weights = seeded_weights(8, RefineConfig(16, 16, 0, 0))
    weights = replace(weights, contexts=seeded_contexts(3, 8, 8), tables={TABLE: binary_tables()})
    return make_networks(weights).symbol_model(load_model())


@pytest.fixture(scope="session")
def clip() -> Callable[..., list[Frame]]:
    return make_clip


@pytest.fixture(scope="session")
def encode() -> Callable[..., Coded]:
    return encode_clip


@pytest.fixture(scope="session")
def decode() -> Callable[..., list[Frame]]:
    return decode_packets


@pytest.fixture(scope="session")
def short(clip: Callable[..., list[Frame]]) -> Coded:
    """A stream of 11 frames of 48x32: I, a mini-GOP of 8, a tail of 2."""
    return encode_clip(clip(48, 32, 11), mini_gop=8, quality=40, hash=True)
