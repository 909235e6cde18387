import numpy as np
import pytest

from nvc.codec.base_streams import StreamSettings, code_clip
from nvc.errors import NvcError


def frames(count: int = 8, height: int = 72, width: int = 96):
    rows, columns = np.mgrid[:height, :width]
    out = []
    for k in range(count):
        luma = (128 + 70 * np.sin((columns - 2 * k) / 9) * np.cos(rows / 7)).astype(np.uint8)
        out.append((luma, luma[::2, ::2].copy(), 255 - luma[::2, ::2]))
    return out


@pytest.mark.parametrize("settings", [
    StreamSettings("x265", "ultrafast", 30, constant=True, psnr=True),
    StreamSettings("x265", "ultrafast", 24),
    StreamSettings("x264", "veryfast", 30, constant=True),
    StreamSettings("x264", "veryfast", 24, psnr=True),
    StreamSettings("svt-av1", "12", 40),
], ids=lambda s: f"{s.codec}-{s.rate:g}")  # fmt: skip
def test_a_clip_is_coded_and_comes_back_in_order(settings: StreamSettings) -> None:
    clip = code_clip(frames(), settings)
    assert len(clip.pictures) == len(clip.coded) == 8 and 0 < clip.bytes < 8 * 72 * 96
    for picture, frame in zip(clip.pictures, frames(), strict=True):
        for a, b in zip(picture, frame, strict=True):
            assert a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 6
    assert clip.coded[0].type == "I"
    assert (clip.coded[0].qp is None) == (settings.codec == "svt-av1")
    if settings.constant:
        assert {round(coded.qp) for coded in clip.coded if coded.type == "P"} <= {30}


def test_odd_and_small_sizes() -> None:
    clip = code_clip(frames(3, 49, 65)[:3], StreamSettings("x265", "ultrafast", 30, constant=True))
    assert clip.pictures[0][0].shape == (49, 65) and clip.pictures[0][1].shape == (25, 33)


def test_what_the_encoder_refuses() -> None:
    with pytest.raises(NvcError, match="refused"):
        code_clip(frames(1), StreamSettings("x265", "no such preset", 30))
