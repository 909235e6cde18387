"""When networks are on, and with what."""

import pytest

from nvc.codec import network_choice
from nvc.errors import DeviceError, ModelError
from nvc.models.weights import find_weights
from nvc.types import Settings


def test_off_without_weights(monkeypatch):
    monkeypatch.delenv("NVC_WEIGHTS", raising=False)
    monkeypatch.setattr(network_choice, "weights_there", lambda: False)
    assert network_choice.networks_for_encoder(Settings()) is None


def test_environment_offers_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("NVC_WEIGHTS", str(tmp_path / "none.safetensors"))
    with pytest.raises(ModelError, match="not there"):
        network_choice.networks_for_encoder(Settings())
    assert network_choice.networks_for_encoder(Settings(disable=frozenset({"networks"}))) is None


def test_no_weights_at_all_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("NVC_WEIGHTS", "none")
    assert not network_choice.weights_there()
    with pytest.raises(ModelError, match="0123456789abcdef"):
        find_weights("0123456789abcdef")


def test_a_missing_gpu_is_said(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(network_choice, "weights_there", lambda: True)
    with pytest.raises(DeviceError, match="CUDA"):
        network_choice.networks_for_encoder(Settings(device="cuda"))


def test_one_torch_thread_only_with_networks():
    assert network_choice.single_thread(None) is None
