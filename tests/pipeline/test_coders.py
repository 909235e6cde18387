"""Which coder serves a mode."""

from fractions import Fraction

import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.layered import LayeredDecoder, LayeredEncoder
from nvc.pipeline.coders import close_coder, make_decoder, make_encoder
from nvc.types import Settings, VideoInfo


@pytest.mark.parametrize(
    ("mode", "pair"), [("neural", (Encoder, Decoder)), ("layered", (LayeredEncoder, LayeredDecoder))]
)
def test_the_mode_chooses(mode: str, pair: tuple) -> None:
    encoder = make_encoder(VideoInfo(64, 48, Fraction(1, 25)), Settings(mode=mode))
    decoder = make_decoder(encoder.header, threads=1, device="cpu", precision="fp32")
    assert isinstance(encoder, pair[0]) and isinstance(decoder, pair[1])
    close_coder(encoder)
    close_coder(decoder)
    close_coder(object())
