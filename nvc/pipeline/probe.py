"""What a coded file holds: the object of ``nvc info``."""

import sys
from fractions import Fraction
from typing import Any

from nvc.errors import CorruptError, FormatError
from nvc.pipeline.coders import check_computing, close_coder, make_decoder
from nvc.pipeline.limits import Limits, decode_memory
from nvc.pipeline.packets import Coded, frame_count, join_sums, packet_sum, picture_bytes, starts_period, times_of
from nvc.pipeline.paths import PIPE, Source, check_source
from nvc.pipeline.stream import CodedStream, open_stream
from nvc.types import CarriedPacket, FrameTask, LayeredPacket, Packet

PARTS = ("motion", "latents", "hyper", "base", "side")


def probe_file(
    src: Source,
    *,
    bits: bool = True,
    units: bool = False,
    limits: Limits | None = None,
    threads: int = 0,
    device: str = "auto",
    precision: str = "auto",
) -> dict:
    """The object of ``nvc info --json`` (docs/cli.md lists its fields), and "warnings", a list of lines.

    bits   split the bits of each picture by kind; in neural mode that needs decoding. Without it they are None
    units  add "units", what each piece of the file is
    Damage is a warning: what is there is told. Raises FormatError where nothing can be told.
    """
    limits = limits or Limits()
    check_source(src)
    check_computing(threads, device, precision)
    if isinstance(src, str) and src == PIPE:
        src = sys.stdin.buffer.read()
    with open_stream(src, limits) as stream:
        found = _Found(stream)
        counter = _counter(stream, limits, threads, device, precision) if bits else None
        try:
            for item in stream.items():
                found.add(item, counter)
        finally:
            if counter is not None:
                counter.close()
        if not stream.whole:
            found.warnings.append("the stream has no index at its end: it was cut, or never finished")
        result = found.result()
        if units:
            result["units"] = stream.units()
    return result


class _Found:
    """Gathers what the packets of a stream say."""

    def __init__(self, stream: CodedStream) -> None:
        self._stream = stream
        self.warnings: list[str] = []
        self._gops: list[dict] = []
        self._pictures: list[dict] = []
        self._span: tuple[int, int] | None = None
        self._keys: dict[str, int] = {}
        self._is_lost = True  # until an I period begins
        self._frames = 0

    def add(self, item: Any, counter: "_Counter | None") -> None:
        """Take note of one item."""
        if isinstance(item, Packet | LayeredPacket):
            self._add_coded(item, counter)
        elif not isinstance(item, CarriedPacket):
            self.warnings.append(f"damaged at byte {item.offset}: {item.message}")
            self._keys, self._is_lost = {}, True
            if counter is not None:
                counter.lost()

    def _add_coded(self, packet: Coded, counter: "_Counter | None") -> None:
        times = times_of(packet)
        if starts_period(packet):
            self._is_lost = False
            self._gops.append({"start": next(iter(times)), "frames": 0, "bytes": 0, "symbol_hash": []})
        self._frames += frame_count(packet)
        if not self._is_lost:  # else it belongs to a period whose start, or a part before it, is not there
            gop = self._gops[-1]
            gop["frames"] += frame_count(packet)
            gop["bytes"] += picture_bytes(packet)
            gop["symbol_hash"].append(packet_sum(packet))
        last = times[max(times)]
        self._span = (self._span[0] if self._span else next(iter(times.values()))[0], sum(last))
        if isinstance(packet, LayeredPacket):
            self._pictures += _layered_pictures(packet)
        else:
            self._pictures += self._neural_pictures(packet, counter.count(packet) if counter else None)

    def _neural_pictures(self, packet: Packet, bits: tuple[dict, ...] | None) -> list[dict]:
        tasks = _tasks(packet, self._keys)
        out = []
        for place, entry in enumerate(packet.frames):
            parts: dict[str, int | None] = dict.fromkeys(PARTS)
            if bits is not None and place < len(bits):
                parts = {name: int(bits[place].get(name, 0)) for name in PARTS}
            task = tasks.get(entry.display_index)
            out.append(
                {"index": entry.display_index, "type": entry.type, "level": task.level if task else entry.level,
                 "quality": entry.quality, "refs": list(task.refs) if task else None, "bits": parts}
            )  # fmt: skip
        return sorted(out, key=lambda picture: picture["index"])

    def result(self) -> dict:
        """The object, after the last item."""
        stream, header = self._stream, self._stream.header
        info = header.info
        frames = self._frames
        if not frames:
            raise CorruptError("the stream has no whole frame", frames=0)
        total, video, overhead = stream.account()
        duration = float((self._span[1] - self._span[0]) * info.time_base) if self._span else None
        return {
            "format": stream.format,
            "width": info.width,
            "height": info.height,
            "bit_depth": info.bit_depth,
            "fps": _rate(stream),
            "frames": frames,
            "duration": duration,
            "mode": "plain" if stream.plain else header.mode,
            **_asked(stream),
            "weights": header.weights,
            "disabled": list(header.disabled),
            "bytes": total,
            "video_bytes": video,
            "overhead_bytes": overhead,
            "enhancement": _enhancement(stream),
            "carried": [{"kind": s.kind, "codec": s.codec} for s in stream.carried],
            "gops": [{**gop, "symbol_hash": f"{join_sums(gop['symbol_hash']):08x}"} for gop in self._gops],
            "pictures": self._pictures,
            "warnings": self.warnings,
        }


