"""Decoder of the neural mode: push packets, get frames. It knows no files."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from nvc.codec.frame_coder import FrameSetup, code_symbols, reconstruct, symbol_capacity
from nvc.codec.intra_hevc import coded_size
from nvc.codec.intra_pictures import IntraPictureDecoder, intra_bits, split_payload, split_payloads
from nvc.codec.learned_symbols import contexts_allowed
from nvc.codec.mini_gop import check_read, frame_bits, open_payloads, symbol_hash
from nvc.codec.network_choice import networks_for_decoder, refines_intra, single_thread, torch_threads
from nvc.codec.quality import still_quality
from nvc.codec.references import FrameSymbols, Planes, Reference, plane_hash
from nvc.codec.schedule import tasks_of
from nvc.codec.selftest import ensure_exact
from nvc.codec.shadows import Shadow
from nvc.codec.stages import Stages
from nvc.codec.symbols import SymbolModel, load_model
from nvc.codec.threads import worker_count
from nvc.container.packet import stills
from nvc.entropy.coder import encoding_coder, queued
from nvc.errors import CorruptError
from nvc.types import Frame, FrameEntry, FrameTask, Packet, StreamHeader

Known = tuple[tuple[FrameSymbols | None, ...], tuple[Shadow, ...]]  # of a frame's references


class Decoder:
    """Decodes packets of one stream in their order.

    ``push`` returns the frames of a packet in display order. After CorruptError, or to start elsewhere, call
    ``reset``: the next packet must then be an I frame.
    """

    def __init__(
        self,
        header: StreamHeader,
        *,
        threads: int = 0,
        device: str = "auto",
        precision: str = "auto",
        stages: Stages | None = None,
        model: SymbolModel | None = None,
    ) -> None:
        self.header, self.info = header, header.info
        self.stages = stages or Stages()
        width, height = coded_size(self.info.width, self.info.height)
        self._size = (height, width)
        ensure_exact()
        self._networks = networks_for_decoder(header, device, precision)
        self._model = model or load_model()
        if self._networks is not None:
            self._model = self._networks.symbol_model(self._model)
        self._intra = IntraPictureDecoder(
            header.intra, header.parameter_sets, self.info.bit_depth, (width, height), self._networks
        )
        self._threads = worker_count(threads)
        self._pool = ThreadPoolExecutor(self._threads, initializer=single_thread(self._networks))
        self._references: dict[int, Reference] = {}
        self._symbols: dict[int, FrameSymbols | None] = {}
        self._shaded = self._model.contexts is not None and contexts_allowed(header.disabled, header.structure)
        self._shadows: dict[int, Shadow] = {}
        self._keys: dict[str, int] = {}
        self._last: list[tuple[FrameSetup, Known, FrameSymbols] | int] = []
        self._crc = 0
        self.warnings: list[str] = []

    @property
    def last_bits(self) -> tuple[dict[str, int], ...]:
        """Bits of each frame of the last packet in coding order, by kind, from the tables by coding them again."""
        counted = []
        for last in self._last:
            if isinstance(last, int):
                counted.append(intra_bits(last))
                continue
            setup, (references, shadows), symbols = last
            coder = encoding_coder(self._model.tables, symbol_capacity(setup))
            marks: list[int] = []
            code_symbols(setup, references, coder, symbols, self._model, marks, self._networks, shadows)
            counted.append(frame_bits(queued(coder), marks, self._model.tables))
        return tuple(counted)

    @property
    def last_symbols(self) -> tuple[FrameSymbols, ...]:
        """Symbols of each frame of the last packet in coding order, those of type I left out."""
        return tuple(last[2] for last in self._last if not isinstance(last, int))

    def reset(self) -> None:
        """Forget all references."""
        self._references, self._symbols, self._shadows, self._keys = {}, {}, {}, {}

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(cancel_futures=True)

    def flush(self) -> list[Frame]:
        """Frames still held back: none, since every packet is whole."""
        return []

    def push(self, packet: Packet) -> list[Frame]:
        """Frames of a packet in display order.

        Raises CorruptError where symbols, sums or pictures are impossible, or where the I frame before is missing.
        """
        if packet.kind == "intra":
            planes = self._push_intra(packet)
        elif not self._keys:
            raise CorruptError(f"frame {packet.start}: the I frame that it needs is missing")
        else:
            planes = self._push_group(packet)
        if packet.plane_hashes:
            self._check_planes(packet, planes)
        ordered = sorted(packet.frames, key=lambda e: e.display_index)
        return [self._frame(e, planes[e.display_index]) for e in ordered]

    def _check_planes(self, packet: Packet, planes: dict[int, Planes]) -> None:
        """Compare picture hashes. With networks on another device or precision may differ by a rounding step: then it
        is said once in ``warnings``; with networks off pictures are integers and a difference is damage.
        """
        if len(packet.plane_hashes) != len(packet.frames):
            raise CorruptError(f"{len(packet.frames)} frames have {len(packet.plane_hashes)} picture hashes")
        for entry, crc in zip(packet.frames, packet.plane_hashes, strict=True):
            if plane_hash(planes[entry.display_index], self.info) == crc:
                continue
            if self._networks is None or (packet.kind == "intra" and not refines_intra(self._networks)):
                raise CorruptError(f"frame {entry.display_index}: the picture differs from the encoder's")
            if not self.warnings:
                self.warnings.append(
                    f"from frame {entry.display_index} on pictures differ from the encoder's by rounding "
                    "(another device or precision)"
                )

    def _push_intra(self, packet: Packet) -> dict[int, Planes]:
        if len(packet.frames) != 1:
            raise CorruptError(f"an I packet holds {len(packet.frames)} frames")
        note, data = split_payloads(packet.payloads)
        index = packet.frames[0].display_index
        self.reset()
        self._crc = 0
        self._last = [len(data)]
        planes = self._intra_picture(index, note, data, packet.frames[0].quality, self._threads)
        self._references = {index: Reference(planes, None, self.info.bit_depth)}
        self._symbols = {index: None}
        self._keys = {"intra": index, "key": index, "last": index}
        return {index: planes}

    def _intra_picture(self, index: int, note: bytes, data: bytes, quality: int, threads: int) -> Planes:
        with self.stages.time("intra"):
            decoded = self._intra.picture(note, data)
        if self._shaded:
            self._shadows[index] = Shadow.of_picture(decoded[0])
        with self.stages.time("networks"), torch_threads(self._networks, threads):
            return self._intra.refine(decoded, note, quality)

    def _push_group(self, packet: Packet) -> dict[int, Planes]:
        tasks = tasks_of(packet.frames, packet.kind, self._keys)
        self._check_tasks(packet, tasks)
        setups = [self._setup(t, e) for t, e in zip(tasks, packet.frames, strict=True)]
        coders = open_payloads(packet, [t.level for t in tasks if t.type != "I"], self._model.tables)
        alone = iter(packet.payloads[len(packet.payloads) - stills(packet) :])
        self._last = []
        futures: dict[int, Future[Planes]] = {}
        symbols: list[FrameSymbols] = []
        try:
            for setup in setups:
                task = setup.task
                if task.type == "I":
                    self._symbols[task.display_index] = None
                    futures[task.display_index] = self._pool.submit(self._still, setup, *self._split(next(alone)))
                    continue
                known = self._known(task, futures)
                with self.stages.time("symbols"):
                    read = code_symbols(
                        setup, known[0], coders[task.level], None, self._model, networks=self._networks,
                        shadows=known[1],
                    )  # fmt: skip
                symbols.append(read)
                self._last.append((setup, known, read))
                self._symbols[task.display_index] = read
                if self._shaded:
                    self._shadows[task.display_index] = Shadow(setup, known[1], read, self._model)
                waits = [futures[r] for r in task.refs if r in futures]
                futures[task.display_index] = self._pool.submit(self._reconstruct, setup, read, waits)
            check_read(coders, packet.start)
            self._check_hash(packet, symbols)
        finally:
            for future in futures.values():
                future.exception()
        planes = {d: f.result() for d, f in futures.items()}
        self._advance(packet.kind, tasks)
        return planes

    def _known(self, task: FrameTask, futures: dict[int, Future[Planes]]) -> Known:
        """Symbols and shadows of a frame's references."""
        if self._shaded:
            for r in task.refs:
                if r not in self._shadows:
                    futures[r].result()  # a frame coded by itself
            with self.stages.time("shadows"):
                for r in task.refs:
                    self._shadows[r].make()
        shadows = tuple(self._shadows[r] for r in task.refs) if self._shaded else ()
        return tuple(self._symbols[r] for r in task.refs), shadows

    def _split(self, payload: bytes) -> tuple[bytes, bytes]:
        """(note, data) of a frame that is coded by itself."""
        note, data = split_payload(payload)
        self._last.append(len(data))
        return note, data

    def _still(self, setup: FrameSetup, note: bytes, data: bytes) -> Planes:
        task = setup.task
        quality = still_quality(setup.quality, setup.structure, task.level)
        planes = self._intra_picture(task.display_index, note, data, quality, 1)
        self._references[task.display_index] = Reference(planes, None, self.info.bit_depth)
        return planes

    def _check_hash(self, packet: Packet, symbols: list[FrameSymbols]) -> None:
        """Compare the hash where the packet carries one; it goes over all frames since the last that did."""
        self._crc = symbol_hash(symbols, self._crc)
        if packet.symbol_hash is None:
            return
        crc, self._crc = self._crc, 0
        if crc != packet.symbol_hash:
            raise CorruptError(f"the symbols up to the mini-GOP at frame {packet.start} differ from the encoder's")

    def _check_tasks(self, packet: Packet, tasks: Sequence[FrameTask]) -> None:
        """Every reference must be there before it is used: coded earlier in the packet, or kept."""
        known = set(self._references)
        for task in tasks:
            if task.type == "I":
                known.add(task.display_index)
                continue
            if not 1 <= len(task.refs) <= 2 or any(r not in known or r == task.display_index for r in task.refs):
                raise CorruptError(f"frame {task.display_index}: its references are missing")
            known.add(task.display_index)

    def _setup(self, task: FrameTask, entry: FrameEntry) -> FrameSetup:
        h = self.header
        return FrameSetup(task, self._size, self.info.bit_depth, h.structure, entry.quality, frozenset(h.disabled))

    def _reconstruct(self, setup: FrameSetup, symbols: FrameSymbols, waits: list) -> Planes:
        for future in waits:
            future.result()
        references = tuple(self._references[r] for r in setup.task.refs)
        planes = reconstruct(setup, references, symbols, self._model, self.stages, networks=self._networks)
        self._references[setup.task.display_index] = Reference(planes, symbols, self.info.bit_depth)
        return planes

    def _advance(self, kind: str, tasks: Sequence[FrameTask]) -> None:
        self._keys["last"] = max(t.display_index for t in tasks)
        if tasks[0].level == 0:
            self._keys["key"] = tasks[0].display_index
        keep = {self._keys["key"], self._keys["last"]} if kind == "ld" else {self._keys["key"]}
        self._references = {d: r for d, r in self._references.items() if d in keep}
        self._symbols = {d: s for d, s in self._symbols.items() if d in keep}
        self._shadows = {d: s for d, s in self._shadows.items() if d in keep}

    def _frame(self, entry: FrameEntry, planes: Planes) -> Frame:
        info = self.info
        ch, cw = info.chroma_size
        y = planes[0][: info.height, : info.width].astype(info.dtype)
        u, v = planes[1][:ch, :cw].astype(info.dtype), planes[2][:ch, :cw].astype(info.dtype)
        return Frame(y, u, v, entry.pts, info, entry.duration)
