"""Overlapped block prediction on a GPU: interpolation, windows and blend of both references in one kernel.

One block of threads makes one tile of 16x16 luma (8x8 chroma) samples. It gathers: the tile's own four cells (one unit
where they move alike) and those around whose windows reach into it, each from its one or two references, are filtered
(rows into shared memory, then columns) and summed with their weights. So nothing is added across threads, and each
pair of unit and sample is computed once. Sums are int32 as in ``warp_numba``: the same pixels, bit for bit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nvc.backend_cupy import Device, device_of, home
from nvc.motion.field import BLOCK, MotionField, grid_size

KERNELS = ("predict_plane", "predict_frame")
_LUMA_THREADS, _CHROMA_THREADS = 256, 64

SOURCE = r"""
__device__ __forceinline__ int clamped(int x, int low, int high) { return x < low ? low : (x > high ? high : x); }

// One padded reference plane: sample (y, x) of the picture is at [(y + margin) * stride + x + margin].
struct Plane { const unsigned short *samples; int stride, margin, height, width; };

// Motion of the frame's cells, two by two a block, and how they overlap; rows and columns of blocks; taps has 1 << BITS
// rows of TAPS, windows 4 rows of SIZE / 2 + 2 * overlap.
struct Motion {
    const signed char *modes; const short *vectors; const int *taps; const int *windows;
    int rows, columns, overlap, depth;
};

// Rows y0 - back .. y1 + TAPS - 2 - back of the tile, filtered along x for columns x0 .. x1, into middle.
template <int SIZE, int TAPS>
__device__ __forceinline__ void filter_rows(
    const Plane &p, const int *f, int top, int left, int y0, int y1, int x0, int x1, int down, int *middle)
{
    const int across = x1 - x0, count = (y1 - y0 + TAPS - 1) * across;
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        const int i = at / across, j = at % across;
        const int y = clamped(top + y0 + i - (TAPS / 2 - 1), 0, p.height - 1) + p.margin;
        const unsigned short *row = p.samples + (size_t)y * p.stride + p.margin;
        int sum = 0;
        #pragma unroll
        for (int k = 0; k < TAPS; k++)
            sum += f[k] * (int)row[clamped(left + x0 + j + k - (TAPS / 2 - 1), 0, p.width - 1)];
        middle[i * SIZE + j] = sum >> down;
    }
}

// Weight at position ``at`` of the window of cell ``index`` of ``count`` along one axis.
__device__ __forceinline__ int weight(const Motion &m, int index, int count, int span, int at)
{
    return at < 0 || at >= span ? 0 : m.windows[((index == 0) + 2 * (index == count - 1)) * span + at];
}

__device__ __forceinline__ bool same(const Motion &m, int a, int b)
{
    bool equal = m.modes[a] == m.modes[b];
    for (int k = 0; k < 4; k++) equal = equal && m.vectors[a * 4 + k] == m.vectors[b * 4 + k];
    return equal;
}

