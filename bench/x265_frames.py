"""Bits and type of each frame of an x265 stream, in display order.

Sizes and times come from ffmpeg, which notes them as the encoder hands out its packets; types from the slice headers.
"""

from collections.abc import Sequence
from pathlib import Path

from nvc.container.nal import slice_type, split_annex_b


def noting_sizes(command: Sequence[str], out: str, log: str) -> list[str]:
    """An ffmpeg command that also writes time and size of each packet of its output ``out`` to the file ``log``."""
    at = list(command).index(out)
    return [*command[:at], "-stats_enc_post", log, "-stats_enc_post_fmt", "{pts} {size}", *command[at:]]


def x265_pictures(stream: Path, log: Path) -> list[dict] | None:
    """Frames of an elementary stream as nvc info tells those of ours; None where sizes, times and slices disagree.

    All of a packet's bits, parameter sets too, are "base". level and quality are None.
    """
    try:
        rows = [tuple(int(word) for word in line.split()) for line in log.read_text().splitlines()]
    except (OSError, ValueError):
        return None
    data = stream.read_bytes()
    types = [kind for kind in map(slice_type, split_annex_b(data)) if kind]
    whole = sum(size for _, size in rows) == len(data)
    if not whole or len(types) != len(rows) or len({pts for pts, _ in rows}) != len(rows):
        return None
    coded = sorted((pts, size, kind) for (pts, size), kind in zip(rows, types, strict=True))
    return [
        {"index": index, "type": kind, "level": None, "quality": None, "bits": {"base": 8 * size}}
        for index, (_, size, kind) in enumerate(coded)
    ]
