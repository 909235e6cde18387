"""CUDA C on the host: grids, barriers, ballots, and what it finds wrong."""

import shutil

import numpy as np
import pytest

from nvc.codec import cuda_host
from nvc.codec.cuda_host import HostDevice, compiler
from nvc.errors import DeviceError

SOURCE = r"""
extern "C" __global__ void reverse(const int *in, int *out, int n)
{
    __shared__ int kept[64];
    kept[threadIdx.x] = in[blockIdx.x * n + threadIdx.x];
    __syncthreads();
    out[blockIdx.x * n + threadIdx.x] = kept[n - 1 - threadIdx.x];
}
extern "C" __global__ void reverse_without_barrier(const int *in, int *out, int n)
{
    __shared__ int kept[64];
    kept[threadIdx.x] = in[blockIdx.x * n + threadIdx.x];
    out[blockIdx.x * n + threadIdx.x] = kept[n - 1 - threadIdx.x];
}
extern "C" __global__ void places(int *out, int *total)
{
    int before = 0;
    for (int step = 0; step < 3; step++) {
        const bool wants = (threadIdx.x >> step) & 1;
        const unsigned int ballot = __ballot_sync(0xffffffffu, wants);
        out[step * blockDim.x + threadIdx.x] = before + __popc(ballot & ((1u << (threadIdx.x & 31)) - 1u));
        before += __popc(ballot);
    }
    if (threadIdx.x == 0) *total = before;
}
extern "C" __global__ void where(int *out)
{
    const int at = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    out[at] = 100 * blockIdx.z + 10 * blockIdx.y + blockIdx.x;
}
"""
needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C++ compiler")


def reversed_by(name: str, backwards: bool) -> np.ndarray:
    device = HostDevice(backwards=backwards)
    given, out = np.arange(192, dtype=np.int32), device.empty((192,), np.int32)
    device.launch(SOURCE, name, (3,), 64, given, out, 64)
    return out


@needs_compiler
@pytest.mark.parametrize("backwards", [False, True])
def test_shared_memory_and_barriers(backwards: bool) -> None:
    want = np.arange(192).reshape(3, 64)[:, ::-1].reshape(-1)
    assert np.array_equal(reversed_by("reverse", backwards), want)


@needs_compiler
def test_a_missing_barrier_shows_in_the_order_of_threads() -> None:
    name = "reverse_without_barrier"
    assert not np.array_equal(reversed_by(name, False), reversed_by(name, True))


@needs_compiler
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("threads", [32, 96])
def test_ballots_are_of_the_own_warp(backwards: bool, threads: int) -> None:
    device = HostDevice(backwards=backwards)
    out, total = device.empty((3, threads), np.int32), device.empty((1,), np.int32)
    device.launch(SOURCE, "places", (1,), threads, out, total)
    lanes, before = np.arange(32), 0
    for step in range(3):
        wants = lanes >> step & 1
        assert np.array_equal(out[step], np.tile(before + np.cumsum(wants) - wants, threads // 32))
        before += int(wants.sum())
    assert total[0] == before


@needs_compiler
def test_every_block_of_a_grid_runs_once() -> None:
    device = HostDevice()
    out = device.empty((2, 3, 4), np.int32)
    device.launch(SOURCE, "where", (4, 3, 2), 1, out)
    z, y, x = np.indices(out.shape)
    assert np.array_equal(out, 100 * z + 10 * y + x)
    device.launch(SOURCE, "where", (0,), 1, out)
    assert np.array_equal(out, 100 * z + 10 * y + x)


@needs_compiler
def test_what_is_not_written_shows() -> None:
    assert np.all(HostDevice().empty((3,), np.uint16) == 0xA5A5)


@needs_compiler
def test_a_faulty_kernel_is_refused() -> None:
    with pytest.raises(DeviceError, match="not_declared"):
        HostDevice().launch('extern "C" __global__ void f(int n)\n{ not_declared = n; }', "f", (1,), 1, 1)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DeviceError, match="C\\+\\+ compiler"):
        HostDevice()


def test_every_kernel_gets_a_host_function() -> None:
    text = cuda_host.host_source(SOURCE)
    assert [f"void host_{k}(" in text for k in ("reverse", "places", "where")] == [True] * 3
