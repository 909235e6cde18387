"""Compiles every CUDA kernel, runs them beside their twins, times them, and writes what was seen: scripts/gpu_check.

Compiling needs NVRTC only. Where CuPy finds a GPU the kernels run on it; elsewhere, where a C++ compiler is, they run
as C++ on the host, which proves their integers and says nothing of speed. Networks are run by torch: where it has a
GPU and weights are here, one stream is decoded there and on the CPU. The report says what ran where.
"""

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType

import nvc
from nvc.backend_cupy import CupyDevice, Device, fault
from nvc.codec import cuda_host, gpu_networks, gpu_streams, gpu_twins, nvrtc, transform_cupy
from nvc.codec.gpu_networks import NetworkCheck
from nvc.codec.gpu_twins import GpuCheck, GpuTime
from nvc.entropy import rans_cupy, tables_cupy
from nvc.errors import DeviceError, NvcError
from nvc.motion import warp_cupy
from nvc.weights import offering

FAMILIES: dict[str, ModuleType] = {
    "tables": tables_cupy, "rans": rans_cupy, "prediction": warp_cupy, "inverse transform": transform_cupy,
}  # fmt: skip
FORMAT = "nvc-gpu-check 1"


@dataclass(frozen=True, slots=True)
class Compiled:
    """One kernel text compiled for one architecture: size of what came out in bytes, seconds it took."""

    family: str
    architecture: str
    kernels: tuple[str, ...]
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class GpuReport:
    """All that a run saw.

    ran_on     "gpu", "host" (the kernels as C++ on the CPU) or None (compiled only)
    reason     why not on a GPU, None if there
    versions   of nvc, NVRTC and, on a GPU, the card, CuPy, CUDA and the driver
    networks   a stream decoded with networks on a GPU; without_networks = why there is none, None if there is
    """

    ran_on: str | None
    reason: str | None
    versions: dict[str, str]
    compiled: tuple[Compiled, ...]
    checks: tuple[GpuCheck, ...] = ()
    times: tuple[GpuTime, ...] = ()
    networks: tuple[NetworkCheck, ...] = ()
    without_networks: str | None = None

    @property
    def ok(self) -> bool:
        """Everything compiled, all kernels that ran were bit-exact, and networks within their bound."""
        return bool(self.compiled) and all(c.ok for c in self.checks) and all(n.ok for n in self.networks)


def compile_all(architectures: tuple[str, ...] = nvrtc.ARCHITECTURES) -> tuple[Compiled, ...]:
    """Every family for every architecture. Raises DeviceError where NVRTC is missing or refuses one."""
    out = []
    for family, module in FAMILIES.items():
        for architecture in architectures:
            begin = time.perf_counter()
            made = nvrtc.compile_kernels(module.SOURCE, architecture)
            seconds = time.perf_counter() - begin
            missing = [k for k in module.KERNELS if k.encode() not in made]
            if missing:
                raise DeviceError(f"{family} for {architecture}: NVRTC made no kernel {', '.join(missing)}")
            out.append(Compiled(family, architecture, module.KERNELS, len(made), round(seconds, 3)))
    return tuple(out)


def run(*, compile_only: bool = False, golden: Path | None = None, clip: Path | None = None) -> GpuReport:
    """Compile, then run where something can run them.

    golden: folder of .nvc files, searched with its folders; clip: a video to code for the networks.
    """
    versions = {"nvc": nvc.__version__, "nvrtc": nvrtc.version()}
    compiled = compile_all()
    if compile_only:
        asked = "asked to compile only"
        return GpuReport(None, asked, versions, compiled, without_networks=asked)
    report = _run_kernels(versions, compiled, golden)
    without = gpu_networks.fault(clip)
    if without is not None or clip is None:
        return replace(report, without_networks=without)
    return replace(report, networks=tuple(gpu_networks.check_networks(clip)))


def _run_kernels(versions: dict[str, str], compiled: tuple[Compiled, ...], golden: Path | None) -> GpuReport:
    reason = fault()
    if reason is None:
        gpu = CupyDevice()
        checks = (*gpu_twins.check_twins(gpu), *check_golden(golden, gpu))
        return GpuReport("gpu", None, versions | gpu.names(), compiled, checks, tuple(gpu_twins.time_twins(gpu)))
    if cuda_host.compiler() is None:
        return GpuReport(None, f"{reason}, and there is no C++ compiler", versions, compiled)
    host = cuda_host.HostDevice()
    return GpuReport("host", reason, versions, compiled, (*gpu_twins.check_twins(host), *check_golden(golden, host)))


def check_golden(folder: Path | None, device: Device) -> list[GpuCheck]:
    """The rANS kernels on every payload of the neural streams below ``folder``; nothing where there are none."""
    if folder is None or not folder.is_dir():
        return []
    checks = []
    for path in sorted(folder.rglob("*.nvc")):
        with offering(path.parent) if any(path.parent.glob("*.safetensors")) else nullcontext():
            coded = gpu_streams.payloads_of_file(path)
        if not coded:  # I frames only, or layered: nothing that these kernels could do
            continue
        faults = gpu_streams.check_payloads(coded, device)
        what = f"golden {path.relative_to(folder)}, {len(coded)} payloads"
        checks.append(GpuCheck("rans", f"{what}{': ' + '; '.join(faults) if faults else ''}", not faults))
    return checks


