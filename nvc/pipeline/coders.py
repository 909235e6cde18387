"""Which encoder and decoder serve a mode, on which device. The one place that knows their modules."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nvc.pipeline.doctor import device_name
from nvc.types import Settings, StreamHeader, VideoInfo

if TYPE_CHECKING:
    from nvc.codec.decoder import Decoder
    from nvc.codec.encoder import Encoder
    from nvc.codec.layered import LayeredDecoder, LayeredEncoder


def make_encoder(
    info: VideoInfo, settings: Settings, plan: Mapping[int, int] | None = None
) -> "Encoder | LayeredEncoder":
    """The encoder of the settings' mode: ``header``, ``push(frame)`` and ``flush()`` give packets.

    plan  quality by first frame of an I period (neural mode)
    Raises DeviceError where the device of the settings is not there.
    """
    check_device(settings.device)
    if settings.mode == "layered":
        from nvc.codec.layered import LayeredEncoder

        return LayeredEncoder(info, settings)
    from nvc.codec.encoder import Encoder

    return Encoder(info, settings, plan=plan)


def make_decoder(
    header: StreamHeader, *, threads: int = 0, device: str = "auto", precision: str = "auto", enhance: bool = True
) -> "Decoder | LayeredDecoder":
    """The decoder of the header's mode: ``push(packet)`` and ``flush()`` give frames in display order.

    enhance  False shows the plain base of layered mode
    Raises DeviceError where ``device`` is not there, UsageError for a device, precision or number that is none.
    """
    check_computing(threads, device, precision)
    if header.mode == "layered":
        from nvc.codec.layered import LayeredDecoder

        return LayeredDecoder(header, threads=threads, device=device, precision=precision, enhance=enhance)
    from nvc.codec.decoder import Decoder

    return Decoder(header, threads=threads, device=device, precision=precision)


def check_device(device: str) -> None:
    """Raise DeviceError where "cuda" is asked for and not there, also where nothing of the job would run on it."""
    if device == "cuda":
        device_name(device)


def check_computing(threads: int, device: str, precision: str) -> None:
    """Raise UsageError for values that Settings do not take, DeviceError for a device that is not there."""
    Settings(threads=threads, device=device, precision=precision)
    check_device(device)


def close_coder(coder: object) -> None:
    """Let go of the threads of an encoder or decoder that has any.

    A layered decoder is drained by it: freeing libavcodec's context while its threads work can wait for ever.
    """
    close = getattr(coder, "close", None)
    if close is not None:
        close()
