"""Decodes a stream with networks on, on the CPU and on another device: symbols must be the same, pictures nearly.

Networks of both kinds run by torch, not by kernels of this package. Symbols are integers everywhere; pictures may
differ by rounding, over an I period by at most 0.05 dB of PSNR.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.mini_gop import symbol_hash
from nvc.codec.network_choice import weights_there
from nvc.errors import NvcError
from nvc.io.reader import open_video
from nvc.metrics import frame_psnr, psnr_611
from nvc.types import Frame, Packet, Settings, StreamHeader

BOUND = 0.05  # dB
FRAMES, QUALITY = 17, 32


@dataclass(frozen=True, slots=True)
class NetworkCheck:
    """A stream decoded with networks on a device, beside the CPU in fp32.

    weights       id of the weights
    device        of torch, such as "cuda"; precision "fp32" or "bf16"
    frames        of one I period; used = those after the I frame that a network changes
    same_symbols  every symbol is the CPU's
    psnr          mean 6:1:1 over the frames, dB; None where the device could not decode; psnr_cpu on the CPU
    farthest      largest difference of one frame's PSNR, dB
    fault         what the decoder said, or None
    seconds       on the device; seconds_cpu on the CPU with one thread
    """

    weights: str
    device: str
    precision: str
    frames: int
    used: int
    same_symbols: bool
    psnr: float | None
    psnr_cpu: float
    farthest: float
    fault: str | None
    seconds: float
    seconds_cpu: float

    @property
    def ok(self) -> bool:
        """The same symbols, and a PSNR within 0.05 dB."""
        return self.same_symbols and self.psnr is not None and abs(self.psnr - self.psnr_cpu) <= BOUND


@dataclass(frozen=True, slots=True)
class Decoded:
    """PSNR of each frame in display order, hash of all symbols, frames after the I frame that use networks, seconds."""

    psnr: tuple[float, ...]
    symbols: int
    used: int
    seconds: float


def fault(clip: Path | None) -> str | None:
    """Why networks cannot be compared on a GPU here, or None where they can. Imports torch where weights are."""
    if not weights_there():
        return "no weights of the neural mode are here"
    if clip is None or not clip.is_file():
        return "there is no clip to code"
    import torch

    return None if torch.cuda.is_available() else "torch finds no CUDA device"


def check_networks(
    clip: Path, device: str = "cuda", precisions: Sequence[str] = ("fp32", "bf16"), frames: int = FRAMES
) -> list[NetworkCheck]:
    """Code the first ``frames`` of a clip on the CPU with the default weights, decode on the CPU and on ``device``.

    One check for each of ``precisions``. Raises the errors of reading, and of coding on the CPU.
    """
    with open_video(clip, frames=frames, carry=False) as reader:
        source = list(reader)
    return compare(source, *_encode(source), device, precisions)


def compare(
    source: Sequence[Frame], header: StreamHeader, packets: Sequence[Packet], device: str, precisions: Sequence[str]
) -> list[NetworkCheck]:
    """``check_networks`` of a stream that is there already; source: the frames that were coded, all of them."""
    there = _decode(source, header, packets, "cpu", "fp32")
    return [_check(source, header, packets, device, precision, there) for precision in precisions]


def _check(source, header, packets, device: str, precision: str, there: Decoded) -> NetworkCheck:
    said, here = None, Decoded((), 0, 0, 0.0)
    try:
        here = _decode(source, header, packets, device, precision)
    except NvcError as error:  # other symbols, or a device that fails the self-test
        said = str(error)
    differences = [abs(a - b) for a, b in zip(here.psnr, there.psnr, strict=False)]
    return NetworkCheck(
        header.weights, device, precision, len(source), there.used, said is None and here.symbols == there.symbols,
        float(np.mean(here.psnr)) if here.psnr else None, float(np.mean(there.psnr)), max(differences, default=0.0),
        said, round(here.seconds, 3), round(there.seconds, 3),
    )  # fmt: skip


def _encode(source: Sequence[Frame]) -> tuple[StreamHeader, list[Packet]]:
    """One I period, coded on the CPU."""
    settings = Settings(quality=QUALITY, keyint=max(64, len(source)), device="cpu", threads=1)
    encoder = Encoder(source[0].info, settings)
    packets = [p for frame in source for p in encoder.push(frame)] + encoder.flush()
    return encoder.header, packets


def _decode(source, header, packets, device: str, precision: str) -> Decoded:
    decoder = Decoder(header, threads=1, device=device, precision=precision)
    shown, crc, used, begin = [], 0, 0, time.perf_counter()
    try:
        for packet in packets:
            shown += decoder.push(packet)
            crc = symbol_hash(decoder.last_symbols, crc)
            used += sum(s.switches is None or s.switches > 0 for s in decoder.last_symbols)
    finally:
        decoder.close()
    seconds = time.perf_counter() - begin
    measured = (psnr_611(*frame_psnr(a, b)) for a, b in zip(shown, source, strict=True))
    return Decoded(tuple(measured), crc, used, seconds)
