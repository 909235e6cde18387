"""Which encoder and decoder serve a mode. The one place that knows their modules."""

from typing import TYPE_CHECKING

from nvc.types import Settings, StreamHeader, VideoInfo

if TYPE_CHECKING:
    from nvc.codec.decoder import Decoder
    from nvc.codec.encoder import Encoder
    from nvc.codec.layered import LayeredDecoder, LayeredEncoder


def make_encoder(info: VideoInfo, settings: Settings) -> "Encoder | LayeredEncoder":
    """The encoder of the settings' mode: ``header``, ``push(frame)`` and ``flush()`` give packets."""
    if settings.mode == "layered":
        from nvc.codec.layered import LayeredEncoder

        return LayeredEncoder(info, settings)
    from nvc.codec.encoder import Encoder

    return Encoder(info, settings)


def make_decoder(
    header: StreamHeader, *, threads: int = 0, device: str = "auto", precision: str = "auto", enhance: bool = True
) -> "Decoder | LayeredDecoder":
    """The decoder of the header's mode: ``push(packet)`` and ``flush()`` give frames in display order.

    enhance  False shows the plain base of layered mode
    """
    if header.mode == "layered":
        from nvc.codec.layered import LayeredDecoder

        return LayeredDecoder(header, threads=threads, device=device, precision=precision, enhance=enhance)
    from nvc.codec.decoder import Decoder

    return Decoder(header, threads=threads, device=device, precision=precision)


def close_coder(coder: object) -> None:
    """Let go of the threads of an encoder or decoder that has any.

    A layered decoder is drained by it: freeing libavcodec's context while its threads work can wait for ever.
    """
    close = getattr(coder, "close", None)
    if close is not None:
        close()
