"""The comparison of networks between devices, by bf16 on the CPU where there is no GPU."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nvc.codec import gpu_networks
from nvc.codec.gpu_networks import NetworkCheck
from nvc.errors import CorruptError
from nvc.types import Frame

GOOD = NetworkCheck("0123", "cuda", "fp32", 17, 16, True, 34.0, 34.04, 0.1, None, 1.0, 2.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks that refine, of random values."""
    from nvc.models.refine import RefineConfig
    from nvc.models.weights import save_weights, seeded_weights

    path = tmp_path_factory.mktemp("weights") / "refine.safetensors"
    save_weights(path, seeded_weights(11, RefineConfig(16, 16, 1, 1)).model, metadata={"stage": "seed 11"})
    return path


@pytest.fixture
def frames(weights: Path, clip: Callable[..., list[Frame]], monkeypatch: pytest.MonkeyPatch) -> list[Frame]:
    """A clip, networks on."""
    monkeypatch.setenv("NVC_WEIGHTS", str(weights))
    return clip(48, 32, 9)


def test_symbols_are_the_same_and_pictures_near(frames: list[Frame]) -> None:
    coded = gpu_networks._encode(frames)
    same, other = gpu_networks.compare(frames, *coded, "cpu", ("fp32", "bf16"))
    assert same.ok and same.psnr == same.psnr_cpu and same.farthest == 0
    assert other.same_symbols and other.psnr is not None and other.farthest > 0  # bf16 is not fp32
    assert (other.weights, other.device, other.precision, other.frames) == (coded[0].weights, "cpu", "bf16", 9)
    assert 0 <= other.used <= 8 and 10 < other.psnr_cpu < 100


def test_other_symbols_are_a_fault(frames: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    decode = gpu_networks._decode

    def broken(source, header, packets, device, precision):
        if device == "cuda":
            raise CorruptError("the symbols differ")
        found = decode(source, header, packets, "cpu", "fp32")
        return replace(found, symbols=found.symbols ^ 1) if precision == "bf16" else found

    monkeypatch.setattr(gpu_networks, "_decode", broken)
    coded = gpu_networks._encode(frames)
    (refused,) = gpu_networks.compare(frames, *coded, "cuda", ("fp32",))
    assert not refused.ok and refused.psnr is None and refused.fault == "the symbols differ"
    (hidden,) = gpu_networks.compare(frames, *coded, "cpu", ("bf16",))
    assert not hidden.ok and hidden.psnr is not None and not hidden.same_symbols


@pytest.mark.parametrize(
    ("change", "ok"), [({}, True), ({"psnr": 34.08}, True), ({"psnr": 33.98}, False), ({"psnr": 34.1}, False),
                       ({"psnr": None}, False), ({"same_symbols": False}, False)],
)  # fmt: skip
def test_the_bound(change: dict, ok: bool) -> None:
    assert replace(GOOD, **change).ok == ok


def test_the_sample_clip_is_read(root: Path, frames: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list = []
    monkeypatch.setattr(gpu_networks, "_encode", lambda source: ("header", source))
    monkeypatch.setattr(gpu_networks, "compare", lambda *given: seen.append(given) or [])
    assert gpu_networks.check_networks(root / "bench" / "data" / "sample.mp4", frames=2) == []
    ((source, header, packets, device, precisions),) = seen
    assert (
        len(source) == 2 and packets is source and (header, device, precisions) == ("header", "cuda", ("fp32", "bf16"))
    )


def test_what_is_missing_is_said(root: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    sample = root / "bench" / "data" / "sample.mp4"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_networks.fault(sample) == "no weights of the neural mode are here"
    monkeypatch.setenv("NVC_WEIGHTS", str(weights))
    assert "no clip" in str(gpu_networks.fault(None)) and "no clip" in str(gpu_networks.fault(tmp_path / "none.mp4"))
    assert gpu_networks.fault(sample) == "torch finds no CUDA device"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert gpu_networks.fault(sample) is None


@pytest.mark.gpu
def test_on_a_gpu(frames: list[Frame]) -> None:
    checks = gpu_networks.compare(frames, *gpu_networks._encode(frames), "cuda", ("fp32",))
    assert [c.fault for c in checks] == [None] and checks[0].ok
