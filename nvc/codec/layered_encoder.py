"""Layered mode, encoding: an ordinary HEVC base, and beside each I period a payload that says more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nvc.codec.base import REORDER, BaseSettings, HevcBase, HevcPeriod, quality_to_crf
from nvc.codec.enhance_steering import write_steering
from nvc.container.nal import is_reference, is_slice, join_annex_b, slice_type, split_annex_b
from nvc.container.payload import LayeredPayload, slice_sum, write_payload
from nvc.container.sei import insert_payload
from nvc.errors import FormatError, NvcError, UsageError
from nvc.types import Frame, LayeredPacket, Settings, StreamHeader, VideoInfo

if TYPE_CHECKING:
    from nvc.codec.layered_enhance import PeriodSteering

DEFAULT_BASE_PRESET = "medium"

AccessUnit = tuple[int, int, int, bool, bytes]


class LayeredEncoder:
    """Frames in, one LayeredPacket for each I period out. Holds one I period of coded bytes, no more."""

    def __init__(self, info: VideoInfo, settings: Settings) -> None:
        self.info = info
        keyint = 1 if settings.structure == "intra" else settings.keyint
        self._base = HevcBase(
            info,
            BaseSettings(
                crf=quality_to_crf(settings.quality),
                keyint=keyint,
                preset=settings.base_preset or DEFAULT_BASE_PRESET,
                bframes=settings.structure == "ra",
            ),
        )
        self._keyint = keyint
        self._steering = _open_steering(info, settings, self._base)
        weights = self._steering.weights if self._steering else "none"
        self._header = _header(info, settings, keyint, self._base.parameter_sets, weights)
        self._period: HevcPeriod | None = None
        self._times: list[tuple[int, int]] = []
        self._before: tuple[int, ...] = ()
        self._n_frames = 0

    @property
    def header(self) -> StreamHeader:
        """Head of the stream; ``start_pts`` is right after the first push."""
        return self._header

    def push(self, frame: Frame) -> list[LayeredPacket]:
        """Code the next frame; gives the I period that it completes, or nothing.

        Raises FormatError for another size or depth, UsageError for pts that do not rise.
        """
        self._check(frame)
        if self._period is None:
            self._period = self._base.open_period()
        self._period.push(frame.planes)
        if self._steering is not None:
            self._steering.push(len(self._times), frame.planes, self._period.units)
        self._times.append((frame.pts, frame.duration))
        return self._close(self._period) if len(self._times) == self._keyint else []

    def skip(self, frame: Frame) -> None:
        """Count a frame that was coded before, by another run, between whole I periods; the next push starts one."""
        self._check(frame)
        self._before = (*self._before, frame.pts)[-REORDER:]
        self._n_frames += 1

    def flush(self) -> list[LayeredPacket]:
        """The last I period, where one is open."""
        return self._close(self._period) if self._period is not None else []

    def _check(self, frame: Frame) -> None:
        want = (self.info.width, self.info.height, self.info.bit_depth)
        got = (frame.info.width, frame.info.height, frame.info.bit_depth)
        if got != want:
            raise FormatError(f"frame is {got[0]}x{got[1]} {got[2]} bit, the stream {want[0]}x{want[1]} {want[2]} bit")
        last = self._times[-1][0] if self._times else self._before[-1] if self._before else None
        if last is None:
            self._header = replace(self._header, start_pts=frame.pts)
        elif frame.pts <= last:
            raise UsageError(f"pts must rise, got {frame.pts} after {last}")

    def _close(self, period: HevcPeriod) -> list[LayeredPacket]:
        units = period.finish()
        pts, durations = zip(*self._times, strict=True)
        order = [position for position, _ in units]
        dts = decode_times(pts, order, self._before, durations[0] or self._header.frame_step or 1)
        samples = tuple(
            (pts[position], dts[i], durations[position], i == 0, join_annex_b(nals))
            for i, (position, nals) in enumerate(units)
        )
        plain = _payload(self.info, pts, durations, [nals for _, nals in units])
        payload = write_payload(plain if self._steering is None else _steered(self._steering, plain, units))
        packet = LayeredPacket(self._n_frames, pts, durations, samples, payload)
        self._n_frames += len(pts)
        self._before = (*self._before, *pts)[-REORDER:]
        self._period, self._times = None, []
        return [packet]


def _steered(chooser: "PeriodSteering", plain: LayeredPayload, units: list[tuple[int, list[bytes]]]) -> LayeredPayload:
    """The payload with how far to enhance; as it is where that brings nothing."""
    steering = chooser.finish(units)
    if steering.off:
        return plain
    return replace(plain, weights=chooser.weights, parameters=write_steering(steering))


def _open_steering(info: VideoInfo, settings: Settings, base: HevcBase) -> "PeriodSteering | None":
    """What chooses strengths, in fp32 always; None with networks off, or where no weights are here."""
    from nvc.codec.layered_enhance import PeriodSteering, open_default_enhancer

    if "networks" in settings.disable:
        return None
    enhancer = open_default_enhancer(settings.device, "fp32", settings.threads)
    return None if enhancer is None else PeriodSteering(enhancer, info, base.parameter_sets, base.size)


def decode_times(pts: Sequence[int], order: Sequence[int], before: Sequence[int] = (), step: int = 1) -> list[int]:
    """dts of the access units of a closed period, in decode order: the pts shown two pictures earlier.

    pts     in display order, strictly rising
    order   position in display order of each access unit
    before  up to two pts shown just before the period; where there are fewer the first ones go on back by ``step``
    So dts rise strictly over all periods, never pass pts, and depend on nothing but the source's times.
    """
    if len(pts) > 1 and not before:
        step = pts[1] - pts[0]
    shown = [*before, *pts]
    while len(shown) < len(pts) + REORDER:
        shown.insert(0, shown[0] - step)
    if any(position < i - REORDER for i, position in enumerate(order)):
        raise NvcError(f"the base reorders by more than {REORDER} pictures")
    return shown[: len(pts)]


def access_units(packet: LayeredPacket) -> list[AccessUnit]:
    """(pts, dts, duration, is_key, Annex B bytes) in decode order, our payload as SEI in the first: ready to mux."""
    units = [(pts, dts, duration, is_key, data) for pts, dts, duration, is_key, data in packet.samples]
    if units and packet.payload:
        pts, dts, duration, is_key, data = units[0]
        units[0] = pts, dts, duration, is_key, join_annex_b(insert_payload(split_annex_b(data), packet.payload))
    return units


@dataclass(frozen=True, slots=True)
class BasePicture:
    """One picture of a base for statistics: type I, P or B, level 0 (I, P), 1 (B that is referred to) or 2."""

    display_index: int
    type: str
    level: int
    base_bits: int
    side_bits: int


def base_pictures(packet: LayeredPacket) -> list[BasePicture]:
    """The pictures of an I period in display order; the payload counts for the first, as side bits."""
    ranks = {pts: rank for rank, pts in enumerate(sorted(sample[0] for sample in packet.samples))}
    out = []
    for i, (pts, _, _, _, data) in enumerate(packet.samples):
        first = next(filter(is_slice, split_annex_b(data)), b"")
        kind = slice_type(first) or "P"
        level = (1 if is_reference(first) else 2) if kind == "B" else 0
        out.append(
            BasePicture(packet.start + ranks[pts], kind, level, 8 * len(data), 0 if i else 8 * len(packet.payload))
        )
    return sorted(out, key=lambda picture: picture.display_index)


def _header(info: VideoInfo, settings: Settings, keyint: int, parameter_sets: bytes, weights: str) -> StreamHeader:
    step = 1 / (info.frame_rate * info.time_base) if info.frame_rate else 0
    return StreamHeader(
        info=info,
        mode="layered",
        structure=settings.structure,
        keyint=keyint,
        mini_gop=settings.mini_gop,
        quality=settings.quality,
        frame_step=int(step) if step == int(step) else 0,
        start_pts=0,
        weights=weights,
        disabled=("networks",) if "networks" in settings.disable else (),
        intra=settings.base,
        parameter_sets=parameter_sets,
    )


def _payload(info: VideoInfo, pts: tuple, durations: tuple, units: list[list[bytes]]) -> LayeredPayload:
    key_sum = total = slice_sum(units[0])
    for nals in units[1:]:
        total = slice_sum(nals, total)
    return LayeredPayload(
        width=info.width,
        height=info.height,
        time_base=info.time_base,
        pts=pts,
        durations=durations,
        key_sum=key_sum,
        period_sum=total,
        chroma_location=info.chroma_location,
    )
