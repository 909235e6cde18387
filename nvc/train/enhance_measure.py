"""What the enhancement gains on whole videos that are coded here, as ``nvc enhance`` would show them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nvc.codec.base_streams import StreamSettings, code_clip
from nvc.codec.enhance import Enhanced, Enhancer, enhance_frames, open_enhancer
from nvc.io.reader import open_video
from nvc.metrics import bd_rate, frame_psnr, psnr_611
from nvc.models.enhance_weights import load_enhance
from nvc.types import CodedAs, Frame


def measure(
    videos: Sequence[Path], weights: Path | None, *, codec: str, preset: str, rates: Sequence[float],
    constant: bool = True, hide: bool = False, full: bool = False, frames: int = 33,
) -> Iterator[dict]:  # fmt: skip
    """For each video and rate {"video", "codec", "rate", "bytes", "psnr", "gain", "gain_y", "by_type"} in dB (6:1:1),
    then {"video", "bd_rate"}, what the gains amount to in percent of the bytes; then the mean and the least of each
    rate, and the mean and the worst BD-rate with its video, and how many videos gave none.

    constant  rates are constant quantisers, tuned for PSNR; else rate factors as users type them
    hide      the network is not told how pictures were coded; full: strength 1 whatever the picture
    """
    enhancer = open_enhancer() if weights is None else Enhancer(load_enhance(weights))
    gains: dict[float, list[float]] = {rate: [] for rate in rates}
    found: list[tuple[str, float | None]] = []  # of each video; two of one name stay two
    for path in videos:
        with open_video(path, frames=frames, carry=False) as reader:
            originals = list(reader)
        rows: list[dict] = []
        for rate in rates:
            row = _one(enhancer, originals, StreamSettings(codec, preset, rate, constant, constant), hide, full)
            gains[rate].append(row["gain"])
            rows.append(row)
            yield {"video": path.stem, "codec": codec, "preset": preset, "rate": rate, **row}
        found.append((path.stem, _bd_rate(rows)))
        yield {"video": path.stem, "codec": codec, "preset": preset, "bd_rate": found[-1][1]}
    for rate, values in gains.items():
        mean, least = round(float(np.mean(values)), 4), round(min(values), 4)
        yield {"video": "mean", "codec": codec, "preset": preset, "rate": rate, "gain": mean, "least": least}
    yield {"video": "mean", "codec": codec, "preset": preset, **_summary(found)}


def _bd_rate(rows: Sequence[dict]) -> float | None:
    """Percent of bytes that equal PSNR needs less (below 0) with the gains; None where the points give no number."""
    plain, enhanced = ([(row["bytes"], row["psnr"] + k * row["gain"]) for row in rows] for k in (0, 1))
    percent = bd_rate(plain, enhanced).percent if len(rows) > 1 else None
    return None if percent is None else round(percent, 2)


def _summary(found: Sequence[tuple[str, float | None]]) -> dict:
    """Mean and worst of the BD-rates by video; those without a number are counted, never hidden in the mean."""
    there = [(value, name) for name, value in found if value is not None]
    without = {"without": len(found) - len(there)} if len(there) < len(found) else {}
    if not there:
        return {"bd_rate": None, **without}
    worst, name = max(there)
    mean = round(float(np.mean([value for value, _ in there])), 2)
    return {"bd_rate": mean, "worst": worst, "worst_video": name, **without}


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
        "bytes": clip.bytes, "psnr": round(float(before[:, 3].mean()), 3), "gain": round(float(gain[3]), 4),
        "gain_y": round(float(gain[0]), 4), "gain_u": round(float(gain[1]), 4), "gain_v": round(float(gain[2]), 4),
        "by_type": by_type, "strength": round(float(np.mean(strengths)), 3),
    }  # fmt: skip


def _psnr(original: Frame, shown: Frame) -> tuple[float, float, float, float]:
    y, u, v = frame_psnr(original, shown.planes, original.info.bit_depth)
    return y, u, v, psnr_611(y, u, v)
