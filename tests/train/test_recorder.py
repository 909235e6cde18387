import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.network_choice import make_networks
from nvc.codec.networks import FrameNetworks
from nvc.codec.quality import still_quality
from nvc.models.refine import INTRA_LEVEL
from nvc.models.weights import open_weights, seeded_weights
from nvc.train.recorder import WatchedEncoder, measure, record
from nvc.types import Frame, VideoInfo


@pytest.fixture(scope="module")
def clip() -> list[Frame]:
    """Five frames of a texture that moves."""
    random = np.random.default_rng(0)
    info = VideoInfo(64, 64, Fraction(1, 25))
    big = random.integers(40, 200, (24, 24)).repeat(4, 0).repeat(4, 1)
    frames = []
    for k in range(5):
        planes = [big[k : k + n, 2 * k : 2 * k + n] + random.integers(-3, 4, (n, n)) for n in (64, 32, 32)]
        y, u, v = (plane.astype(np.uint8) for plane in planes)
        frames.append(Frame(y, u, v, k, info, 1))
    return frames


@pytest.fixture
def no_stills(monkeypatch) -> None:
    monkeypatch.setattr("nvc.codec.encoder.may_be_still", lambda setup, source, scaled: False)


def test_each_frame_gives_a_sample(clip, no_stills, monkeypatch):
    samples = record(clip, 30)
    assert sorted(s.level for s in samples) == [0, 1, 2, 2, INTRA_LEVEL]
    assert sorted(len(s.symbols) for s in samples) == [0, 0, 1, 1, 2]
    assert len({s.cost for s in samples}) == 1 and all(0 < s.own_cost < 20 * s.cost for s in samples)
    sources = [sample.planes[0][: 64 * 64].reshape(64, 64) for sample in samples]
    for frame in clip:  # key pictures are filtered first
        assert min(np.abs(source.astype(int) - frame.y).mean() for source in sources) < 2.5
    exact = {source.tobytes() for source in sources} & {frame.y.tobytes() for frame in clip}
    assert len(exact) == 3
    monkeypatch.setattr("nvc.codec.encoder.REACH", 0)
    unfiltered = {sample.planes[0][: 64 * 64].tobytes() for sample in record(clip, 30)}
    assert unfiltered == {frame.y.tobytes() for frame in clip}


def test_predictions_look_like_the_source(clip, no_stills):
    samples = record(clip, 50)
    intra = samples.pop(0)
    assert intra.level == INTRA_LEVEL and np.array_equal(intra.planes[1], intra.planes[2])
    apart = [np.abs(s.planes[0].astype(int) - s.planes[1])[: 64 * 64].mean() for s in samples]
    still = [np.abs(s.planes[0][: 64 * 64].astype(int) - clip[0].y.ravel()).mean() for s in samples]
    assert np.mean(apart) < 0.8 * np.mean(still)
    assert all(s.steps.shape == (3,) and s.quality == 50 for s in samples)


def test_a_frame_coded_by_itself_is_an_i_frame_to_networks(clip):
    cut = [*clip[:2], *(dataclasses.replace(f, y=255 - f.y[::-1]) for f in clip[2:])]
    intra = [s for s in record(cut, 40) if s.level == INTRA_LEVEL]
    told = {still_quality(40, "ra", level) for level in range(3)}
    assert len(intra) > 1 and intra[0].quality == 40 and {s.quality for s in intra[1:]} <= told
    assert all(not s.symbols and np.array_equal(s.planes[1], s.planes[3]) for s in intra)


def test_a_better_quality_costs_more_and_shows_more(clip):
    low, high = measure(clip, 10), measure(clip, 50)
    assert low[0] < high[0] and low[1] < high[1] - 3


def test_a_watched_encoder_refines_i_frames_as_a_plain_one_does(clip, monkeypatch):
    """Training and measuring must see the pictures that users get: stream and pictures alike."""
    monkeypatch.delenv("NVC_WEIGHTS")
    info = clip[0].info
    watched = WatchedEncoder(info, 24, make_networks(open_weights()))
    plain = Encoder(info, dataclasses.replace(watched.settings))
    packets = [[p for f in clip for p in e.push(f)] + e.flush() for e in (watched, plain)]
    assert [p.payloads for p in packets[0]] == [p.payloads for p in packets[1]]
    decoder = Decoder(plain.header, threads=1)
    shown = [f for p in packets[1] for f in decoder.push(p)]
    assert len(shown) == len(clip)
    for k, frame in enumerate(shown):
        assert all(np.array_equal(a, b) for a, b in zip(frame.planes, watched.pictures[k], strict=True))
    off = WatchedEncoder(info, 24)
    off.push(clip[0])
    off.flush()
    assert not np.array_equal(off.pictures[0][1], watched.pictures[0][1])


def test_networks_can_be_given(clip):
    networks = FrameNetworks(seeded_weights(3))
    size, decibel = measure(clip[:2], 30, networks)
    assert size > 100 and decibel > 5
    encoder = WatchedEncoder(clip[0].info, 30, networks)
    assert encoder.header.weights == networks.weights.id
    encoder.close()
