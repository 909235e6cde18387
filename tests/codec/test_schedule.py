"""Schedules: every reference coded before its use, every frame once, whatever the count."""

import pytest

from nvc.codec.schedule import LD_CYCLE, default_entries, ld_level, tasks_of
from nvc.types import FrameEntry, FrameTask


def run(structure: str, n: int, mini_gop: int, keyint: int = 64) -> list[FrameTask]:
    """Tasks of n frames in coding order, packets cut as the encoder cuts them."""
    keys: dict[str, int] = {}
    out: list[FrameTask] = []

    def packet(kind: str, start: int, count: int) -> None:
        entries = [
            FrameEntry(start + offset, type_, level, 32, 0)  # type: ignore[arg-type]
            for offset, type_, level in default_entries(kind, count, mini_gop)
        ]
        tasks = tasks_of(entries, kind, keys)
        out.extend(tasks)
        keys["last"] = start + count - 1
        if kind == "intra":
            keys["intra"] = keys["key"] = start
        elif tasks[0].level == 0:
            keys["key"] = tasks[0].display_index

    for start in range(0, n, keyint):
        packet("intra", start, 1)
        left = min(keyint, n - start) - 1
        width = mini_gop if structure == "ra" else 1
        for first in range(0, left, width):
            packet("gop" if structure == "ra" else "ld", start + 1 + first, min(width, left - first))
    return out


@pytest.mark.parametrize("structure", ["ra", "ld"])
@pytest.mark.parametrize("mini_gop", [8, 16, 32])
@pytest.mark.parametrize("n", range(1, 70))
def test_every_frame_once_and_after_its_references(structure: str, mini_gop: int, n: int) -> None:
    tasks = run(structure, n, mini_gop)
    assert sorted(t.display_index for t in tasks) == list(range(n))
    done: set[int] = set()
    for t in tasks:
        assert set(t.refs) <= done
        assert len(t.refs) == {"I": 0, "P": len(t.refs), "B": 2}[t.type]
        assert len(set(t.refs)) == len(t.refs) <= 2
        done.add(t.display_index)


@pytest.mark.parametrize("mini_gop", [8, 16, 32])
@pytest.mark.parametrize("n", [2, 9, 16, 17, 33, 40, 64])
def test_b_frames_lie_between_their_references_of_lower_level(mini_gop: int, n: int) -> None:
    level = {t.display_index: t.level for t in run("ra", n, mini_gop)}
    for t in run("ra", n, mini_gop):
        if t.type == "B":
            past, future = t.refs
            assert past < t.display_index < future
            assert max(level[past], level[future]) < t.level
        elif t.type == "P":
            assert t.level == 0
            assert t.refs[0] < t.display_index


@pytest.mark.parametrize(("mini_gop", "depth"), [(8, 3), (16, 4), (32, 5)])
def test_a_whole_mini_gop_is_a_full_pyramid(mini_gop: int, depth: int) -> None:
    entries = default_entries("gop", mini_gop, mini_gop)
    assert entries[0] == (mini_gop - 1, "P", 0)
    for level in range(1, depth + 1):
        assert sum(e[2] == level for e in entries) == 2 ** (level - 1)
    assert entries[1] == (mini_gop // 2 - 1, "B", 1)


@pytest.mark.parametrize("n", [1, 2, 3, 31, 64])
@pytest.mark.parametrize("keyint", [1, 7, 32])
def test_nothing_refers_across_an_i_frame(n: int, keyint: int) -> None:
    for structure in ("ra", "ld"):
        for t in run(structure, n, 16, keyint):
            assert (t.type == "I") == (t.display_index % keyint == 0)
            assert all(r // keyint == t.display_index // keyint for r in t.refs)


def test_keyint_32_is_closed() -> None:
    order = [(t.display_index, t.type) for t in run("ra", 33, 16, 32) if t.level == 0]
    assert order == [(0, "I"), (16, "P"), (31, "P"), (32, "I")]


def test_low_delay_refers_to_the_last_and_the_last_key_picture() -> None:
    for t in run("ld", 40, 16)[1:]:
        key = (t.display_index - 1) // LD_CYCLE * LD_CYCLE
        assert t.refs == ((t.display_index - 1,) if key == t.display_index - 1 else (t.display_index - 1, key))
        assert t.level == ld_level(t.display_index)
        assert (t.level == 0) == (t.display_index % LD_CYCLE == 0)


@pytest.mark.parametrize("count", range(1, 33))
def test_few_references_are_held_at_a_time(count: int) -> None:
    tasks = [t for t in run("ra", count + 1, 32) if t.type != "I"]
    uses = {r: k for k, t in enumerate(tasks) for r in t.refs}
    for k in range(len(tasks)):
        held = {0, *(t.display_index for t in tasks[: k + 1])}
        assert sum(uses.get(h, -1) > k for h in held) <= count.bit_length() + 1


@pytest.mark.parametrize(("level", "index"), [(0, 3), (1, 9), (3, -1)])
def test_b_frames_without_two_sides_get_no_references(level: int, index: int) -> None:
    entry = FrameEntry(index, "B", level, 32, 0)
    assert tasks_of([entry], "gop", {"key": 0, "intra": 0, "last": 0})[0].refs == ()
