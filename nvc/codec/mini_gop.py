"""Symbols of a mini-GOP as payloads and back: one stream for all frames, or one a level."""

import zlib
from collections.abc import Sequence

import numpy as np

from nvc.codec.references import FrameSymbols
from nvc.container.packet import stills
from nvc.entropy import rans
from nvc.entropy.coder import Coder, decoding_coder, finished
from nvc.entropy.tables import Tables
from nvc.errors import CorruptError
from nvc.types import Packet

# Below this many bytes one stream for all levels: every further stream costs some 12 bytes.
_ONE_STREAM = 1500

Queue = tuple[np.ndarray, np.ndarray]


def write_payloads(
    queues: Sequence[Queue], levels: Sequence[int], tables: Tables
) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """(payloads, lanes) of the frames' (symbols, tables) in coding order: one payload, or one a level ascending.

    None of either without frames.
    """
    if not queues:
        return (), ()
    groups = [list(range(len(queues)))]
    if sum(_bits(q, tables) for q in queues) / 8 >= _ONE_STREAM and len(set(levels)) > 1:
        groups = [[k for k, at in enumerate(levels) if at == level] for level in sorted(set(levels))]
    payloads, lanes = [], []
    for group in groups:
        symbols = np.concatenate([queues[k][0] for k in group])
        used = np.concatenate([queues[k][1] for k in group])
        count = rans.lanes_for(int(sum(_bits(queues[k], tables) for k in group) / 8))
        payloads.append(rans.encode(symbols, used, tables, count))
        lanes.append(count)
    return tuple(payloads), tuple(lanes)


def open_payloads(packet: Packet, levels: Sequence[int], tables: Tables) -> dict[int, Coder]:
    """A reading coder for each of ``levels``; one shared by all levels where the packet has one payload of symbols.

    levels  of the frames that are coded by symbols, those of type I left out
    """
    present = sorted(set(levels))
    payloads = packet.payloads[: len(packet.payloads) - stills(packet)]
    if len(payloads) not in (min(1, len(present)), len(present)) or len(packet.lanes) != len(payloads):
        raise CorruptError(f"a packet of {len(present)} levels has {len(payloads)} payloads")
    if any(n not in (1, 2, 4, 8, 16, 32, 64) for n in packet.lanes):
        raise CorruptError(f"a packet has {packet.lanes} lanes")
    coders = [decoding_coder(tables, p, n) for p, n in zip(payloads, packet.lanes, strict=True)]
    return {level: coders[k if len(coders) > 1 else 0] for k, level in enumerate(present)}


def check_read(coders: dict[int, Coder], start: int) -> None:
    """Raise CorruptError unless every stream was read to its exact end."""
    if not all(finished(c) for c in coders.values()):
        raise CorruptError(f"the mini-GOP at frame {start} does not end where its symbols end")


def symbol_hash(frames: Sequence[FrameSymbols], crc: int = 0) -> int:
    """CRC-32 of all symbols of frames in coding order, going on from ``crc``: motion, patterns, last diagonals,
    latents, hyper latents, switches, strength, gains."""
    for s in frames:
        for array, kind in (
            (s.motion.modes, "i1"),
            (s.motion.vectors, "<i2"),
            (s.patterns, "u1"),
            (s.lasts, "u1"),
            (s.latents, "<i2"),
        ):
            crc = zlib.crc32(np.ascontiguousarray(array, kind).data, crc)
        if s.hyper is not None:
            crc = zlib.crc32(np.ascontiguousarray(s.hyper, "<i2").data, crc)
        if s.switches is not None:
            crc = zlib.crc32(bytes([s.switches]), crc)
        if s.strength:
            crc = zlib.crc32(bytes([s.strength]), crc)
        if s.gains is not None:
            crc = zlib.crc32(np.array([*s.gains[0], *s.gains[1]], "i1").data, crc)
    return crc


def frame_bits(queue: Queue, marks: Sequence[int], tables: Tables) -> dict[str, int]:
    """Bits of a frame by kind, from the tables: motion, side (with the bank choice), latents, and what networks add.

    The loop filter's strength counts with what networks add where they do, else with side.
    """
    symbols, used = queue
    costs = tables.costs[used, symbols]
    ends = [1, *marks]
    parts = [float(costs[a:b].sum()) for a, b in zip(ends, ends[1:], strict=False)]
    motion, side, hyper, latents = parts if len(parts) == 4 else (*parts[:2], 0.0, parts[2])
    return {
        "motion": round(motion),
        "latents": round(latents),
        "hyper": round(hyper),
        "base": 0,
        "side": round(side) + 4,
    }


def _bits(queue: Queue, tables: Tables) -> float:
    return float(tables.costs[queue[1], queue[0]].sum())
