"""The whole path with networks on, with seeded random weights: equal symbols whatever computes them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nvc.codec import frame_coder
from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.codec.frame_coder import FrameSetup, choose, code_symbols, symbol_capacity
from nvc.codec.network_choice import make_networks
from nvc.codec.networks import warp_each
from nvc.codec.references import Reference
from nvc.codec.refine import CORRECTED, REFINED
from nvc.codec.stages import Stages
from nvc.codec.symbols import load_model
from nvc.entropy.coder import encoding_coder
from nvc.errors import CorruptError, ModelError
from nvc.metrics import psnr
from nvc.models.refine import RefineConfig
from nvc.models.weights import seeded_weights
from nvc.motion.field import BOTH, FIRST, SECOND, MotionField
from nvc.types import FrameTask, Settings

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = {"fine": 16, "wide": 32, "hyper": 16, "hyper_wide": 16, "encoder": 16, "integer": 16, "renderer": 16}


@pytest.fixture(scope="module", params=["hyper", "refine", "learned"])
def weights_file(request, tmp_path_factory) -> Path:
    from nvc.models.contexts import TABLE, binary_tables, seeded_contexts
    from nvc.models.inter import InterConfig
    from nvc.models.refine import RefineConfig
    from nvc.models.weights import save_weights, seeded_weights

    path = tmp_path_factory.mktemp("weights") / f"{request.param}.safetensors"
    weights = seeded_weights(11, InterConfig(**SMALL) if request.param == "hyper" else RefineConfig(16, 16, 1, 1))
    contexts, tables = {}, weights.tables
    if request.param == "learned":
        contexts, tables = seeded_contexts(11, 8, 8), {TABLE: binary_tables()}
    save_weights(path, weights.model, tables=tables, metadata={"stage": "seed 11"}, contexts=contexts)
    return path


@pytest.fixture
def networks_on(weights_file, monkeypatch) -> None:
    """Networks on; all that a frame may switch is on too, whether random weights do any good or not."""
    monkeypatch.setenv("NVC_WEIGHTS", str(weights_file))
    monkeypatch.setattr("nvc.codec.frame_coder.best_prediction", lambda corrected, plain: CORRECTED)
    monkeypatch.setattr("nvc.codec.refine.best_switches", lambda source, refined, plain: REFINED)
    gains = ((3, -2, 0, 1), (-4, 2))
    monkeypatch.setattr("nvc.codec.refine.RefineNetworks.best_gains", lambda self, rendered, source, weight: gains)


def encode(frames, **settings):
    encoder = Encoder(
        frames[0].info, Settings(**{"threads": 1, "quality": 30, "mini_gop": 8, "preset": "fast", **settings})
    )
    packets = [p for f in frames for p in encoder.push(f)] + encoder.flush()
    return encoder.header, packets


def symbols_of(packets) -> list:
    return [(p.kind, p.payloads, p.symbol_hash) for p in packets]


def lowest_psnr(a, b) -> float:
    return min(psnr(x.y, y.y, 255 if x.info.bit_depth == 8 else 1023) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(("structure", "depth"), [("ra", 8), ("ra", 10), ("ld", 8)])
def test_round_trip(networks_on, clip, decode, structure, depth):
    frames = clip(75, 51, 10, depth)
    header, packets = encode(frames, structure=structure)
    assert header.weights != "none" and "networks" not in header.disabled
    shown = decode(header, packets)
    assert [f.pts for f in shown] == [f.pts for f in frames]


@pytest.mark.parametrize(("threads", "precision"), [(1, "fp32"), (2, "fp32"), (1, "bf16"), (2, "bf16")])
def test_decoders_read_the_same_symbols(networks_on, clip, threads, precision):
    frames = clip(75, 51, 10)
    header, packets = encode(frames)
    reference = _decode(header, packets, 1, "fp32")
    # A wrong symbol would be a wrong hash, which the decoder refuses.
    shown = _decode(header, packets, threads, precision)
    for a, b, source in zip(reference, shown, frames, strict=True):
        assert abs(psnr(a.y, source.y) - psnr(b.y, source.y)) <= 0.05


def _decode(header, packets, threads, precision, channels_last=True):
    decoder = Decoder(header, threads=threads, precision=precision)
    decoder._networks = replace(decoder._networks, channels_last=channels_last)
    return [f for p in packets for f in decoder.push(p)]


def test_memory_format_does_not_matter(networks_on, clip):
    header, packets = encode(clip(75, 51, 10))
    shown = _decode(header, packets, 1, "fp32", channels_last=False)
    assert lowest_psnr(_decode(header, packets, 1, "fp32"), shown) > 50


def test_encoder_threads_give_equal_packets(networks_on, clip):
    frames = clip(75, 51, 10)
    assert symbols_of(encode(frames, threads=1)[1]) == symbols_of(encode(frames, threads=2)[1])


def test_encoder_precision_gives_equal_packets(networks_on, clip):
    frames = clip(75, 51, 10)
    assert symbols_of(encode(frames, precision="fp32")[1]) == symbols_of(encode(frames, precision="bf16")[1])


def test_another_process_decodes(networks_on, clip, tmp_path):
    frames = clip(48, 32, 9)
    script = (
        "import json, pickle, sys; from nvc.codec.decoder import Decoder\n"
        "header, packets = pickle.load(open(sys.argv[1], 'rb'))\n"
        "d = Decoder(header, threads=2, precision='bf16')\n"
        "print(json.dumps([int(f.y.astype(int).sum()) for p in packets for f in d.push(p)]))"
    )
    import pickle

    header, packets = encode(frames)
    (tmp_path / "stream").write_bytes(pickle.dumps((header, packets)))
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "stream")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    sums = json.loads(done.stdout)
    here = [int(f.y.astype(int).sum()) for f in _decode(header, packets, 1, "fp32")]
    assert len(sums) == len(here)
    assert all(abs(a - b) <= 0.02 * b for a, b in zip(sums, here, strict=True))


def test_picture_hashes_warn_at_another_precision(networks_on, clip):
    header, packets = encode(clip(75, 51, 6), hash=True)
    same, other = Decoder(header, threads=1), Decoder(header, threads=1, precision="bf16")
    for packet in packets:
        assert len(same.push(packet)) == len(other.push(packet)) == len(packet.frames)
    assert not same.warnings
    assert len(other.warnings) == 1 and "rounding" in other.warnings[0]


def test_bits_name_what_networks_add(networks_on, clip):
    header, packets = encode(clip(48, 32, 9))
    decoder = Decoder(header, threads=1)
    for packet in packets:
        decoder.push(packet)
    assert all(b["hyper"] > 0 for b in decoder.last_bits)
    assert decoder.last_bits == packets[-1].bits


def test_disable_contexts_leaves_the_other_networks_on(networks_on, weights_file, clip, decode):
    frames = clip(48, 32, 9)
    header, packets = encode(frames, disable=frozenset({"contexts"}))
    assert header.weights != "none" and header.disabled == ("contexts",)
    assert len(decode(header, packets)) == 9
    same = symbols_of(packets) == symbols_of(encode(frames)[1])
    assert same == (weights_file.stem != "learned")


def cut_clip(clip):
    """A clip whose picture is another one from frame 3 on."""
    return [replace(f, y=255 - f.y[::-1]) if k >= 3 else f for k, f in enumerate(clip(48, 32, 9))]


def encode_cut(weights_file, clip, structure):
    if weights_file.stem == "hyper":
        pytest.skip("random weights of this kind leave every frame to be coded by itself")
    header, packets = encode(
        cut_clip(clip), disable=frozenset({"scenecut"}), structure=structure, preset="slow", quality=40, hash=True
    )
    types = "".join(f.type for p in packets for f in p.frames)
    assert "I" in types[1:].rstrip("I"), types  # others come after it
    return header, packets


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_frames_coded_by_themselves_are_referred_to(networks_on, weights_file, clip, structure):
    header, packets = encode_cut(weights_file, clip, structure)
    decoder = Decoder(header, threads=2)
    assert sum(len(decoder.push(p)) for p in packets) == 9 and not decoder.warnings


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_symbols_do_not_depend_on_what_networks_make_of_pictures(
    networks_on, weights_file, clip, structure, monkeypatch
):
    """A decoder whose networks err by far, on I frames and on others, reads the same symbols: hashes tell."""
    header, packets = encode_cut(weights_file, clip, structure)
    right, wrong = Decoder(header, threads=1), Decoder(header, threads=1)
    refine, cropped = wrong._intra.refine, frame_coder._crop
    shown = [f for p in packets for f in right.push(p)]
    monkeypatch.setattr(wrong._intra, "refine", lambda *a: tuple(255 - p for p in refine(*a)))
    monkeypatch.setattr(frame_coder, "_crop", lambda *a: tuple(255 - p for p in cropped(*a)))
    other = [f for p in packets for f in wrong.push(p)]
    assert all(not np.array_equal(a.y, b.y) for a, b in zip(shown, other, strict=True))
    assert wrong.warnings


@pytest.mark.parametrize("switches", [8, 9])
def test_switches_that_are_none_are_refused(clip, switches):
    frames = clip(32, 32, 2)
    planes = tuple(plane.astype(np.uint16) for plane in frames[0].planes)
    setup = FrameSetup(FrameTask(1, "P", 0, (0,)), (32, 32), 8, "ra", 30, frozenset())
    networks = make_networks(seeded_weights(2, RefineConfig(16, 16, 0, 0)))
    model = load_model()
    references = (Reference(planes, None, 8),)
    symbols = choose(setup, references, planes, model, Stages(), networks).symbols
    symbols.switches = switches
    coder = encoding_coder(model.tables, symbol_capacity(setup))
    with pytest.raises(CorruptError, match="impossible"):
        code_symbols(setup, (None,), coder, symbols, model, networks=networks)


def test_weights_that_are_not_there(networks_on, clip, monkeypatch):
    header, _ = encode(clip(32, 32, 2))
    monkeypatch.delenv("NVC_WEIGHTS")
    with pytest.raises(ModelError, match=header.weights):
        Decoder(header)


def test_disable_networks_wins(networks_on, clip):
    header, _ = encode(clip(32, 32, 2), disable=frozenset({"networks"}))
    assert header.weights == "none" and "networks" in header.disabled


def test_each_reference_is_warped_alone():
    rng = np.random.default_rng(0)
    planes = [tuple(rng.integers(0, 256, s).astype(np.uint16) for s in ((32, 32), (16, 16), (16, 16))) for _ in "ab"]
    references = tuple(Reference(p, None, 8) for p in planes)
    setup = FrameSetup(FrameTask(1, "B", 1, (0, 3)), (32, 32), 8, "ra", 30, frozenset({"obmc"}))
    modes = np.array([[BOTH, FIRST], [SECOND, BOTH]], np.int8).repeat(2, 0).repeat(2, 1)
    vectors = np.zeros((4, 4, 2, 2), np.int16)
    vectors[:2, 2:, 0] = (-4, 0)  # first only, one sample to the left over one frame
    first, second = warp_each(setup, references, MotionField(modes, vectors, (-1, 2)))
    assert np.array_equal(first[0][:16, :16], planes[0][0][:16, :16])
    assert np.array_equal(first[0][:16, 16:], planes[0][0][:16, 15:31])
    # The other reference is twice as far on the other side: two samples to the right.
    assert np.array_equal(second[0][:16, 16:30], planes[1][0][:16, 18:32])
