"""The gpu_check command: compiles, runs what can run, and says what it did."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nvc.codec import cuda_host, gpu_check, nvrtc
from nvc.codec.gpu_networks import NetworkCheck
from nvc.codec.gpu_twins import GpuCheck, GpuTime
from nvc.errors import DeviceError

needs_nvrtc = pytest.mark.skipif(nvrtc.library_path() is None, reason="no NVRTC: pip install nvidia-cuda-nvrtc-cu12")
COMPILED = (gpu_check.Compiled("rans", "compute_75", ("decode_streams",), 100, 0.1),)
VERSIONS = {"nvc": "0", "nvrtc": "12.9", "card": "Card X", "compute": "9.0"}


@needs_nvrtc
def test_every_family_is_compiled_for_every_architecture() -> None:
    done = {(c.family, c.architecture) for c in gpu_check.compile_all()}
    assert done == {(f, a) for f in gpu_check.FAMILIES for a in ("compute_75", "compute_80", "compute_90")}


@needs_nvrtc
def test_a_faulty_kernel_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    module = gpu_check.FAMILIES["rans"]
    monkeypatch.setattr(module, "SOURCE", module.SOURCE + "\nint broken = missing;")
    assert gpu_check.main(["--compile-only"]) == DeviceError.exit_code
    assert "NVRTC refused a kernel for compute_75" in capsys.readouterr().err
    monkeypatch.setattr(module, "SOURCE", 'extern "C" __global__ void decode_streams() {}')
    with pytest.raises(DeviceError, match="no kernel encode_streams"):
        gpu_check.compile_all()


@needs_nvrtc
def test_compile_only_writes_json_and_markdown(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert gpu_check.main(["--compile-only", "--out", str(tmp_path / "new")]) == 0
    assert "12 compilations" in capsys.readouterr().out
    found = json.loads((tmp_path / "new" / "gpu.json").read_text())
    assert (found["format"], found["ok"], found["ran_on"]) == ("nvc-gpu-check 1", True, None)
    assert len(found["compiled"]) == 12 and found["checks"] == found["times"] == []
    page = (tmp_path / "new" / "gpu.md").read_text()
    assert page.startswith("# CUDA kernels\n") and "did not run" in page and "Milliseconds" not in page
    assert found["networks"] == [] and "Not run: asked to compile only." in page


@needs_nvrtc
@pytest.mark.skipif(cuda_host.compiler() is None, reason="no C++ compiler")
def test_without_a_gpu_the_host_runs_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(gpu_check, "fault", lambda: "CuPy is not installed")
    assert gpu_check.main([]) == 0
    assert "as C++ on the host, not on a GPU: CuPy is not installed" in capsys.readouterr().out
    monkeypatch.setattr(cuda_host, "compiler", lambda: None)
    report = gpu_check.run()
    assert (report.ran_on, report.checks, report.ok) == (None, (), True)
    assert "no C++ compiler" in str(report.reason)


def test_a_difference_is_exit_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    checks = (GpuCheck("rans", "case a", True), GpuCheck("rans", "case b", False))
    report = gpu_check.GpuReport("gpu", None, VERSIONS, COMPILED, checks)
    monkeypatch.setattr(gpu_check, "run", lambda **_: report)
    assert gpu_check.main([]) == 1
    out = capsys.readouterr().out
    assert "differs: rans, case b" in out and "1 of 2 cases bit-exact" in out


def test_the_page_of_a_gpu() -> None:
    times = (GpuTime("rans", "work", 3.0, 2.0, 1.0),)
    checks = (GpuCheck("rans", "case a", True), GpuCheck("rans", "case b", False))
    page = gpu_check.as_markdown(gpu_check.GpuReport("gpu", None, VERSIONS, COMPILED, checks, times))
    assert "ran on Card X (compute 9.0)" in page
    assert "| rans | case b | **other** |" in page
    assert "| rans | work | 3.000 | 2.000 | 1.000 |" in page


def test_the_page_and_json_of_networks() -> None:
    good = NetworkCheck("0123", "cuda", "fp32", 17, 16, True, 34.101, 34.1, 0.004, None, 1.0, 2.0)
    bad = replace(good, precision="bf16", same_symbols=False, psnr=None, fault="other symbols")
    report = gpu_check.GpuReport("gpu", None, VERSIONS, COMPILED, networks=(good,))
    assert report.ok and not replace(report, networks=(good, bad)).ok
    page = gpu_check.as_markdown(replace(report, networks=(good, bad)))
    assert "| 0123 | fp32 on cuda | 17 (16) | same | 34.101 | 34.100 | 0.004 | 1.00 | 2.00 | good  |" in page
    assert "| **other** | none | 34.100 |" in page and "| **fails** other symbols |" in page
    found = json.loads(gpu_check.as_json(replace(report, networks=(good, bad))))
    assert [n["ok"] for n in found["networks"]] == [True, False] and not found["ok"]


@needs_nvrtc
def test_networks_run_where_they_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    asked: list[Path] = []
    bad = NetworkCheck("0123", "cuda", "fp32", 17, 16, False, None, 34.1, 0.0, "other symbols", 1.0, 2.0)
    monkeypatch.setattr(gpu_check, "_run_kernels", lambda *_: gpu_check.GpuReport(None, "", VERSIONS, COMPILED))
    monkeypatch.setattr(gpu_check, "compile_all", lambda: COMPILED)
    monkeypatch.setattr(gpu_check.gpu_networks, "fault", lambda clip: None)
    monkeypatch.setattr(gpu_check.gpu_networks, "check_networks", lambda clip: asked.append(clip) or [bad])
    assert gpu_check.main(["--clip", str(tmp_path)]) == 1
    assert asked == [tmp_path] and "networks 0123, fp32 on cuda: FAILS: other symbols" in capsys.readouterr().out
    monkeypatch.setattr(gpu_check.gpu_networks, "fault", lambda clip: "no weights")
    assert gpu_check.main([]) == 0
    assert "networks: not run, no weights" in capsys.readouterr().out


def test_nothing_compiled_is_not_well() -> None:
    assert not gpu_check.GpuReport("gpu", None, {}, ()).ok


@needs_nvrtc
@pytest.mark.gpu
def test_on_a_gpu() -> None:
    report = gpu_check.run()
    if report.ran_on != "gpu":
        pytest.skip(str(report.reason))
    assert report.ok and len(report.times) == 4


def test_the_script_starts_from_anywhere(root: Path, tmp_path: Path) -> None:
    script = root / "scripts" / "gpu_check"
    done = subprocess.run([sys.executable, script, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "--compile-only" in done.stdout
    assert os.access(script, os.X_OK)
