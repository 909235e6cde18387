"""Which coder serves a mode."""

from dataclasses import replace
from fractions import Fraction

import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.layered import LayeredDecoder, LayeredEncoder
from nvc.errors import DeviceError, UsageError
from nvc.pipeline.coders import close_coder, make_decoder, make_encoder
from nvc.types import Settings, VideoInfo

INFO = VideoInfo(64, 48, Fraction(1, 25))


@pytest.mark.parametrize(
    ("mode", "pair"), [("neural", (Encoder, Decoder)), ("layered", (LayeredEncoder, LayeredDecoder))]
)
def test_the_mode_chooses(mode: str, pair: tuple) -> None:
    encoder = make_encoder(INFO, Settings(mode=mode))
    decoder = make_decoder(encoder.header, threads=1, device="cpu", precision="fp32")
    assert isinstance(encoder, pair[0]) and isinstance(decoder, pair[1])
    close_coder(encoder)
    close_coder(decoder)
    close_coder(object())


@pytest.mark.parametrize("mode", ["neural", "layered"])
def test_cuda_that_is_not_there(mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    settings = Settings(mode=mode, disable=frozenset({"networks"}))
    with pytest.raises(DeviceError):
        make_encoder(INFO, replace(settings, device="cuda"))
    header = make_encoder(INFO, settings).header
    with pytest.raises(DeviceError):
        make_decoder(header, device="cuda")


@pytest.mark.parametrize("options", [{"threads": "x"}, {"threads": -1}, {"device": "tpu"}, {"precision": "fp8"}])
def test_values_that_cannot_be_taken(options: dict) -> None:
    header = make_encoder(INFO, Settings()).header
    with pytest.raises(UsageError):
        make_decoder(header, **options)