def as_json(report: GpuReport) -> str:
    """The report as one JSON object: format, ok, and the fields of GpuReport."""
    networks = [asdict(n) | {"ok": n.ok} for n in report.networks]
    return json.dumps({"format": FORMAT, "ok": report.ok, **asdict(report), "networks": networks}, indent=2) + "\n"


def as_markdown(report: GpuReport) -> str:
    """The report as a page."""
    lines = ["# CUDA kernels", "", "Made by `scripts/gpu_check`. " + _where(report), ""]
    lines += ["## Versions", "", *(f"- {name}: {value}" for name, value in report.versions.items()), ""]
    lines += ["## Compiled", "", "| family | kernels | architecture | bytes | seconds |", "|---|---|---|---:|---:|"]
    lines += [
        f"| {c.family} | {', '.join(c.kernels)} | {c.architecture} | {c.size} | {c.seconds:.3f} |"
        for c in report.compiled
    ]
    if report.checks:
        lines += ["", "## Bit-exact against the reference", "", "| family | case | result |", "|---|---|---|"]
        lines += [f"| {c.family} | {c.case} | {'same' if c.ok else '**other**'} |" for c in report.checks]
    if report.times:
        lines += [
            "",
            "## Milliseconds (median)",
            "",
            "CPU: one thread of numba (tables: NumPy). Copied: arrays to the GPU and back.",
            "",
        ]
        lines += ["| family | work | CPU | GPU, copied | GPU, resident |", "|---|---|---:|---:|---:|"]
        lines += [f"| {t.family} | {t.case} | {t.cpu:.3f} | {t.copied:.3f} | {t.resident:.3f} |" for t in report.times]
    return "\n".join([*lines, "", "## Networks", "", *_networks_page(report)]) + "\n"


def _networks_page(report: GpuReport) -> list[str]:
    if not report.networks:
        return [f"Not run: {report.without_networks}."]
    lines = [f"One stream, decoded by torch. Symbols must be the same, mean PSNR within {gpu_networks.BOUND} dB.", ""]
    lines += ["| weights | run | frames (with networks) | symbols | PSNR | on the CPU | farthest | s | on the CPU | |"]
    lines += ["|---|---|---:|---|---:|---:|---:|---:|---:|---|"]
    return lines + [
        f"| {n.weights} | {n.precision} on {n.device} | {n.frames} ({n.used}) | "
        f"{'same' if n.same_symbols else '**other**'} | {_decibels(n.psnr)} | {n.psnr_cpu:.3f} | {n.farthest:.3f} | "
        f"{n.seconds:.2f} | {n.seconds_cpu:.2f} | {'good' if n.ok else '**fails**'} {n.fault or ''} |"
        for n in report.networks
    ]


def _decibels(psnr: float | None) -> str:
    return "none" if psnr is None else f"{psnr:.3f}"


def main(arguments: list[str] | None = None, golden: Path | None = None, clip: Path | None = None) -> int:
    """The command: 0 if all is well, 1 if something differs, else the error's code.

    golden, clip: defaults of --golden and --clip.
    """
    parser = argparse.ArgumentParser(prog="gpu_check", description=__doc__.splitlines()[0])
    parser.add_argument("--compile-only", action="store_true", help="compile with NVRTC and run nothing")
    parser.add_argument("--golden", type=Path, default=golden, metavar="DIR", help="streams to read and write again")
    parser.add_argument("--clip", type=Path, default=clip, metavar="VIDEO", help="coded to compare networks on a GPU")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write gpu.json and gpu.md here")
    asked = parser.parse_args(arguments)
    try:
        report = run(compile_only=asked.compile_only, golden=asked.golden, clip=asked.clip)
    except NvcError as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return error.exit_code
    _print(report)
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "gpu.json").write_text(as_json(report))
        (asked.out / "gpu.md").write_text(as_markdown(report))
    return 0 if report.ok else 1


def _print(report: GpuReport) -> None:
    print(_where(report))
    for line in (c for c in report.checks if not c.ok):
        print(f"differs: {line.family}, {line.case}")
    good = sum(c.ok for c in report.checks)
    print(f"{len(report.compiled)} compilations, {good} of {len(report.checks)} cases bit-exact")
    for t in report.times:
        print(f"{t.family}: {t.case}: CPU {t.cpu:.3f} ms, copied {t.copied:.3f} ms, resident {t.resident:.3f} ms")
    for n in report.networks:
        said = f": {n.fault}" if n.fault else ""
        print(f"networks {n.weights}, {n.precision} on {n.device}: {'good' if n.ok else 'FAILS'}{said}")
    if not report.networks:
        print(f"networks: not run, {report.without_networks}")


def _where(report: GpuReport) -> str:
    """One sentence: where the kernels ran."""
    if report.ran_on == "gpu":
        return f"The kernels ran on {report.versions['card']} (compute {report.versions['compute']})."
    if report.ran_on == "host":
        return f"The kernels ran as C++ on the host, not on a GPU: {report.reason}. There are no times."
    return f"The kernels were compiled and did not run: {report.reason}."
