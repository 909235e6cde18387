from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nvc.models.enhance import PRESETS, EnhanceModel
from nvc.models.enhance_weights import save_enhance


@pytest.fixture
def weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "e.safetensors"
    name = save_enhance(path, EnhanceModel(PRESETS["fast"]), half=True)
    monkeypatch.setenv("NVC_WEIGHTS", str(path))
    return name


def test_objects_and_text(clip: Path, tmp_path: Path, weights: str, objects: Callable, run: Callable) -> None:
    code, found = objects("enhance", clip, tmp_path / "a.mkv", "--reference", clip, "--frames", 3, "--codec", "ffv1")
    assert code == 0 and [o["type"] for o in found if o["type"] != "progress"] == ["start", "done"]
    done = found[-1]
    assert (done["frames"], done["weights"], done["psnr_before"]) == (3, weights, 100)
    code, out, err = run("enhance", clip, tmp_path / "b.y4m", "--strength", "0.5", "--frames", 2)
    assert code == 0 and not out and "2 frames" in err and "strength 0.50" in err


def test_y4m_on_stdout_holds_data_only(clip: Path, weights: str, capfdbinary: pytest.CaptureFixture) -> None:
    from nvc.cli import main

    assert main(["enhance", str(clip), "-", "--frames", "2", "--json"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"YUV4MPEG2") and b'"done"' in err


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--strength", "2"), 2), (("--strength", "much"), 2), (("--preset", "best"), 2), (("--preset", "quality"), 6),
     (("--codec", "x264"), 2)],
)  # fmt: skip
def test_exit_codes(clip: Path, tmp_path: Path, weights: str, run: Callable, words: tuple, code: int) -> None:
    assert run("enhance", clip, tmp_path / "a.y4m", *words)[0] == code


def test_help_names_the_options(run: Callable) -> None:
    code, out, _ = run("enhance", "--help")
    assert code == 0 and all(word in out for word in ("--strength", "--preset", "--reference", "--crf"))
