"""Layered mode, from files: the samples of an ordinary .mp4 or .mkv become I periods with exact times again."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction

from nvc.codec.base import REORDER
from nvc.codec.layered_encoder import decode_times
from nvc.container.nal import PARAMETER_SETS, join_annex_b, nal_type, parameter_sets, split_sample
from nvc.container.payload import LayeredPayload, read_payload
from nvc.container.sei import find_hdr, take_payload
from nvc.errors import CorruptError, FormatError, InputError
from nvc.types import CarriedPacket, LayeredPacket, StreamHeader, VideoInfo

PLAIN_PERIOD = 256  # access units taken together where no payload says how long a period is
CLOCK = Fraction(1, 1000)  # mkv rounds times to this; so much of a difference is no shift


class LayeredSource:
    """I periods and carried packets of a demuxed HEVC track, in the order of the file; a period comes at its end.

    header  as LayeredEncoder's: true size, time base and HDR10 data where payload and stream name them
    plain   the first I period has no payload: an ordinary HEVC file
    Times are those of the payloads, exact, moved by what a copy moved the whole file (``-ss``), so that they still fit
    the carried streams. Without payload they are the file's.
    """

    def __init__(self, info: VideoInfo, extradata: bytes, items: Iterable) -> None:
        """info, extradata, items: what nvc.io's Demuxer gives (items: ("video", sample) or ("carried", packet)).

        Raises InputError where there is no video sample.
        """
        self._periods = _split_periods(items, extradata)
        self._ahead: list = []
        for item in self._periods:
            self._ahead.append(item)
            if isinstance(item, _Period):
                break
        else:
            raise InputError("the video track has no frames")
        first = self._ahead.pop()
        self.plain = first.payload is None
        self.header = _header(info, extradata, first)
        self._container_base = info.time_base
        self._n_frames = 0
        self._shift = 0
        self._before: tuple[int, ...] = ()
        first_packet = self._packet(first)
        self._ahead.append(first_packet)
        self.header = replace(self.header, start_pts=first_packet.pts[0])

    def __iter__(self) -> Iterator[LayeredPacket | CarriedPacket]:
        ahead, self._ahead = self._ahead, []
        yield from ahead
        for item in self._periods:
            yield self._packet(item) if isinstance(item, _Period) else item

    def _packet(self, period: "_Period") -> LayeredPacket:
        shown, order = _display_order([self._rescale(sample[0]) for sample in period.samples])
        by_rank = sorted(zip(order, period.samples, strict=True), key=lambda pair: pair[0])
        durations = tuple(self._rescale(sample[2]) or 0 for _, sample in by_rank)
        payload = period.parsed
        if payload is not None and payload.time_base == self.header.info.time_base and len(payload.pts) == len(shown):
            if any(sample[0] is not None for sample in period.samples):
                self._follow(shown[0] - payload.pts[0])
            shown, durations = [pts + self._shift for pts in payload.pts], payload.durations
        if self._before and (behind := self._before[-1] + 1 - shown[0]) > 0:
            shown = [pts + behind for pts in shown]  # whatever happened, times rise
        dts = _decode_times(shown, order, self._before)
        samples = tuple(
            (shown[order[i]], dts[i], durations[order[i]], is_key, join_annex_b(nals))
            for i, (_, _, _, is_key, nals) in enumerate(period.samples)
        )
        packet = LayeredPacket(self._n_frames, tuple(shown), durations, samples, period.payload or b"")
        self._n_frames += len(shown)
        self._before = (*self._before, *shown)[-REORDER:]
        return packet

    def _follow(self, shift: int) -> None:
        """Take up how far the file's times lie from the payload's, unless its clock's rounding explains it."""
        if abs(shift - self._shift) * self.header.info.time_base > max(CLOCK, self._container_base):
            self._shift = shift

    def _rescale(self, ticks: int | None) -> int | None:
        """Ticks of the file to ticks of the header, to the nearest."""
        return None if ticks is None else round(ticks * self._container_base / self.header.info.time_base)


