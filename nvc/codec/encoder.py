"""Encoder of the neural mode: push frames, get packets. It knows no files."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from nvc import color
from nvc.codec.frame_coder import (
    Choices,
    FrameSetup,
    choose,
    code_symbols,
    may_be_still,
    reconstruct,
    squared_lambda,
    symbol_capacity,
)
from nvc.codec.intra_coders import choose_intra_coder
from nvc.codec.intra_hevc import coded_size
from nvc.codec.intra_pictures import IntraPicture, IntraPictureEncoder
from nvc.codec.learned_symbols import contexts_allowed
from nvc.codec.mini_gop import Queue, frame_bits, symbol_hash, write_payloads
from nvc.codec.network_choice import Networks, networks_for_encoder, single_thread, torch_threads
from nvc.codec.quality import INTRA_CHROMA_OFFSET, intra_qp, intra_shift, step, still_qp, still_quality
from nvc.codec.references import FrameSymbols, Planes, Reference, plane_hash, squared_error
from nvc.codec.scenes import is_cut, thumbnail
from nvc.codec.schedule import default_entries, tasks_of
from nvc.codec.selftest import ensure_exact
from nvc.codec.shadows import Shadow
from nvc.codec.stages import Stages
from nvc.codec.symbols import SymbolModel, load_model
from nvc.codec.threads import worker_count
from nvc.entropy.coder import encoding_coder, queued
from nvc.errors import FormatError, UsageError
from nvc.motion.temporal_filter import REACH, can_filter, filtered, weigh
from nvc.types import Frame, FrameEntry, FrameTask, Packet, Settings, StreamHeader, VideoInfo

LD_HASH_EVERY = 16


# Highest level at which frames of mini-GOPs are coded by themselves too, for the better of both; -1 = none.
STILL_LEVELS = {"fast": {"ra": -1, "ld": -1}, "medium": {"ra": 2, "ld": 0}, "slow": {"ra": 63, "ld": 63}}
# Passes over a frame's motion as blocks are blended, and over latents where networks or the loop filter change it.
PASSES = {"fast": 1, "medium": 2, "slow": 3}


def lookahead(info: VideoInfo, structure: str, disabled: Collection[str]) -> int:
    """Frames after an I frame, of its period, that an encoder wants to see before it codes it."""
    return REACH if structure == "ra" and "mctf" not in disabled and can_filter(info) else 0


@dataclass(frozen=True, slots=True)
class _Coded:
    """A frame of a mini-GOP: its symbols as a queue, or its picture as a payload."""

    queue: Queue | None
    picture: bytes | None
    crc: int
    bits: dict[str, int]


class Encoder:
    """Codes frames of one track in display order.

    ``push`` takes a frame and returns the packets that it completes, ``flush`` the rest. An I period is closed: its
    bytes depend on its own frames and the settings only (contract 6).

    plan  quality of the I periods that start at these display indices; others have the settings'
    networks  to code with, instead of those that the settings find
    """

    def __init__(
        self,
        info: VideoInfo,
        settings: Settings,
        *,
        stages: Stages | None = None,
        model: SymbolModel | None = None,
        plan: Mapping[int, int] | None = None,
        networks: Networks | None = None,
    ) -> None:
        self._networks = networks or networks_for_encoder(settings)
        if self._networks is None:
            settings = replace(settings, disable=settings.disable | {"networks"})
        self.info, self.settings = info, settings
        self.stages = stages or Stages()
        ensure_exact()
        self._model = model or load_model()
        if self._networks is not None:
            self._model = self._networks.symbol_model(self._model)
        self._shaded = self._model.contexts is not None and contexts_allowed(settings.disable, settings.structure)
        width, height = coded_size(info.width, info.height)
        self._size = (height, width)
        name = choose_intra_coder(settings.intra, settings.structure, settings.preset)
        chroma = INTRA_CHROMA_OFFSET[settings.structure]
        self._intra = IntraPictureEncoder(name, info, self._networks, settings.preset, chroma)
        self._pool = ThreadPoolExecutor(worker_count(settings.threads), initializer=single_thread(self._networks))
        self._references: dict[int, Reference] = {}
        self._keys: dict[str, int] = {}
        self._waiting: list[Frame] = []
        self._opening: Frame | None = None
        self._closing: tuple[list[Frame], dict[str, int]] | None = None
        self._reach = lookahead(info, settings.structure, settings.disable)
        self._plan, self._quality = plan or {}, settings.quality
        self._count = 0
        self._start_pts = self._last_pts = 0
        self._step = 0
        self._thumbnail: np.ndarray | None = None
        self._crc = 0
        self._ended = False

    @property
    def header(self) -> StreamHeader:
        """Head of the stream; ``start_pts`` and ``frame_step`` are those of the first frame, once it was pushed."""
        s = self.settings
        return StreamHeader(
            info=self.info, mode="neural", structure=s.structure, keyint=s.keyint, mini_gop=s.mini_gop,
            quality=s.quality, frame_step=self._step, start_pts=self._start_pts,
            weights=self._networks.weights.id if self._networks else "none",
            disabled=tuple(sorted(s.disable)), intra=self._intra.name, parameter_sets=self._intra.parameter_sets,
        )  # fmt: skip

    def push(self, frame: Frame) -> list[Packet]:
        """Take the next frame in display order; returns the packets that are complete now."""
        self._take(frame)
        packets: list[Packet] = []
        if self._starts_period(frame):
            packets += self._open_period()
            # The last mini-GOP waits for the next I frame, to be coded beside it.
            self._closing = (self._waiting, self._keys) if self._waiting else None
            self._waiting = []
            self._keys = {"intra": self._count, "key": self._count, "last": self._count}
            self._opening = frame
        elif self.settings.structure == "ld":
            packets.append(self._code_group("ld", [frame], self._count))
        else:
            self._waiting.append(frame)
        if self._opening is not None and len(self._waiting) == self._reach:
            packets += self._open_period()
        if len(self._waiting) == self.settings.mini_gop:
            packets += self._close_gop()
        self._count += 1
        return packets

    def skip(self, frame: Frame) -> None:
        """Count a frame that was coded before, by another run; the next frame that is pushed starts an I period.

        What was pushed and not given as a packet is forgotten.
        """
        self._take(frame)
        self.forget()
        self._count += 1

    def forget(self) -> None:
        """Forget what was pushed and not given as a packet; the next frame that is pushed starts an I period."""
        self._references, self._keys, self._waiting, self._thumbnail = {}, {}, [], None
        self._opening = self._closing = None

    def _take(self, frame: Frame) -> None:
        """Refuse a frame that does not fit, and note the times of the first."""
        if (frame.info.width, frame.info.height, frame.info.bit_depth) != (
            self.info.width,
            self.info.height,
            self.info.bit_depth,
        ):
            raise FormatError(
                f"every frame must be {self.info.width}x{self.info.height} with {self.info.bit_depth} bits, got "
                f"{frame.info.width}x{frame.info.height} with {frame.info.bit_depth}"
            )
        if self._ended:
            raise UsageError("the encoder was flushed: a new one takes further frames")
        if self._count == 0:
            self._start_pts, self._step = frame.pts, frame.duration
        elif frame.pts <= self._last_pts:
            raise UsageError(f"pts must rise, got {frame.pts} after {self._last_pts}")
        self._last_pts = frame.pts

    def flush(self) -> list[Packet]:
        """The packets of the frames still waiting. The encoder takes no frames after it."""
        packets = [] if self._ended else self._close_gop()
        self._ended = True
        self._pool.shutdown()
        return packets

    def close(self) -> None:
        """Let go of the threads; for a job that ends early."""
        self._pool.shutdown(cancel_futures=True)

    def _starts_period(self, frame: Frame) -> bool:
        before = self._thumbnail
        self._thumbnail = thumbnail(frame.y, self.info.bit_depth)
        if not self._keys or self.settings.structure == "intra":
            return True
        if self._count - self._keys["intra"] >= self.settings.keyint:
            return True
        if "scenecut" in self.settings.disable or before is None:
            return False
        return is_cut(before, self._thumbnail)

    def _open_period(self) -> list[Packet]:
        """Packets of the mini-GOP that ended the period before, and of the I frame that waits for frames after it."""
        frame, self._opening = self._opening, None
        if frame is None:
            return []
        index = self._keys["intra"]
        quality = self._plan.get(index, self.settings.quality)
        qp = intra_qp(quality, self.settings.structure)
        planes, agreement = self._filtered(frame, self._waiting[: self._reach], step(8 * qp, self.info.bit_depth))
        if self._reach:
            qp = min(51, max(0, qp + intra_shift(agreement)))
        coded = self._pool.submit(self._coded_alone, planes, qp)
        packets = self._close_period()
        self._quality = quality
        entry = FrameEntry(index, "I", 0, quality, frame.pts, frame.duration)
        return [*packets, self._finish_intra(entry, planes, qp, coded.result())]

    def _close_period(self) -> list[Packet]:
        """The packet of the mini-GOP that ended the period before."""
        if self._closing is None:
            return []
        keys, (frames, self._keys), self._closing = self._keys, self._closing, None
        packet = self._code_group("gop", frames, self._keys["last"] + 1)
        self._keys = keys
        return [packet]

    def _close_gop(self) -> list[Packet]:
        packets = self._open_period()
        frames, self._waiting = self._waiting, []
        if frames:
            packets.append(self._code_group("gop", frames, self._keys["last"] + 1))
        return packets

    def _finish_intra(self, entry: FrameEntry, planes: Planes, qp: int, coded: tuple[bytes, bytes]) -> Packet:
        """The packet of an I frame, which alone is reference from now on."""
        weight = squared_lambda(step(8 * qp, self.info.bit_depth))
        picture = self._shown(planes, coded, entry.quality, weight, worker_count(self.settings.threads))
        self._observe_intra(planes, picture.decoded, qp, entry.quality)
        shadow = Shadow.of_picture(picture.decoded[0]) if self._shaded else None
        self._references = {entry.display_index: Reference(picture.planes, None, self.info.bit_depth, shadow)}
        self._crc = 0
        hashes = (plane_hash(picture.planes, self.info),) if self.settings.hash else ()
        return Packet("intra", (entry,), picture.payloads, plane_hashes=hashes, bits=(picture.bits,))

    def _coded_alone(self, planes: Planes, qp: int) -> tuple[bytes, bytes]:
        with self.stages.time("intra"):
            return self._intra.code(planes, qp)

    def _shown(
        self, planes: Planes, coded: tuple[bytes, bytes], quality: int, weight: float, threads: int
    ) -> IntraPicture:
        """What ``_coded_alone`` shows. quality: what networks are told; weight: lambda in squared code values a bit."""
        with self.stages.time("networks"), torch_threads(self._networks, threads):
            return self._intra.shown(planes, *coded, quality, weight)

    def _code_group(self, kind: str, frames: Sequence[Frame], start: int) -> Packet:
        """Code the frames of a mini-GOP, or one ``ld`` frame, shown from ``start`` on."""
        entries = tuple(
            FrameEntry(start + offset, type_, level, self._quality, frames[offset].pts, frames[offset].duration)  # type: ignore[arg-type]
            for offset, type_, level in default_entries(kind, len(frames), self.settings.mini_gop)
        )
        tasks = tasks_of(entries, kind, self._keys)
        sources = {start + k: frame for k, frame in enumerate(frames)}
        coded = self._code_tasks(tasks, sources)
        entries = tuple(e if c.picture is None else replace(e, type="I") for e, c in zip(entries, coded, strict=True))
        queues = [c.queue for c in coded if c.queue is not None]
        levels = [t.level for t, c in zip(tasks, coded, strict=True) if c.queue is not None]
        payloads, lanes = write_payloads(queues, levels, self._model.tables)
        payloads += tuple(c.picture for c in coded if c.picture is not None)
        symbols = [self._references[t.display_index].symbols for t in tasks]
        self._crc = symbol_hash([s for s in symbols if s is not None], self._crc)
        # A low-delay frame carries the hash of all frames since the last one that did.
        carries = kind != "ld" or (start - self._keys["intra"]) % LD_HASH_EVERY == 0
        crc_or_none = self._crc if carries else None
        self._crc = 0 if carries else self._crc
        self._advance(kind, tasks)
        return Packet(
            kind, entries, payloads, default=kind == "gop" or bool(queues), lanes=lanes,  # type: ignore[arg-type]
            symbol_hash=crc_or_none, plane_hashes=tuple(c.crc for c in coded) if self.settings.hash else (),
            bits=tuple(c.bits for c in coded),
        )  # fmt: skip

    def _code_tasks(self, tasks: tuple[FrameTask, ...], sources: dict[int, Frame]) -> list[_Coded]:
        """Code tasks on the pool, each as soon as its references are done; results in coding order."""
        futures: dict[int, Future[_Coded]] = {}
        # By level, so that frames that do not need each other come up together; the coding order stays.
        for task in sorted(tasks, key=lambda t: t.level):
            waits = [futures[r] for r in task.refs if r in futures]
            source = sources[task.display_index]
            reach = self._reach if task.level == 0 else 0
            places = range(task.display_index - 1, task.display_index - 1 - reach, -1)
            before = [sources[k] for k in places if k in sources]
            planes, _ = self._filtered(source, before, float(self._setup(task).steps[0]))
            futures[task.display_index] = self._pool.submit(self._code_frame, task, planes, waits)
        return [futures[task.display_index].result() for task in tasks]

    def _code_frame(self, task: FrameTask, source: Planes, waits: list) -> _Coded:
        for future in waits:
            future.result()
        references = tuple(self._references[r] for r in task.refs)
        setup = self._setup(task)
        passes = PASSES[self.settings.preset]
        choices = choose(setup, references, source, self._model, self.stages, self._networks, passes)
        shadows = tuple(r.shadow for r in references if r.shadow is not None)
        with self.stages.time("shadows"):
            for one in shadows:
                one.make()
        with self.stages.time("symbols"):
            coder = encoding_coder(self._model.tables, symbol_capacity(setup))
            marks: list[int] = []
            symbols: FrameSymbols | None = code_symbols(
                setup, tuple(r.symbols for r in references), coder, choices.symbols, self._model,
                marks, self._networks, shadows,
            )  # fmt: skip
        shadow = Shadow(setup, shadows, choices.symbols, self._model) if self._shaded else None
        planes = choices.picture or reconstruct(
            setup, references, choices.symbols, self._model, self.stages, choices.prediction, self._networks
        )
        bits = frame_bits(queued(coder), marks, self._model.tables)
        still = self._better_still(setup, source, choices, sum(bits.values()), planes)
        if still is not None:
            planes, bits, symbols = still.planes, still.bits, None
            shadow = Shadow.of_picture(still.decoded[0]) if self._shaded else None
            self._observe_intra(source, still.decoded, self._still_qp(setup), self._still_quality(task))
        else:
            self._observe(setup, references, choices)
        self._references[task.display_index] = Reference(planes, symbols, self.info.bit_depth, shadow)
        crc = plane_hash(planes, self.info) if self.settings.hash else 0
        if still is not None:
            return _Coded(None, still.payload, crc, bits)
        return _Coded(queued(coder), None, crc, bits)

    def _better_still(
        self, setup: FrameSetup, source: Planes, choices: Choices, bits: int, planes: Planes
    ) -> IntraPicture | None:
        """The frame coded by itself where that costs less than ``planes`` with ``bits``, by distortion and rate."""
        level = setup.task.level
        tried = STILL_LEVELS[self.settings.preset][self.settings.structure]
        if "stills" in self.settings.disable or level > tried or not may_be_still(setup, source, choices.scaled):
            return None
        weight = squared_lambda(setup.steps[0])
        coded = self._coded_alone(source, self._still_qp(setup))
        picture = self._shown(source, coded, self._still_quality(setup.task), weight, 1)
        alone = squared_error(picture.planes, source) + weight * 8 * len(picture.payload)
        return picture if alone < squared_error(planes, source) + weight * bits else None

    def _still_quality(self, task: FrameTask) -> int:
        return still_quality(self._quality, self.settings.structure, task.level)

    def _still_qp(self, setup: FrameSetup) -> int:
        return still_qp(self._quality, self.settings.structure, setup.task.level)

    def _observe(self, setup: FrameSetup, references: tuple[Reference, ...], choices: Choices) -> None:
        """For fits that learn from what frames show; coding does nothing here."""

    def _observe_intra(self, source: Planes, decoded: Planes, qp: int, quality: int) -> None:
        """The same for frames coded by themselves: source, what came back of it, its QP, what networks are told."""

    def _setup(self, task: FrameTask) -> FrameSetup:
        s = self.settings
        return FrameSetup(task, self._size, self.info.bit_depth, s.structure, self._quality, s.disable)

    def _advance(self, kind: str, tasks: tuple[FrameTask, ...]) -> None:
        """Move the key pictures on and free what no later frame refers to."""
        newest = max(t.display_index for t in tasks)
        self._keys["last"] = newest
        if tasks[0].level == 0:
            self._keys["key"] = tasks[0].display_index
        keep = {self._keys["key"], self._keys["last"]} if kind == "ld" else {self._keys["key"]}
        self._references = {d: r for d, r in self._references.items() if d in keep}

    def _filtered(self, frame: Frame, neighbours: Sequence[Frame], luma_step: float) -> tuple[Planes, float]:
        """Planes of a frame to code, less what its neighbours do not show too, and how far these agree with it.

        neighbours  the nearest first
        luma_step  in units of the dequantised coefficient
        """
        if not neighbours:
            return self._planes(frame.planes), 0.0
        with self.stages.time("temporal filter"):
            planes, agreement = filtered(frame.planes, self._weighed(frame, neighbours, luma_step / 16))
        return self._planes(planes), agreement

    def _weighed(self, frame: Frame, neighbours: Sequence[Frame], luma_step: float) -> Iterator[tuple[Planes, Planes]]:
        """``weigh`` of each neighbour, as many at a time as there are threads: they are large."""
        count = worker_count(self.settings.threads)
        for first in range(0, len(neighbours), count):
            jobs = [
                self._pool.submit(weigh, frame.planes, other.planes, first + k + 1, luma_step, self.info.bit_depth)
                for k, other in enumerate(neighbours[first : first + count])
            ]
            yield from (job.result() for job in jobs)

    def _planes(self, planes: Planes) -> Planes:
        """Planes at the coded size, uint16, edge repeated."""
        return _as_type(color.pad_planes(planes, *self._size), np.uint16)


def _as_type(planes: Planes, dtype: type) -> Planes:
    y, u, v = planes
    return y.astype(dtype), u.astype(dtype), v.astype(dtype)