class _Counter:
    """Bits of each picture of neural packets, by decoding them in order."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._lost = False

    def lost(self) -> None:
        """Something is missing: wait for the next I frame."""
        self._lost = True

    def count(self, packet: Packet) -> tuple[dict, ...] | None:
        """Bits of the packet's frames in coding order, None where it does not decode."""
        if self._lost and not starts_period(packet):
            return None
        if self._lost:
            self._decoder.reset()
            self._lost = False
        try:
            self._decoder.push(packet)
        except CorruptError:
            self._lost = True
            return None
        return getattr(self._decoder, "last_bits", None)

    def close(self) -> None:
        """Let go of the decoder."""
        close_coder(self._decoder)


def _counter(stream: CodedStream, limits: Limits, threads: int, device: str, precision: str) -> _Counter | None:
    if stream.header.mode == "layered":
        return None
    limits.check_memory(decode_memory(stream.header, threads))
    return _Counter(make_decoder(stream.header, threads=threads, device=device, precision=precision))


def _tasks(packet: Packet, keys: dict[str, int]) -> dict[int, FrameTask]:
    """Level and references of each frame as the codec has them, by display index; {} where that cannot be told.

    keys  goes along with the packets of a stream, as the decoder's
    """
    from nvc.codec.schedule import tasks_of

    if packet.kind == "intra":
        index = packet.frames[0].display_index
        keys.update({"intra": index, "key": index, "last": index})
        return {index: FrameTask(index, "I", 0, ())}
    if not keys:
        return {}
    try:
        tasks = tasks_of(packet.frames, packet.kind, keys)
    except (FormatError, ValueError, KeyError):
        return {}
    keys["last"] = max(task.display_index for task in tasks)
    if tasks[0].level == 0:
        keys["key"] = tasks[0].display_index
    return {task.display_index: task for task in tasks}


def _layered_pictures(packet: LayeredPacket) -> list[dict]:
    from nvc.codec.layered import base_pictures

    return [
        {"index": p.display_index, "type": p.type, "level": p.level, "quality": None, "refs": None,
         "bits": {"motion": 0, "latents": 0, "hyper": 0, "base": p.base_bits, "side": p.side_bits}}
        for p in base_pictures(packet)
    ]  # fmt: skip


def _asked(stream: CodedStream) -> dict[str, Any]:
    """What the encoder was asked for, as far as the file says it: an ordinary HEVC track tells none of it."""
    header, known = stream.header, stream.format == "nvc"
    return {name: getattr(header, name) if known else None for name in ("structure", "keyint", "quality")}


def _rate(stream: CodedStream) -> float | None:
    header = stream.header
    rate = header.info.frame_rate
    if rate is None and header.frame_step:
        rate = Fraction(1) / (header.frame_step * header.info.time_base)
    return None if rate is None else float(rate)


def _enhancement(stream: CodedStream) -> str | None:
    """What decoding adds to the base of layered mode; None in neural mode."""
    if stream.header.mode != "layered":
        return None
    from nvc.codec.layered import ENHANCEMENT

    if stream.plain:
        return "none: a plain HEVC file"
    weights = stream.header.weights
    return ENHANCEMENT if weights == "none" else f"network {weights}, strengths by type of frame"
