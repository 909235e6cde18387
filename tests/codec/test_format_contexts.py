"""An independent reader of "Context networks" in docs/format.md, in plain Python, against the coder's frames.

Of the program it takes the ranges of the inputs alone; what networks off share with it comes from ``test_format``.
"""

import copy
import functools
from dataclasses import replace

import numpy as np
import pytest

from nvc.codec.frame_coder import code_symbols, symbol_capacity
from nvc.codec.shadows import Shadow
from nvc.entropy import rans
from nvc.entropy.coder import encoding_coder, queued
from nvc.models.contexts import RANGES, binary_tables, seeded_contexts
from nvc.types import FrameTask
from tests.codec import test_format as off
from tests.codec.test_learned_symbols import TASKS, random_symbols, setup_of

NEAR = (0, -1), (-1, 0), (-1, 1), (-1, -1), (0, -2), (-2, 0)


def length(v: int) -> int:
    return abs(int(v)).bit_length()


def signed_length(v: int) -> int:
    return min(length(v), 9) * (-1 if v < 0 else 1)


def far(one, other) -> int:
    if one is None or other is None:
        return -1
    used = [r for r in range(2) if all(mode in (0, r + 1) for mode, _ in (one, other))]
    return length(sum(abs(one[1][r][c] - other[1][r][c]) for r in used for c in range(2))) + (one[0] != other[0])


def half_octaves(v: int) -> int:
    e = length(v + 1)
    return min(31, 2 * (e - 1) + (((v + 1) >> (e - 2)) & 1 if e > 1 else 0))


class Shadows:
    """Lumas of the references and what "Shadows" says of them."""

    def __init__(self, lumas: list[np.ndarray], distances: list[int], depth: int) -> None:
        self.lumas, self.distances, self.down = lumas, distances, depth - 8

    def linear(self, v: int, back: bool = False) -> int:
        s, d = self.distances[::-1] if back else self.distances
        return (2 * v * d * (1 if s > 0 else -1) + abs(s)) // (2 * abs(s))

    def samples(self, r: int, y: int, x: int, side: int, vector, extra: int = 0) -> np.ndarray:
        luma = self.lumas[r]
        (h, w), (vx, vy) = luma.shape, vector
        top, left = off.clip(y + ((vy + 2) >> 2), -40, h + 24), off.clip(x + ((vx + 2) >> 2), -40, w + 24)
        rows, columns = (top + np.arange(side + extra)).clip(0, h - 1), (left + np.arange(side + extra)).clip(0, w - 1)
        return luma[np.ix_(rows, columns)].astype(int)

    def apart(self, at, first, second) -> int:
        y, x, cells = at
        side, step = 8 * cells, cells
        one, two = self.samples(0, 8 * y, 8 * x, side, first), self.samples(1, 8 * y, 8 * x, side, second)
        return int(np.abs(one - two)[::step, ::step].sum()) >> self.down

    def over(self, at, motion, shift=(0, 0)) -> int:
        mode, vectors = motion
        if mode == 2:
            second = [v + d for v, d in zip(vectors[1], shift, strict=True)]
            return self.apart(at, [self.linear(v, True) for v in second], second)
        first = [v + d for v, d in zip(vectors[0], shift, strict=True)]
        if mode == 1:
            return self.apart(at, first, [self.linear(v) for v in first])
        return self.apart(at, first, [v + self.linear(d) for v, d in zip(vectors[1], shift, strict=True)])

    def texture(self, at, motion) -> list[int]:
        (y, x, cells), r = at, int(motion[0] == 2)
        s = self.samples(r, 8 * y, 8 * x, 8 * cells, motion[1][r], 1)
        across, down = np.abs(s[:-1, 1:] - s[:-1, :-1]), np.abs(s[1:, :-1] - s[:-1, :-1])
        return [half_octaves(int(a[::cells, ::cells].sum()) >> self.down) for a in (across, down)]


