"""What each tool of the neural mode brings, on the clips that choices are made on."""

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nvc.codec.network_choice import Networks, networks_for_encoder
from nvc.errors import InputError
from nvc.metrics import bd_rate
from nvc.train.clips import read_clips
from nvc.train.prepare import QUALITIES, SIZE, map_jobs, open_networks, validation_clips, x265_point
from nvc.train.recorder import measure
from nvc.types import Settings

X265 = "x265"


def measure_tools(
    folder: Path, settings: Settings, without: Sequence[str], weights: Path | None = None, workers: int = 1
) -> Iterator[dict]:
    """Rows {"video", "x265", "seconds", "without": {tool: BD-rate}} of each validation clip, then video "mean".

    A BD-rate is in percent, by PSNR 6:1:1, None where the curves have none: of the settings against x265 medium, and
    against themselves without a tool (what the tool brings). seconds: that all encodes with the settings took, in
    "mean" of all clips. weights: networks to code with, else the default ones
    Raises InputError where ``folder`` has no validation videos, or none of the size.
    """
    variants = {X265: None, "": settings}
    variants |= {tool: replace(settings, disable=settings.disable | {tool}) for tool in without}
    rows: list[dict[str, Any]] = []
    for clip in validation_clips(folder):
        jobs = [(clip, quality, of, weights) for of in variants.values() for quality in QUALITIES]
        points = iter(map_jobs(_point, jobs, workers))
        measured = {name: [next(points) for _ in QUALITIES] for name in variants}
        curves = {name: [(size, decibel) for size, decibel, _ in of] for name, of in measured.items()}
        seconds = sum(took for _, _, took in measured[""])
        rates = {name: bd_rate(curve, curves[""]).percent for name, curve in curves.items() if name}
        rows.append({"video": clip.stem, X265: rates.pop(X265), "seconds": round(seconds, 2), "without": rates})
        yield rows[-1]
    if not rows:
        raise InputError(f"no validation video of {folder} has a clip of {SIZE}x{SIZE}")
    yield {
        "video": "mean",
        X265: _mean([row[X265] for row in rows]),
        "seconds": round(sum(row["seconds"] for row in rows), 2),
        "without": {tool: _mean([row["without"][tool] for row in rows]) for tool in without},
    }


def _point(clip: Path, quality: int, settings: Settings | None, weights: Path | None) -> tuple[int, float, float]:
    """(bytes, dB, seconds) of ours, or of x265 where there are no settings."""
    frames = next(read_clips(clip, SIZE))
    networks = None if settings is None or "networks" in settings.disable else _networks(weights)
    start = time.perf_counter()
    size, decibel = x265_point(frames, quality) if settings is None else measure(frames, quality, networks, settings)
    return size, decibel, time.perf_counter() - start


@functools.cache
def _networks(weights: Path | None) -> Networks | None:
    return networks_for_encoder(Settings(device="cpu")) if weights is None else open_networks(weights)


def _mean(rates: list[float | None]) -> float | None:
    """None where a clip has none: a mean must not hide it."""
    return None if None in rates else float(np.mean(rates))  # type: ignore[arg-type]
