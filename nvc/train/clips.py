"""Clips for training: which videos learn, which judge, cut to one size."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from nvc.errors import InputError
from nvc.io.reader import open_video
from nvc.types import Frame

LENGTH = 17
HOLD_OUT = (10, 5)  # every tenth video, from the sixth by name on, is never learned from


def videos(folder: Path, part: str) -> list[Path]:
    """Videos of a part, "train" or "validation", by sorted name. Raises InputError where there are none."""
    found = sorted(folder.glob("*.mkv"))
    every, rest = HOLD_OUT
    chosen = [path for k, path in enumerate(found) if (k % every == rest) == (part == "validation")]
    if not chosen:
        raise InputError(f"{folder} holds no {part} videos (.mkv, {every} or more of them)")
    return chosen


def read_clips(path: Path, size: int) -> Iterator[list[Frame]]:
    """Clips of 17 frames of a video, each cut from the middle to size x size; what is left over is not used.

    Nothing where the video is smaller or has not 8 bits.
    """
    with open_video(path, carry=False) as reader:
        info = reader.info
        if min(info.width, info.height) < size or info.bit_depth != 8:
            return
        clip: list[Frame] = []
        for frame in reader:
            clip.append(cut(frame, size))
            if len(clip) == LENGTH:
                yield clip
                clip = []


def sources(folder: Path) -> dict[str, int]:
    """Number of clips by source of a folder with an ``index.csv`` (column "source" or "repository"), else by video."""
    path = folder / "index.csv"
    if not path.is_file():
        return {video.stem: 1 for video in sorted(folder.glob("*.mkv"))}
    counts: dict[str, int] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = row.get("source") or row.get("repository") or next(iter(row.values()))
            counts[name] = counts.get(name, 0) + 1
    return counts


def cut(frame: Frame, size: int) -> Frame:
    """The middle of a frame, size x size, which it must have."""
    top, left = ((n - size) // 4 * 2 for n in (frame.info.height, frame.info.width))
    info = replace(frame.info, width=size, height=size)

    def part(plane: np.ndarray, unit: int) -> np.ndarray:
        return np.ascontiguousarray(plane[top // unit :, left // unit :][: size // unit, : size // unit])

    return Frame(part(frame.y, 1), part(frame.u, 2), part(frame.v, 2), frame.pts, info, frame.duration)
