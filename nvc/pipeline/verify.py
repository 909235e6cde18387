"""Checks of a coded file: its sums, and with ``deep`` every symbol and picture."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nvc.errors import CorruptError, FormatError
from nvc.pipeline.coders import check_computing, close_coder, make_decoder
from nvc.pipeline.limits import Limits, decode_memory
from nvc.pipeline.packets import Coded, frame_count, packet_sum, times_of
from nvc.pipeline.paths import PIPE, Source, check_source
from nvc.pipeline.playback import SKIP, Playback
from nvc.pipeline.stream import CodedStream, name_of, open_stream
from nvc.progress import Callback, Reporter
from nvc.types import CarriedPacket, Frame, LayeredPacket, Packet, Settings


@dataclass
class Written:
    """What an encoder gave, to compare a file with: sums of the packets in order, and the times of the frames."""

    sums: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, packet: Coded) -> None:
        """Take note of one packet."""
        self.sums.append(packet_sum(packet))
        self.times += [pts for pts, _ in times_of(packet).values()]


class _Watch:
    """Counts what passes on its way to a decoder."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self.written = Written()
        self.units = 0
        self.hashes = 0
        self.frames = 0
        self.damages: list[str] = []

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self.units += 1
            if isinstance(item, Packet | LayeredPacket):
                self.frames += frame_count(item)
                self.hashes += _hashes_of(item)
                self.written.add(item)
            elif not isinstance(item, CarriedPacket):
                self.damages.append(f"at byte {item.offset}: {item.message}")
            yield item


def verify_file(
    src: Source,
    deep: bool = False,
    *,
    limits: Limits | None = None,
    progress: Callback | None = None,
    threads: int = 0,
    device: str = "auto",
    precision: str = "auto",
) -> dict:
    """Check a coded file.

    deep  also decode everything, which checks symbol hashes, frame hashes where there are any, and layered sums
    Returns {"frames", "units", "hashes", "deep"}. Raises CorruptError that names the first damage, and how many.
    """
    limits, report = limits or Limits(), Reporter(progress)
    check_source(src)
    check_computing(threads, device, precision)
    if isinstance(src, str) and src == PIPE:
        src = sys.stdin.buffer.read()
    with open_stream(src, limits) as stream:
        if stream.plain:
            raise FormatError(f"{name_of(src)} is a plain HEVC file: nothing in it could be checked")
        report.total = stream.n_frames
        report.start("deep check" if deep else "check")
        watch = _Watch(stream.items())
        options = {"threads": threads, "device": device, "precision": precision}
        damages = _decode_all(stream, watch, limits, report, options) if deep else _read_all(watch, report)
        if not stream.whole:
            damages.append("the stream has no index at its end: it was cut, or never finished")
        if watch.frames == 0:
            damages.append("there are no frames")
    if damages:
        more = f" (and {len(damages) - 1} more)" if len(damages) > 1 else ""
        raise CorruptError(f"damaged: {damages[0]}{more}", frames=watch.frames)
    report.done()
    return {"frames": watch.frames, "units": watch.units, "hashes": watch.hashes, "deep": deep}


def check_written(src: Source, written: Written, settings: Settings, limits: Limits) -> None:
    """Decode a file afresh and compare symbols and times with what its encoder gave. CorruptError where they differ."""
    with open_stream(src, limits) as stream:
        watch = _Watch(stream.items())
        options = {"threads": settings.threads, "device": settings.device, "precision": "fp32"}  # as the encoder does
        times: list[int] = []
        damages = _decode_all(stream, watch, limits, Reporter(), options, times)
    same = watch.written.sums == written.sums if stream.format == "nvc" else True
    # Other files have time bases of their own.
    right = times == sorted(written.times) if stream.format == "nvc" else len(times) == len(written.times)
    if damages or not same or not right:
        counts = f"{len(times)} of {len(written.times)} frames"
        reason = damages[0] if damages else f"{counts}, symbols equal: {same}, times equal: {right}"
        raise CorruptError(f"what was written does not decode to what was encoded: {reason}")


def _read_all(watch: _Watch, report: Reporter) -> list[str]:
    """Read without decoding; what is wrong. Sums of units are checked by reading, those of layered periods here."""
    damages, due = [], 0
    for item in watch:
        if not isinstance(item, Packet | LayeredPacket):
            continue
        first = next(iter(times_of(item)))
        if first != due:
            damages.append(f"frame {due} should follow, and frame {first} does")
        due = first + frame_count(item)
        if isinstance(item, LayeredPacket):
            damages += _layered_trouble(item)
        report.advance(frame_count(item))
    return watch.damages + damages


def _layered_trouble(packet: LayeredPacket) -> list[str]:
    from nvc.container.nal import split_annex_b
    from nvc.container.payload import read_payload, slice_sum

    if not packet.payload:
        return [f"the period at frame {packet.start} has no parameters"]
    try:
        payload = read_payload(packet.payload)
    except CorruptError as error:
        return [f"the period at frame {packet.start}: {error}"]
    total = 0
    for *_, data in packet.samples:
        total = slice_sum(split_annex_b(data), total)
    return [] if total == payload.period_sum else [f"pictures of the period at frame {packet.start} are damaged"]


def _decode_all(
    stream: CodedStream, watch: _Watch, limits: Limits, report: Reporter, options: dict, times: list[int] | None = None
) -> list[str]:
    """Decode everything; what is wrong. ``times`` takes the pts of each frame."""
    limits.check_memory(decode_memory(stream.header, options["threads"]))
    decoder = make_decoder(stream.header, **options)
    try:
        play = Playback(watch, decoder, stream.header, on_damage=SKIP, total=stream.n_frames)
        for item in play:
            if isinstance(item, Frame):
                report.advance()
                if times is not None:
                    times.append(item.pts)
    finally:
        close_coder(decoder)
    said = list(getattr(decoder, "warnings", ()))
    if stream.header.mode == "layered":  # parameters that are missing or wrong
        return play.damages + said
    for text in said:  # pictures that differ by rounding
        report.warn(text)
    return play.damages


def _hashes_of(packet: Coded) -> int:
    if isinstance(packet, LayeredPacket):
        return 2 if packet.payload else 0
    return (packet.symbol_hash is not None) + len(packet.plane_hashes)
