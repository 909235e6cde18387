"""Opening and naming of weights files."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from nvc.errors import ModelError
from nvc.models import files


def test_what_is_no_weights_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(ModelError, match="not there"):
        files.open_tensors(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="cannot be read"):
        files.open_tensors(path)
    monkeypatch.setattr(files, "MAX_FILE", 4)
    with pytest.raises(ModelError, match="more than 4"):
        files.open_tensors(path)


def test_tensors_come_back(tmp_path: Path) -> None:
    save_file({"x": np.arange(3)}, tmp_path / "a.safetensors")
    with files.open_tensors(tmp_path / "a.safetensors") as file:
        assert file.get_tensor("x").tolist() == [0, 1, 2]


def test_every_part_counts_for_the_id() -> None:
    x = np.arange(4, dtype=np.int32)
    ids = {
        files.content_id({"x": x}, "a"),
        files.content_id({"x": x}, "b"),
        files.content_id({"y": x}, "a"),
        files.content_id({"x": x.reshape(2, 2)}, "a"),
        files.content_id({"x": x.astype(np.int64)}, "a"),
        files.content_id({"x": x + 1}, "a"),
    }
    assert len(ids) == 6 and all(len(i) == files.ID_DIGITS for i in ids)
    assert files.content_id({"x": x, "y": x}, "a") == files.content_id({"y": x, "x": x}, "a")
