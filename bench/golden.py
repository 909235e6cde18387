"""Golden streams: small streams with the hashes of their symbols and pictures, so that a symbol that moves is noticed.

``make`` writes them from synthetic clips; ``check_decoder`` and ``check_encoder`` hold today's program against them.
With networks off pictures are the same on every machine, and so their hashes hold anywhere. With networks on (seeded
random weights, which lie beside the streams) symbols are the same too, and how close pictures come to the clip, nearly.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nvc.errors import CorruptError
from nvc.metrics import frame_psnr
from nvc.pipeline import encode_file
from nvc.pipeline.coders import close_coder, make_decoder, make_encoder
from nvc.pipeline.packets import Coded, packet_sum
from nvc.pipeline.stream import open_stream
from nvc.types import Frame, LayeredPacket, Packet, Settings, VideoInfo
from nvc.weights import offering

INDEX = "golden.json"
WEIGHTS = "networks.safetensors"
MOST_BYTES = 120_000
_TOLERANCE = 0.02  # dB, between machines that round floats otherwise


@dataclass(frozen=True, slots=True)
class Case:
    """One stream: name, size, frames, bit depth, settings that differ from the default, networks, cuts inside."""

    name: str
    width: int
    height: int
    frames: int
    bit_depth: int = 8
    options: tuple[tuple[str, Any], ...] = ()
    networks: bool = False
    cuts: bool = False

    @property
    def settings(self) -> Settings:
        """Settings of the encode; one thread, preset fast, hashes of the pictures where networks are off."""
        off = frozenset(() if self.networks else ("networks",)) | frozenset(dict(self.options).get("disable", ()))
        quick = {"threads": 1, "preset": "fast", "hash": not self.networks}
        return Settings(**{**quick, **dict(self.options), "disable": off})


def _case(
    name: str, width: int, height: int, frames: int, bit_depth: int = 8, *, networks: bool = False,
    cuts: bool = False, **options: Any,
) -> Case:  # fmt: skip
    return Case(name, width, height, frames, bit_depth, tuple(options.items()), networks, cuts)


CASES = (
    _case("ra-17-frames", 96, 64, 17, quality=30),
    _case("ra-10-bit-odd", 65, 49, 9, 10, quality=44, mini_gop=8),
    _case("ra-fine-periods", 50, 38, 17, quality=60, keyint=7, mini_gop=32),
    _case("ra-coarse-tools-off", 64, 48, 17, quality=4, mini_gop=8, disable=("merge", "obmc", "bipred")),
    _case("ra-1-frame", 17, 33, 1, quality=20),
    _case("ld-17-frames", 81, 45, 17, quality=26, structure="ld"),
    _case("ld-10-bit", 48, 64, 9, 10, quality=50, structure="ld", keyint=5),
    _case("intra-10-bit-2-frames", 33, 17, 2, 10, quality=36, structure="intra"),
    _case("layered-odd", 67, 41, 17, quality=34, mode="layered", keyint=9, base_preset="fast"),
    _case("layered-10-bit", 64, 64, 2, 10, quality=28, mode="layered", base_preset="fast"),
    _case("ra-stills-vvc", 64, 64, 17, quality=46, preset="slow", intra="vvc", disable=("scenecut",), cuts=True),
    _case("ra-stills-10-bit", 67, 35, 9, 10, quality=40, preset="slow", intra="hevc", disable=("scenecut",), cuts=True),
    _case("ra-medium", 80, 48, 17, quality=38, preset="medium", intra="vvc"),
    _case(
        "ld-stills",
        48,
        32,
        9,
        quality=30,
        structure="ld",
        preset="slow",
        intra="hevc",
        disable=("scenecut",),
        cuts=True,
    ),
    _case("ra-networks", 76, 52, 17, quality=30, mini_gop=8, networks=True),
    _case(
        "ra-stills-networks",
        64,
        48,
        9,
        quality=36,
        preset="slow",
        intra="hevc",
        disable=("scenecut",),
        cuts=True,
        networks=True,
    ),
    _case("ld-networks-10-bit", 64, 48, 5, 10, quality=44, structure="ld", networks=True),
)


def make_clip(case: Case) -> list[Frame]:
    """Frames of a synthetic clip, from integers alone: a texture that drifts, a box that goes its own way, a fade."""
    depth = 1 << case.bit_depth - 8
    info = VideoInfo(case.width, case.height, Fraction(1, 25), Fraction(25), case.bit_depth)
    texture = _texture(case.height + 40, case.width + 80, zlib.crc32(case.name.encode()))
    ch, cw = info.chroma_size
    frames = []
    for i in range(case.frames):
        y = texture[i : i + case.height, 3 * i : 3 * i + case.width].copy()
        top, left = (5 * i) % max(1, case.height - 12), (case.width // 3 + 2 * i) % max(1, case.width - 14)
        y[top : top + 12, left : left + 14] = 210 - texture[:12, :14] // 2
        y = y * (64 + 2 * i) // 96
        if case.cuts and i % 8 in (3, 4, 7):  # pictures that nothing before looks like
            y = 235 - y[::-1, ::-1]
        u, v = (128 + (y[::2, ::2][:ch, :cw] - 128) // k for k in (3, -4))
        planes = [np.clip(plane * depth + i % depth, 0, 256 * depth - 1).astype(info.dtype) for plane in (y, u, v)]
        frames.append(Frame(planes[0], planes[1], planes[2], i, info, 1))
    return frames


def _texture(rows: int, columns: int, seed: int) -> np.ndarray:
    """(rows, columns) int64 in 0..255: hashed noise, smoothed, with edges."""
    row, column = np.mgrid[0 : rows + 4, 0 : columns + 4].astype(np.uint64)
    mixed = (row * np.uint64(73856093) ^ column * np.uint64(19349663) ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    noise = (mixed >> np.uint64(40) & np.uint64(255)).astype(np.int64)
    smooth = sum(noise[a : a + rows, b : b + columns] for a in range(5) for b in range(5)) // 25
    waves = 24 * ((row + 2 * column) // np.uint64(9) % np.uint64(3)).astype(np.int64)[:rows, :columns]
    return np.clip(2 * smooth - 140 + waves, 0, 255)


def encode_case(case: Case) -> bytes:
    """The stream of a case, as today's encoder makes it."""
    file = BytesIO()
    encode_file(_as_y4m(make_clip(case)), file, case.settings, mode=case.settings.mode, format="nvc")
    return file.getvalue()


