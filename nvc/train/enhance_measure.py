"""What the enhancement gains on whole videos that are coded here, as ``nvc enhance`` would show them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nvc.codec.base_streams import StreamSettings, code_clip
from nvc.codec.enhance import Enhanced, Enhancer, enhance_frames, open_enhancer
from nvc.io.reader import open_video
from nvc.metrics import frame_psnr, psnr_611
from nvc.models.enhance_weights import load_enhance
from nvc.types import CodedAs, Frame


def measure(
    videos: Sequence[Path], weights: Path | None, *, codec: str, preset: str, rates: Sequence[float],
    constant: bool = True, hide: bool = False, full: bool = False, frames: int = 33,
) -> Iterator[dict]:  # fmt: skip
    """For each video and rate {"video", "codec", "rate", "psnr", "gain", "gain_y", "by_type"} in dB (6:1:1), and at
    last the mean of each rate.

    constant  rates are constant quantisers, tuned for PSNR; else rate factors as users type them
    hide      the network is not told how pictures were coded; full: strength 1 whatever the picture
    """
    enhancer = open_enhancer() if weights is None else Enhancer(load_enhance(weights))
    gains: dict[float, list[float]] = {rate: [] for rate in rates}
    for path in videos:
        with open_video(path, frames=frames, carry=False) as reader:
            originals = list(reader)
        for rate in rates:
            row = _one(enhancer, originals, StreamSettings(codec, preset, rate, constant, constant), hide, full)
            gains[rate].append(row["gain"])
            yield {"video": path.stem, "codec": codec, "preset": preset, "rate": rate, **row}
    for rate, values in gains.items():
        mean, least = round(float(np.mean(values)), 4), round(min(values), 4)
        yield {"video": "mean", "codec": codec, "preset": preset, "rate": rate, "gain": mean, "least": least}


def _one(enhancer: Enhancer, originals: list[Frame], settings: StreamSettings, hide: bool, full: bool) -> dict:
    clip = code_clip([frame.planes for frame in originals], settings)
    told = [CodedAs() if hide else coded for coded in clip.coded]
    decoded = [
        replace(frame, y=y, u=u, v=v, coded=coded)
        for frame, (y, u, v), coded in zip(originals, clip.pictures, told, strict=True)
    ]
    strengths: list[float] = []

    def choose(frame: Frame, found: Enhanced) -> tuple[float, float, float]:
        strengths.append(1.0 if full else found.blind_strength)
        return (strengths[-1],) * 3

    out = list(enhance_frames(enhancer, decoded, choose))
    before, after = (np.array([_psnr(a, b) for a, b in zip(originals, shown, strict=True)]) for shown in (decoded, out))
    gain = (after - before).mean(0)
    kinds = np.array([coded.type for coded in clip.coded])
    by_type = {str(k): round(float((after - before)[kinds == k, 3].mean()), 3) for k in sorted(set(kinds))}
    return {
        "psnr": round(float(before[:, 3].mean()), 3), "gain": round(float(gain[3]), 4),
        "gain_y": round(float(gain[0]), 4), "gain_u": round(float(gain[1]), 4), "gain_v": round(float(gain[2]), 4),
        "by_type": by_type, "strength": round(float(np.mean(strengths)), 3),
    }  # fmt: skip


def _psnr(original: Frame, shown: Frame) -> tuple[float, float, float, float]:
    y, u, v = frame_psnr(original, shown.planes, original.info.bit_depth)
    return y, u, v, psnr_611(y, u, v)
