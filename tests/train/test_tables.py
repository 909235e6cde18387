"""Fitting of the symbol tables: whole models from little, and fewer bits than before the fit."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvc.codec import symbols as layout
from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.symbols import model_from, table_sizes
from nvc.errors import InputError
from nvc.train import tables
from nvc.types import Frame, Settings, VideoInfo

pytest.importorskip("scipy")
Arrays = dict[str, np.ndarray]


def clip(n: int, seed: int, size: tuple[int, int] = (48, 64)) -> list[Frame]:
    """A smooth texture that moves by (1, 1) samples a frame, with noise."""
    h, w = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: h + n, : w + n]
    big = 128 + 50 * np.sin(x / (3 + seed)) + 40 * np.cos(y / 5 + x / 9)
    info = VideoInfo(w, h, Fraction(1, 25))
    shapes = (size, info.chroma_size, info.chroma_size)
    planes = [
        [np.clip(big[k : k + a, k : k + b] + rng.normal(0, 4, (a, b)), 0, 255).astype(np.uint8) for a, b in shapes]
        for k in range(n)
    ]
    return [Frame(*p, k, info, 1) for k, p in enumerate(planes)]


def coded_bytes(frames: list[Frame], arrays: Arrays, quality: int = 40) -> int:
    """Bytes of the inter frames under a model, with plain rounding so that it chooses no latents; decodes them too."""
    model = model_from(arrays)
    off = frozenset({"networks", "rdoq", "stills"})
    settings = Settings(quality=quality, threads=1, hash=True, disable=off)
    encoder = Encoder(frames[0].info, settings, model=model)
    packets = [p for f in frames for p in encoder.push(f)] + encoder.flush()
    decoder = Decoder(encoder.header, threads=1, model=model)
    assert sum(len(decoder.push(p)) for p in packets) == len(frames)
    return sum(len(b) for p in packets if p.kind == "gop" for b in p.payloads)


@pytest.fixture(scope="module", autouse=True)
def unfiltered():
    """No temporal filter: plain rounding of what it leaves shows latents that so few clips do not teach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nvc.codec.encoder.REACH", 0)
        yield


@pytest.fixture(scope="module")
def clips() -> list[list[Frame]]:
    return [clip(6, seed) for seed in range(2)]


@pytest.fixture(scope="module")
def fitted(clips: list[list[Frame]]) -> Arrays:
    return tables.fit_model(clips, [40, 55], 2)


def check_whole(arrays: Arrays) -> None:
    model = model_from(arrays)
    assert [np.count_nonzero(row) for row in model.tables.frequencies] == table_sizes().tolist()
    assert model.index.max() < layout.LATENT_TABLES
    assert model.level_of.max() < layout.LEVELS
    assert np.abs(model.recon).max() <= 64
    assert np.all(model.weights >= 0)


def test_the_start_is_a_whole_model() -> None:
    arrays = tables.start_arrays()
    check_whole(arrays)
    assert np.all(np.diff(arrays["level_of"].astype(int)) >= 0)


def test_a_fit_is_a_whole_model_and_costs_fewer_bits(clips: list[list[Frame]], fitted: Arrays) -> None:
    check_whole(fitted)
    before, after = (coded_bytes(clips[0], arrays) for arrays in (tables.start_arrays(), fitted))
    assert after < 0.98 * before


def test_a_fitted_model_still_codes_what_it_never_saw(fitted: Arrays) -> None:
    rng = np.random.default_rng(3)
    frames = clip(4, 0, (34, 18))
    wild = [
        Frame(*(rng.integers(0, 256, p.shape).astype(np.uint8) for p in f.planes), f.pts, f.info, 1) for f in frames
    ]
    assert coded_bytes(wild, fitted, 63) > 0


def test_the_same_clips_give_the_same_tables(clips: list[list[Frame]]) -> None:
    one, two = (tables.fit_model(clips[:1], [40], 1) for _ in range(2))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_everything_coded_is_observed(clips: list[list[Frame]]) -> None:
    observed = tables.observe(clips, [40], model_from(tables.start_arrays()), "ra")
    assert len(observed.queues) == len(observed.samples) == sum(len(c) - 1 for c in clips)
    assert all(rows.shape[1] == 14 for rows in observed.samples)
    for symbols, used in observed.queues:
        assert np.all(symbols < table_sizes()[used])


def test_a_folder_without_clips_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no .mkv"):
        tables.read_clips(tmp_path, 17, 10)


@pytest.fixture
def folder(tmp_path: Path, clips: list[list[Frame]]) -> Path:
    """Twelve tiny lossless clips."""
    from nvc.io.writer import open_writer

    for k in range(12):
        with open_writer(str(tmp_path / f"{k:02}.mkv"), clips[0][0].info, codec="ffv1") as writer:
            for frame in clips[0]:
                writer.write(frame)
    return tmp_path


def test_every_tenth_clip_is_kept_for_validation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    reader = __import__("nvc.io.reader", fromlist=["open_video"])
    real: Callable = reader.open_video
    monkeypatch.setattr(reader, "open_video", lambda p, **k: opened.append(Path(p).name) or real(p, **k))
    clips = tables.read_clips(folder, 3, 100)
    assert opened == [f"{k:02}.mkv" for k in range(12) if k != 5]
    assert [len(c) for c in clips] == [3] * 11
    assert len(tables.read_clips(folder, 3, 4)) == 4


def test_the_command_writes_a_model(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from safetensors.numpy import load

    out = tmp_path / "tables.safetensors"
    argv = [str(folder), "--out", str(out), "--clips", "1", "--rounds", "1", "--qualities", "40"]
    assert tables.main(argv) == 0
    check_whole(load(out.read_bytes()))
    assert "round 1 of 1" in capsys.readouterr().out
    before = load(out.read_bytes())
    assert tables.main([*argv, "--banks", "--crop", "32", "--preset", "fast"]) == 0
    after = load(out.read_bytes())
    check_whole(after)
    rows = slice(layout.MOTION_BASE, layout.LATENT_BASE)
    assert not np.array_equal(before["frequencies"][rows], after["frequencies"][rows])
    before["frequencies"][rows] = after["frequencies"][rows]
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert tables.main([*argv, "--filters", "--crop", "32"]) == 0
    filtered = load(out.read_bytes())
    assert filtered["filters"].any() and after["filters"].any()
    assert not np.array_equal(filtered["filters"], after["filters"])
    assert all(np.array_equal(after[name], filtered[name]) for name in after if name != "filters")