// The sample of tile (row, column) that this thread owns: weighted sum over cells and references, not yet rounded.
template <int SIZE, int TAPS, int BITS>
__device__ __forceinline__ int gather(
    const Plane *references, const Motion &m, int row, int column, int i, int j, int *middle)
{
    const int mask = (1 << BITS) - 1, cell = SIZE / 2, span = cell + 2 * m.overlap, reach = m.overlap > 0 ? 1 : 0;
    const int rows = 2 * m.rows, columns = 2 * m.columns, own = 2 * row * columns + 2 * column;
    const bool whole = same(m, own, own + 1) && same(m, own, own + columns) && same(m, own, own + columns + 1);
    int total = 0;
    for (int down = -reach; down <= 1 + reach; down++)
    for (int across = -reach; across <= 1 + reach; across++) {
        const int r = 2 * row + down, c = 2 * column + across;
        if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
        const bool joined = whole && (down >> 1) == 0 && (across >> 1) == 0;
        if (joined && (down || across)) continue;  // done with the first
        // The part of the tile under the window.
        const int side = joined ? SIZE : cell;
        const int top = down * cell - m.overlap, left = across * cell - m.overlap, reached = side + 2 * m.overlap;
        const int y0 = clamped(top, 0, SIZE), y1 = clamped(top + reached, 0, SIZE);
        const int x0 = clamped(left, 0, SIZE), x1 = clamped(left + reached, 0, SIZE);
        const int at_y = i - top, at_x = j - left;
        int wy = weight(m, r, rows, span, at_y), wx = weight(m, c, columns, span, at_x);
        if (joined) {
            wy += weight(m, r + 1, rows, span, at_y - cell);
            wx += weight(m, c + 1, columns, span, at_x - cell);
        }
        const int mode = m.modes[r * columns + c];
        const bool inside = i >= y0 && i < y1 && j >= x0 && j < x1;
        for (int reference = 0; reference < 2; reference++) {
            if (mode != 0 && mode != reference + 1) continue;
            const short *v = m.vectors + ((r * columns + c) * 2 + reference) * 2;
            const int vx = v[0], vy = v[1];
            __syncthreads();  // middle of the pass before has been read
            filter_rows<SIZE, TAPS>(
                references[reference], m.taps + (vx & mask) * TAPS, row * SIZE + (vy >> BITS),
                column * SIZE + (vx >> BITS), y0, y1, x0, x1, m.depth - 8, middle);
            __syncthreads();
            if (inside) {
                const int *f = m.taps + (vy & mask) * TAPS;
                int sum = 0;
                #pragma unroll
                for (int k = 0; k < TAPS; k++) sum += f[k] * middle[(i - y0 + k) * SIZE + j - x0];
                total += (mode == 0 ? 1 : 2) * wy * wx * (sum >> 6);
            }
        }
    }
    return total;
}

// All of a tile: threads beyond SIZE * SIZE only help to filter rows. packed: the frame in 6 channels of half size.
template <int SIZE, int TAPS, int BITS>
__device__ __forceinline__ void tile(
    const Plane *references, const Motion &m, unsigned short *out, unsigned short *packed, int channel, int *middle)
{
    const int row = blockIdx.y, column = blockIdx.x, owned = threadIdx.x;
    const bool owner = owned < SIZE * SIZE;
    const int i = owner ? owned / SIZE : SIZE, j = owned % SIZE;
    const int total = gather<SIZE, TAPS, BITS>(references, m, row, column, i, j, middle);
    if (!owner) return;
    int shift = 15 - m.depth;
    for (int full = m.overlap > 0 ? 16 * m.overlap * m.overlap : 1; full > 1; full >>= 1) shift++;
    const int value = clamped((total + (1 << (shift - 1))) >> shift, 0, (1 << m.depth) - 1);
    const int y = row * SIZE + i, x = column * SIZE + j, stride = m.columns * SIZE;
    out[(size_t)y * stride + x] = (unsigned short)value;
    if (packed) {
        const int half = m.columns * 8;  // luma: four phases; chroma: planes of half size as they are
        const int to = channel == 0 ? (y & 1) * 2 + (x & 1) : channel + 3;
        const int py = channel == 0 ? y >> 1 : y, px = channel == 0 ? x >> 1 : x;
        packed[((size_t)to * m.rows * 8 + py) * half + px] = (unsigned short)value;
    }
}

// Grid (columns, rows); 256 threads for luma (size 16), 64 for chroma (size 8). Arguments as those of the twins.
extern "C" __global__ void predict_plane(
    const unsigned short *first, const unsigned short *second, const signed char *modes, const short *vectors,
    const int *taps, const int *windows, unsigned short *out, int rows, int columns, int size, int overlap,
    int height, int width, int stride, int margin, int depth)
{
    __shared__ int middle[23 * 16];
    const Plane references[2] = {{first, stride, margin, height, width}, {second, stride, margin, height, width}};
    const Motion m = {modes, vectors, taps, windows, rows, columns, overlap, depth};
    if (size == 16) tile<16, 8, 2>(references, m, out, nullptr, 0, middle);
    else tile<8, 4, 3>(references, m, out, nullptr, 1, middle);
}