def periods_from_samples(items: Iterable, info: VideoInfo, extradata: bytes) -> Iterator[LayeredPacket | CarriedPacket]:
    """The I periods of a demuxed HEVC track, and between them the carried packets. See LayeredSource."""
    return iter(LayeredSource(info, extradata, items))


@dataclass(slots=True)
class _Period:
    """Samples (pts, dts, duration, is_key, NAL units without ours) in decode order, and the first payload."""

    samples: list = field(default_factory=list)
    payload: bytes | None = None
    parsed: LayeredPayload | None = None

    def add(self, sample: tuple, payload: bytes | None) -> None:
        """Take a sample in; the first payload counts. What is wrong with an unreadable one, the decoder says."""
        self.samples.append(sample)
        if self.payload is None and payload is not None:
            self.payload = payload
            with suppress(FormatError):
                self.parsed = read_payload(payload)

    def full(self) -> bool:
        """Whether no more samples belong to this period."""
        return len(self.samples) >= (len(self.parsed.pts) if self.parsed else PLAIN_PERIOD)


def _split_periods(items: Iterable, extradata: bytes) -> Iterator["_Period | CarriedPacket"]:
    """The periods, and carried packets as they come. What ends ``items`` early goes on after the last whole sample."""
    period, trouble = _Period(), None
    try:
        for kind, item in items:
            if kind != "video":
                yield item
                continue
            *times, is_key, data = item
            if period.samples and (is_key or period.full()):
                yield period
                period = _Period()
            nals, payload = take_payload(_whole_nals(data, extradata))
            period.add((*times, is_key, nals), payload)
    except CorruptError as error:
        trouble = error
    if period.samples:
        yield period
    if trouble is not None:
        raise trouble


def _whole_nals(data: bytes, extradata: bytes) -> list[bytes]:
    """NAL units of a sample, none of one whose lengths are damaged: the sums of its period tell."""
    try:
        return split_sample(data, extradata)
    except CorruptError:
        return []


def _display_order(times: list[int | None]) -> tuple[list[int], list[int]]:
    """(pts in display order, place in it of each sample). Times that are missing or equal get the next free tick."""
    floor = min((time for time in times if time is not None), default=0)
    shown: list[int] = []
    order = [0] * len(times)
    for rank, (time, i) in enumerate(sorted((floor if time is None else time, i) for i, time in enumerate(times))):
        shown.append(max(time, shown[-1] + 1) if shown else time)
        order[i] = rank
    return shown, order


def _decode_times(shown: list[int], order: list[int], before: tuple[int, ...]) -> list[int]:
    """decode_times for any stream: reordering deeper than ours starts as early as it has to."""
    depth = max((i - rank for i, rank in enumerate(order)), default=0)
    if depth <= REORDER:
        return decode_times(shown, order, before)
    return [min(pts - depth, shown[order[i]]) for i, pts in enumerate(shown)]


def _header(info: VideoInfo, extradata: bytes, first: _Period) -> StreamHeader:
    sets = parameter_sets(extradata)
    if not sets:  # a raw or transport stream has them in its first access unit
        sets = join_annex_b(nal for nal in first.samples[0][4] if nal_type(nal) in PARAMETER_SETS)
    mastering, light = find_hdr(first.samples[0][4])
    info = replace(info, mastering=info.mastering or mastering, content_light=info.content_light or light)
    payload, start = first.parsed, first.samples[0][0] or 0
    keyint = len(first.samples)
    if payload is not None:
        info = replace(
            info,
            width=payload.width,
            height=payload.height,
            time_base=payload.time_base,
            chroma_location=payload.chroma_location,
        )
        start, keyint = payload.pts[0], len(payload.pts)
    step = 1 / (info.frame_rate * info.time_base) if info.frame_rate else 0
    return StreamHeader(
        info=info,
        mode="layered",
        structure="ra",
        keyint=min(keyint, 65535),
        mini_gop=16,
        quality=0,
        frame_step=int(step) if step == int(step) else 0,
        start_pts=start,
        weights="none" if payload is None else payload.weights,
        intra="hevc",
        parameter_sets=sets,
    )
