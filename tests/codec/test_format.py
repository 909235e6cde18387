"""A second decoder, in plain Python, written from docs/format.md ("Picture data") alone: nothing of it is shared with
the codec but the integers that are fitted or tuned, so it checks the text as much as the program."""

import dataclasses
import math
import re
import zlib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from nvc.codec import quality as quality_steps
from nvc.codec.intra_hevc import HevcIntraDecoder
from nvc.codec.intra_vvc import RefusedError, VvcIntraDecoder, can_decode, vvenc
from nvc.types import Frame, Packet, StreamHeader

LUMA_TAPS = [[0, 0, 0, 64, 0, 0, 0, 0], [-1, 4, -10, 58, 17, -5, 1, 0], [-1, 4, -11, 40, 40, -11, 4, -1]]
LUMA_TAPS.append(LUMA_TAPS[1][::-1])
CHROMA_TAPS = [[0, 64, 0, 0], [-2, 58, 10, -2], [-4, 54, 16, -2], [-6, 46, 28, -4], [-4, 36, 36, -4]]
CHROMA_TAPS += [CHROMA_TAPS[k][::-1] for k in (3, 2, 1)]
BASES = ((0, 16), (256, 8), (320, 8))


def clip(x: int, low: int, high: int) -> int:
    return min(max(x, low), high)