def _as_y4m(frames: Sequence[Frame]) -> bytes:
    from nvc.io.y4m import frame_bytes, write_header

    head = write_header(frames[0].info, Fraction(25))
    return head + b"".join(b"FRAME\n" + frame_bytes(frame) for frame in frames)


def describe(data: bytes, case: Case | None = None) -> dict[str, Any]:
    """Hashes of a stream and of what comes out of it: {"bytes", "crc32", "packets", "planes" or "psnr"}.

    packets  of each: kind, display index of its first frame, CRC-32 of its payloads and of the symbols in it (null in
             I frames and layered mode)
    planes   CRC-32 of each picture in display order
    psnr     of a ``case`` with networks: PSNR of Y, U and V of each picture against the clip, in dB
    """
    source = make_clip(case) if case is not None and case.networks else None
    with open_stream(data) as stream:
        decoder: Any = make_decoder(stream.header, threads=1)
        packets: list[dict[str, Any]] = []
        shown: list[Frame] = []
        try:
            for packet in _packets(stream):
                frames = decoder.push(packet)
                packets.append(_describe_packet(packet, getattr(decoder, "last_symbols", ())))
                shown += frames
            shown += decoder.flush()
        finally:
            close_coder(decoder)
    found = {"bytes": len(data), "crc32": zlib.crc32(data), "packets": packets}
    if source is None:
        return {**found, "planes": [_plane_sum(frame) for frame in shown]}
    return {**found, "psnr": [_closeness(*pair) for pair in zip(shown, source, strict=True)]}


def _closeness(shown: Frame, source: Frame) -> list[float]:
    return [round(value, 3) for value in frame_psnr(shown.planes, source.planes, source.info.bit_depth)]


def _packets(stream: Any) -> Iterator[Coded]:
    for item in stream.items():
        if not isinstance(item, Packet | LayeredPacket):
            raise ValueError(f"a golden stream holds packets only, got {item!r}")
        yield item


def _describe_packet(packet: Coded, symbols: Sequence[Any]) -> dict[str, Any]:
    from nvc.codec.mini_gop import symbol_hash

    if isinstance(packet, LayeredPacket):
        return {"kind": "period", "start": packet.start, "payloads": packet_sum(packet), "symbols": None}
    payloads = zlib.crc32(b"".join(packet.payloads))
    crc = symbol_hash(symbols) if symbols else None
    return {"kind": packet.kind, "start": packet.start, "payloads": payloads, "symbols": crc}


def _plane_sum(frame: Frame) -> int:
    from nvc.codec.references import plane_hash

    return plane_hash(frame.planes, frame.info)


def machine_sums() -> dict[str, int]:
    """CRC-32 of what the encoder does in floating point here: where it is another, an encoder may choose otherwise."""
    from nvc.codec.transform import forward
    from nvc.motion.flow import block_flow

    one, other = _texture(96, 128, 7).astype(np.uint8), _texture(99, 133, 7)[3:, 5:].astype(np.uint8)
    residual = (one.astype(np.float32) - other).reshape(-1, 16, 16)
    return {
        "motion search": zlib.crc32(block_flow(one, other).astype("<i2").tobytes()),
        "transform": zlib.crc32(np.ascontiguousarray(forward(residual), "<f4").tobytes()),
    }


