"""Whether networks are on, and with which weights, device and precision."""

import json
import os
from collections.abc import Callable
from importlib import resources

from nvc.codec.networks import FrameNetworks
from nvc.errors import DeviceError
from nvc.types import Settings, StreamHeader


def weights_there() -> bool:
    """True where NVC_WEIGHTS or the manifest offers weights; without either it costs no import of torch."""
    if os.environ.get("NVC_WEIGHTS"):
        from nvc.models.weights import offers_weights

        return offers_weights()
    manifest = json.loads((resources.files("nvc.weights") / "manifest.json").read_text(encoding="utf-8"))
    return manifest.get("default") is not None


def networks_for_encoder(settings: Settings) -> FrameNetworks | None:
    """Networks of the default weights, or None where they are disabled or no weights are there.

    Always in fp32: an encoder's choices, and so its symbols, then do not depend on ``settings.precision``.
    """
    if "networks" in settings.disable or not weights_there():
        return None
    return _open(None, settings.device, "fp32")


def networks_for_decoder(header: StreamHeader, device: str, precision: str) -> FrameNetworks | None:
    """Networks of the weights that a stream names. Raises ModelError where they are not here."""
    return None if header.weights == "none" else _open(header.weights, device, precision)


def _open(want: str | None, device: str, precision: str) -> FrameNetworks:
    import torch

    from nvc.models.weights import open_weights

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device: --device cuda needs one, and a torch built for it")
    chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    return FrameNetworks(open_weights(want, device=chosen), chosen, "bf16" if precision == "bf16" else "fp32")


def single_thread(networks: FrameNetworks | None) -> Callable[[], None] | None:
    """What a worker thread runs first: with networks, one torch thread each, since frames run side by side."""
    if networks is None:
        return None

    def start() -> None:
        import torch

        torch.set_num_threads(1)

    return start