class Questions:
    """Answers to the questions of one symbol."""

    def __init__(
        self, reader: off.Reader, arrays: dict[str, np.ndarray], learned, kind: int, inputs: list[int]
    ) -> None:
        self.reader, self.kind, self.arrays, self.learned = reader, kind, arrays, learned[kind]
        assert len(inputs) == len(RANGES[kind])
        first, row = arrays["bias"][kind].astype(object), sum(b - a + 1 for ranges in RANGES[:kind] for a, b in ranges)
        for value, (low, high) in zip(inputs, RANGES[kind], strict=True):
            first = first + arrays["rows"][row + off.clip(value, low, high) - low]
            row += high - low + 1
        activate = lambda v: off.clip(max(v, v >> 3), -4095, 4095)  # noqa: E731
        sums = np.array([activate(v) for v in first], object) @ arrays["middle"][kind].astype(object)
        self.hidden = [activate((v + int(b)) >> 8) for v, b in zip(sums, arrays["middle_bias"][kind], strict=True)]

    def ask(self, question: int) -> int:
        weights, learned = self.arrays["questions"][self.kind][question].tolist(), self.learned[question]
        logit = int(self.arrays["question_bias"][self.kind][question]) + learned[-1]
        logit += sum(h * w for h, w in zip(self.hidden, weights, strict=True))
        logit += sum(h * m for h, m in zip(self.hidden, learned[:-1], strict=True)) >> 8
        table = 946 + off.clip((logit >> 13) + 64, 0, 127)
        got = self.reader.symbol(table)
        error = 4096 * got - self.reader.model.frequencies[table][1]
        of_bias, of_weights = map(int, self.arrays["rates"][self.kind])
        learned[-1] = off.clip(learned[-1] + ((error * of_bias + 16) >> 5), -(2**17), 2**17)
        for j, h in enumerate(self.hidden if of_weights else []):
            learned[j] = off.clip(learned[j] + ((error * of_weights * h + 65536) >> 17), -4095, 4095)
        return got

    def first_of(self, values: list[int]) -> int:
        return next((v for q, v in enumerate(values[:-1]) if self.ask(q)), values[-1])

    def count(self, most: int) -> int:
        return self.first_of(list(range(most + 1)))


