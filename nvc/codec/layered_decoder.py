"""Layered mode, decoding: base pictures, checked against their payload, cropped, timed and enhanced."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from nvc.codec.base import HevcBaseDecoder
from nvc.codec.base_planes import PIXEL_FORMATS, from_av_frame
from nvc.codec.enhance_steering import read_steering
from nvc.codec.intra_hevc import coded_size
from nvc.container.nal import split_annex_b
from nvc.container.payload import LayeredPayload, read_payload, slice_sum
from nvc.errors import CorruptError, FormatError
from nvc.types import Frame, LayeredPacket, StreamHeader

if TYPE_CHECKING:
    from nvc.codec.enhance import Enhancer

ENHANCEMENT = "identity"  # what is added to the base where no payload names weights
_KEPT_TIMES = 512  # more than any stream reorders over the end of a packet


class LayeredDecoder:
    """Decodes one I period at a time.

    enhancement    what is done to the base's pictures: "identity", or the id of the weights met last
    warnings       one line for each kind of trouble met, with the frame where it was met first
    plain_periods  how many I periods were shown as plain base for want of a payload that fits
    """

    def __init__(
        self,
        header: StreamHeader,
        *,
        threads: int = 0,
        device: str = "auto",
        precision: str = "auto",
        enhance: bool = True,
    ) -> None:
        """``device`` and ``precision`` are for the enhancement network; enhance False shows the plain base."""
        self.header = header
        self.enhancement = ENHANCEMENT
        self._options: dict[str, Any] = {"threads": threads, "device": device, "precision": precision}
        self._enhance = enhance
        self._enhancer: Enhancer | None = None
        self.warnings: list[str] = []
        self.plain_periods = 0
        self._info = header.info
        size = coded_size(self._info.width, self._info.height)
        self._base = HevcBaseDecoder(header.parameter_sets, self._info.bit_depth, size, threads)
        self._times: dict[int, tuple[int, int]] = {}
        self._position = 0
        self._next_shown = 0  # position in display order that the next picture has at least
        self._pending = False
        self._said: set[str] = set()

    def push(self, packet: LayeredPacket) -> list[Frame]:
        """The frames of an I period in display order, of true size, with exact pts and durations.

        A period without a payload that fits may keep its last frames back until the next push or flush.
        Raises CorruptError where a whole base does not decode, ModelError where the payload names weights.
        """
        return list(self.frames(packet))

    def frames(self, packet: LayeredPacket) -> Iterator[Frame]:
        """As ``push``, but one frame after the other: memory for one picture, not for the period.

        Take all of them, or call ``reset`` before the next.
        """
        payload = self._fitting_payload(packet)
        whole = payload is not None
        if whole and self._pending:
            yield from self._drain()
        first = self._position
        self._position += len(packet.pts)
        self._times.update(enumerate(zip(packet.pts, packet.durations, strict=True), first))
        try:
            if payload is None:
                yield from self._plain(packet, first)
            elif payload.weights == "none" or not self._enhance:
                yield from self._whole(packet, first)
            else:
                yield from self._enhanced(packet, first, payload)
        except CorruptError:
            self.reset()
            raise

    def _whole(self, packet: LayeredPacket, first: int) -> Iterator[Frame]:
        """Pictures of a period that is all there: the k-th that comes out is the k-th shown, whatever a file's coarse
        clock says of its samples."""
        n = 0
        for *_, data in packet.samples:
            for picture in self._base.decode(data, first):
                n += 1
                yield self._finished(picture, first + n - 1)
        for picture in self._base.drain():
            n += 1
            yield self._finished(picture, first + n - 1)
        if n != len(packet.pts):
            raise CorruptError(f"the period at frame {packet.start} gave {n} of {len(packet.pts)} pictures")

    def _enhanced(self, packet: LayeredPacket, first: int, payload: LayeredPayload) -> Iterator[Frame]:
        from nvc.codec.enhance import open_enhancer
        from nvc.codec.layered_enhance import Codings, enhance_period

        if self._enhancer is None or self._enhancer.id != payload.weights:
            self._enhancer = open_enhancer(payload.weights, **self._options)
        self.enhancement = payload.weights
        codings = Codings(self.header.parameter_sets)
        in_order = [(pts, codings.of(split_annex_b(data))) for pts, *_, data in packet.samples]
        shown = [coding for _, coding in sorted(in_order, key=lambda pair: pair[0])]
        yield from enhance_period(self._enhancer, self._whole(packet, first), shown, read_steering(payload.parameters))

    def _plain(self, packet: LayeredPacket, first: int) -> Iterator[Frame]:
        """Pictures of any HEVC: some may be missing, or shown among those of the next packet."""
        self._pending = True
        ranks = {pts: rank for rank, pts in enumerate(packet.pts)}
        for pts, *_, data in packet.samples:
            try:
                pictures = self._base.decode(data, first + ranks[pts])
            except CorruptError as error:
                self._warn(str(error), packet.start)
                continue
            yield from self._in_order(pictures)

    def flush(self) -> list[Frame]:
        """The last frames."""
        return list(self._drain()) if self._pending else []

    def reset(self) -> None:
        """Forget what was pushed; the next packet must start with an I picture."""
        with suppress(CorruptError):
            self._base.drain()
        self._times.clear()
        self._pending = False

    def close(self) -> None:
        """Let go of libavcodec's threads, pictures that wait with them; the decoder takes no packets after it."""
        self._base.close()
        self._times.clear()
        self._pending = False

    def _fitting_payload(self, packet: LayeredPacket) -> LayeredPayload | None:
        """The payload where there is one and both its sums are those of the base; says once what is wrong."""
        payload, trouble = _check(packet)
        if trouble:
            self.plain_periods += 1
            self._warn(f"{trouble}: showing the plain base", packet.start)
        return None if trouble else payload

    def _warn(self, text: str, start: int) -> None:
        if text not in self._said:
            self._said.add(text)
            self.warnings.append(f"from frame {start} on: {text}")

    def _drain(self) -> Iterator[Frame]:
        self._pending = False
        yield from self._in_order(self._base.drain())

    def _in_order(self, pictures: list[av.VideoFrame]) -> Iterator[Frame]:
        """Pictures of a plain base; those that damage brings out after later ones are left out, so that times rise."""
        for picture in pictures:
            position = picture.pts or 0
            if position < self._next_shown:
                self._times.pop(position, None)
                self._warn("pictures come out of order and are left out", position)
            else:
                yield self._finished(picture, position)

    def _finished(self, picture: av.VideoFrame, position: int) -> Frame:
        """A base picture as the user gets it: true size, and the time of its position. The enhancement goes here."""
        info = self._info
        if picture.format.name not in PIXEL_FORMATS[info.bit_depth]:
            raise FormatError(f"the base is {picture.format.name}, not {info.bit_depth} bit 4:2:0")
        got, true = (picture.width, picture.height), (info.width, info.height)
        if got not in (coded_size(*true), true):
            raise CorruptError(f"a base picture is {got[0]}x{got[1]}, the stream {true[0]}x{true[1]}")
        sizes = (true[::-1], info.chroma_size, info.chroma_size)
        planes = zip(from_av_frame(picture, info.bit_depth), sizes, strict=True)
        y, u, v = (np.ascontiguousarray(plane[:rows, :columns]) for plane, (rows, columns) in planes)
        if position not in self._times:
            raise CorruptError("the base gave more pictures than it has samples")
        pts, duration = self._times.pop(position)
        self._next_shown = position + 1
        for old in [known for known in self._times if known < position - _KEPT_TIMES]:
            del self._times[old]
        return Frame(y, u, v, pts, info, duration)


def _check(packet: LayeredPacket) -> tuple[LayeredPayload | None, str]:
    """The payload of an I period, and what keeps it from being used, "" where nothing does."""
    if not packet.payload:
        return None, "no enhancement parameters"
    try:
        payload = read_payload(packet.payload)
        read_steering(payload.parameters)
    except FormatError as error:
        return None, str(error)
    sums = key_sum = slice_sum(split_annex_b(packet.samples[0][4])) if packet.samples else 0
    if key_sum != payload.key_sum:
        return None, "the parameters belong to other pictures"
    for *_, data in packet.samples[1:]:
        sums = slice_sum(split_annex_b(data), sums)
    return payload, "" if sums == payload.period_sum else "pictures are damaged or missing"
