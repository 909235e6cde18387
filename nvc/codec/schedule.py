"""Coding order, levels and references as data: ``ra`` (hierarchical B), ``ld`` and ``intra``.

Any frame whose references are done may be coded; the default order is depth first, which keeps fewest references.
"""

from collections.abc import Iterable, Mapping

from nvc.types import FrameEntry, FrameTask

LD_CYCLE = 4


def default_entries(kind: str, count: int, mini_gop: int) -> tuple[tuple[int, str, int], ...]:
    """(display offset from the packet's first shown frame, type, level) in coding order.

    A mini-GOP codes its last frame first (P from the key picture before it), then halves depth first; a cut tail of
    any ``count`` works the same way. ``mini_gop`` changes nothing but is part of what a default may depend on.
    """
    if kind == "intra":
        return ((0, "I", 0),)
    if kind == "ld":
        return ((0, "P", 0),)
    out: list[tuple[int, str, int]] = [(count - 1, "P", 0)]

    def halve(low: int, high: int, level: int) -> None:
        if high - low < 2:
            return
        middle = (low + high) // 2
        out.append((middle, "B", level))
        halve(low, middle, level + 1)
        halve(middle, high, level + 1)

    halve(-1, count - 1, 1)
    return tuple(out)


def ld_level(distance: int) -> int:
    """Level of a low-delay frame ``distance`` frames after its I frame: every fourth is a key picture."""
    return 0 if distance % LD_CYCLE == 0 else (1 if distance % 2 == 0 else 2)


def tasks_of(entries: Iterable[FrameEntry], kind: str, keys: Mapping[str, int]) -> tuple[FrameTask, ...]:
    """Tasks with references for the entries of a packet in coding order.

    keys  display indices: "intra" of the period's I frame, "key" of the last key picture, "last" of the last frame.
    A B frame refers to the nearest frames of lower level coded before it in this packet, or the last key picture.
    """
    tasks: list[FrameTask] = []
    known = {keys["key"]: 0} if kind != "intra" else {}
    for e in entries:
        level = ld_level(e.display_index - keys["intra"]) if kind == "ld" else e.level
        if e.type == "I":
            refs: tuple[int, ...] = ()
        elif kind == "ld":
            refs = (keys["last"],) if keys["last"] == keys["key"] else (keys["last"], keys["key"])
        elif e.type == "P":
            refs = (keys["key"],)
        else:
            below = [d for d, at in known.items() if d < e.display_index and at < level]
            above = [d for d, at in known.items() if d > e.display_index and at < level]
            refs = (max(below), min(above)) if below and above else ()
        tasks.append(FrameTask(e.display_index, e.type, level, refs))
        known[e.display_index] = level
    return tuple(tasks)
