"""Runs the enhancement network on pictures: alignment of neighbours, residuals, how far they are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nvc import color
from nvc.errors import DeviceError
from nvc.motion.align import Aligner
from nvc.types import CodedAs, Frame

if TYPE_CHECKING:
    import torch

    from nvc.models.enhance_weights import EnhanceWeights

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
Strengths = tuple[float, float, float]  # of Y, U, V
# Pictures with more luma samples go through the network in strips of so many rows, which overlap: memory stays small.
_WHOLE = 1 << 22
_STRIP, _HALO = 1024, 128
_LOOK = (1088, 1920)  # rows and columns of the middle of a picture from which the quantiser is estimated
# Quantisers up to which a picture counts as pristine, and from which it is enhanced in full: read, and estimated.
_READ_RAMP = (19.0, 25.0)
_GUESSED_RAMP = (21.0, 29.0)


@dataclass(frozen=True, slots=True)
class Enhanced:
    """What the network says of a picture.

    residual   float32 planes in code values, to be added
    qp         quantiser by which it was judged, 0..51
    read       whether that was read from the stream, not estimated
    """

    residual: Planes
    qp: float
    read: bool

    @property
    def blind_strength(self) -> float:
        """How far to apply the residual where the original is not at hand: 0 for what is nearly lossless already."""
        return blind_strength(self.qp, self.read)


def blind_strength(qp: float, read: bool) -> float:
    """0..1, for a quantiser 0..51 that was read from the stream or estimated from the picture."""
    low, high = _READ_RAMP if read else _GUESSED_RAMP
    return min(max((qp - low) / (high - low), 0.0), 1.0)


class Enhancer:
    """The network on a device, with what it needs around it. One Enhancer serves one thread.

    precision  "fp32", "bf16", or "auto": bf16 where the device computes with it
    threads    of the network, 0 = all
    Raises DeviceError where the device is not there.
    """

    def __init__(
        self, weights: EnhanceWeights, *, device: str = "auto", precision: str = "auto", threads: int = 0
    ) -> None:
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError("no CUDA device: --device cuda needs one, and a torch built for it")
        self.id = weights.id
        self._device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self._half = precision == "bf16" or (precision == "auto" and _computes_bf16(self._device))
        self._model = weights.model.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._aligner = Aligner()
        self.neighbours = self._model.config.neighbours
        if threads:
            torch.set_num_threads(threads)

    def examine(
        self, planes: Planes, before: Planes | None, after: Planes | None, coded: CodedAs | None, bit_depth: int
    ) -> Enhanced:
        """The residual of a picture. before, after: its neighbours in showing order, None at an end."""
        import torch

        others: tuple[Planes, ...] = ()
        if self.neighbours:
            others = tuple(
                planes if other is None else self._aligner.align(planes, other, bit_depth) for other in (before, after)
            )
        with torch.inference_mode(), torch.autocast(self._device, torch.bfloat16, enabled=self._half):
            estimate = self._model.estimate_qp(self._tensor(_middle(planes), bit_depth))
            read = coded is not None and coded.qp is not None
            qp = float(np.clip(coded.qp, 0, 51)) if coded and coded.qp is not None else float(estimate)
            conditions = self._conditions(estimate, qp, read, coded)
            residual = self._residual(planes, others, conditions, bit_depth)
        return Enhanced(residual, qp, read)

    def _conditions(self, estimate: torch.Tensor, qp: float, read: bool, coded: CodedAs | None) -> torch.Tensor:
        import torch

        from nvc.models.enhance import TYPES

        kind = TYPES.index(coded.type) if coded is not None and coded.type in TYPES else 0
        numbers = torch.tensor([qp], device=self._device), torch.tensor([float(read)], device=self._device)
        return self._model.conditions(estimate, *numbers, torch.tensor([kind], device=self._device))

    def _residual(self, planes: Planes, others: tuple[Planes, ...], conditions, bit_depth: int) -> Planes:
        height, width = planes[0].shape
        if height * width <= _WHOLE:
            return self._strip(planes, others, conditions, bit_depth)
        parts = []
        for top in range(0, height, _STRIP):
            first, end = max(top - _HALO, 0), min(top + _STRIP + _HALO, height)
            pictures = [_rows(picture, first, end) for picture in (planes, *others)]
            strip = self._strip(pictures[0], tuple(pictures[1:]), conditions, bit_depth)
            parts.append(_rows(strip, top - first, min(top + _STRIP, height) - first))
        y, u, v = (np.concatenate([part[k] for part in parts]) for k in range(3))
        return y, u, v

    def _strip(self, planes: Planes, others: tuple[Planes, ...], conditions, bit_depth: int) -> Planes:
        from nvc.models.enhance import gates

        picture = self._tensor(planes, bit_depth)
        neighbours = tuple(self._tensor(other, bit_depth) for other in others)
        residual = self._model.residual(self._model.whitened(picture), picture, neighbours, conditions)
        values = (residual * gates(picture) * (1 << bit_depth)).float().cpu().numpy()
        y, u, v = color.crop_planes(color.shuffle(values[0]), *planes[0].shape)
        return y, u, v

    def _tensor(self, planes: Planes, bit_depth: int) -> torch.Tensor:
        import torch

        tensor = color.to_tensor(planes, bit_depth, multiple=4, device=self._device)
        return tensor.contiguous(memory_format=torch.channels_last)


def open_enhancer(
    want: str | None = None, *, preset: str = "fast", device: str = "auto", precision: str = "auto", threads: int = 0
) -> Enhancer:
    """The Enhancer of the weights of id ``want``, or of a preset. Raises ModelError where there are no weights."""
    from nvc.models.enhance_weights import find_enhance, load_enhance

    weights = load_enhance(find_enhance(want, preset), want=want)
    return Enhancer(weights, device=device, precision=precision, threads=threads)


def apply(planes: Planes, residual: Planes, strengths: Strengths, bit_depth: int) -> Planes:
    """Planes plus strength times residual, rounded (half up) and clipped; a plane of strength 0 stays as it is."""
    out = []
    for plane, change, strength in zip(planes, residual, strengths, strict=True):
        if not strength:
            out.append(plane)
            continue
        values = np.floor(plane + np.float32(strength) * change + np.float32(0.5))
        out.append(np.clip(values, 0, (1 << bit_depth) - 1).astype(plane.dtype))
    return out[0], out[1], out[2]


def with_neighbours(frames: Iterable[Frame]) -> Iterator[tuple[Frame | None, Frame, Frame | None]]:
    """(before, frame, after) of each frame; holds three."""
    before: Frame | None = None
    current: Frame | None = None
    for frame in frames:
        if current is not None:
            yield before, current, frame
        before, current = current, frame
    if current is not None:
        yield before, current, None


def enhance_frames(
    enhancer: Enhancer, frames: Iterable[Frame], choose: Callable[[Frame, Enhanced], Strengths]
) -> Iterator[Frame]:
    """Frames enhanced, one late; ``choose`` says how far each is."""
    for before, frame, after in with_neighbours(frames):
        depth = frame.info.bit_depth
        first, second = (side.planes if side is not None else None for side in (before, after))
        found = enhancer.examine(frame.planes, first, second, frame.coded, depth)
        y, u, v = apply(frame.planes, found.residual, choose(frame, found), depth)
        yield replace(frame, y=y, u=u, v=v)


def _computes_bf16(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    known = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return any(test() for test in known if test is not None)


def _middle(planes: Planes) -> Planes:
    """The middle of a picture, at most ``_LOOK``, on the grid of cells."""
    height, width = planes[0].shape
    rows, columns = (min(side, most) for side, most in zip((height, width), _LOOK, strict=True))
    top, left = (height - rows) // 8 * 4, (width - columns) // 8 * 4
    y, u, v = planes
    half = slice(top // 2, top // 2 + (rows + 1) // 2), slice(left // 2, left // 2 + (columns + 1) // 2)
    return y[top : top + rows, left : left + columns], u[half], v[half]


def _rows(planes: Planes, first: int, end: int) -> Planes:
    """Rows of luma from ``first`` (even) to ``end``, and those of chroma beside them."""
    y, u, v = planes
    chroma = slice(first // 2, (end + 1) // 2)
    return y[first:end], u[chroma], v[chroma]