class Known:
    """What a reference says, or the lack of one."""

    def __init__(self, symbols: off.Symbols | None, blocks: int) -> None:
        there = symbols is not None
        self.choices = symbols.choices if there else [-1] * blocks
        self.patterns = symbols.patterns if there else [0] * blocks
        self.lasts = symbols.lasts if there else [[0] * 3] * blocks
        self.latents = symbols.latents if there else [[0] * 384] * blocks
        self.size = [length(sum(abs(v) for v in block)) for block in self.latents]
        self.shares = [16 * self.choices.count(c) // blocks for c in (0, 1, 3)]
        self.coded = [16 * sum(p >> k & 1 for p in self.patterns) // blocks for k in (0, 1)]


class FrameReader:
    """Reads one frame into ``now``."""

    def __init__(
        self, reader, arrays, now: off.Symbols, references, shadows: Shadows, level: int, quality: int
    ) -> None:
        self.reader, self.now, self.rows, self.columns = reader, now, now.rows, now.columns
        now.learned = self.start(references, len(arrays["middle"][0][0]))
        self.ask = functools.partial(Questions, reader, arrays, now.learned)
        self.two, self.shadows = len(now.distances) == 2, shadows
        self.known = [Known(s, self.rows * self.columns) for s in (*references, None)[:2]]
        self.vectors = off.temporal(now, references)
        banks = reader.symbol(0)
        spans = [length(d) for d in (*now.distances, 0)[:2]]
        self.heads = [[min(level, 5), quality >> 2, bank, *spans] for bank in (banks & 3, banks >> 2)]

    @staticmethod
    def start(references, width: int) -> list:
        """What is learned before the first symbol."""
        known = [r.learned for r in references if r is not None]
        out = [[[0] * (width + 1) for _ in range(30)] for _ in range(8)]
        for kind, question, j in np.ndindex(8, 30, width + 1) if known else ():
            values = [k[kind][question][j] for k in known]
            mean = values[0] if len(values) == 1 else sum(values) >> 1
            out[kind][question][j] = mean - (mean >> 3)
        return out

    def linear(self, v: int) -> int:
        s, d = self.now.distances
        return (2 * v * d * (1 if s > 0 else -1) + abs(s)) // (2 * abs(s))

    def temporal(self, y: int, x: int):
        c = self.now.cell(y, x)
        return None if c is None else (0 if self.two else 1, self.vectors[c])

    def motion_at(self, y: int, x: int):
        c = self.now.cell(y, x)
        return None if c is None else (self.now.modes[c], self.now.vectors[c])

    def motion(self) -> None:
        now = self.now
        now.choices = []
        for b in range(self.rows * self.columns):
            y, x = 2 * (b // self.columns), 2 * (b % self.columns)
            found, inputs = self.motion_inputs(b, y, x, 2)
            k = self.ask(0, inputs).first_of([1, 8, 0, *range(2, len(found[1]) + 1)])
            if k == 8:
                before = [-1, -1]
                for cell in range(4):
                    at = y + cell // 2, x + cell % 2, 1
                    found, inputs = self.motion_inputs(b, *at)
                    inputs += [cell, before[-1], before[-2]]
                    before.append(self.ask(1, inputs).first_of([1, 0, *range(2, len(found[1]) + 1)]))
                    self.unit(at, found, before[-1], inputs)
            else:
                self.unit((y, x, 2), found, k, [*inputs, -1, -1, -1])
            now.choices.append({0: 0, 1: 1, 8: 3}.get(k, 2))

    def motion_inputs(self, b: int, y: int, x: int, side: int):
        """(what ``off.unit`` finds, inputs of kind 0)."""
        now, y2, x2, split = self.now, y + side - 1, x + side - 1, side == 1
        found = off.unit(now, y, x, side, self.vectors, True)
        moves, n = list(found[1]), len(found[1])
        out = [*self.heads[0], n]
        out += [-1 if k is None or k >= b else now.choices[k] for k in now.near(b, *NEAR)]
        out += [16 * (now.choices.count(c) + (split and c == 3) + 1) // (b + split + 4) for c in range(4)]
        out += [length(b + split + 4), *(k.choices[b] for k in self.known)]
        some = [*moves, *[None] * 6]
        out += [far(some[0], some[k]) for k in range(1, 6)] + [far(some[1], some[2])]
        out += [-1 if m is None else m[0] for m in some[:2]]
        out += [sum(map(length, moves[0][1][1 if moves[0][0] == 2 else 0]))]
        here, right, below = self.temporal(y2, x2), self.temporal(y2, x2 + 1), self.temporal(y2 + 1, x2)
        out += [far(some[0], here), far(some[1], here), far(here, right or here), far(here, below or here)]
        out += [far(here, self.temporal(y, x)), far(self.temporal(y2, x), self.temporal(y, x2))]
        left, above, corner = self.motion_at(y2, x - 1), self.motion_at(y - 1, x2), self.motion_at(y - 1, x - 1)
        there = self.temporal(y2, x - 1), self.temporal(y - 1, x2)
        out += [far(left, there[0]), far(above, there[1]), far(here, there[0]), far(here, there[1])]
        out += [far(left, above), far(corner, above) if left else -1]
        after = [b if k is None else k for k in now.near(b, (0, 1), (1, 0))]
        out += [k.size[b] for k in self.known] + [sum(k.size[c] for c in after) // 2 for k in self.known]
        out += [share for k in self.known for share in k.shares]
        return found, out + self.agreement((y, x, side), moves)

    def agreement(self, at, moves) -> list[int]:
        """Inputs of a unit from shadows."""
        (y, x, side), s = at, self.shadows
        texture = s.texture(at, moves[0])
        if not self.two:
            return [*texture, -1, 0, 0, 0, 0, 0, 0, -1, 0, 0]
        costs = [s.over(at, m) for m in moves]
        first = half_octaves(costs[0])

        def beside(cost: int) -> int:
            return half_octaves(cost) - first

        others = [beside(c) for c in costs[1:3]] + [0, 0]
        if len(moves) < 3:
            others = [15, 15] if len(moves) == 1 else [others[0], 15]
        out = [first, *others[:2], beside(min(costs[1:])) if costs[1:] else 15, costs.index(min(costs))]
        out += [beside(s.over(at, self.temporal(y + side - 1, x + side - 1)))]
        if side == 2:
            cells = [(y + k // 2, x + k % 2, 1) for k in range(4)]
            each = [s.over(c, moves[0]) for c in cells]
            alone = sum(s.over(c, self.temporal(*c[:2])) for c in cells)
            out += [half_octaves(max(each)) - half_octaves(min(each)), half_octaves(max(each)), beside(alone >> 2)]
        else:
            out += [0, -1, 0]
        shifts = [(d, 0) for d in (-8, -4, 4, 8)] + [(0, d) for d in (-8, -4, 4, 8)]
        return [*texture, *out, beside(min(s.over(at, moves[0], d) for d in shifts))]

    def around(self, at, r: int, c: int, mode: int, p, difference, first) -> list[int]:
        """Inputs of component c of a difference from shadows. p: predicted vectors of both references."""
        if not self.two:
            return [5, -1, 0, 0]
        costs = {}
        for step in (0, -1, 1, -2, 2, -3, 3, -4, 4):
            shift = [difference[0] if c else 0, 0]
            shift[c] = 0 if step == 0 else (2 << abs(step)) * (1 if step > 0 else -1)
            mine, linear = [a + b for a, b in zip(p[r], shift, strict=True)], self.shadows.linear
            if r == 1:
                other = list(first) if mode == 0 else [linear(v, True) for v in mine]
                costs[step] = self.shadows.apart(at, other, mine)
            else:
                moved = [a + linear(b) for a, b in zip(p[1], shift, strict=True)]
                costs[step] = self.shadows.apart(at, mine, [linear(v) for v in mine] if mode == 1 else moved)
        h = {k: half_octaves(v) for k, v in costs.items()}
        return [min(costs, key=lambda k: costs[k]), h[0], h[-1] - h[1], h[-2] - h[2]]

    def unit(self, at, found, choice: int, inputs: list[int]) -> None:
        now, (y, x, side) = self.now, at
        mode, vectors = found[1][choice - 1] if choice else self.own(at, found[0][:3], inputs)
        for c in (now.cell(y + i, x + j) for i in range(side) for j in range(side)):
            now.modes[c], now.vectors[c] = mode % 3, list(vectors)

    def own(self, at, around, inputs: list[int]):
        now, (y, x, side), mode = self.now, at, 1
        if self.two:
            alone = sum(now.modes[c] != 0 for c in around[:2] if c is not None)
            mode = self.ask(2, [*inputs, alone]).count(3)
        longest, difference, vectors, foretold = -1, (0, 0), [(0, 0), (0, 0)], []
        for r in range(len(now.distances)):
            t = self.vectors[now.cell(y + side - 1, x + side - 1)][r]
            users = [c if c is not None and now.modes[c] in (0, r + 1) else None for c in around]
            foretold.append((*off.predicted([now.vectors[c][r] for c in users if c is not None], t), users, t))
        for r in (r for r in range(2) if mode in (0, 3, r + 1)):
            p, spread, users, t = foretold[r]
            if mode == 3 and r == 1:
                difference = tuple(map(self.linear, difference))
            else:
                second, first, difference = mode == 0 and r == 1, difference, ()
                for c in range(2):
                    row = [*inputs, spread, longest, mode, c + 2 * r, signed_length(t[c] - p[c])]
                    row += [10 if k is None else signed_length(now.vectors[k][r][c] - p[c]) for k in users]
                    row += [signed_length(self.linear(first[c])) if second else 10, signed_length(p[c])]
                    row += [signed_length(difference[0]) if c else 10]
                    row += [signed_length(p[c] - self.linear(vectors[0][c])) if second else 10]
                    row += self.around(at, r, c, mode, [f[0] for f in foretold], difference, vectors[0])
                    k = self.ask(3, row).count(14)
                    size, longest = self.reader.bits(k), max(longest, k)
                    difference += (-size if k and self.ask(4, [*row, k]).count(1) else size,)
            vectors[r] = p[0] + difference[0], p[1] + difference[1]
        return mode, vectors

    def block_inputs(self, b: int) -> tuple[list[int], list[int]]:
        """(what kinds 5 to 7 share, the block of each reference that the middle comes from)."""
        y, x = 2 * (b // self.columns), 2 * (b % self.columns)
        cells = [self.motion_at(y + k // 2, x + k % 2) for k in range(4)]
        mode, vectors = cells[0]
        alike = all(m == mode and list(map(tuple, v)) == list(map(tuple, vectors)) for m, v in cells)
        out = [*self.heads[1], mode, int(alike), far(cells[0], self.motion_at(y, x - 1))]
        out += [far(cells[0], self.motion_at(y - 1, x)), far(cells[1], self.motion_at(y, x + 2))]
        out += [far(cells[2], self.motion_at(y + 2, x))]
        out += [-1, -1] if alike else [far(cells[0], cells[3]), far(cells[1], cells[2])]
        out += [sum(length(v) for r in range(2) if mode in (0, r + 1) for v in vectors[r])]
        right, below, left, above = (b if k is None else k for k in self.now.near(b, (0, 1), (1, 0), *NEAR[:2]))
        for values in ("patterns", "size"):
            out += [getattr(k, values)[b] for k in self.known]
        out += [k.patterns[c] for c in (right, below) for k in self.known]
        out += [sum(k.size[c] for c in (right, below, left, above)) // 2 for k in self.known]
        middle = []
        for vx, vy in vectors:
            row, column = (8 * y + 8 + (vy >> 2)) >> 4, (8 * x + 8 + (vx >> 2)) >> 4
            middle.append(off.clip(row, 0, self.rows - 1) * self.columns + off.clip(column, 0, self.columns - 1))
        for values in ("patterns", "size"):
            out += [getattr(k, values)[m] for k, m in zip(self.known, middle, strict=True)]
        out += [share for k in self.known for share in k.coded]
        out += self.shadows.texture((y, x, 2), cells[0])
        if not self.two:
            return [*out, -1, 0], middle
        each = [self.shadows.over((y + k // 2, x + k % 2, 1), cells[k]) for k in range(4)]
        least, most = half_octaves(min(each)), half_octaves(max(each))
        return [*out, half_octaves(sum(each) >> 2), most - least], middle

    def side(self) -> None:
        now, blocks = self.now, range(self.rows * self.columns)
        self.shared = [self.block_inputs(b) for b in blocks]
        for b in blocks:
            row = self.shared[b][0] + [-1 if k is None else now.patterns[k] for k in now.near(b, *NEAR)]
            row += [16 * (sum(p >> k & 1 for p in now.patterns[:b]) + 1) // (b + 2) for k in range(3)]
            asked = self.ask(5, [*row, length(b + 2)])
            y = asked.ask(0)
            u = asked.ask(1 + y)
            now.patterns[b] = y + 2 * u + 4 * asked.ask(3 + y + 2 * u)
        seen: list[list[int]] = [[], [], []]
        for b, plane in ((b, plane) for b in blocks for plane in range(3)):
            if now.patterns[b] >> plane & 1:
                mean = 2 * sum(seen[plane]) // len(seen[plane]) if seen[plane] else -1
                now.lasts[b][plane] = 1 + self.ask(6, self.lasts_around(b, plane, mean)).count(14 if plane else 30)
                seen[plane].append(now.lasts[b][plane])

    def lasts_around(self, b: int, plane: int, mean_or_last: int) -> list[int]:
        """Inputs of kinds 6 and 7 up to the lasts where the middle comes from."""
        now = self.now
        near = [-1 if k is None else now.patterns[k] for k in now.near(b, (0, -1), (-1, 0), (0, 1), (1, 0))]
        row = [*self.shared[b][0], *near, plane, now.patterns[b]]
        row += [-1 if k is None else now.lasts[k][plane] for k in now.near(b, *NEAR[:4])]
        row += [k.lasts[b][plane] for k in self.known]
        row += [now.lasts[b][0] if plane else -1, now.lasts[b][1] if plane == 2 else -1, mean_or_last]
        return row + [k.lasts[m][plane] for k, m in zip(self.known, self.shared[b][1], strict=True)]

    def latents(self) -> None:
        now = self.now
        for plane, (base, n) in enumerate(off.BASES):
            for d in range(2 * n - 1):
                for u in [u for u in range(n)[:: 1 if d % 2 else -1] if 0 <= d - u < n]:
                    coded = [b for b, lasts in enumerate(now.lasts) if lasts[plane] > d]
                    for b in sorted(coded, key=lambda b: (sum(divmod(b, self.columns)) % 2, b)):
                        now.latents[b][base + n * u + d - u] = self.latent(b, plane, base, n, u, d - u)

    def latent(self, b: int, plane: int, base: int, n: int, u: int, v: int) -> int:
        now, mine, parity = self.now, self.now.latents[b], sum(divmod(b, self.columns)) % 2

        def m(latents, u=u, v=v, base=base, n=n, outside=0) -> int:
            return min(abs(latents[base + n * u + v]), 15) if u >= 0 and v >= 0 else outside

        lower = (u, v - 1), (u - 1, v), (u - 1, v - 1), (u, v - 2), (u - 2, v)
        sides = [now.latents[k] for k in now.near(b, (0, -1), (0, 1), (-1, 0), (1, 0)) if k is not None]
        first, second, corner, third, fourth = (m(mine, *at) for at in lower)
        features = [16, first + second, corner, third + fourth, sum(map(m, sides)) * parity]
        features += [sum(m(k, *at) for k in sides for at in lower[:2]), *(m(k.latents[b]) for k in self.known)]
        features += [m(mine, base=0, n=16) if plane else 0, m(mine, base=256) if plane == 2 else 0]
        weights = self.reader.model.weights[off.zone_of(plane, u + v)][parity]
        t, last, middle = (
            sum(w * f for w, f in zip(weights, features, strict=True)),
            now.lasts[b][plane],
            self.shared[b][1],
        )
        row = self.lasts_around(b, plane, last)
        row += [sum(now.lasts[k][plane] for k in now.near(b, (0, 1), (1, 0)) if k is not None), base + n * u + v]
        row += [m(mine, *at, outside=-1) for at in lower] + [features[4] if parity else -1, *features[5:8]]
        row += [features[8] if plane else -1, features[9] if plane == 2 else -1]
        row += [m(k.latents[c]) for k, c in zip(self.known, middle, strict=True)] + [last - 1 - u - v]
        plane_so_far = mine[base : base + n * n]
        row += [sum(q != 0 for q in plane_so_far), length(sum(map(abs, plane_so_far)))]
        row += [sum(m(k.latents[b], *at) for k in self.known for at in lower[:2])]
        row += [4 * length(t) + ((4 * t) >> (length(t) - 1)) - 8 if t > 0 else 0]
        row += [sum(m(now.latents[k]) for k in now.near(b, (-1, -1), (-1, 1)) if k is not None)]
        size = self.ask(7, row).count(16)
        if size == 16:
            size += self.reader.bits(self.reader.symbol(0))
        return -size if size and self.reader.symbol(1) else size


# The last B frame has two references that learned.
CHAIN = [*TASKS[:1], FrameTask(8, "P", 0, (4,)), FrameTask(6, "B", 1, (4, 8)), FrameTask(9, "P", 2, (8, 4))]


def read_one(coder, model, learned, arrays, setup, references, lumas) -> off.Symbols:
    """What the text reads of a frame that ``coder`` queued."""
    reader = off.Reader(rans.encode(*queued(coder), learned.tables, 4), 4, model)
    now = off.Symbols(-(-setup.size[0] // 16), -(-setup.size[1] // 16), list(setup.distances[: len(references)]))
    shadows = Shadows(lumas, now.distances, setup.bit_depth)
    frame = FrameReader(reader, arrays, now, references, shadows, setup.task.level, setup.quality)
    frame.motion()
    frame.side()
    now.strength = reader.symbol(0)
    frame.latents()
    assert reader.done()
    return now


@pytest.mark.parametrize(
    ("size", "largest", "depth"),
    [((16, 16), 20000, 8), ((34, 18), 20, 10), ((48, 64), 1, 8), ((64, 48), 20, 8)],
)
def test_the_text_reads_what_the_coder_writes(learned, size, largest, depth) -> None:
    arrays, model, peak = seeded_contexts(3, 8, 8), off.Model(), 2**depth - 1
    model.frequencies = model.frequencies + [list(map(int, row)) for row in binary_tables()]
    mine, theirs = {0: None}, {0: None}
    slope, noise = np.add.outer(np.arange(size[0]), 2 * np.arange(size[1])), np.random.default_rng(2)
    lumas = {0: ((slope + noise.integers(0, 30, size)) * (peak // 255) % (peak + 1)).astype(np.uint16)}
    shadows = {0: Shadow.of_picture(lumas[0])}
    for k, task in enumerate(CHAIN if depth == 10 else TASKS):
        setup = replace(setup_of(task, size, 40 - 7 * k), bit_depth=depth)
        symbols = random_symbols(setup, k, largest)
        given, seen = copy.deepcopy(symbols), tuple(shadows[r] for r in task.refs)
        coder = encoding_coder(learned.tables, symbol_capacity(setup))
        code_symbols(setup, tuple(mine[r] for r in task.refs), coder, symbols, learned, shadows=seen)
        known = [theirs[r] for r in task.refs], [lumas[r] for r in task.refs]
        now = read_one(coder, model, learned, arrays, setup, *known)
        assert now.choices == symbols.choices.ravel().tolist()
        assert now.modes == given.motion.modes.ravel().tolist()
        assert np.array_equal(np.array(now.vectors).ravel(), given.motion.vectors.ravel())
        assert now.patterns == given.patterns.tolist() and now.lasts == given.lasts.tolist()
        assert np.array_equal(now.latents, given.latents) and np.array_equal(now.learned, symbols.learned)
        mine[task.display_index], theirs[task.display_index] = symbols, now
        shadows[task.display_index] = Shadow(setup, seen, symbols, learned)
        made = off.predict(now, [[luma] for luma in known[1]], 0, depth, True)
        made = np.clip(
            made + off.residual(model, now, 0, model.steps(setup.quality, "ra", task.level, depth)[0]), 0, peak
        )
        lumas[task.display_index] = made[: size[0], : size[1]]
        assert np.array_equal(shadows[task.display_index].make(), np.pad(lumas[task.display_index], 48, mode="edge"))
