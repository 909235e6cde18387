"""Whether networks are on, and with which weights, device and precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nvc.codec.networks import FrameNetworks
from nvc.codec.references import Planes
from nvc.codec.refine import CHROMA_REFINED, LUMA_REFINED, RefineNetworks, best_switches, select
from nvc.errors import CorruptError, DeviceError
from nvc.types import Settings, StreamHeader
from nvc.weights import manifest_text, offered_paths

if TYPE_CHECKING:
    from nvc.models.weights import Weights

Networks = FrameNetworks | RefineNetworks
INTRA_SWITCHES = LUMA_REFINED | CHROMA_REFINED
_PARTS = tuple(bytes([part]) for part in (0, LUMA_REFINED, CHROMA_REFINED))


def weights_there() -> bool:
    """True where NVC_WEIGHTS or the manifest offers weights; without either it costs no import of torch."""
    if offered_paths():
        from nvc.models.weights import offers_weights

        return offers_weights()
    return json.loads(manifest_text()).get("default") is not None


def networks_for_encoder(settings: Settings) -> Networks | None:
    """Networks of the default weights, or None where they are disabled or no weights are there.

    Always in fp32: an encoder's choices, and so its symbols, then do not depend on ``settings.precision``.
    """
    if "networks" in settings.disable or not weights_there():
        return None
    return _open(None, settings.device, "fp32")


def networks_for_decoder(header: StreamHeader, device: str, precision: str) -> Networks | None:
    """Networks of the weights that a stream names. Raises ModelError where they are not here."""
    return None if header.weights == "none" else _open(header.weights, device, precision)


def _open(want: str | None, device: str, precision: str) -> Networks:
    import torch

    from nvc.models.weights import open_weights

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device: --device cuda needs one, and a torch built for it")
    chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    return make_networks(open_weights(want, device=chosen), chosen, "bf16" if precision == "bf16" else "fp32")


def make_networks(weights: Weights, device: str = "cpu", precision: str = "fp32") -> Networks:
    """Networks of the kind that the weights are for."""
    from nvc.models.refine import RefineModel

    kind = RefineNetworks if isinstance(weights.model, RefineModel) else FrameNetworks
    return kind(weights, device, precision)


def refines_intra(networks: Networks | None) -> bool:
    """Whether I frames are refined too."""
    return isinstance(networks, RefineNetworks)


def refine_intra(
    networks: Networks | None, decoded: Planes, quality: int, bit_depth: int, switches: int | None = None
) -> Planes:
    """A decoded I frame (planes uint16) as it is shown and referred to. switches: None for both of them on."""
    if not isinstance(networks, RefineNetworks) or switches == 0:
        return decoded
    refined = networks.refine_intra(decoded, quality, bit_depth)
    return select(INTRA_SWITCHES if switches is None else switches, refined, decoded)


def intra_switches(networks: Networks | None, source: Planes, decoded: Planes, refined: Planes) -> int:
    """What of an I frame to refine: ``INTRA_SWITCHES``, a part of them, or 0."""
    return best_switches(source, refined, decoded) if refines_intra(networks) else INTRA_SWITCHES


def pack_intra(data: bytes, switches: int) -> tuple[bytes, ...]:
    """Payloads of an I packet: the picture alone where all of it is refined, else behind a byte of switches."""
    return (data,) if switches == INTRA_SWITCHES else (bytes([switches]), data)


def unpack_intra(networks: Networks | None, payloads: Sequence[bytes]) -> tuple[bytes, int]:
    """(picture, switches) of an I packet. Raises CorruptError where that cannot be."""
    if len(payloads) == 1:
        return payloads[0], INTRA_SWITCHES
    if len(payloads) != 2 or not refines_intra(networks) or payloads[0] not in _PARTS:
        raise CorruptError(f"an I packet holds {len(payloads)} payloads")
    return payloads[1], payloads[0][0]


def single_thread(networks: Networks | None) -> Callable[[], None] | None:
    """What a worker thread runs first: with networks, one torch thread each, since frames run side by side."""
    if networks is None:
        return None

    def start() -> None:
        import torch

        torch.set_num_threads(1)

    return start
