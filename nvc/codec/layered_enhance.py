"""Layered mode, enhancement: strengths chosen while a period is coded, applied while it is decoded.

Neighbours do not cross an I period, so each can be decoded alone.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from nvc.codec.base import HevcBaseDecoder
from nvc.codec.base_planes import from_av_frame
from nvc.codec.enhance import Enhancer, Planes, enhance_frames, open_enhancer
from nvc.codec.enhance_steering import Steering, SteeringChoice
from nvc.color import crop_planes
from nvc.container.hevc_headers import HevcHeaders
from nvc.container.nal import is_reference, is_slice, join_annex_b, split_annex_b
from nvc.errors import ModelError
from nvc.types import CodedAs, Frame, VideoInfo
from nvc.weights import manifest_text, offered_paths

UNREFERRED = "b"  # type of a B picture that no other refers to, in steering


def open_default_enhancer(device: str, precision: str, threads: int) -> Enhancer | None:
    """The enhancer of layered mode, None where no weights are here."""
    if not enhancement_there():
        return None
    try:
        return open_enhancer(device=device, precision=precision, threads=threads)
    except ModelError:
        if offered_paths():  # they name other networks only
            return None
        raise


def enhancement_there() -> bool:
    """True where NVC_WEIGHTS or the manifest may offer weights; costs no import of torch."""
    return bool(offered_paths() or json.loads(manifest_text()).get("enhance", {}).get("default"))


class Codings:
    """Reads how the base's pictures were coded."""

    def __init__(self, parameter_sets: bytes) -> None:
        self._headers = HevcHeaders()
        for nal in split_annex_b(parameter_sets):
            self._headers.feed(nal)

    def of(self, nals: Sequence[bytes]) -> tuple[CodedAs, str]:
        """(how an access unit's picture was coded, its type in steering)."""
        coded = self._headers.picture(list(nals)) or CodedAs()
        first = next(filter(is_slice, nals), b"")
        unreferred = coded.type == "B" and not is_reference(first)
        return coded, UNREFERRED if unreferred else coded.type


class PeriodSteering:
    """Decodes the base while it is coded and measures what strengths would bring; one period after the other.

    weights  id of those that the strengths are for
    Holds the originals until the base's encoder has given their pictures: its lookahead.
    """

    def __init__(self, enhancer: Enhancer, info: VideoInfo, parameter_sets: bytes, size: tuple[int, int]) -> None:
        self._enhancer, self._info, self.weights = enhancer, info, enhancer.id
        self._decoder = HevcBaseDecoder(parameter_sets, info.bit_depth, size, threads=1)
        self._codings = Codings(parameter_sets)
        self._start()

    def _start(self) -> None:
        self._choice = SteeringChoice()
        self._originals: dict[int, Planes] = {}
        self._coded: dict[int, tuple[CodedAs, str]] = {}
        self._units = self._next = 0
        self._before: Planes | None = None
        self._current: Planes | None = None

    def push(self, position: int, original: Planes, units: Sequence[tuple[int, list[bytes]]]) -> None:
        """The next frame of the period, and all access units that its encoder has given so far."""
        self._originals[position] = original
        self._take(units)

    def finish(self, units: Sequence[tuple[int, list[bytes]]]) -> Steering:
        """All access units are there: the strengths of the period."""
        self._take(units)
        for picture in self._decoder.drain():
            self._shown(picture)
        self._examine(None)
        steering = self._choice.steering()
        self._start()
        return steering

    def _take(self, units: Sequence[tuple[int, list[bytes]]]) -> None:
        for position, nals in units[self._units :]:
            self._coded[position] = self._codings.of(nals)
            for picture in self._decoder.decode(join_annex_b(nals), position):
                self._shown(picture)
        self._units = len(units)

    def _shown(self, picture) -> None:
        planes = from_av_frame(picture, self._info.bit_depth)
        cropped = crop_planes(planes, self._info.height, self._info.width)
        self._examine(cropped)
        self._current = cropped

    def _examine(self, after: Planes | None) -> None:
        """Measure the current picture, now that the next one is known, and step on."""
        if self._current is None:
            return
        position, depth = self._next, self._info.bit_depth
        coded, kind = self._coded.pop(position)
        found = self._enhancer.examine(self._current, self._before, after, coded, depth)
        self._choice.add(kind, self._originals.pop(position), self._current, found, depth)
        self._before, self._next = self._current, position + 1


def enhance_period(
    enhancer: Enhancer, frames: Iterable[Frame], codings: Sequence[tuple[CodedAs, str]], steering: Steering
) -> Iterator[Frame]:
    """The frames of a whole period with its steering; codings in display order."""
    told = (replace(frame, coded=coded) for frame, (coded, _) in zip(frames, codings, strict=False))
    kinds = iter(codings)
    return enhance_frames(enhancer, told, lambda frame, found: steering.strengths(next(kinds)[1]))
