from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.io import open_writer
from nvc.models.enhance import PRESETS, EnhanceModel
from nvc.models.enhance_weights import save_enhance
from nvc.train.enhance_measure import _bd_rate, _summary, measure
from nvc.types import Frame, VideoInfo


def test_rows_for_each_rate_and_their_mean(tmp_path: Path) -> None:
    info = VideoInfo(96, 64, Fraction(1, 25), Fraction(25))
    rows, columns = np.mgrid[:64, :96]
    with open_writer(tmp_path / "a.y4m", info) as writer:
        for k in range(4):
            luma = (128 + 60 * np.sin((columns - 2 * k) / 7) * np.cos(rows / 9)).astype(np.uint8)
            writer.write(Frame(luma, luma[::2, ::2].copy(), luma[1::2, 1::2].copy(), k, info, 1))
    model = EnhanceModel(PRESETS["fast"])
    torch.nn.init.constant_(model.leave.bias, 0.5)
    save_enhance(tmp_path / "e.safetensors", model)
    options = {"codec": "x264", "preset": "veryfast", "rates": [12, 34], "frames": 4}
    found = list(measure([tmp_path / "a.y4m"], tmp_path / "e.safetensors", **options))
    assert [(row["video"], row.get("rate")) for row in found] == [
        ("a", 12), ("a", 34), ("a", None), ("mean", 12), ("mean", 34), ("mean", None),
    ]  # fmt: skip
    assert found[0]["bytes"] > found[1]["bytes"]
    assert found[0]["strength"] == 0 and found[0]["gain"] == 0
    assert found[1]["strength"] == 1 and found[1]["gain"] < 0 and set(found[1]["by_type"]) <= {"I", "P", "B"}
    full = list(measure([tmp_path / "a.y4m"], tmp_path / "e.safetensors", **options, full=True, hide=True))
    assert full[0]["strength"] == 1 and full[0]["gain"] < 0


def test_gains_as_bd_rate() -> None:
    rows = [{"bytes": 1000 * 2**k, "psnr": 30.0 + 3 * k, "gain": 3.0} for k in range(4)]
    assert _bd_rate(rows) == pytest.approx(-50, abs=0.1)  # 3 dB are an octave here
    assert _bd_rate([{**row, "gain": 0.0} for row in rows]) == 0 and _bd_rate(rows[:1]) is None


def test_the_worst_video_is_named_and_none_is_lost() -> None:
    assert _summary([("a", -4.0), ("b", 1.0)]) == {"bd_rate": -1.5, "worst": 1.0, "worst_video": "b"}
    assert _summary([("a", -4.0), ("a", -2.0)])["bd_rate"] == -3  # two folders may hold one name
    assert _summary([("a", -4.0), ("b", None)]) == {"bd_rate": -4, "worst": -4, "worst_video": "a", "without": 1}
    assert _summary([("a", None)]) == {"bd_rate": None, "without": 1}
