"""Checks the GPU's rANS on real streams: every payload's symbols and tables, read on the CPU, then by the kernels.

The frame coder chooses a symbol's table from symbols before it, so tables are known only after the CPU has read a
payload. Here they are: each frame is read, and what was read is queued again with an encoding coder.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvc.backend_cupy import Device
from nvc.codec.decoder import Decoder, Known
from nvc.codec.frame_coder import FrameSetup, code_symbols, symbol_capacity
from nvc.codec.mini_gop import Queue, open_payloads
from nvc.codec.schedule import default_entries
from nvc.container.reader import StreamReader
from nvc.entropy import rans_cupy
from nvc.entropy.coder import Coder, encoding_coder, queued
from nvc.entropy.tables import Tables
from nvc.types import Packet, StreamHeader


@dataclass(frozen=True, slots=True)
class CodedPayload:
    """One payload with what it holds: symbols (N,) uint8, tables (N,) uint16, and the tables' set."""

    payload: bytes
    lanes: int
    symbols: np.ndarray
    tables: np.ndarray
    model: Tables


class _Recorder(Decoder):
    """A decoder that reads the frames of each packet once more."""

    def payloads_of(self, packet: Packet) -> list[CodedPayload]:
        """Decode a packet; its payloads with their symbols and tables, none for an I frame."""
        self.push(packet)
        if packet.kind == "intra":
            return []
        seen = [last[:2] for last in self._last if not isinstance(last, int)]
        levels = [setup.task.level for setup, _ in seen]
        coders = open_payloads(packet, levels, self._model.tables)
        distinct = _distinct(coders[level] for level in sorted(coders))
        read = {
            id(c): CodedPayload(p, n, *_none(), self._model.tables)
            for c, p, n in zip(distinct, packet.payloads[: len(packet.lanes)], packet.lanes, strict=True)
        }
        for setup, known in seen:
            coder = coders[setup.task.level]
            old, (symbols, tables) = read[id(coder)], self._queue(setup, known, coder)
            joined = np.concatenate([old.symbols, symbols]), np.concatenate([old.tables, tables])
            read[id(coder)] = CodedPayload(old.payload, old.lanes, *joined, old.model)
        return list(read.values())

    def _queue(self, setup: FrameSetup, known: Known, coder: Coder) -> Queue:
        """Read a frame from ``coder``, then queue it as the encoder did."""
        references, shadows = known
        networks = self._networks
        symbols = code_symbols(setup, references, coder, None, self._model, networks=networks, shadows=shadows)
        again = encoding_coder(self._model.tables, symbol_capacity(setup))
        code_symbols(setup, references, again, symbols, self._model, networks=networks, shadows=shadows)
        return queued(again)


def payloads_of_packets(header: StreamHeader, packets: Iterable[Packet]) -> list[CodedPayload]:
    """Every payload of a stream's mini-GOPs with its symbols and tables, in stream order."""
    recorder = _Recorder(header, threads=1)
    try:
        return [coded for packet in packets for coded in recorder.payloads_of(packet)]
    finally:
        recorder.close()


def payloads_of_file(path: Path) -> list[CodedPayload]:
    """``payloads_of_packets`` of a neural .nvc file; nothing for a layered one. Raises the reader's errors."""
    reader = StreamReader(path.read_bytes(), schedule=default_entries)
    if reader.header.mode != "neural":
        return []
    return payloads_of_packets(reader.header, (item for item in reader.items() if isinstance(item, Packet)))


def check_payloads(coded: Iterable[CodedPayload], device: Device) -> list[str]:
    """Faults of the kernels on these payloads: symbols read otherwise, other bytes written. Empty = all the same."""
    faults = []
    for k, item in enumerate(coded):
        read, good = rans_cupy.decode_streams([item.payload], [item.tables], item.model, item.lanes, device)
        if not good[0] or not np.array_equal(read[0], item.symbols):
            faults.append(f"payload {k}: other symbols")
        if rans_cupy.encode_streams([item.symbols], [item.tables], item.model, item.lanes, device) != [item.payload]:
            faults.append(f"payload {k}: other bytes")
    return faults


def _none() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, np.uint8), np.zeros(0, np.uint16)


def _distinct(coders: Iterable[Coder]) -> list[Coder]:
    """Each coder once, in order: a packet of one payload shares it between its levels."""
    return list({id(c): c for c in coders}.values())
