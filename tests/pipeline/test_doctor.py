"""What doctor finds on the machine of the test."""

import pytest

from nvc.errors import DeviceError
from nvc.pipeline.doctor import device_name, examine


def test_this_machine_is_exact_and_named() -> None:
    found = examine()
    assert all(check["ok"] for check in found["checks"]) and len(found["checks"]) >= 3
    assert {"rans", "prediction"} <= {use["family"] for use in found["backends"]}
    assert found["versions"]["av"] != "missing" and found["cores"] >= 1


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_name("auto") == device_name("cpu") == "cpu"
    with pytest.raises(DeviceError):
        device_name("cuda")
