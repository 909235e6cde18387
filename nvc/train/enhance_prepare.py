"""Makes the samples that the enhancement learns from: clips coded by x265, x264 and SVT-AV1 as users do."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from nvc.codec.base_streams import CodedClip, StreamSettings, code_clip
from nvc.errors import InputError
from nvc.models.enhance import TYPES
from nvc.motion.align import Aligner
from nvc.train.clips import read_clips, videos
from nvc.train.enhance_data import CODECS, SIZE, EnhanceSample, Planes, write_enhance_shard
from nvc.types import CodedAs

FRAMES = 6  # taken of each stream, the I frame always among them
_CODEC_SHARES = {"x265": 0.55, "x264": 0.25, "svt-av1": 0.2}
_PRESETS = {
    "x265": ("veryfast", "medium", "medium", "medium", "slow", "veryslow"),
    "x264": ("veryfast", "medium", "medium", "slower"),
    "svt-av1": ("10", "8", "6"),
}
_PRISTINE, _NEARLY = 0.05, 0.1  # shares of streams not coded at all, and coded nearly without loss
_QUANTISERS, _LOW_QUANTISERS, _AV1_FACTORS = (18, 46), (4, 18), (18, 63)


def prepare_enhance(clips: Path, out: Path, *, streams: int = 2, workers: int = 1, limit: int | None = None) -> int:
    """Code all clips of a folder of videos, ``streams`` ways each; returns the number of samples.

    clips    folder of .mkv files, sources of 17-frame clips of 256x256 or larger
    limit    at most so many clips of each part, for trying things out
    Every tenth source by name is for validation (nvc.train.clips). Shards that are there already are kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for part in ("train", "validation"):
        paths = videos(clips, part)
        if limit is not None:
            paths = paths[:limit]
        jobs += [(path, out, f"{part}-{k:04d}", streams, 1 if limit else None) for k, path in enumerate(paths)]
    if workers == 1:
        counts = [_make_shard(*job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            counts = list(pool.map(_make_shard, *zip(*jobs, strict=True)))
    if not sum(counts):
        raise InputError(f"{clips} holds no clips of {SIZE}x{SIZE}")
    return sum(counts)


def draw_settings(random: np.random.Generator) -> StreamSettings | None:
    """One way to code a clip, None for not at all."""
    share = random.random()
    if share < _PRISTINE:
        return None
    codec = str(random.choice(list(_CODEC_SHARES), p=list(_CODEC_SHARES.values())))
    preset = str(random.choice(_PRESETS[codec]))
    low, high = _QUANTISERS if share > _PRISTINE + _NEARLY else _LOW_QUANTISERS
    if codec == "svt-av1":
        low, high = _AV1_FACTORS if share > _PRISTINE + _NEARLY else (4, 18)
    rate = int(random.integers(low, high + 1))
    return StreamSettings(codec, preset, rate, bool(random.integers(0, 2)), bool(random.integers(0, 2)))


def samples_of(frames: Sequence[Planes], settings: StreamSettings | None, chosen: Sequence[int], clip: int) -> Iterator:
    """EnhanceSamples of the frames ``chosen`` of a clip coded with ``settings``."""
    if settings is None:
        coded = CodedClip(tuple(frames), tuple(CodedAs() for _ in frames), 0)
    else:
        coded = code_clip(frames, settings)
    aligner = Aligner()
    codec = CODECS.index(settings.codec if settings else "pristine")
    for k in chosen:
        picture = coded.pictures[k]
        sides = [coded.pictures[j] if 0 <= j < len(frames) else picture for j in (k - 1, k + 1)]
        sides = [picture if side is picture else aligner.align(picture, side, 8) for side in sides]
        stored = np.stack([_flat(planes) for planes in (frames[k], picture, *sides)])
        told = coded.coded[k]
        yield EnhanceSample(
            planes=stored,
            qp=float("nan") if told.qp is None else told.qp,
            kind=TYPES.index(told.type),
            codec=codec,
            rate=settings.rate if settings else 0.0,
            clip=clip,
            error=np.array([_error(a, b) for a, b in zip(frames[k], picture, strict=True)]),
        )


def _make_shard(path: Path, out: Path, name: str, streams: int, limit: int | None) -> int:
    done = out / f"enhance-{name}.npz"
    if done.is_file():
        with np.load(done) as file:
            return len(file["qp"])
    return write_enhance_shard(out, name, _samples(path, streams, limit))


def _samples(path: Path, streams: int, limit: int | None) -> Iterator[EnhanceSample]:
    # By name, not by place among the others: a folder that grows keeps what was drawn for its sources.
    random = np.random.default_rng(list(path.name.encode()))
    for number, clip in enumerate(read_clips(path, SIZE)):
        if limit is not None and number >= limit:
            return
        frames = [frame.planes for frame in clip]
        for _ in range(streams):
            others = 1 + random.permutation(len(frames) - 1)[: FRAMES - 1]
            yield from samples_of(frames, draw_settings(random), [0, *sorted(map(int, others))], number)


def _flat(planes: Planes) -> np.ndarray:
    return np.concatenate([np.ascontiguousarray(plane).reshape(-1) for plane in planes])


def _error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(np.square(a.astype(np.float32) - b)))
