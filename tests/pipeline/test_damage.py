"""A sweep of damage over a whole stream: every frame given is the right one, or an error of ours says why not."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from nvc.errors import NvcError
from nvc.pipeline import decode_file
from nvc.pipeline.coders import close_coder, make_decoder
from nvc.pipeline.playback import Playback
from nvc.pipeline.stream import open_stream
from nvc.types import Frame

PLACES = 80  # of each kind; each is tried with one way of going over it


def play(data: bytes, on_damage: str) -> tuple[list[Frame], bool]:
    """(frames, whether anything was found wrong)."""
    with open_stream(data) as stream:
        decoder = make_decoder(stream.header, threads=1)
        playback = Playback(stream.items(), decoder, stream.header, on_damage=on_damage, total=stream.n_frames)
        frames = [item for item in playback if isinstance(item, Frame)]
        close_coder(decoder)
        return frames, bool(playback.damages) or not stream.whole


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]


def cut(data: bytes, place: int) -> bytes:
    return data[:place]


def lose(data: bytes, place: int) -> bytes:
    return data[:place] + data[place + 1 + place % 700 :]


def insert(data: bytes, place: int) -> bytes:
    return data[:place] + bytes(range(1, 2 + place % 60)) + data[place:]


def repeat(data: bytes, place: int) -> bytes:
    return data[:place] + data[place // 2 : place] + data[place:]


@pytest.mark.parametrize("change", [flip, cut, lose, insert, repeat])
def test_a_sweep(coded: Path, change) -> None:
    data = coded.read_bytes()
    whole = {frame.pts: frame.y for frame in play(data, "stop")[0]}
    rng = np.random.default_rng(7)
    came_through = 0
    for number, place in enumerate(sorted(rng.integers(0, len(data), PLACES).tolist())):
        how = ("stop", "hold", "skip")[number % 3]
        try:
            frames, told = play(change(data, place), how)
        except NvcError as error:
            assert error.exit_code in (4, 5, 8), f"{change.__name__} at {place}: {error!r}"
            continue
        came_through += 1
        pts = [frame.pts for frame in frames]
        assert pts == sorted(set(pts)), f"{change.__name__} at {place}"
        wrong = [f.pts for f in frames if not f.damaged and not np.array_equal(f.y, whole.get(f.pts))]
        assert wrong == [], f"{change.__name__} at {place}"
        assert len(frames) == 26 or told, f"{change.__name__} at {place}"
        if how == "stop":
            assert pts == sorted(whole)[: len(pts)]
    assert came_through > PLACES // 2


def test_one_loss_is_told_once(damage) -> None:
    done = decode_file(damage(8), BytesIO(), format="y4m", on_damage="hold")
    assert len(done.warnings) == 1 and done.warnings[0].startswith("damaged at byte")
