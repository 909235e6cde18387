"""How often the scene-cut rule errs on a folder of clips: ``python -m nvc.train.cuts DIR``.

Neighbouring frames within a clip are no cuts; first frames of different videos are.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvc.codec.scenes import is_cut, thumbnail
from nvc.errors import InputError

CLIP = 17  # frames of a training clip; several stand in one file
FRAMES = 3 * CLIP


@dataclass(frozen=True, slots=True)
class CutErrors:
    """Neighbours looked at and how many were taken for cuts; pairs of different videos and how many were missed."""

    neighbours: int
    false: int
    pairs: int
    missed: int


def count_errors(videos: Sequence[Sequence[np.ndarray]], pairs: int, seed: int = 0) -> CutErrors:
    """Judge the rule on thumbnails of videos, each a list of clips of CLIP frames one after another.

    pairs  number of random pairs of different videos, drawn from ``seed``
    Raises InputError for fewer than two videos.
    """
    if len(videos) < 2:
        raise InputError(f"two videos or more are needed, got {len(videos)}")
    within = [(v[k], v[k + 1]) for v in videos for k in range(len(v) - 1) if (k + 1) % CLIP]
    random = np.random.default_rng(seed)
    across = [random.choice(len(videos), 2, replace=False) for _ in range(pairs)]
    missed = sum(not is_cut(videos[a][0], videos[b][0]) for a, b in across)
    return CutErrors(len(within), sum(is_cut(*pair) for pair in within), pairs, missed)


def read_thumbnails(folder: Path) -> list[list[np.ndarray]]:
    """Thumbnails of the first FRAMES frames of every .mkv of a folder, sorted by name."""
    from nvc.io import open_video

    videos = []
    for path in sorted(folder.glob("*.mkv")):
        with open_video(path, frames=FRAMES, carry=False) as video:
            videos.append([thumbnail(frame.y, frame.info.bit_depth) for frame in video])
    return videos


def main(argv: Sequence[str] | None = None) -> int:
    """Print the errors on a folder."""
    parser = argparse.ArgumentParser(description="errors of the scene-cut rule on a folder of clips")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=3000)
    args = parser.parse_args(argv)
    found = count_errors(read_thumbnails(args.folder), args.pairs)
    print(f"{found.false} of {found.neighbours} neighbouring frames are taken for cuts")
    print(f"{found.missed} of {found.pairs} pairs of different videos are missed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
