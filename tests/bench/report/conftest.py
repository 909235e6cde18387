"""A run with made-up points, as it lies on disk."""

import base64
import json
from pathlib import Path

import pytest

from nvc.bench import run as bench_run
from nvc.bench.compare import METRICS
from nvc.bench.jobs import Job
from nvc.bench.run import run_profile

PARTS = ("motion", "latents", "hyper", "base", "side")


def picture(index: int) -> dict:
    """A frame as nvc info tells it."""
    kind, level = ("I", 0) if index == 0 else ("P", 0) if index == 16 else ("B", 1 + index % 4)
    bits = {"base": 90_000 if index == 0 else 0, "motion": 900 if index else 0, "latents": 3000 * (index > 0)}
    return {"index": index, "type": kind, "level": level, "quality": 30, "bits": {**dict.fromkeys(PARTS, 0), **bits}}


def other_picture(index: int) -> dict:
    """A frame of x265 as a job tells it."""
    kind = "I" if index == 0 else "P" if index % 4 == 0 else "B"
    bits = {"I": 100_000, "P": 9000, "B": 700}[kind]
    return {"index": index, "type": kind, "level": None, "quality": None, "bits": {"base": bits}}


def result(job: Job) -> dict:
    """A point on a curve whose rate doubles every 3 dB; ours needs 20 % less, and on screen content twice."""
    ours = job.line.startswith(("nvc", "layered"))
    psnr = 25 + job.setting / 4 if ours else 50 - job.setting / 2
    factor = (2 if job.sequence.startswith("screen") else 0.8) if ours else 1
    rate = int(factor * 4000 * 2 ** ((psnr - 30) / 3))
    quality = dict.fromkeys((*METRICS, "psnr_u", "psnr_v"), psnr)
    by_frame = {name: [psnr + (k % 3) / 10 for k in range(17)] for name in ("psnr_y", "psnr_611", "vmaf_neg")}
    pictures = [picture(k) for k in range(17)] if ours else [other_picture(k) for k in range(17)]
    source, coded = (base64.b64encode(words.encode()).decode() for words in ("SOURCE", job.id))
    crop = {"frame": 6, "top": 16, "left": 32, "width": 64, "height": 48, "source": source, "coded": coded}
    shown = {"pictures": pictures, "crop": crop if job.crop else None}
    return {"bytes": rate, "sha256": "a" * 64, "decoded_sha256": "b" * 64, "frames": 17, "quality": quality,
            "by_frame": by_frame, **shown, "encode_seconds": 2.0, "decode_seconds": 0.5}  # fmt: skip


@pytest.fixture
def folder(y4m, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of two natural clips and a screen, one clip with a name to trip over."""
    for name in ("walk", "a<b>&c", "screen_text"):
        y4m(f"{name}.y4m", 64, 64, 2)
    monkeypatch.setattr(bench_run, "_run_job", lambda job, sources: result(job))
    run_profile("public", tmp_path / "out", sequences=tmp_path)
    return tmp_path / "out"


@pytest.fixture
def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())
