"""The golden streams decode to the symbols and pictures they were made of, and today's encoder makes the same symbols.

Where one of these fails, a change moved a symbol: streams that people have would no longer decode, or the encoder
chooses otherwise. Where that is meant, ``scripts/golden`` makes the streams anew.
"""

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nvc.bench import golden
from nvc.codec.refine import ADAPTED, CORRECTED, REFINED
from nvc.pipeline.coders import make_decoder
from nvc.pipeline.stream import open_stream
from nvc.weights import offering

FOLDER = Path(__file__).resolve().parent.parent / "golden"
NAMES = [case.name for case in golden.CASES]


@pytest.fixture(scope="module")
def machine() -> dict[str, int]:
    return json.loads((FOLDER / golden.INDEX).read_text())["machine"]


def test_there_are_small_ones_of_all_kinds() -> None:
    files = list(FOLDER.glob("*.nvc"))
    assert sorted(path.stem for path in files) == sorted(NAMES) and len(NAMES) == 17
    assert sum(path.stat().st_size for path in files) < golden.MOST_BYTES
    settings = [case.settings for case in golden.CASES]
    assert {s.structure for s in settings} == {"ra", "ld", "intra"} and {s.mode for s in settings} == {
        "neural",
        "layered",
    }
    assert {case.frames for case in golden.CASES} == {1, 2, 5, 9, 17}
    assert sum("networks" not in s.disable for s in settings) == 3


@pytest.mark.parametrize("name", [case.name for case in golden.CASES if case.cuts])
def test_streams_with_stills_hold_some(name: str) -> None:
    with open_stream((FOLDER / f"{name}.nvc").read_bytes()) as stream:
        types = [[frame.type for frame in packet.frames] for packet in stream.items()]
    assert any("I" in inner for inner in types[1:]) and any(set(inner) - {"I"} for inner in types)


def test_streams_with_networks_use_all_that_frames_may_say() -> None:
    with offering(FOLDER):
        found = [switches_of(FOLDER / f"{case.name}.nvc") for case in golden.CASES if case.networks]
    together = functools.reduce(lambda a, b: a | b, (s for seen in found for s in seen))
    assert together == CORRECTED | REFINED | ADAPTED


def switches_of(path: Path) -> list[int]:
    with open_stream(path.read_bytes()) as stream:
        decoder = make_decoder(stream.header, threads=1)
        seen = []
        for packet in stream.items():
            decoder.push(packet)
            seen += [s.switches for s in decoder.last_symbols]
        decoder.close()
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_they_decode_as_ever(name: str) -> None:
    assert golden.check_decoder(FOLDER, name) == []


@pytest.mark.parametrize("case", [c for c in golden.CASES if not c.networks], ids=lambda case: case.name)
def test_the_encoder_makes_the_same_symbols(case: golden.Case, machine: dict[str, int]) -> None:
    if golden.machine_sums() != machine:
        pytest.skip("floating point of the encoder differs from the machine that made the streams")
    compared, trouble = golden.check_encoder(FOLDER, case)
    assert trouble == []
    if not compared:
        pytest.skip("x265 codes the I frames otherwise here")


def test_clips_fit_their_case_and_move() -> None:
    for case in golden.CASES:
        frames = golden.make_clip(case)
        assert len(frames) == case.frames
        assert all(0 < int(f.y.max()) < 1 << case.bit_depth for f in frames)
        assert all(not np.array_equal(a.y, b.y) for a, b in zip(frames, frames[1:], strict=False))


@pytest.mark.parametrize("key", ["planes", "symbols", "crc32", "psnr"])
def test_a_difference_is_told(tmp_path: Path, key: str) -> None:
    name = "ra-networks" if key == "psnr" else "ra-10-bit-odd"
    shutil.copy(FOLDER / f"{name}.nvc", tmp_path)
    shutil.copy(FOLDER / golden.WEIGHTS, tmp_path)
    index = json.loads((FOLDER / golden.INDEX).read_text())
    stream = index["streams"][name]
    if key == "planes":
        stream["planes"][3] ^= 1
    elif key == "psnr":
        stream["psnr"][3][0] += 0.05
    elif key == "symbols":
        stream["packets"][1]["symbols"] ^= 1
    else:
        stream["crc32"] ^= 1
    (tmp_path / golden.INDEX).write_text(json.dumps(index))
    trouble = golden.check_decoder(tmp_path, name)
    assert len(trouble) == 1 and trouble[0].startswith("packets[1]" if key == "symbols" else key)


def test_an_encoder_that_chooses_otherwise_is_told(tmp_path: Path) -> None:
    case = next(case for case in golden.CASES if case.name == "ld-10-bit")
    other = golden.Case(case.name, case.width, case.height, case.frames, case.bit_depth,
                        (*case.options, ("disable", ("merge",))))  # fmt: skip
    shutil.copy(FOLDER / f"{case.name}.nvc", tmp_path)
    compared, trouble = golden.check_encoder(tmp_path, other)
    assert compared == 0 or any("coded otherwise" in line for line in trouble)


def test_the_command_makes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch) -> None:
    monkeypatch.setattr(golden, "CASES", golden.CASES[4:8:3])
    assert golden.main([], folder=tmp_path / "new") == 0
    assert golden.main(["--check"], folder=tmp_path / "new") == 0
    assert "ra-1-frame: well (1 packets coded again)" in capsys.readouterr().out
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "golden.json",
        "intra-10-bit-2-frames.nvc",
        "ra-1-frame.nvc",
    ]


def test_no_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert golden.main(["--check"], folder=tmp_path) == 3
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("nvc.codec.frame_coder.REFINED", 0),
        ("nvc.codec.refine.CORRECTED", 0),
        ("nvc.codec.network_choice.select", lambda switches, refined, plain: plain),
        ("nvc.codec.frame_coder.select", lambda switches, refined, plain: plain),
        ("nvc.codec.quality.LEVEL_OFFSETS", {"ra": (19, 27, 35, 45, 53, 61, 65), "ld": (19, 31, 39)}),
    ],
    ids=lambda value: value.split("codec.")[1] if isinstance(value, str) else "",
)
def test_a_decoder_that_does_otherwise_is_noticed(monkeypatch, place: str, value: object) -> None:
    """Whatever networks do to a picture: some golden stream shows it."""
    monkeypatch.setattr(place, value)
    assert any(golden.check_decoder(FOLDER, case.name) for case in golden.CASES if case.networks)
