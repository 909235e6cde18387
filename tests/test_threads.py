"""The same symbols and pictures with any number of threads, in any process, with either precision."""

import json
import os
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvc.codec.decoder import Decoder
from nvc.codec.encoder import Encoder
from nvc.types import Frame, Packet, Settings, StreamHeader, VideoInfo

ROOT = Path(__file__).resolve().parent.parent
FRAMES = 20
INFO = VideoInfo(81, 67, Fraction(1, 25))
STRUCTURES = ("ra", "ld")


def clip() -> list[Frame]:
    """Texture that moves over a still ground, with noise: something for every tool to do."""
    random = np.random.default_rng(7)
    texture = np.kron(random.integers(40, 215, (16, 40)), np.ones((5, 5))).astype(np.int32)
    ground = np.kron(random.integers(90, 160, (23, 27)), np.ones((3, 3)))[:67, :81].astype(np.int32)
    frames = []
    for index in range(FRAMES):
        luma = ground.copy()
        luma[10:58, 12:70] = texture[5 : 5 + 48, 2 * index : 2 * index + 58]
        luma += random.integers(-2, 3, luma.shape)
        chroma = (luma[::2, ::2] // 2 + 60).astype(np.uint8)
        frames.append(Frame(luma.astype(np.uint8), chroma, 255 - chroma, index, INFO, 1))
    return frames


def encode(structure: str, threads: int, precision: str = "auto") -> tuple[StreamHeader, list[Packet]]:
    settings = Settings(
        quality=24, structure=structure, keyint=32, mini_gop=8, threads=threads, precision=precision, hash=True
    )  # type: ignore[arg-type]
    encoder = Encoder(INFO, settings)
    packets = [packet for frame in clip() for packet in encoder.push(frame)]
    return encoder.header, packets + encoder.flush()


def decode(header: StreamHeader, packets: list[Packet], **options: object) -> list[Frame]:
    decoder = Decoder(header, **options)  # type: ignore[arg-type]
    return [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()


def stream_sum(packets: list[Packet]) -> int:
    """One number for all that a container would write of the packets."""
    said = [[p.kind, p.lanes, p.symbol_hash, p.plane_hashes, [zlib.crc32(d) for d in p.payloads]] for p in packets]
    return zlib.crc32(json.dumps(said).encode())


def picture_sum(frames: list[Frame]) -> int:
    return zlib.crc32(b"".join(plane.tobytes() for frame in frames for plane in frame.planes))


def sums(structure: str, threads: int) -> list[int]:
    header, packets = encode(structure, threads)
    return [stream_sum(packets), picture_sum(decode(header, packets, threads=threads))]


@pytest.fixture(scope="module", params=STRUCTURES)
def coded(request: pytest.FixtureRequest) -> tuple[str, StreamHeader, list[Packet]]:
    """Structure, header and packets of one thread."""
    return request.param, *encode(request.param, 1)


def test_the_packets_carry_symbol_hashes(coded: tuple) -> None:
    _, _, packets = coded
    assert sum(len(p.frames) for p in packets) == FRAMES
    assert any(p.symbol_hash is not None for p in packets if p.kind != "intra")
    assert all(len(p.plane_hashes) == len(p.frames) for p in packets)


@pytest.mark.parametrize(("threads", "precision"), [(2, "auto"), (1, "fp32"), (2, "bf16")])
def test_encoder_makes_the_same_stream(coded: tuple, threads: int, precision: str) -> None:
    structure, _, packets = coded
    assert encode(structure, threads, precision)[1] == packets


@pytest.mark.parametrize(("threads", "precision"), [(1, "auto"), (2, "auto"), (1, "fp32"), (2, "bf16")])
def test_decoder_shows_the_encoders_pictures(coded: tuple, threads: int, precision: str) -> None:
    """The decoder checks the symbol and plane hashes itself; here also times and order are looked at."""
    _, header, packets = coded
    frames = decode(header, packets, threads=threads, precision=precision)
    assert [frame.pts for frame in frames] == list(range(FRAMES))
    assert picture_sum(frames) == picture_sum(decode(header, packets, threads=1))


@pytest.mark.parametrize(
    ("threads", "environment"),
    [(1, {}), (2, {"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}), (1, {"PYTHONHASHSEED": "1"})],
)
def test_another_process_agrees(coded: tuple, threads: int, environment: dict[str, str]) -> None:
    structure, header, packets = coded
    command = [sys.executable, "-P", __file__, structure, str(threads)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [stream_sum(packets), picture_sum(decode(header, packets))]


if __name__ == "__main__":
    print(json.dumps(sums(sys.argv[1], int(sys.argv[2]))))
