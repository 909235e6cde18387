"""Runs the CUDA C of the kernels on a host that has a C++ compiler and no GPU: slow, and bit for bit the same integers.

The kernel text is compiled unchanged after a prelude that gives the CUDA words their meaning. Every thread of a block
is a coroutine; ``__syncthreads`` and ``__ballot_sync`` hand over to the next one, so that all threads reach a barrier
before any goes on. Threads run in rising or falling order: a kernel that lacks a barrier gives other results in one
of the two. It proves the integer arithmetic, the indices and the barriers; speed, memory and launch limits it does not.
"""

import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from nvc.errors import DeviceError

_PRELUDE = r"""
#include <cstddef>
#include <functional>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static  // blocks run one after another
struct Place { unsigned int x, y, z; };

namespace host {
const int STACK = 1 << 16;
ucontext_t scheduler;
std::vector<ucontext_t> threads;
std::vector<char> stacks;
std::vector<char> done;
std::vector<unsigned int> said[2];  // predicates of the last two ballots, by their parity
std::vector<int> ballots;
std::function<void()> body;
int now;

void yield() { swapcontext(&threads[now], &scheduler); }
void start() { body(); done[now] = 1; }  // then on to uc_link, the scheduler
}

static Place threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { host::yield(); }
inline int __popc(unsigned int x) { return __builtin_popcount(x); }
inline unsigned int __ballot_sync(unsigned int, bool vote)
{
    const int turn = host::ballots[host::now]++ & 1, warp = host::now & ~31;
    host::said[turn][host::now] = vote;
    host::yield();
    unsigned int all = 0;
    for (int lane = 0; lane < 32; lane++) all |= host::said[turn][warp + lane] << lane;
    return all;
}

namespace host {
void run_block(int count, bool backwards)
{
    ballots.assign(count, 0);
    done.assign(count, 0);
    for (auto &s : said) s.assign((count + 31) / 32 * 32, 0);
    for (int t = 0; t < count; t++) {
        getcontext(&threads[t]);
        threads[t].uc_stack.ss_sp = &stacks[(size_t)t * STACK];
        threads[t].uc_stack.ss_size = STACK;
        threads[t].uc_link = &scheduler;
        makecontext(&threads[t], start, 0);
    }
    for (bool more = true; more;) {
        more = false;
        for (int k = 0; k < count; k++) {
            now = backwards ? count - 1 - k : k;
            if (done[now]) continue;
            threadIdx = {(unsigned)now, 0, 0};
            swapcontext(&scheduler, &threads[now]);
            more |= !done[now];
        }
    }
}

void run_grid(const int *grid, int count, bool backwards, std::function<void()> kernel)
{
    body = kernel;
    threads.resize(count);
    stacks.resize((size_t)count * STACK);
    blockDim = {(unsigned)count, 1, 1};
    gridDim = {(unsigned)grid[0], (unsigned)grid[1], (unsigned)grid[2]};
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                run_block(count, backwards);
            }
}
}
"""
_FLAGS = ("-std=c++14", "-O1", "-fwrapv", "-fPIC", "-shared")  # -fwrapv: int32 sums wrap, as on a GPU
_KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')


class HostDevice:
    """A ``nvc.backend_cupy.Device`` whose kernels run on the CPU. Raises DeviceError where there is no compiler."""

    def __init__(self, *, backwards: bool = False) -> None:
        """backwards: threads of a block run from the last to the first."""
        if compiler() is None:
            raise DeviceError("running kernels on the host needs a C++ compiler: c++, g++ or clang++")
        self._backwards = backwards

    def upload(self, array: Any, dtype: type) -> np.ndarray:
        """A contiguous array of ``dtype``."""
        return np.ascontiguousarray(array, dtype)

    def empty(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """An array of a value that no kernel writes by chance: what stays unset shows."""
        return np.frombuffer(b"\xa5" * int(np.prod(shape) * np.dtype(dtype).itemsize), dtype).reshape(shape).copy()

    def launch(self, source: str, name: str, grid: tuple[int, ...], threads: int, *arguments: Any) -> None:
        """Run every block of the grid to its end."""
        if 0 in grid:
            return
        sizes = (ctypes.c_int * 3)(*grid, *(1,) * (3 - len(grid)))
        values = [ctypes.c_int(a) if isinstance(a, int) else ctypes.c_void_p(a.ctypes.data) for a in arguments]
        getattr(_library(source), f"host_{name}")(sizes, threads, int(self._backwards), *values)

    def download(self, array: np.ndarray) -> np.ndarray:
        """The array itself: device memory is the host's."""
        return array


def compiler() -> str | None:
    """Path of a C++ compiler, or None."""
    return next((found for name in ("c++", "g++", "clang++") if (found := shutil.which(name))), None)


def host_source(source: str) -> str:
    """C++ of a kernel text: the prelude, the text as it is, and for each kernel a function that runs a grid of it."""
    parts = [_PRELUDE, source]
    for name, parameters in _KERNEL.findall(source):
        names = ", ".join(re.findall(r"(\w+)\s*$", p)[0] for p in parameters.split(","))
        parts.append(
            f'extern "C" void host_{name}(const int *grid, int threads, int backwards, {parameters})\n'
            f"{{ host::run_grid(grid, threads, backwards, [=] {{ {name}({names}); }}); }}\n"
        )
    return "\n".join(parts)


@functools.cache
def _library(source: str) -> ctypes.CDLL:
    """The compiled and loaded library of a kernel text; compiled once for a text, kept with the temporary files."""
    text = host_source(source)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = Path(tempfile.mkdtemp(prefix="nvc-kernels-"))
    try:
        (folder / "kernel.cpp").write_text(text)
        library = folder / f"kernel-{digest}.so"
        command = [str(compiler()), *_FLAGS, "kernel.cpp", "-o", library.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        if done.returncode:
            raise DeviceError(f"the C++ compiler refused a kernel: {done.stderr.strip()[-2000:]}")
        return ctypes.CDLL(str(library))
    finally:
        shutil.rmtree(folder)  # a loaded library needs its file no longer