// Grid (columns, rows, 3 planes), 256 threads. height, width: of the picture, even. packed is written when asked for.
extern "C" __global__ void predict_frame(
    const unsigned short *y0, const unsigned short *u0, const unsigned short *v0,
    const unsigned short *y1, const unsigned short *u1, const unsigned short *v1,
    const signed char *modes, const short *vectors, const int *luma_taps, const int *chroma_taps,
    const int *luma_windows, const int *chroma_windows,
    unsigned short *y, unsigned short *u, unsigned short *v, unsigned short *packed, int pack,
    int rows, int columns, int overlap, int height, int width, int margin, int depth)
{
    __shared__ int middle[23 * 16];
    const int plane = blockIdx.z;
    unsigned short *to = pack ? packed : nullptr;
    if (plane == 0) {
        const int stride = width + 2 * margin;
        const Plane references[2] = {{y0, stride, margin, height, width}, {y1, stride, margin, height, width}};
        const Motion m = {modes, vectors, luma_taps, luma_windows, rows, columns, overlap, depth};
        tile<16, 8, 2>(references, m, y, to, 0, middle);
        return;
    }
    const int stride = width / 2 + 2 * margin;
    const Plane references[2] = {
        {plane == 1 ? u0 : v0, stride, margin, height / 2, width / 2},
        {plane == 1 ? u1 : v1, stride, margin, height / 2, width / 2}};
    const Motion m = {modes, vectors, chroma_taps, chroma_windows, rows, columns, overlap / 2, depth};
    tile<8, 4, 3>(references, m, plane == 1 ? u : v, to, plane, middle);
}
"""


def predict_plane(
    first: Any, second: Any, modes: Any, vectors: Any, taps: Any, windows: Any, block: int, overlap: int,
    height: int, width: int, bit_depth: int, device: Device | None = None,
) -> Any:  # fmt: skip
    """Same arguments and result as ``warp_reference.predict_plane``; block 16 with 8 taps or 8 with 4 taps.

    NumPy arrays or GPU arrays; the result lies on the GPU if ``first`` does.
    """
    at = device_of(device)
    rows, columns = modes.shape[0] // 2, modes.shape[1] // 2
    margin, stride = (first.shape[0] - height) // 2, first.shape[1]
    one = at.upload(first, np.uint16)
    other = one if second is first else at.upload(second, np.uint16)
    out = at.empty((rows * block, columns * block), np.uint16)
    at.launch(
        SOURCE, "predict_plane", (columns, rows), _LUMA_THREADS if block == BLOCK else _CHROMA_THREADS,
        one, other, at.upload(modes, np.int8), at.upload(vectors, np.int16), at.upload(taps, np.int32),
        at.upload(windows, np.int32), out, rows, columns, block, overlap, height, width, stride, margin, bit_depth,
    )  # fmt: skip
    return home(at, out, first)


def predict_frame(
    references: Sequence[Sequence[Any]], motion: MotionField, size: tuple[int, int], bit_depth: int,
    taps: tuple[np.ndarray, np.ndarray], windows: tuple[np.ndarray, np.ndarray], overlap: int, *,
    unshuffled: bool = False, device: Device | None = None,
) -> tuple[tuple[Any, Any, Any], Any]:  # fmt: skip
    """((y, u, v), packed) of a frame in one launch, planes as ``warp.predict`` gives them.

    references  one or two, each (y, u, v) padded by ``warp.pad_plane``, uint16
    taps, windows   for luma and chroma; overlap for luma, chroma has half of it (both 0 without overlap)
    unshuffled  also packed (6, 8 bh, 8 bw) uint16 in the order of ``color.unshuffle``; else packed is None
    The results lie on the GPU if the first reference does.
    """
    at = device_of(device)
    rows, columns = grid_size(*size)
    planes = [[at.upload(p, np.uint16) for p in r] for r in ({id(r): r for r in references}).values()]
    shapes = ((rows * 16, columns * 16), (rows * 8, columns * 8), (rows * 8, columns * 8))
    y, u, v = (at.empty(shape, np.uint16) for shape in shapes)
    packed = at.empty((6, rows * 8, columns * 8) if unshuffled else (1, 1, 1), np.uint16)
    at.launch(
        SOURCE, "predict_frame", (columns, rows, 3), _LUMA_THREADS, *planes[0], *planes[-1],
        at.upload(motion.modes, np.int8), at.upload(motion.vectors, np.int16),
        *(at.upload(t, np.int32) for t in taps), *(at.upload(w, np.int32) for w in windows),
        y, u, v, packed, int(unshuffled), rows, columns, overlap, *size,
        (references[0][0].shape[0] - size[0]) // 2, bit_depth,
    )  # fmt: skip
    near = references[0][0]
    return (home(at, y, near), home(at, u, near), home(at, v, near)), home(at, packed, near) if unshuffled else None