def make(folder: Path) -> int:
    """Write all streams and golden.json into a folder; bytes of the streams together."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"machine": machine_sums(), "streams": {}}
    if any(case.networks for case in CASES):
        _write_weights(folder / WEIGHTS)
    with offering(folder):
        for case in CASES:
            data = encode_case(case)
            (folder / f"{case.name}.nvc").write_bytes(data)
            found["streams"][case.name] = describe(data, case)
    (folder / INDEX).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return sum(entry["bytes"] for entry in found["streams"].values())


def _write_weights(path: Path) -> None:
    """Random weights of small networks, the same on every machine.

    A seed whose correction helps some frames; a refinement so large that gains must tame it; narrow context networks.
    """
    import torch

    from nvc.models.contexts import TABLE, binary_tables, seeded_contexts
    from nvc.models.refine import RefineConfig, RefineModel
    from nvc.models.weights import save_weights, seeded_weights

    model = seeded_weights(3, RefineConfig(16, 16, 1, 1, 2, 1)).model
    assert isinstance(model, RefineModel)
    with torch.no_grad():
        for parameter in model.synthesis.leave.parameters():
            parameter.mul_(8)
    contexts = seeded_contexts(5, 4, 4)
    save_weights(path, model, tables={TABLE: binary_tables()}, metadata={"stage": "seed 3"}, contexts=contexts)


def check_decoder(folder: Path, name: str) -> list[str]:
    """What of a golden stream decodes otherwise than when it was made; nothing where all is well."""
    want = json.loads((folder / INDEX).read_text(encoding="utf-8"))["streams"][name]
    with offering(folder):
        case = next((case for case in CASES if case.name == name), None)
        try:
            got = describe((folder / f"{name}.nvc").read_bytes(), case)
        except CorruptError as error:
            return [f"it does not decode: {error}"]
    trouble = [f"{key} {got[key]}, {want[key]} wanted" for key in ("bytes", "crc32") if got[key] != want[key]]
    for key in ("packets", "planes" if "planes" in want else "psnr"):
        pairs = zip(got[key], want[key], strict=False)
        trouble += [f"{key}[{k}]: {a}, {b} wanted" for k, (a, b) in enumerate(pairs) if not _equal(key, a, b)]
        if len(got[key]) != len(want[key]):
            trouble.append(f"{len(got[key])} {key}, {len(want[key])} wanted")
    return trouble


def _equal(key: str, got: Any, want: Any) -> bool:
    if key != "psnr":
        return got == want
    return all(abs(a - b) <= _TOLERANCE for a, b in zip(got, want, strict=True))


def check_encoder(folder: Path, case: Case) -> tuple[int, list[str]]:
    """(packets compared, what today's encoder codes otherwise than the stream holds).

    Only I periods whose I frame comes out the same are compared: another build of x265 may code it otherwise. Nothing
    is with networks on: an encoder chooses by floats then.
    """
    if case.networks:
        return 0, []
    with open_stream((folder / f"{case.name}.nvc").read_bytes()) as stream:
        want = list(_packets(stream))
    encoder: Any = make_encoder(make_clip(case)[0].info, case.settings)
    try:
        got = [packet for frame in make_clip(case) for packet in encoder.push(frame)] + list(encoder.flush())
    finally:
        close_coder(encoder)
    if [packet.start for packet in got] != [packet.start for packet in want]:
        return 0, [f"packets start at {[p.start for p in got]}, {[p.start for p in want]} wanted"]
    compared, same, trouble = 0, False, []
    for mine, theirs in zip(got, want, strict=True):
        same = _first_picture(mine) == _first_picture(theirs) if _is_intra(mine) else same
        if same:
            compared += 1
            trouble += [] if mine == theirs else [f"the packet at frame {mine.start} is coded otherwise"]
    return compared, trouble


def _is_intra(packet: Coded) -> bool:
    return isinstance(packet, LayeredPacket) or packet.kind == "intra"


def _first_picture(packet: Coded) -> bytes:
    return packet.samples[0][4] if isinstance(packet, LayeredPacket) else packet.payloads[0]


def main(arguments: Sequence[str] | None = None, folder: Path = Path("golden")) -> int:
    """The command: make the streams, or check them; 1 where a check fails. folder: where they are by default."""
    parser = argparse.ArgumentParser(prog="golden", description="Make the golden streams anew, or check them.")
    parser.add_argument("--check", action="store_true", help="change nothing: say what differs today")
    parser.add_argument("--folder", type=Path, default=folder, metavar="DIR", help=f"where they are ({folder.name})")
    args = parser.parse_args(arguments)
    if not args.check:
        print(f"{len(CASES)} streams, {make(args.folder):,} bytes in {args.folder}")
        return 0
    if not (args.folder / INDEX).is_file():
        print(f"golden: error: {args.folder} holds no {INDEX}", file=sys.stderr)
        return 3
    failed = 0
    for case in CASES:
        compared, trouble = check_encoder(args.folder, case)
        trouble = check_decoder(args.folder, case.name) + trouble
        failed += bool(trouble)
        print(f"{case.name}: {'; '.join(trouble) or 'well'} ({compared} packets coded again)")
    return 1 if failed else 0
