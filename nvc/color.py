"""Planes <-> network tensors: depth, padding, cropping, unshuffle.

A picture tensor is (N, 6, H/2, W/2) float32: channels 0 to 3 are luma at (even row, even column), (even, odd),
(odd, even), (odd, odd), channels 4 and 5 are U and V. A code value v of depth d is v / 2**d - 0.5, so 8 and 10 bit
pictures of one scene give the same tensor, and the way there and back is exact. The range (limited or full) is left
as it is: networks see code values.
"""

from typing import TYPE_CHECKING

import numpy as np

from nvc.errors import FormatError

if TYPE_CHECKING:
    import torch

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
GRID = 16  # side of a latent's cell in luma samples


def padded_size(height: int, width: int, multiple: int = GRID) -> tuple[int, int]:
    """(height, width) rounded up to whole cells of ``multiple`` luma samples (even)."""
    return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def pad_planes(planes: Planes, height: int, width: int) -> Planes:
    """Planes y (..., h, w), u and v half of that, extended to (height, width), even, by repeating the edge."""
    sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    y, u, v = (_pad(plane, *size) for plane, size in zip(planes, sizes, strict=True))
    return y, u, v


def crop_planes(planes: Planes, height: int, width: int) -> Planes:
    """The first (height, width) samples of y and half of that, rounded up, of u and v; views."""
    rows, columns = (height + 1) // 2, (width + 1) // 2
    y, u, v = planes
    return y[..., :height, :width], u[..., :rows, :columns], v[..., :rows, :columns]


def unshuffle(planes: Planes) -> np.ndarray:
    """Planes y (..., H, W) of even size, u and v (..., H/2, W/2) as one array (..., 6, H/2, W/2) of their dtype."""
    y, u, v = planes
    phases = [y[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return np.stack([*phases, u, v], axis=-3)


def shuffle(stacked: np.ndarray) -> Planes:
    """Planes from an array (..., 6, H/2, W/2): the inverse of ``unshuffle``."""
    *batch, _, rows, columns = stacked.shape
    y = np.empty((*batch, 2 * rows, 2 * columns), stacked.dtype)
    for k in range(4):
        y[..., k // 2 :: 2, k % 2 :: 2] = stacked[..., k, :, :]
    return y, np.ascontiguousarray(stacked[..., 4, :, :]), np.ascontiguousarray(stacked[..., 5, :, :])


def to_tensor(
    planes: Planes, bit_depth: int, *, multiple: int = GRID, device: "str | torch.device" = "cpu"
) -> "torch.Tensor":
    """Planes as a picture tensor (N, 6, H/2, W/2) float32 within -0.5 .. 0.5, padded by the edge to whole cells.

    planes     y (h, w) or (N, h, w); u, v half of that, rounded up; integers 0 .. 2**bit_depth - 1
    multiple   size of a cell in luma samples, even
    Raises FormatError where the planes do not fit each other.
    """
    import torch

    y, u, v = planes
    half = (*y.shape[:-2], (y.shape[-2] + 1) // 2, (y.shape[-1] + 1) // 2)
    if y.ndim not in (2, 3) or u.shape != half or v.shape != half:
        raise FormatError(
            f"planes must be (h, w) or (N, h, w) with u and v of half size, got {y.shape}, {u.shape}, {v.shape}"
        )
    stacked = unshuffle(pad_planes(planes, *padded_size(y.shape[-2], y.shape[-1], multiple)))
    scaled = stacked.astype(np.float32) * np.float32(1 / (1 << bit_depth)) - np.float32(0.5)
    return torch.from_numpy(scaled.reshape(-1, *scaled.shape[-3:])).to(device)


def to_planes(picture: "torch.Tensor", height: int, width: int, bit_depth: int) -> Planes:
    """Planes of a picture tensor (1, 6, H/2, W/2), rounded (half up), clipped and cropped to (height, width).

    y (height, width), u and v half of that, rounded up; uint8 for 8 bit, else uint16. N > 1 gives (N, ...) planes.
    Raises FormatError where the tensor has other channels or is smaller.
    """
    if picture.ndim != 4 or picture.shape[1] != 6 or 2 * picture.shape[2] < height or 2 * picture.shape[3] < width:
        raise FormatError(f"a picture of {width}x{height} cannot be cut from a tensor of {tuple(picture.shape)}")
    values = picture.detach().float().cpu().numpy()
    codes = np.floor((values + np.float32(0.5)) * np.float32(1 << bit_depth) + np.float32(0.5))
    codes = np.clip(codes, 0, (1 << bit_depth) - 1).astype(np.uint8 if bit_depth == 8 else np.uint16)
    y, u, v = (np.ascontiguousarray(plane) for plane in crop_planes(shuffle(codes), height, width))
    return (y, u, v) if len(y) > 1 else (y[0], u[0], v[0])


def _pad(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = height - plane.shape[-2], width - plane.shape[-1]
    if rows < 0 or columns < 0:
        raise FormatError(f"a plane of {plane.shape[-1]}x{plane.shape[-2]} cannot be padded to {width}x{height}")
    if not rows and not columns:
        return plane
    return np.pad(plane, [(0, 0)] * (plane.ndim - 2) + [(0, rows), (0, columns)], mode="edge")
