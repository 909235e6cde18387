"""The real encoder, watched: what its inter frames showed as samples, and what its streams cost."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nvc.codec.encoder import Encoder
from nvc.codec.frame_coder import FrameSetup, squared_lambda
from nvc.codec.network_choice import Networks
from nvc.codec.networks import warp_each
from nvc.codec.quality import step
from nvc.codec.references import Planes
from nvc.container.writer import StreamWriter
from nvc.metrics import frame_psnr, psnr_611
from nvc.models.blocks import LEVELS
from nvc.models.refine import INTRA_LEVEL
from nvc.train.data import PICTURES, Sample
from nvc.train.losses import CHROMA_WEIGHT
from nvc.types import Frame, Settings, VideoInfo


class WatchedEncoder(Encoder):
    """An encoder that keeps its pictures, and with ``keep`` a sample of each frame.

    networks  to code with, or None for networks off; settings: all else that is not given or fixed here
    """

    def __init__(
        self,
        info: VideoInfo,
        quality: int,
        networks: Networks | None = None,
        keep: bool = False,
        settings: Settings | None = None,
    ) -> None:
        settings = settings or Settings()
        off = settings.disable - {"networks"} if networks else settings.disable | {"networks"}
        settings = replace(settings, quality=quality, keyint=64, threads=1, disable=off)
        super().__init__(info, settings, networks=networks)
        self.pictures: dict[int, Planes] = {}
        self.samples: list[Sample] = []
        self._keep = keep
        self._source: Planes | None = None

    def _finish_intra(self, *args):
        packet = super()._finish_intra(*args)
        index = packet.frames[0].display_index
        self.pictures[index] = self._references[index].planes
        return packet

    def _code_frame(self, task, source, waits):
        self._source = source
        coded = super()._code_frame(task, source, waits)
        planes = self._references[task.display_index].planes
        self.pictures[task.display_index] = planes
        if self._keep and coded.picture is None:
            bits = coded.bits
            cost = bits["latents"] + bits["hyper"] + bits["side"] + _error(planes, source) / self._lambda(task)
            self.samples[-1] = replace(self.samples[-1], own_cost=float(cost))
        return coded

    def _observe(self, setup, references, choices) -> None:
        if not self._keep or self._source is None:
            return
        warped = warp_each(setup, references, choices.symbols.motion)
        pictures = [self._source, choices.prediction, *warped, choices.prediction][:PICTURES]
        rows = np.stack([np.concatenate([plane.ravel() for plane in planes]) for planes in pictures])
        symbols = tuple(_sparse(r.symbols.latents) for r in references if r.symbols is not None)
        level = min(setup.task.level, LEVELS - 1)
        self.samples.append(
            Sample(rows.astype(np.uint8), symbols, setup.quality, level, setup.steps, cost=0.0, own_cost=0.0)
        )

    def _observe_intra(self, source, decoded, qp, quality) -> None:
        if not self._keep:
            return
        rows = np.stack([np.concatenate([plane.ravel() for plane in planes]) for planes in (source, *[decoded] * 3)])
        steps = np.array([step(8 * qp, 8)] * 3)
        cost = _error(decoded, source) / squared_lambda(steps[0])
        self.samples.append(
            Sample(rows.astype(np.uint8), (), quality, INTRA_LEVEL, steps, cost=0.0, own_cost=float(cost))
        )

    def _lambda(self, task) -> float:
        """Squared code values per bit of a frame."""
        setup: FrameSetup = self._setup(task)
        return squared_lambda(setup.steps[0])


def record(
    frames: Sequence[Frame], quality: int, networks: Networks | None = None, settings: Settings | None = None
) -> list[Sample]:
    """Samples of the frames of a clip (8 bit, sides multiples of 16), coded as one I period."""
    encoder = WatchedEncoder(frames[0].info, quality, networks, keep=True, settings=settings)
    packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    total = 8 * sum(len(payload) for packet in packets for payload in packet.payloads)
    cost = total / len(encoder.samples)
    return [replace(sample, cost=float(cost)) for sample in encoder.samples]


def measure(
    frames: Sequence[Frame], quality: int, networks: Networks | None = None, settings: Settings | None = None
) -> tuple[int, float]:
    """(bytes of the whole stream in its container, mean PSNR 6:1:1 of the decoded frames) of a clip."""
    encoder = WatchedEncoder(frames[0].info, quality, networks, settings=settings)
    packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    file = io.BytesIO()
    writer = StreamWriter(file, encoder.header)
    for packet in packets:
        writer.write(packet)
    writer.close()
    quality_of = [_psnr(frame, encoder.pictures[k]) for k, frame in enumerate(frames)]
    return len(file.getvalue()), float(np.mean(quality_of))


def _psnr(frame: Frame, planes: Planes) -> float:
    shown = [p[: q.shape[0], : q.shape[1]].astype(q.dtype) for p, q in zip(planes, frame.planes, strict=True)]
    return psnr_611(*frame_psnr(shown, frame.planes, frame.info.bit_depth))


def _error(planes: Planes, source: Planes) -> float:
    y, u, v = (
        float(np.square(p.astype(np.float64) - q.astype(np.float64)).sum()) for p, q in zip(planes, source, strict=True)
    )
    return y + CHROMA_WEIGHT * (u + v)


def _sparse(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = latents.ravel()
    positions = np.flatnonzero(flat)
    return positions.astype(np.int32), flat[positions].astype(np.int16)
