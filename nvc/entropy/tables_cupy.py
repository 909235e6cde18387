"""Table building on a GPU: one block of threads a table, a binary search for each of its 4096 slots."""

from typing import Any

import numpy as np

from nvc.backend_cupy import Device, device_of, home

KERNELS = ("build_tables",)
_THREADS = 256  # at least 65: one a symbol, and one for the end

SOURCE = r"""
// One block a table: starts (sums of the frequencies before) and the lookup of its 4096 slots.
extern "C" __global__ void build_tables(
    const unsigned short *frequencies, unsigned short *starts, unsigned int *lookup, int alphabet)
{
    __shared__ int first[65];
    const unsigned short *row = frequencies + blockIdx.x * alphabet;
    const int mine = threadIdx.x;
    if (mine <= alphabet) {
        int sum = 0;
        for (int k = 0; k < mine; k++) sum += row[k];
        first[mine] = sum;
        if (mine < alphabet) starts[blockIdx.x * alphabet + mine] = (unsigned short)sum;
    }
    __syncthreads();
    for (int slot = mine; slot < 4096; slot += blockDim.x) {
        int low = 0, high = alphabet;  // the last symbol that starts at or before the slot
        while (high - low > 1) {
            const int middle = (low + high) >> 1;
            if (first[middle] <= slot) low = middle; else high = middle;
        }
        const unsigned int frequency = (unsigned int)(first[low + 1] - first[low]);
        lookup[blockIdx.x * 4096 + slot] = (unsigned int)low << 24 | (unsigned int)first[low] << 12 | frequency;
    }
}
"""


def place_symbols(frequencies: Any, device: Device | None = None) -> tuple[Any, Any]:
    """Same arguments and result as ``tables_reference.place_symbols``; NumPy or GPU arrays, A <= 64.

    The results lie where the frequencies lie. Rows are not checked: ``tables.build_tables`` does that.
    """
    at, (rows, alphabet) = device_of(device), frequencies.shape
    starts, lookup = at.empty((rows, alphabet), np.uint16), at.empty((rows, 4096), np.uint32)
    at.launch(SOURCE, "build_tables", (rows,), _THREADS, at.upload(frequencies, np.uint16), starts, lookup, alphabet)
    return home(at, starts, frequencies), home(at, lookup, frequencies)
