"""The neural mode with the weights that ship: what users get from a plain ``nvc encode``."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nvc import api
from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.errors import ModelError
from nvc.io.reader import open_video
from nvc.metrics import bd_rate, frame_psnr, psnr_611
from nvc.models.weights import open_weights, read_manifest
from nvc.pipeline.enhance_file import enhance_file
from nvc.train.enhance_measure import measure
from nvc.types import Frame, Settings


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names nothing: the manifest counts."""
    monkeypatch.delenv("NVC_WEIGHTS")


@pytest.fixture(scope="module")
def clip(root: Path) -> list[Frame]:
    """18 frames of 208x128 of the sample, from its middle."""
    with open_video(root / "bench" / "data" / "sample.mp4", frames=18, carry=False) as reader:
        frames = list(reader)
    info = replace(frames[0].info, width=208, height=128)
    top, left = (side // 4 - size // 4 for side, size in ((frames[0].info.height, 128), (frames[0].info.width, 208)))

    def cut(plane: np.ndarray, unit: int) -> np.ndarray:
        return plane[top * 2 // unit :, left * 2 // unit :][: 128 // unit, : 208 // unit]

    return [Frame(cut(f.y, 1), cut(f.u, 2), cut(f.v, 2), f.pts, info, f.duration) for f in frames]


def encode(frames, **settings):
    encoder = Encoder(frames[0].info, Settings(**{"threads": 1, "quality": 28, **settings}))
    packets = [p for f in frames for p in encoder.push(f)] + encoder.flush()
    return encoder.header, packets


def decode(header, packets, **options):
    decoder = Decoder(header, **{"threads": 1, **options})
    shown = [f for p in packets for f in decoder.push(p)]
    decoder.close()
    return shown


def size(packets) -> int:
    return sum(len(payload) for packet in packets for payload in packet.payloads)


def quality(shown, frames) -> float:
    return float(np.mean([psnr_611(*frame_psnr(a.planes, b.planes, 8)) for a, b in zip(shown, frames, strict=True)]))


def test_they_are_small_and_named() -> None:
    default, entries = read_manifest()
    weights = open_weights()
    assert weights.id == default and [e.note for e in entries if e.id == default][0]
    assert "licence" in weights.metadata and json.loads(weights.metadata["data"])


@pytest.mark.parametrize("preset", ["fast", "medium"])
def test_they_bring_something(clip, preset: str) -> None:
    """Fewer bytes at equal quality than with networks off, on a clip that nothing was trained on."""
    curves: dict[str, list[tuple[int, float]]] = {"none": [], read_manifest()[0]: []}
    for q in (20, 28, 36, 44):
        for off in (frozenset(), frozenset({"networks"})):
            header, packets = encode(clip, preset=preset, quality=q, disable=off)
            curves[header.weights].append((size(packets), quality(decode(header, packets), clip)))
    plain, refined = curves.values()
    assert len(plain) == len(refined) == 4
    rate = bd_rate(plain, refined).percent
    assert rate is not None and rate < -1.2


def test_grey_stays_grey(clip) -> None:
    grey = [Frame(f.y, np.full_like(f.u, 128), np.full_like(f.v, 128), f.pts, f.info, f.duration) for f in clip[:9]]
    header, packets = encode(grey, preset="fast")
    assert header.weights == read_manifest()[0]
    assert all((f.u == 128).all() and (f.v == 128).all() for f in decode(header, packets))


@pytest.mark.parametrize("options", [{"threads": 2}, {"precision": "bf16"}, {"threads": 2, "precision": "bf16"}])
def test_every_decoder_reads_the_same_symbols(clip, options) -> None:
    header, packets = encode(clip)
    shown = decode(header, packets, **options)  # a wrong symbol is a wrong hash, which is refused
    assert abs(quality(shown, clip) - quality(decode(header, packets, precision="fp32"), clip)) <= 0.05


def test_a_shell_needs_no_word_about_them(root: Path, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "NVC_WEIGHTS"}

    def run(*words: object) -> dict:
        command = [sys.executable, "-m", "nvc", *map(str, words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    stream = tmp_path / "a.nvc"
    run("encode", root / "bench" / "data" / "sample.mp4", stream, "--frames", 3, "--mini-gop", 8, "-q", 20)
    assert run("info", stream)["weights"] == read_manifest()[0]
    run("verify", stream)
    assert run("decode", stream, tmp_path / "a.y4m")["frames"] == 3


def test_random_access_shows_what_decoding_from_the_start_shows(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.nvc"
    api.encode(root / "bench" / "data" / "sample.mp4", target, quality=12, frames=12, keyint=5, mini_gop=8)
    with api.open(target) as video:
        frames = [frame.planes for frame in video]
        again = video[10].planes
    assert all(np.array_equal(a, b) for a, b in zip(frames[10], again, strict=True))


def test_the_enhancement_gains_and_leaves_good_pictures_alone(root: Path) -> None:
    sample = root / "bench" / "data" / "sample.mp4"
    found = list(measure([sample], None, codec="x265", preset="fast", rates=[12, 32, 38], frames=9))
    gains = {row["rate"]: row["gain"] for row in found if row["video"] == "sample" and "rate" in row}
    assert gains[12] >= -0.02 and gains[32] > 0.1 and gains[38] > 0.1


def test_a_preset_without_weights_is_said(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="quality"):
        enhance_file(root / "bench" / "data" / "sample.mp4", tmp_path / "a.mp4", preset="quality")
    assert not list(tmp_path.iterdir())
