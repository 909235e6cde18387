"""The golden streams decode to the symbols and pictures they were made of, and today's encoder makes the same symbols.

Where one of these fails, a change moved a symbol: streams that people have would no longer decode, or the encoder
chooses otherwise. Where that is meant, ``scripts/golden`` makes the streams anew.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nvc.bench import golden

FOLDER = Path(__file__).resolve().parent.parent / "golden"
NAMES = [case.name for case in golden.CASES]


@pytest.fixture(scope="module")
def machine() -> dict[str, int]:
    return json.loads((FOLDER / golden.INDEX).read_text())["machine"]


def test_there_are_ten_small_ones() -> None:
    files = list(FOLDER.glob("*.nvc"))
    assert sorted(path.stem for path in files) == sorted(NAMES) and len(NAMES) == 10
    assert sum(path.stat().st_size for path in files) < golden.MOST_BYTES
    settings = [case.settings for case in golden.CASES]
    assert {s.structure for s in settings} == {"ra", "ld", "intra"} and {s.mode for s in settings} == {
        "neural",
        "layered",
    }
    assert {case.frames for case in golden.CASES} == {1, 2, 9, 17} and all("networks" in s.disable for s in settings)


@pytest.mark.parametrize("name", NAMES)
def test_they_decode_as_ever(name: str) -> None:
    assert golden.check_decoder(FOLDER, name) == []


@pytest.mark.parametrize("case", golden.CASES, ids=NAMES)
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


@pytest.mark.parametrize("key", ["planes", "symbols", "crc32"])
def test_a_difference_is_told(tmp_path: Path, key: str) -> None:
    name = "ra-10-bit-odd"
    shutil.copy(FOLDER / f"{name}.nvc", tmp_path)
    index = json.loads((FOLDER / golden.INDEX).read_text())
    stream = index["streams"][name]
    if key == "planes":
        stream["planes"][3] ^= 1
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
