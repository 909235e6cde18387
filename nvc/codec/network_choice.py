"""Whether networks are on, and with which weights, device and precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nvc.codec.networks import FrameNetworks
from nvc.codec.references import Planes
from nvc.codec.refine import (
    ADAPTED,
    CHROMA_REFINED,
    GAINS,
    LUMA_REFINED,
    REFINED,
    RefineNetworks,
    best_refinement,
    select,
)
from nvc.errors import CorruptError, DeviceError
from nvc.types import Settings, StreamHeader
from nvc.weights import manifest_text, offered_paths

if TYPE_CHECKING:
    from nvc.models.refine import Gains
    from nvc.models.weights import Weights

Networks = FrameNetworks | RefineNetworks
_PARTS = (0, LUMA_REFINED, CHROMA_REFINED)  # what is written of an I frame without gains; all of it is not
_ADAPTED = tuple(ADAPTED | part for part in (LUMA_REFINED, CHROMA_REFINED, REFINED))


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


def choose_intra(
    networks: Networks | None, decoded: Planes, source: Planes, quality: int, bit_depth: int, weight: float
) -> tuple[Planes, tuple[bytes, ...]]:
    """(planes of an I frame as it is shown and referred to, what its packet holds before the picture).

    decoded  planes uint16; source: what was coded; weight: lambda in squared code values a bit
    """
    if not isinstance(networks, RefineNetworks):
        return decoded, ()
    rendered = networks.render_intra(decoded, quality, bit_depth)
    switches, gains, planes = best_refinement(networks, rendered, decoded, source, weight)
    return planes, () if switches == REFINED else (pack_refinement(switches, gains),)


def refine_intra(
    networks: Networks | None, decoded: Planes, quality: int, bit_depth: int, note: bytes | None
) -> Planes:
    """A decoded I frame (planes uint16) as it is shown. note: what its packet holds before the picture, or None.

    Raises CorruptError where the note cannot be.
    """
    if not isinstance(networks, RefineNetworks):
        if note is not None:
            raise CorruptError("an intra picture has a note for networks, which are off")
        return decoded
    switches, gains = (REFINED, None) if note is None else unpack_refinement(note, networks.gain_counts)
    if not switches:
        return decoded
    return select(switches, networks.refined(networks.render_intra(decoded, quality, bit_depth), gains), decoded)


def pack_refinement(switches: int, gains: Gains | None) -> bytes:
    """Switches, and the gains of luma and chroma as nibbles, low one first, in bytes."""
    nibbles = [switches, 0] if gains is None else [switches, *(g - GAINS[0] for part in gains for g in part)]
    nibbles += [0] * (len(nibbles) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def unpack_refinement(note: bytes, counts: tuple[int, int]) -> tuple[int, Gains | None]:
    """(switches, gains) of ``pack_refinement``. Raises CorruptError where that cannot be.

    counts  gains of luma and of chroma
    """
    nibbles = [part for byte in note for part in (byte & 15, byte >> 4)]
    switches = nibbles[0] if nibbles else -1
    if switches in _PARTS and nibbles[1:] == [0]:
        return switches, None
    luma, chroma = counts
    end = 1 + luma + chroma
    if switches not in _ADAPTED or len(nibbles) != end + end % 2 or any(nibbles[end:]):
        raise CorruptError("an I packet says what cannot be about its refinement")
    values = [part + GAINS[0] for part in nibbles[1:end]]
    return switches, (tuple(values[:luma]), tuple(values[luma:]))


@contextmanager
def torch_threads(networks: Networks | None, count: int) -> Iterator[None]:
    """Let this thread's networks compute in ``count`` threads."""
    if networks is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def single_thread(networks: Networks | None) -> Callable[[], None] | None:
    """What a worker thread runs first: with networks, one torch thread each, since frames run side by side."""
    if networks is None:
        return None

    def start() -> None:
        import torch

        torch.set_num_threads(1)

    return start
