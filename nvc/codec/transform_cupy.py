"""Integer inverse DCT on a GPU: one block of threads a transform block, both passes in shared memory, int32 sums."""

from typing import Any

import numpy as np

from nvc.backend_cupy import Device, device_of, on_gpu

KERNELS = ("add_inverse",)
_MOST_THREADS = 256

SOURCE = r"""
#define LIMIT (1 << 20)

__device__ __forceinline__ int limited(int x) { return x < -LIMIT ? -LIMIT : (x > LIMIT - 1 ? LIMIT - 1 : x); }

// Block b of the grid: columns, then rows of the inverse, added to the prediction. log_n: 3, 4 or 5.
template <int N>
__device__ __forceinline__ void inverse_block(
    const int *coefficients, const int *matrix, const unsigned short *prediction, unsigned short *out,
    int log_n, int columns, int peak, int *m, int *block, int *half_column)
{
    for (int at = threadIdx.x; at < N * N; at += blockDim.x) {
        m[at] = matrix[at];
        block[at] = limited(coefficients[(size_t)blockIdx.x * (N * N) + at]);
    }
    __syncthreads();
    for (int at = threadIdx.x; at < N * N; at += blockDim.x) {
        const int i = at / N, j = at % N;
        int sum = 0;
        #pragma unroll 8
        for (int k = 0; k < N; k++) sum += m[k * N + i] * block[k * N + j];
        half_column[at] = limited((sum + 64) >> 7);
    }
    __syncthreads();
    const int shift = 12 + log_n + 4 - 7;
    const int top = (int)blockIdx.x / columns * N, left = (int)blockIdx.x % columns * N;
    for (int at = threadIdx.x; at < N * N; at += blockDim.x) {
        const int i = at / N, j = at % N;
        int sum = 1 << (shift - 1);
        #pragma unroll 8
        for (int k = 0; k < N; k++) sum += half_column[i * N + k] * m[k * N + j];
        const size_t place = (size_t)(top + i) * (columns * N) + left + j;
        const int value = (int)prediction[place] + (sum >> shift);
        out[place] = (unsigned short)(value < 0 ? 0 : (value > peak ? peak : value));
    }
}

// Grid (blocks); arguments as add_inverse of the twins, n 8, 16 or 32.
extern "C" __global__ void add_inverse(
    const int *coefficients, const int *matrix, const unsigned short *prediction, unsigned short *out,
    int n, int columns, int peak)
{
    __shared__ int m[1024];
    __shared__ int block[1024];
    __shared__ int half_column[1024];
    if (n == 8) inverse_block<8>(coefficients, matrix, prediction, out, 3, columns, peak, m, block, half_column);
    else if (n == 16)
        inverse_block<16>(coefficients, matrix, prediction, out, 4, columns, peak, m, block, half_column);
    else inverse_block<32>(coefficients, matrix, prediction, out, 5, columns, peak, m, block, half_column);
}
"""


def add_inverse(
    coefficients: Any, matrix: Any, prediction: Any, width_blocks: int, peak: int, out: Any,
    device: Device | None = None,
) -> None:  # fmt: skip
    """Same arguments and result as ``transform_reference.add_inverse``; NumPy or GPU arrays, ``out`` is filled."""
    at = device_of(device)
    blocks, n = coefficients.shape[:2]
    whole = blocks * n * n == out.shape[0] * out.shape[1]
    target = at.empty(tuple(out.shape), np.uint16) if whole else at.upload(out, np.uint16)
    at.launch(
        SOURCE, "add_inverse", (blocks,), min(n * n, _MOST_THREADS), at.upload(coefficients, np.int32),
        at.upload(matrix, np.int32), at.upload(prediction, np.uint16), target, n, width_blocks, peak,
    )  # fmt: skip
    if on_gpu(out):
        at.upload(out, np.uint16)[...] = target
    else:
        out[...] = at.download(target)
