"""A sweep of damage over layered files: an error of ours, or pictures in order, and no wrong one without a word."""

from io import BytesIO

import numpy as np
import pytest

from nvc.errors import NvcError
from nvc.pipeline import encode_file
from nvc.pipeline.coders import close_coder, make_decoder
from nvc.pipeline.playback import Playback
from nvc.pipeline.stream import open_stream
from nvc.types import Frame, Settings

PLACES = 80  # of each kind, in each kind of file
SETTINGS = Settings(quality=30, keyint=8, mode="layered", base_preset="ultrafast")


def play(data: bytes, on_damage: str) -> tuple[list[Frame], bool]:
    """(frames, whether the user is told of anything)."""
    with open_stream(data) as stream:
        decoder = make_decoder(stream.header, threads=1)
        try:
            playback = Playback(stream.items(), decoder, stream.header, on_damage=on_damage, total=stream.n_frames)
            frames = [item for item in playback if isinstance(item, Frame)]
            told = bool(playback.damages) or bool(decoder.warnings) or not stream.whole or stream.plain
        finally:
            close_coder(decoder)
        return frames, told


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]


def cut(data: bytes, place: int) -> bytes:
    return data[:place]


def lose(data: bytes, place: int) -> bytes:
    return data[:place] + data[place + 1 + place % 300 :]


def insert(data: bytes, place: int) -> bytes:
    return data[:place] + bytes(range(1, 2 + place % 60)) + data[place:]


def repeat(data: bytes, place: int) -> bytes:
    return data[:place] + data[place // 2 : place] + data[place:]


def overwrite(data: bytes, place: int) -> bytes:
    return data[:place] + b"\xff" * min(8, len(data) - place) + data[place + 8 :]


@pytest.fixture(scope="module", params=["nvc", "mp4", "mkv"])
def file(request: pytest.FixtureRequest, clip_bytes) -> tuple[str, bytes]:
    out = BytesIO()
    encode_file(clip_bytes(26), out, SETTINGS, mode="layered", format=request.param)
    return request.param, out.getvalue()


@pytest.mark.parametrize("change", [flip, cut, lose, insert, repeat, overwrite], ids=lambda f: f.__name__)
def test_a_sweep(file: tuple[str, bytes], change) -> None:
    kind, data = file
    whole = [frame.y for frame in play(data, "stop")[0]]
    assert len(whole) == 26
    rng = np.random.default_rng(7)
    ended = {"pictures": 0, "error": 0}
    for number, place in enumerate(sorted(rng.integers(0, len(data), PLACES).tolist())):
        at = f"{kind}, {change.__name__} at {place}"
        try:
            frames, told = play(change(data, place), ("stop", "hold", "skip")[number % 3])
        except NvcError as error:
            assert error.exit_code in (3, 4, 5, 8) and "\n" not in str(error), f"{at}: {error!r}"
            ended["error"] += 1
            continue
        ended["pictures"] += 1
        pts = [frame.pts for frame in frames]
        assert pts == sorted(set(pts)), at
        # An .mp4 or .mkv has no sums over its times: only the pictures can be told to be right.
        assert told or (len(frames) == 26 and all(map(np.array_equal, [f.y for f in frames], whole))), at
    assert sum(ended.values()) == PLACES and (ended["pictures"] or kind == "mp4")
