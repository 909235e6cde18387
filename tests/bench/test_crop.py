"""Crops: the same place of the same frame, in 8 bits."""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nvc.bench.crop import make_crop, shown_frame, to_8_bit
from nvc.bench.planes import PlaneReader, read_frame
from nvc.errors import InputError


def test_the_frame_is_no_key_picture_of_usual_settings() -> None:
    assert [shown_frame(n) for n in (1, 17, 32, 96)] == [0, 6, 12, 38]


@pytest.mark.parametrize("depth", [8, 10])
def test_crop_is_a_png_of_that_place(y4m: Callable, tmp_path: Path, depth: int) -> None:
    clip = y4m("clip.y4m", 400, 280, 5, depth)
    found = make_crop(clip, clip, 5)
    assert (found["frame"], found["width"], found["height"]) == (2, 320, 240)
    assert found["source"] == found["coded"]
    (tmp_path / "a.png").write_bytes(base64.b64decode(found["coded"]))
    with PlaneReader(tmp_path / "a.png") as reader:
        seen = next(iter(reader))[0].astype(int)
    luma = to_8_bit(read_frame(clip, 2))[0]
    part = luma[found["top"] : found["top"] + 240, found["left"] : found["left"] + 320].astype(int)
    # through RGB and back, of a texture whose colours lie partly outside RGB
    assert np.median(abs(seen - part)) <= 4


def test_small_pictures_are_shown_whole(y4m: Callable) -> None:
    found = make_crop(y4m("a.y4m", 66, 50, 1), y4m("b.y4m", 66, 50, 1), 1)
    assert [found[n] for n in ("frame", "top", "left", "width", "height")] == [0, 0, 0, 66, 50]


def test_ten_bits_are_rounded() -> None:
    ten = np.array([[0, 1, 2, 5, 6, 1021, 1022, 1023]], "<u2")
    assert to_8_bit((ten, ten, ten))[0].tolist() == [[0, 0, 1, 1, 2, 255, 255, 255]]


def test_a_frame_that_is_not_there(y4m: Callable) -> None:
    with pytest.raises(InputError, match="no frame 3, it has 2"):
        read_frame(y4m("a.y4m", 64, 48, 2), 3)
