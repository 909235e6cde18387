"""Makes the samples that training learns from: the real encoder over all clips, one random quality each.

Done once with networks off, and again with the weights so far: networks make references better, so samples made
without them show pictures that a decoder never refers to (DESIGN section 9).
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from nvc.codec.base import BaseSettings, HevcBase, HevcBaseDecoder, quality_to_crf
from nvc.codec.base_planes import from_av_frame
from nvc.codec.network_choice import Networks, make_networks
from nvc.container.nal import join_annex_b
from nvc.errors import DeviceError, InputError
from nvc.metrics import frame_psnr, psnr_611
from nvc.train.clips import read_clips, sources, videos
from nvc.train.data import META, Sample, write_shard
from nvc.train.recorder import measure, record
from nvc.train.vary import vary
from nvc.types import Frame

QUALITIES = (20, 28, 36, 44, 52)
POINTS = "points.json"
SIZE = 256
# The share of clips coded at the qualities that are measured most; the others come from all 64.
_USUAL, _USUAL_SHARE = (16, 57), 0.75
Notify = Callable[[str], None]
_VALIDATION_CLIPS = 22
PARTS = ("train", "validation")


def prepare(
    folder: Path, out: Path, *, workers: int = 1, limit: int | None = None, seed: int = 0, notify: Notify = print
) -> None:
    """Make the samples of ``folder`` (videos .mkv) in ``out``, with the cached points of the validation part.

    limit  most clips of the training part, None = all
    """
    out.mkdir(parents=True, exist_ok=True)
    meta = {"clips": str(folder.resolve()), "size": SIZE, "sources": sources(folder)}
    (out / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")
    for part in PARTS:
        most = limit if part == "train" else _VALIDATION_CLIPS
        count = make_samples(folder, out, part, workers=workers, limit=most, seed=seed)
        notify(f"{part}: {count} samples")
    points = anchor_points(folder, workers)
    (out / POINTS).write_text(json.dumps(points, indent=1), encoding="utf-8")
    notify(f"points of {len(points)} validation clips")


def make_samples(
    folder: Path,
    out: Path,
    part: str,
    *,
    workers: int = 1,
    limit: int | None = None,
    seed: int = 0,
    weights: Path | None = None,
    varied: float = 0.0,
) -> int:
    """Replace the samples of a part by new ones; returns their number.

    weights  code with networks on; varied: share of clips that are made harder first (``train.vary``)
    """
    paths = videos(folder, part)
    workers = max(1, min(workers, len(paths)))
    for old in [*out.glob(f"{part}-*.npz"), *out.glob(f"{part}-*.u8")]:
        old.unlink()
    share = None if limit is None else max(1, limit // workers)
    jobs = [(paths[k::workers], out, f"{part}-{k}", share, seed + k, weights, varied) for k in range(workers)]
    return sum(map_jobs(_make_shard, jobs, workers))


def map_jobs(function: Callable, jobs: Sequence[tuple], workers: int) -> list:
    """``function(*job)`` of each job, each in one thread, in order of the jobs; in processes where workers > 1."""
    if workers <= 1 or len(jobs) <= 1:
        return [function(*job) for job in jobs]
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool:
        return list(pool.map(_call, [(function, job) for job in jobs]))


def one_thread() -> None:
    """Make this process compute in one thread; several threads on a busy core wait for each other."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)


def training_device(wanted: str) -> str:
    """ "cpu" or "cuda" for "auto", "cpu" or "cuda". Raises DeviceError where there is no GPU."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device: --device cuda needs one, and a torch built for it")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def open_networks(weights: Path | None) -> Networks | None:
    """Networks from a weights file, or None."""
    from nvc.models.weights import load_weights

    return None if weights is None else make_networks(load_weights(weights))


def anchor_points(folder: Path, workers: int = 1) -> dict[str, dict]:
    """{clip: {"off": [[bytes, dB]...], "x265": ...}} of the first clip of each validation video, by QUALITIES."""
    clips = list(validation_clips(folder))
    jobs = [(path,) for path in clips]
    found = map_jobs(_points, jobs, workers)
    return {path.stem: points for path, points in zip(clips, found, strict=True)}


def validation_clips(folder: Path) -> Iterator[Path]:
    """Validation videos that have a whole clip."""
    for path in videos(folder, "validation"):
        if next(read_clips(path, SIZE), None) is not None:
            yield path


def x265_point(frames: Sequence[Frame], quality: int) -> tuple[int, float]:
    """(bytes, PSNR 6:1:1) of x265 medium, tune psnr, one I period, at the CRF that a quality aims at."""
    info = frames[0].info
    base = HevcBase(info, BaseSettings(quality_to_crf(quality), keyint=64))
    period = base.open_period()
    for frame in frames:
        period.push(frame.planes)
    units = period.finish()
    decoder = HevcBaseDecoder(base.parameter_sets, info.bit_depth, base.size, threads=1)
    size = len(base.parameter_sets)
    pictures: dict[int, Sequence[np.ndarray]] = {}
    shown = []
    for position, nals in units:
        data = join_annex_b(nals)
        size += len(data)
        shown += decoder.decode(data, position)
    for picture in shown + decoder.drain():
        pictures[picture.pts] = from_av_frame(picture, info.bit_depth)
    quality_of = [psnr_611(*frame_psnr(pictures[k], frame.planes, info.bit_depth)) for k, frame in enumerate(frames)]
    return size, float(np.mean(quality_of))


def _points(path: Path) -> dict[str, list]:
    frames = next(read_clips(path, SIZE))
    return {
        "off": [list(measure(frames, q)) for q in QUALITIES],
        "x265": [list(x265_point(frames, q)) for q in QUALITIES],
    }


def _call(job: tuple):
    function, arguments = job
    return function(*arguments)


def _make_shard(
    paths: list[Path], out: Path, name: str, limit: int | None, seed: int, weights: Path | None, varied: float
) -> int:
    networks = open_networks(weights)
    return write_shard(out, name, _samples(paths, limit, seed, networks, varied))


def _samples(
    paths: list[Path], limit: int | None, seed: int, networks: Networks | None, varied: float
) -> Iterator[Sample]:
    """Samples of all clips of some videos; with a limit, of clips spread evenly over the videos."""
    random = np.random.default_rng(seed)
    total = limit or 1 << 30
    done = 0
    if limit is not None:
        random.shuffle(paths)  # type: ignore[arg-type]
    each = None if limit is None else -(-limit // len(paths))
    for path in paths:
        for k, frames in enumerate(read_clips(path, SIZE)):
            if done >= total or (each is not None and k >= each):
                break
            quality = draw_quality(random)
            if varied and random.random() < varied:
                frames = vary(frames, random)
            yield from record(frames, quality, networks)
            done += 1
    if not done:
        raise InputError(f"no clips of {SIZE}x{SIZE} with 8 bits in {len(paths)} videos")


def draw_quality(random: np.random.Generator) -> int:
    """A quality 0..63, more often one that is usual."""
    low, high = _USUAL if random.random() < _USUAL_SHARE else (0, 64)
    return int(random.integers(low, high))
