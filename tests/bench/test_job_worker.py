"""One job as its process does it: bytes, quality and frames of real files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nvc.bench import job_worker
from nvc.bench.job_worker import Task, coded_bytes, measure, round_to_8_bit
from nvc.bench.lines import line_by_id
from nvc.bench.planes import PlaneReader
from nvc.bench.xpsnr import has_xpsnr
from nvc.errors import FormatError


@pytest.mark.parametrize(
    ("line", "setting"),
    [("x265-medium", 30), ("x265-plain", 30), ("svt-av1-6", 40), ("vvenc-faster", 30), ("nvc-ra", 30)],
)
def test_every_family_end_to_end(y4m: Callable, tmp_path: Path, line: str, setting: int) -> None:
    clip = y4m("clip.y4m", 128, 96, 5)
    found = measure(Task(line_by_id(line), setting, 32, 4, clip, tmp_path, crop=line != "x265-plain"))
    assert found["frames"] == 4 and 100 < found["bytes"] < 40_000
    assert 20 < found["quality"]["psnr_611"] < 60 and 0 < found["quality"]["vmaf"] <= 100
    assert [len(values) for values in found["by_frame"].values()] == [4, 4, 4, 4, 4 if has_xpsnr() else 0]
    assert 0.5 < found["quality"]["ms_ssim"] < 1 and 5 < found["quality"]["ms_ssim_db"] < 40
    assert found["quality"]["xpsnr"] is None or 10 < found["quality"]["xpsnr"] < 60
    assert (found["crop"] is None) == (line == "x265-plain")
    assert np.mean(found["by_frame"]["psnr_611"]) == pytest.approx(found["quality"]["psnr_611"], abs=1e-3)
    if line == "nvc-ra":
        assert [p["index"] for p in found["pictures"]] == [0, 1, 2, 3]
        assert found["bytes"] == (tmp_path / "coded.nvc").stat().st_size
    elif line.startswith("x265"):
        assert sum(p["bits"]["base"] for p in found["pictures"]) == 8 * found["bytes"]
    else:
        assert found["pictures"] is None
    with PlaneReader(tmp_path / "decoded.y4m") as decoded:
        assert decoded.picture.bit_depth == 8


def test_a_job_as_words(y4m: Callable, capsys: pytest.CaptureFixture) -> None:
    job = {"line": "x265-medium", "setting": 35, "keyint": 2, "frames": 3, "crop": False}
    job["source"] = str(y4m("a.y4m", 128, 96, 3))
    assert job_worker.main(json.dumps(job)) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 3


def test_a_job_that_fails_says_why(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    job = {"line": "x265-medium", "setting": 35, "keyint": 2, "frames": 3, "crop": False}
    job["source"] = str(tmp_path / "none.y4m")
    assert job_worker.main(json.dumps(job)) == 3
    assert "none.y4m" in capsys.readouterr().err


def test_ivf_counts_its_packets_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.ivf"
    packets = [b"x" * 5, b"y" * 7]
    path.write_bytes(b"DKIF".ljust(32, b"\0") + b"".join(len(p).to_bytes(4, "little") + bytes(8) + p for p in packets))
    assert coded_bytes(path) == 12
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError, match="IVF"):
        coded_bytes(path)


def test_ten_bits_are_rounded(tmp_path: Path) -> None:
    source, out = tmp_path / "a.y4m", tmp_path / "b.y4m"
    luma = np.array([[0, 1, 2, 3], [5, 6, 1021, 1022]], "<u2")
    chroma = np.array([[512, 1023]], "<u2")
    planes = luma.tobytes() + chroma.tobytes() + chroma.tobytes()
    source.write_bytes(b"YUV4MPEG2 W4 H2 F25:1 C420p10\nFRAME\n" + planes)
    round_to_8_bit(source, out)
    with PlaneReader(out) as reader:
        ((y, u, _),) = list(reader)
    assert y.tolist() == [[0, 0, 1, 1], [1, 2, 255, 255]] and u.tolist() == [[128, 255]]