class Model:
    """The stored tables, and the constants of the text."""

    def __init__(self) -> None:
        arrays = load((resources.files("nvc.weights") / "tables.safetensors").read_bytes())
        self.frequencies = arrays["frequencies"].tolist()
        self.weights, self.level_of = arrays["weights"].tolist(), arrays["level_of"].tolist()
        self.index, self.recon = arrays["index"].tolist(), arrays["recon"].tolist()
        self.filters = arrays["filters"].tolist()

    def steps(self, quality: int, structure: str, level: int, depth: int) -> list[int]:
        offsets = quality_steps.LEVEL_OFFSETS[structure]
        qp8 = max(0, (37650 - 352 * quality) // 100 + offsets[min(level, len(offsets) - 1)])
        chroma = qp8 + quality_steps.CHROMA_OFFSET
        out = []
        for q in (qp8, chroma, chroma):
            octave, part = divmod(q - 32, 48)
            m, s = math.floor(2 ** (part / 48) * 2**20 + 0.5), 20 - (octave + 4 + depth - 8)
            out.append(max(1, (m + 2 ** (s - 1)) >> s))
        return out


class Reader:
    """One payload."""

    def __init__(self, payload: bytes, lanes: int, model: Model) -> None:
        words = [int.from_bytes(payload[k : k + 2], "little") for k in range(0, len(payload), 2)]
        self.states = [words[2 * k] | words[2 * k + 1] << 16 for k in range(lanes)]
        self.words, self.model, self.count = words[2 * lanes :], model, 0

    def symbol(self, table: int) -> int:
        lane = self.count % len(self.states)
        self.count += 1
        x = self.states[lane]
        s, start = x & 4095, 0
        frequencies = self.model.frequencies[table]
        a = 0
        while s >= start + frequencies[a]:
            start, a = start + frequencies[a], a + 1
        f = frequencies[a]
        x = f * (x >> 12) + s - start
        if x < 65536:
            x = x * 65536 + self.words.pop(0)
        self.states[lane] = x
        return a

    def raw(self, n: int) -> int:
        out = shift = 0
        while shift < n:
            four = n - shift >= 4
            out |= self.symbol(0 if four else 1) << shift
            shift += 4 if four else 1
        return out

    def bits(self, k: int) -> int:
        return 2 ** (k - 1) + self.raw(k - 1) if k else 0

    def done(self) -> bool:
        return not self.words and all(x == 65536 for x in self.states)


class Symbols:
    """What a frame's symbols say; ``distances`` of its references."""

    def __init__(self, rows: int, columns: int, distances: list[int]) -> None:
        self.rows, self.columns, self.distances = rows, columns, distances
        blocks = rows * columns
        self.modes, self.vectors = [1] * 4 * blocks, [[(0, 0), (0, 0)] for _ in range(4 * blocks)]
        self.patterns, self.lasts = [0] * blocks, [[0, 0, 0] for _ in range(blocks)]
        self.latents = [[0] * 384 for _ in range(blocks)]
        self.strength = 0

    def near(self, b: int, *steps: tuple[int, int]) -> list[int | None]:
        """Blocks at (row, column) steps from b, None outside the grid."""
        row, column = divmod(b, self.columns)
        inside = [(row + y, column + x) for y, x in steps]
        return [y * self.columns + x if 0 <= y < self.rows and 0 <= x < self.columns else None for y, x in inside]

    def cell(self, y: int, x: int) -> int | None:
        """Number of the cell at row y, column x of cells, None outside the grid."""
        return y * 2 * self.columns + x if 0 <= y < 2 * self.rows and 0 <= x < 2 * self.columns else None

    def pack(self) -> bytes:
        arrays = (self.modes, "i1"), (self.vectors, "<i2"), (self.patterns, "u1"), (self.lasts, "u1")
        packed = b"".join(np.array(a, t).tobytes() for a, t in (*arrays, (self.latents, "<i2")))
        return packed + (bytes([self.strength]) if self.strength else b"")


def read_frame(r: Reader, now: Symbols, references: list[Symbols | None], merge: bool, split: bool, alf: bool) -> None:
    banks = r.symbol(0)
    read_motion(r, 2 + 148 * (banks & 3), now, temporal(now, references), merge, split)
    read_side(r, 594 + 72 * (banks >> 2), now, [k.patterns if k else [0] * len(now.patterns) for k in references])
    now.strength = r.symbol(0) if alf else 0
    read_latents(r, now, [k.latents if k else None for k in references])


def temporal(now: Symbols, references: list[Symbols | None]) -> list:
    """[vector for each reference] of each cell."""
    out = [[(0, 0), (0, 0)] for _ in now.modes]
    sources = [r for r in references if r is not None]
    for b in range(len(out)) if sources else ():
        source = sources[-1]
        use = 1 if source.modes[b] == 2 else 0
        s, v = source.distances[use], source.vectors[b][use]
        for k, d in enumerate(now.distances):
            sign = 1 if s > 0 else -1
            out[b][k] = tuple(clip((2 * c * d * sign + abs(s)) // (2 * abs(s)), -8192, 8191) for c in v)
    return out


def candidates_of(now: Symbols, around: list[int | None], temporal: list) -> list:
    rest = 0 if len(now.distances) == 2 else 1
    motions = [(now.modes[k], list(now.vectors[k])) for k in around if k is not None] + [(rest, temporal)]
    known = [m for k, m in enumerate(motions) if m not in motions[:k]]
    if rest == 0:
        pairs = [(0, [i[1][0], j[1][1]]) for i in known for j in known if i is not j and i[0] != 2 and j[0] != 1]
        known += [m for m in pairs if m not in known][:1]
    still = (rest, [(0, 0), (0, 0)])
    return known if still in known else [*known, still]


def read_motion(r: Reader, base: int, now: Symbols, temporal: list, merge: bool, split: bool) -> None:
    chosen = [0] * len(now.patterns)
    for b in range(len(chosen)):
        row, column = divmod(b, now.columns)
        a, n = (0 if k is None else [0, 1, *[2] * 6, 3][chosen[k]] for k in now.near(b, (-1, 0), (0, -1)))
        found = unit(now, 2 * row, 2 * column, 2, temporal, merge)
        if merge or split:
            chosen[b] = r.symbol(base + 7 * (4 * a + n) + (len(found[1]) or 7) - 1)
        if chosen[b] != 8:
            read_unit(r, base, now, (2 * row, 2 * column, 2), temporal, found, chosen[b])
            continue
        k = 0
        for cell in range(4):
            y, x = 2 * row + cell // 2, 2 * column + cell % 2
            found = unit(now, y, x, 1, temporal, merge)
            if merge:
                k = r.symbol(base + 112 + 7 * (0 if cell == 0 else 1 if k else 2) + len(found[1]) - 1)
            read_unit(r, base, now, (y, x, 1), temporal, found, k)


def unit(now: Symbols, y: int, x: int, side: int, temporal: list, merge: bool) -> tuple[list[int | None], list]:
    """Neighbours left, above, above right and above left, and candidates."""
    y2, x2 = y + side - 1, x + side - 1
    right = None if side == 1 and y % 2 and x % 2 else now.cell(y - 1, x2 + 1)
    around = [now.cell(y2, x - 1), now.cell(y - 1, x2), right, now.cell(y - 1, x - 1)]
    return around, candidates_of(now, around, temporal[now.cell(y2, x2)]) if merge else []


def read_unit(
    r: Reader, base: int, now: Symbols, at: tuple[int, int, int], temporal: list, found: tuple, k: int
) -> None:
    (y, x, side), (around, candidates) = at, found
    two, vectors = len(now.distances) == 2, [(0, 0), (0, 0)]
    left, above, right = around[:3]
    if k:
        mode, vectors = candidates[k - 1]
    else:
        mode = r.symbol(base + 133 + sum(now.modes[n] != 0 for n in (left, above) if n is not None)) if two else 1
        longest, difference = -1, (0, 0)
        for k in range(2):
            if mode in (0, 3, k + 1):
                uses = [now.vectors[n][k] for n in (left, above, right) if n is not None and now.modes[n] in (0, k + 1)]
                p, spread = predicted(uses, temporal[now.cell(y + side - 1, x + side - 1)][k])
                if mode == 3 and k == 1:
                    s, d = now.distances
                    sign = 1 if s > 0 else -1
                    difference = tuple((2 * v * d * sign + abs(s)) // (2 * abs(s)) for v in difference)
                else:
                    difference, longest = read_difference(r, base + 136 + 4 * spread, longest)
                vectors[k] = p[0] + difference[0], p[1] + difference[1]
    for c in (now.cell(y + i, x + j) for i in range(side) for j in range(side)):
        now.modes[c], now.vectors[c] = mode % 3, list(vectors)


def predicted(uses: list, temporal: tuple[int, int]) -> tuple[list[int], int]:
    spread = 1
    if len(uses) >= 2:
        away = sum(abs(a - b) for a, b in zip(uses[0], uses[1], strict=True))
        spread = 0 if away <= 1 else 1 if away <= 8 else 2
    pool = {0: [temporal], 1: uses, 2: [*uses, temporal], 3: uses}[len(uses)]
    return [sorted(v[c] for v in pool)[len(pool) // 2] for c in range(2)], spread


def read_difference(r: Reader, base: int, longest: int) -> tuple[tuple[int, int], int]:
    out = []
    for _ in range(2):
        k = r.symbol(base + (0 if longest < 0 else 1 if longest <= 1 else 2 if longest <= 3 else 3))
        value, longest = r.bits(k), max(longest, k)
        out.append(-value if value and r.symbol(1) else value)
    return (out[0], out[1]), longest


def read_side(r: Reader, base: int, now: Symbols, references: list[list[int]]) -> None:
    for b in range(len(now.patterns)):
        beside = [now.patterns[k] for k in now.near(b, (0, -1), (-1, 0)) if k is not None]
        n, c = sum(p & 1 for p in beside), sum(p > 1 for p in beside)
        known = sum(p[b] & 1 for p in references)
        now.patterns[b] = r.symbol(base + 12 * n + 6 * min(c, 1) + 2 * known + (c == 2))
    for b in range(len(now.patterns)):
        for plane in range(3):
            if now.patterns[b] >> plane & 1:
                around = sum(now.lasts[k][plane] for k in now.near(b, (0, -1), (-1, 0)) if k is not None)
                context = 36 + sum(around > k for k in (0, 2, 4, 6, 8, 11, 14, 18, 22, 28, 36))
                if plane:
                    context = 36 + 12 * plane + 2 * min(5, (around + 1) >> 1) + (now.lasts[b][0] > 4)
                now.lasts[b][plane] = 1 + r.symbol(base + context)


def zone_of(plane: int, d: int) -> int:
    return sum(d > k for k in (0, 1, 2, 4, 7, 11, 17)) if plane == 0 else 4 + 4 * plane + sum(d > k for k in (0, 2, 5))


def read_latents(r: Reader, now: Symbols, references: list[list | None]) -> None:
    for plane, (base, n) in enumerate(BASES):
        scan = [(u, d - u) for d in range(2 * n - 1) for u in range(n)[:: 1 if d % 2 else -1] if 0 <= d - u < n]
        for u, v in scan:
            active = [b for b in range(len(now.lasts)) if now.lasts[b][plane] > u + v]
            for parity in range(2):
                for b in active:
                    if sum(divmod(b, now.columns)) % 2 == parity:
                        table = table_of(r.model, now, references, b, plane, base, n, u, v, parity)
                        now.latents[b][base + n * u + v] = read_latent(r, table)


def read_latent(r: Reader, table: int) -> int:
    a = r.symbol(table)
    if a < 31:
        return (a + 1) // 2 if a % 2 else -a // 2
    value = 16 + r.bits(r.symbol(0))
    return -value if r.symbol(1) else value


def table_of(model: Model, now: Symbols, references: list, b, plane, base, n, u, v, parity) -> int:
    def m(latents: list, u: int, v: int, base: int = base, n: int = n) -> int:
        return min(abs(latents[base + n * u + v]), 15) if u >= 0 and v >= 0 else 0

    mine = now.latents[b]
    around = [now.latents[k] for k in now.near(b, (0, -1), (0, 1), (-1, 0), (1, 0)) if k is not None]
    known = [m(k[b], u, v) if k else 0 for k in (*references, None)[:2]]
    features = [
        16,
        m(mine, u, v - 1) + m(mine, u - 1, v),
        m(mine, u - 1, v - 1),
        m(mine, u, v - 2) + m(mine, u - 2, v),
        sum(m(k, u, v) for k in around) * parity,
        sum(m(k, u, v - 1) + m(k, u - 1, v) for k in around),
        *known,
        m(mine, u, v, 0, 16) if plane else 0,
        m(mine, u, v, 256) if plane == 2 else 0,
    ]
    zone, ahead = zone_of(plane, u + v), now.lasts[b][plane] - 1 - u - v
    t = sum(w * f for w, f in zip(model.weights[zone][parity], features, strict=True))
    near = 0 if ahead == 0 else 1 if ahead <= 2 else 2
    return 882 + model.index[zone][near][model.level_of[clip(t >> 4, 0, 1023)]]


def window(index: int, count: int, n: int, o: int) -> list[int]:
    if o == 0:
        return [1] * n
    w = [min(2 * i + 1, 4 * o, 2 * (n + 2 * o - 1 - i) + 1) for i in range(n + 2 * o)]
    w = [0] * o + [4 * o] * o + w[2 * o :] if index == 0 else w
    return w[: -2 * o] + [4 * o] * o + [0] * o if index == count - 1 else w


def predict(now: Symbols, references: list, plane: int, depth: int, obmc: bool) -> np.ndarray:
    n, k, taps = (4, 3, np.array(CHROMA_TAPS)) if plane else (8, 2, np.array(LUMA_TAPS))
    o, rows, columns = n // 2 if obmc else 0, 2 * now.rows, 2 * now.columns
    total = np.zeros((rows * n + 2 * o, columns * n + 2 * o), np.int64)
    for b, mode in enumerate(now.modes):
        row, column = divmod(b, columns)
        weights = np.outer(window(row, rows, n, o), window(column, columns, n, o))
        for r, reference in enumerate(references):
            if mode not in (0, r + 1):
                continue
            p, (x, y) = reference[plane], now.vectors[b][r]
            back, reach = len(taps[0]) // 2 - 1, n + 2 * o + len(taps[0]) - 1
            ys = (np.arange(reach) + row * n - o + (y >> k) - back).clip(0, p.shape[0] - 1)
            xs = (np.arange(reach) + column * n - o + (x >> k) - back).clip(0, p.shape[1] - 1)
            near = np.lib.stride_tricks.sliding_window_view(p[np.ix_(ys, xs)].astype(np.int64), len(taps[0]), 1)
            h = (near @ taps[x & (2**k - 1)]) >> (depth - 8)
            sample = (np.lib.stride_tricks.sliding_window_view(h, len(taps[0]), 0) @ taps[y & (2**k - 1)]) >> 6
            area = np.s_[row * n : (row + 1) * n + 2 * o, column * n : (column + 1) * n + 2 * o]
            total[area] += (1 if mode == 0 else 2) * weights * sample
    e = 15 - depth + ((6 if plane else 8) if obmc else 0)
    inner = total[o : total.shape[0] - o, o : total.shape[1] - o]
    return np.clip((inner + (1 << (e - 1))) >> e, 0, 2**depth - 1)


def residual(model: Model, now: Symbols, plane: int, step: int) -> np.ndarray:
    base, n = BASES[plane]
    k, x = np.arange(n)[:, None], np.arange(n)
    t = np.floor(64 * math.sqrt(2) * np.cos(math.pi * (2 * x + 1) * k / (2 * n)) + 0.5).astype(np.int64)
    t[0] = 64
    out, s = np.zeros((now.rows * n, now.columns * n), np.int64), 9 + int(math.log2(n))
    for b, latents in enumerate(now.latents):
        c = np.zeros((n, n), np.int64)
        for u in range(n):
            for v in range(n):
                if value := latents[base + n * u + v]:
                    pull = model.recon[zone_of(plane, u + v)][min(abs(value), 3) - 1]
                    size = min(2**20, ((64 * abs(value) - pull) * step + 32) >> 6)
                    c[u, v] = clip(size if value > 0 else -size, -(2**20), 2**20 - 1)
        inner = np.clip((t.T @ c + 64) >> 7, -(2**20), 2**20 - 1)
        row, column = divmod(b, now.columns)
        out[row * n : (row + 1) * n, column * n : (column + 1) * n] = (inner @ t + 2 ** (s - 1)) >> s
    return out


PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))


def filtered(s: np.ndarray, p: np.ndarray, step: int, filters: list, strength: int, peak: int) -> np.ndarray:
    """Picture and prediction of luma, whole grids."""
    h, w = s.shape
    out = s.copy()

    def at(y: int, x: int) -> int:
        return int(s[clip(y, 0, h - 1), clip(x, 0, w - 1)])

    def bend(y: int, x: int, dy: int, dx: int) -> int:
        return at(y + dy, x + dx) + at(y - dy, x - dx) - 2 * at(y, x)

    for top in range(0, h, 4):
        for left in range(0, w, 4):
            ys = [clip(top + 2 * k, 0, h - 2) for k in (-1, 0, 1, 2)]
            xs = [clip(left + 2 * k, 0, w - 2) for k in (-1, 0, 1, 2)]
            places = [(y, x) for y in ys for x in xs]
            row, column, falling, rising = (sum(abs(bend(y, x, *d)) for y, x in places) for d in PAIRS[:4])
            rest = sum(abs(int(s[y, x]) - int(p[y, x])) for y, x in places)
            a = sum(25 * (row + column) >= t * step for t in (2, 5, 10, 20, 40))
            c = sum(100 * rest >= t * step for t in (2, 25))
            e1, e2 = 20 * max(row, column), 20 * min(row, column) + step
            f1, f2 = 20 * max(falling, rising), 20 * min(falling, rising) + step
            if e1 * f2 > f1 * e2:
                d = 0 if 10 * e1 < 17 * e2 else 1 if row > column else 2
            else:
                d = 0 if 10 * f1 < 17 * f2 else 3 if falling > rising else 4
            taps = filters[15 * a + 3 * d + c]
            for y in range(top, top + 4):
                for x in range(left, left + 4):
                    total = sum(t * bend(y, x, *o) for t, o in zip(taps, PAIRS, strict=False))
                    total += taps[6] * (int(p[y, x]) - at(y, x))
                    out[y, x] = clip(at(y, x) + ((total * strength + 512) >> 10), 0, peak)
    return out


class PlainDecoder:
    """Packets to planes by display index, and the symbol hash of each packet."""

    def __init__(self, header: StreamHeader) -> None:
        self.header, self.info, self.model = header, header.info, Model()
        even = [side + side % 2 for side in (header.info.height, header.info.width)]
        self.size = [max(16, side) for side in even]
        kind = {"hevc": HevcIntraDecoder, "vvc": VvcIntraDecoder}[header.intra]
        self.intra = kind(header.parameter_sets, header.info.bit_depth)
        self.known: dict[int, tuple[Symbols | None, list[np.ndarray]]] = {}

    def push(self, packet: Packet) -> int | None:
        if packet.kind == "intra":
            self.first = self.key = self.last = packet.start
            self.crc = 0
            note = packet.payloads[0] if len(packet.payloads) == 2 else b""
            self.known[packet.start] = None, self._alone(note, packet.payloads[-1])
            return None
        levels = {e.display_index: self._level(packet.kind, e) for e in packet.frames}
        present = sorted({levels[e.display_index] for e in packet.frames if e.type != "I"})
        crc, done = self.crc, {self.key: 0}
        alone = sum(e.type == "I" for e in packet.frames)
        split = len(packet.payloads) - alone
        readers = [Reader(p, n, self.model) for p, n in zip(packet.payloads[:split], packet.lanes, strict=True)]
        pictures = list(packet.payloads[split:])
        for e in packet.frames:
            level = levels[e.display_index]
            if e.type == "I":
                picture = pictures.pop(0)
                end = 1 + picture[0]
                self.known[e.display_index] = None, self._alone(picture[1:end], picture[end:])
                done[e.display_index] = level
                continue
            reader = readers[present.index(level) if len(readers) > 1 else 0]
            now = self._frame(reader, e, level, self._references(packet.kind, e, level, done))
            crc, done[e.display_index] = zlib.crc32(now.pack(), crc), level
        assert all(r.done() for r in readers)
        self.crc = 0 if packet.symbol_hash is not None else crc
        self.last = max(levels)
        self.key = packet.frames[0].display_index if levels[packet.frames[0].display_index] == 0 else self.key
        return crc

    def _alone(self, note: bytes, picture: bytes) -> list[np.ndarray]:
        if note == b"":
            return list(self.intra.decode(picture))
        assert note == b"\1"
        nals = picture.split(b"\0\0\1")
        sets = b"\0\0\1".join(n for n in nals if n[0] >> 1 in (32, 33, 34))
        slices = b"\0\0\1".join(n for n in nals if n[0] >> 1 not in (32, 33, 34))
        return list(HevcIntraDecoder(sets, self.info.bit_depth).decode(slices))

    def _level(self, kind: str, entry) -> int:
        d = entry.display_index - self.first
        return entry.level if kind == "gop" else 0 if d % 4 == 0 else 1 if d % 2 == 0 else 2

    def _references(self, kind: str, entry, level: int, done: dict[int, int]) -> list[int]:
        if kind == "ld":
            return [self.last] if self.last == self.key else [self.last, self.key]
        if entry.type == "P":
            return [self.key]
        lower = [d for d, at in done.items() if at < level]
        return [max(d for d in lower if d < entry.display_index), min(d for d in lower if d > entry.display_index)]

    def _frame(self, reader: Reader, entry, level: int, refs: list[int]) -> Symbols:
        header, depth = self.header, self.info.bit_depth
        distances = [r - entry.display_index for r in refs]
        now = Symbols(-(-self.size[0] // 16), -(-self.size[1] // 16), distances)
        read_frame(
            reader,
            now,
            [self.known[r][0] for r in refs],
            *(tool not in header.disabled for tool in ("merge", "split", "alf")),
        )
        steps = self.model.steps(entry.quality, header.structure, level, depth)
        planes, pictures = [], [self.known[r][1] for r in refs]
        for plane in range(3):
            made = predict(now, pictures, plane, depth, "obmc" not in header.disabled)
            picture = np.clip(made + residual(self.model, now, plane, steps[plane]), 0, 2**depth - 1)
            if plane == 0 and now.strength:
                filters = self.model.filters[clip(level - 1, 0, 3)]
                picture = filtered(picture, made, steps[0], filters, now.strength, 2**depth - 1)
            h, w = (side // (2 if plane else 1) for side in self.size)
            planes.append(picture[:h, :w])
        self.known[entry.display_index] = now, planes
        return now

    def plane_hash(self, index: int) -> int:
        crc, (h, w) = 0, (self.info.height, self.info.width)
        for k, plane in enumerate(self.known[index][1]):
            shown = plane[: -(-h // 2), : -(-w // 2)] if k else plane[:h, :w]
            crc = zlib.crc32(shown.astype("u1" if self.info.bit_depth == 8 else "<u2").tobytes(), crc)
        return crc


@pytest.mark.parametrize(
    ("size", "depth", "n", "settings"),
    [
        ((48, 33), 8, 8, {"quality": 40}),
        ((34, 18), 10, 5, {"quality": 63, "structure": "ld"}),
        ((5, 3), 8, 3, {"quality": 20}),
        ((32, 32), 8, 4, {"quality": 50, "disable": ["merge", "obmc", "bipred", "rdoq"]}),
        ((64, 48), 10, 9, {"quality": 58, "mini_gop": 8}),
        ((32, 16), 8, 11, {"quality": 30, "structure": "ld"}),
    ],
)
def test_a_decoder_written_from_the_text_makes_the_same_pictures(
    size: tuple[int, int], depth: int, n: int, settings: dict, clip: Callable[..., list[Frame]], encode: Callable
) -> None:
    check(*encode(clip(*size, n, depth), hash=True, **settings))


def test_the_loop_filter_too(clip: Callable[..., list[Frame]], encode: Callable) -> None:
    decoder = check(*encode(clip(64, 48, 9, 8), hash=True, quality=30))
    assert sum(symbols is not None and symbols.strength > 0 for symbols, _ in decoder.known.values()) > 2


@pytest.mark.parametrize("disable", [[], ["merge"], ["split"], ["merge", "split"], ["obmc", "mirror"]])
def test_split_blocks_too(disable: list[str], clip: Callable[..., list[Frame]], encode: Callable) -> None:
    """A bar of 8 samples that moves over a picture."""
    frames = []
    for k, f in enumerate(clip(64, 48, 5, 8)):
        y = f.y.copy()
        y[20:44, 4 + 5 * k : 12 + 5 * k] = np.random.default_rng(4).integers(0, 256, (24, 8))
        frames.append(dataclasses.replace(f, y=y))
    decoder = check(*encode(frames, hash=True, quality=58, disable=[*disable, "stills"], preset="medium", intra="hevc"))
    fields = [np.reshape(symbols.vectors, (6, 8, 4)) for symbols, _ in decoder.known.values() if symbols is not None]
    split = [(f[::2] != f[1::2]).any() or (f[:, ::2] != f[:, 1::2]).any() for f in fields]
    assert any(split) == ("split" not in disable and "obmc" not in disable)


def test_large_latents_and_escapes_too(clip: Callable[..., list[Frame]], encode: Callable) -> None:
    rng, frames = np.random.default_rng(1), []
    for f in clip(32, 32, 3, 10):
        y, u, v = (rng.choice([0, 1023], p.shape).astype(np.uint16) for p in f.planes)
        frames.append(Frame(y, u, v, f.pts, f.info, f.duration))
    check(*encode(frames, quality=63, hash=True))


@pytest.mark.parametrize("structure", ["ra", "ld"])
@pytest.mark.parametrize("depth", [8, 10])
def test_frames_coded_by_themselves_too(clip: Callable, encode: Callable, structure: str, depth: int) -> None:
    """Cuts inside mini-GOPs."""
    frames = clip(48, 32, 9, depth)
    peak = (1 << depth) - 1
    cut = [dataclasses.replace(f, y=peak - f.y[::-1]) if k in (3, 4, 7, 8) else f for k, f in enumerate(frames)]
    settings = {"disable": ["scenecut"], "structure": structure, "preset": "slow", "hash": True, "quality": 40}
    header, packets = encode(cut, **settings)
    assert sum(f.type == "I" for p in packets for f in p.frames) > 1
    check(header, packets)


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_pictures_that_the_intra_coder_refuses_too(clip, encode, structure: str, monkeypatch) -> None:
    if not can_decode() or vvenc() is None:
        pytest.skip("no VVenC here")

    def refuse(self, planes, qp):
        raise RefusedError("no")

    monkeypatch.setattr("nvc.codec.intra_vvc.VvcIntra.encode", refuse)
    frames = clip(48, 32, 5)
    frames[-1] = dataclasses.replace(frames[-1], y=255 - frames[-1].y[::-1])
    header, packets = encode(
        frames, intra="vvc", structure=structure, preset="slow", hash=True, disable=["scenecut"], quality=40
    )
    assert header.intra == "vvc" and packets[0].payloads[0] == b"\1"
    assert any(f.type == "I" for p in packets[1:] for f in p.frames)
    check(header, packets)


def check(header: StreamHeader, packets: list[Packet]) -> PlainDecoder:
    decoder = PlainDecoder(header)
    for packet in packets:
        crc = decoder.push(packet)
        assert packet.symbol_hash in (crc, None)
        for entry, want in zip(packet.frames, packet.plane_hashes, strict=True):
            assert decoder.plane_hash(entry.display_index) == want
    return decoder


def test_the_text_gives_the_offsets_of_the_program(root: Path) -> None:
    """Whoever tunes nvc.codec.quality brings docs/format.md, "Quantiser steps", along."""
    text = (root / "docs" / "format.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(ra|ld|intra)` \| ([-\d ]+) \|$", text, re.M)
    assert {name: tuple(map(int, values.split())) for name, values in rows} == quality_steps.LEVEL_OFFSETS
    sign, chroma = re.findall(r"U and V take QP8 ([-+]) (\d+)", text)[0]
    assert int(sign + chroma) == quality_steps.CHROMA_OFFSET
