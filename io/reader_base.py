"""What every reader does: start and count, rising times, durations, and an error at the end where it is due."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from nvc.errors import CorruptError, InputError, UsageError
from nvc.io.pixels import Planes
from nvc.types import CarriedPacket, CarriedStream, Chapter, CodedAs, Frame, VideoInfo


@dataclass(frozen=True, slots=True)
class Picture:
    """Planes with the times of the source: pts None where it names none, duration 0 where unknown; how it was coded."""

    planes: Planes
    pts: int | None
    duration: int = 0
    damaged: bool = False
    coded: CodedAs | None = None


class VideoReader(ABC):
    """Iterates over the Frames of one video track, once, and hands out what is carried beside it.

    info      VideoInfo of the frames given out; n_frames is what the file says (an estimate for some formats)
    notices   what the user should know, each once; they may grow while frames are read
    carried   streams that travel beside the video, chapters likewise
    Iterating raises CorruptError (with .frames) after all whole frames of a cut or damaged input, and InputError
    where there is no frame at all.
    """

    info: VideoInfo

    def __init__(self, name: str, *, start: int = 0, frames: int | None = None) -> None:
        if start < 0:
            raise UsageError(f"start must be 0 or more, got {start}")
        if frames is not None and frames < 1:
            raise UsageError(f"frames must be 1 or more, got {frames}")
        self.name = name
        self.notices: list[str] = []
        self.carried: tuple[CarriedStream, ...] = ()
        self.chapters: tuple[Chapter, ...] = ()
        self._start, self._limit = start, frames

    def __iter__(self) -> Iterator[Frame]:
        count, held, damage = 0, None, None
        pictures = self._rising(self._pictures())
        try:
            for frame in pictures:
                if held is not None:
                    # A frame is shown until the next one; what files say of it is often the time between packets.
                    self._gave(held)
                    yield replace(held, duration=frame.pts - held.pts)
                    count += 1
                    held = None
                if self._limit is not None and count >= self._limit:
                    break
                held = frame
        except CorruptError as error:
            damage = error
        if held is not None:
            self._gave(held)
            yield held
            count += 1
        complete = self._limit is not None and count >= self._limit
        if damage and not complete:
            raise CorruptError(f"{damage}; {count} whole frames were read", frames=count)
        if not count:
            raise InputError(self._no_frames())
        self._done()

    def take_carried(self) -> list[CarriedPacket]:
        """Carried packets demuxed since the last call, attachments first; call it after each frame and at the end."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Free the input."""

    def notice(self, text: str) -> None:
        """Say something once; "" says nothing."""
        if text and text not in self.notices:
            self.notices.append(text)

    def clip_count(self, total: int) -> int:
        """How many of ``total`` frames are given out."""
        left = max(0, total - self._start)
        return left if self._limit is None else min(left, self._limit)

    @abstractmethod
    def _pictures(self) -> Iterator[Picture]:
        """Pictures from number ``self._start`` on; CorruptError (without a count) at damage."""

    def _gave(self, frame: Frame) -> None:  # noqa: B027
        """Called before each frame is given out."""

    def _done(self) -> None:  # noqa: B027
        """Called when the last frame asked for was given out."""

    def _rising(self, pictures: Iterable[Picture]) -> Iterator[Frame]:
        """Frames with strictly rising pts: what is missing, equal or falling is moved just behind the last."""
        last, step = None, 1
        for picture in pictures:
            pts = picture.pts
            if pts is None:
                self.notice("frames without a time are placed one step behind the frame before")
                pts = 0 if last is None else last + step
            if last is not None and pts <= last:
                self.notice("equal or falling times are moved to one tick after the frame before")
                pts = last + 1
            last, step = pts, picture.duration or step
            y, u, v = picture.planes
            yield Frame(y, u, v, pts, self.info, picture.duration, picture.damaged, picture.coded)

    def _no_frames(self) -> str:
        if self._start:
            return f"{self.name} has no frame {self._start} to start at"
        return f"{self.name} holds no video frames"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()
