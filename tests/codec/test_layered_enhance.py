from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from nvc.codec.enhance_steering import read_steering
from nvc.codec.layered_decoder import LayeredDecoder
from nvc.codec.layered_encoder import LayeredEncoder
from nvc.codec.layered_enhance import Codings, enhancement_there, open_default_enhancer
from nvc.container.nal import split_annex_b
from nvc.container.payload import read_payload
from nvc.errors import ModelError
from nvc.models.enhance import PRESETS, EnhanceModel
from nvc.models.enhance_weights import save_enhance
from nvc.types import Frame, LayeredPacket, Settings, VideoInfo

INFO = VideoInfo(98, 66, Fraction(1, 25), Fraction(25))


def sharpening() -> EnhanceModel:
    """A network that raises details a little: blurred by coding, they gain by it."""
    torch.manual_seed(0)
    model = EnhanceModel(PRESETS["fast"])
    with torch.no_grad():
        for body in model.body:
            body.second.weight.zero_()
        model.enter.weight.zero_()
        model.leave.weight.zero_()
        for c in range(24):
            model.enter.weight[2 * c, c, 1, 1], model.enter.weight[2 * c + 1, c, 1, 1] = 1, -1
        back = torch.linalg.pinv(model.whitening.matrix[:, :, 0, 0])
        for c in range(24):
            model.leave.weight[:, 2 * c, 1, 1], model.leave.weight[:, 2 * c + 1, 1, 1] = (
                sign * 3 * back[:, c] for sign in (1, -1)
            )
    return model


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("weights") / "e.safetensors"
    return path, save_enhance(path, sharpening())


@pytest.fixture
def here(weights: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NVC_WEIGHTS", str(weights[0]))
    return weights[1]


def clip(count: int = 12) -> list[Frame]:
    rng = np.random.default_rng(0)
    field = cv2.GaussianBlur(rng.uniform(0, 255, (120, 160)).astype(np.float32), (0, 0), 1.6)
    field = np.clip((field - 127) * 3 + 127, 0, 255).astype(np.uint8)
    frames = []
    for k in range(count):
        luma = field[k : k + 66, 2 * k : 2 * k + 98]
        frames.append(Frame(luma.copy(), luma[::2, ::2].copy(), luma[1::2, 1::2].copy(), 10 + k, INFO, 1))
    return frames


def encode(frames: list[Frame], **settings) -> tuple[LayeredEncoder, list[LayeredPacket]]:
    encoder = LayeredEncoder(INFO, Settings(mode="layered", quality=10, **({"keyint": 6} | settings)))
    packets = [packet for frame in frames for packet in encoder.push(frame)]
    return encoder, packets + encoder.flush()


def error(frames: list[Frame], shown: list[Frame]) -> float:
    return float(np.mean([np.square(a.y.astype(float) - b.y).mean() for a, b in zip(frames, shown, strict=True)]))


def test_the_encoder_steers_and_the_decoder_follows(here: str) -> None:
    frames = clip()
    encoder, packets = encode(frames)
    assert encoder.header.weights == here
    payloads = [read_payload(packet.payload) for packet in packets]
    assert [payload.weights for payload in payloads] == [here, here]
    assert all(
        len(payload.parameters) <= 7 and len(p.payload) <= 64 for payload, p in zip(payloads, packets, strict=True)
    )
    assert any(any(read_steering(payload.parameters).strengths("I")) for payload in payloads)
    plain = [f for p in packets for f in LayeredDecoder(encoder.header, enhance=False).push(p)]
    decoder = LayeredDecoder(encoder.header)
    shown = [f for p in packets for f in decoder.push(p)] + decoder.flush()
    assert decoder.enhancement == here and not decoder.warnings
    assert [f.pts for f in shown] == [f.pts for f in frames]
    assert error(frames, shown) < error(frames, plain)


def test_periods_stand_alone(here: str) -> None:
    encoder, packets = encode(clip())
    both = LayeredDecoder(encoder.header)
    shown = [f for p in packets for f in both.push(p)]
    alone = LayeredDecoder(encoder.header).push(packets[1])
    assert all(np.array_equal(a.y, b.y) for a, b in zip(shown[6:], alone, strict=True))


def test_networks_off_is_the_plain_base(here: str) -> None:
    encoder, packets = encode(clip(6), disable=frozenset({"networks"}))
    assert encoder.header.weights == "none"
    assert {read_payload(packet.payload).weights for packet in packets} == {"none"}


def test_it_is_off_where_it_harms(here: str) -> None:
    flat = np.full((66, 98), 90, np.uint8)
    frames = [Frame(flat, flat[::2, ::2], flat[::2, ::2], k, INFO, 1) for k in range(6)]
    _, packets = encode(frames)
    assert read_payload(packets[0].payload).weights == "none"


def test_missing_weights_are_named(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, packets = encode(clip(6))
    monkeypatch.delenv("NVC_WEIGHTS")
    with pytest.raises(ModelError, match=here):
        LayeredDecoder(encoder.header).push(packets[0])
    assert len(LayeredDecoder(encoder.header, enhance=False).push(packets[0])) == 6


def test_damage_shows_the_plain_base(here: str) -> None:
    encoder, packets = encode(clip(6))
    packet = packets[0]
    cut = LayeredPacket(0, packet.pts, packet.durations, packet.samples[:-1], packet.payload)
    decoder = LayeredDecoder(encoder.header)
    decoder.push(cut)
    decoder.flush()
    assert decoder.plain_periods == 1 and decoder.enhancement == "identity"


def test_types_of_pictures(here: str) -> None:
    still = clip(1)[0]
    encoder, packets = encode([replace(still, pts=k) for k in range(12)], keyint=12)
    codings = Codings(encoder.header.parameter_sets)
    found = [codings.of(split_annex_b(sample[4])) for sample in packets[0].samples]
    assert found[0][1] == "I" and all(coded.qp is not None and coded.type == kind.upper() for coded, kind in found)
    assert "b" in {kind for _, kind in found}


def test_there_or_not(monkeypatch: pytest.MonkeyPatch, here: str, tmp_path: Path) -> None:
    assert enhancement_there() and open_default_enhancer("cpu", "fp32", 1) is not None
    monkeypatch.setenv("NVC_WEIGHTS", str(tmp_path))  # a folder without any
    other = open_default_enhancer("cpu", "fp32", 1)
    assert other is None or other.id != here
