"""Payloads of real streams with their symbols and tables, and the kernels on them."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nvc.backend_cupy import Device
from nvc.codec import gpu_streams
from nvc.codec.encoder import Encoder
from nvc.codec.schedule import default_entries
from nvc.container.reader import StreamReader
from nvc.container.writer import StreamWriter
from nvc.entropy import rans_reference
from nvc.types import Settings


def networks_on(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small weights of random values are what NVC_WEIGHTS offers: "hyper" (codes latents), "refine" or "learned"."""
    from nvc.models.contexts import TABLE, binary_tables, seeded_contexts
    from nvc.models.inter import InterConfig
    from nvc.models.refine import RefineConfig
    from nvc.models.weights import save_weights, seeded_weights

    names = ("fine", "wide", "hyper", "hyper_wide", "encoder", "integer", "renderer")
    small = {name: 32 if name == "wide" else 16 for name in names}
    weights = seeded_weights(11, InterConfig(**small) if kind == "hyper" else RefineConfig(16, 16, 1, 1))
    contexts, tables = {}, weights.tables
    if kind == "learned":
        contexts, tables = seeded_contexts(11, 8, 8), {TABLE: binary_tables()}
    path = folder / "w.safetensors"
    save_weights(path, weights.model, tables=tables, metadata={"stage": "seed 11"}, contexts=contexts)
    monkeypatch.setenv("NVC_WEIGHTS", str(folder / "w.safetensors"))


@pytest.mark.parametrize("kind", ["hyper", "refine", "learned"])
def test_payloads_with_networks_on(
    clip: Callable, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_device: Device
) -> None:
    networks_on(kind, tmp_path, monkeypatch)
    frames = clip(48, 32, 10)
    encoder = Encoder(frames[0].info, Settings(mini_gop=8, quality=40, threads=1, device="cpu", preset="fast"))
    packets = [p for frame in frames for p in encoder.push(frame)] + encoder.flush()
    assert encoder.header.weights != "none"
    coded = gpu_streams.payloads_of_packets(encoder.header, packets)
    assert [c.payload for c in coded] == [p for packet in packets if packet.kind != "intra" for p in packet.payloads]
    assert all(len(c.symbols) > 20 for c in coded)
    assert gpu_streams.check_payloads(coded, kernel_device) == []


@pytest.mark.parametrize("structure", ["ra", "ld"])
def test_payloads_of_a_stream(clip: Callable, encode: Callable, kernel_device: Device, structure: str) -> None:
    header, packets = encode(clip(48, 32, 11), mini_gop=8, quality=40, structure=structure)
    coded = gpu_streams.payloads_of_packets(header, packets)
    assert [c.payload for c in coded] == [p for packet in packets if packet.kind != "intra" for p in packet.payloads]
    for c in coded:
        words = np.frombuffer(c.payload, "<u2")
        read = rans_reference.decode_symbols(words, c.tables, c.model.lookup, c.lanes)
        assert len(c.symbols) > 20 and read.tolist() == c.symbols.tolist()
    assert gpu_streams.check_payloads(coded, kernel_device) == []


def test_a_payload_a_level(clip: Callable, encode: Callable, kernel_device: Device) -> None:
    header, packets = encode(clip(96, 80, 9), mini_gop=8, quality=60)
    coded = gpu_streams.payloads_of_packets(header, packets)
    assert max(len(p.payloads) for p in packets) > 1
    assert gpu_streams.check_payloads(coded, kernel_device) == []


def test_a_difference_is_named(short: tuple, kernel_device: Device) -> None:
    coded = gpu_streams.payloads_of_packets(*short)
    other = coded[0].symbols.copy()
    other[5] ^= 1
    faults = gpu_streams.check_payloads([replace(coded[0], symbols=other)], kernel_device)
    assert "payload 0: other symbols" in faults


def test_payloads_of_a_file(short: tuple, tmp_path: Path) -> None:
    header, packets = short
    file = io.BytesIO()
    writer = StreamWriter(file, header)
    for packet in packets:
        writer.write(packet)
    writer.close()
    (tmp_path / "a.nvc").write_bytes(file.getvalue())
    assert StreamReader(file.getvalue(), schedule=default_entries).header.mode == "neural"
    coded = gpu_streams.payloads_of_file(tmp_path / "a.nvc")
    assert [c.payload for c in coded] == [c.payload for c in gpu_streams.payloads_of_packets(header, packets)]
