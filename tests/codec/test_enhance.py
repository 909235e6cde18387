from fractions import Fraction

import numpy as np
import pytest
import torch

from nvc.codec import enhance
from nvc.codec.enhance import Enhanced, Enhancer, apply, enhance_frames, open_enhancer, with_neighbours
from nvc.errors import DeviceError, ModelError
from nvc.models.enhance import EnhanceConfig, EnhanceModel
from nvc.models.enhance_weights import EnhanceWeights
from nvc.types import CodedAs, Frame, VideoInfo


def weights(neighbours: int = 2, bias: float = 0.0) -> EnhanceWeights:
    torch.manual_seed(1)
    model = EnhanceModel(EnhanceConfig(16, 1, neighbours)).eval()
    with torch.no_grad():
        model.leave.weight.normal_(std=0.05)
        model.leave.bias.fill_(bias)
    return EnhanceWeights("0123456789abcdef", model)


def clip(count: int = 4, width: int = 70, height: int = 50, depth: int = 8) -> list[Frame]:
    info = VideoInfo(width, height, Fraction(1, 25), bit_depth=depth)
    rows, columns = np.mgrid[:height, :width]
    out = []
    for k in range(count):
        luma = (1 << depth) / 256 * (128 + 60 * np.sin((columns - 2 * k) / 7) * np.cos(rows / 9))
        chroma = luma[::2, ::2].astype(info.dtype)
        out.append(Frame(luma.astype(info.dtype), chroma, chroma, 5 * k, info, 5, coded=CodedAs("P", 35.0)))
    return out


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("neighbours", [0, 2])
def test_residuals_have_the_picture_s_size(depth: int, neighbours: int) -> None:
    frames = clip(2, 71, 49, depth)
    found = Enhancer(weights(neighbours), precision="fp32").examine(
        frames[0].planes, None, frames[1].planes, frames[0].coded, depth
    )
    assert [plane.shape for plane in found.residual] == [plane.shape for plane in frames[0].planes]
    assert all(np.abs(plane).max() > 0.01 for plane in found.residual)
    assert found.read and found.qp == 35


def test_depths_agree() -> None:
    eight, ten = clip(1), clip(1, depth=10)
    wide = tuple(plane.astype(np.uint16) * 4 for plane in eight[0].planes)
    enhancer = Enhancer(weights(), precision="fp32")
    a = enhancer.examine(eight[0].planes, None, None, eight[0].coded, 8).residual
    b = enhancer.examine(wide, None, None, ten[0].coded, 10).residual
    assert all(np.allclose(4 * x, y, atol=1e-3) for x, y in zip(a, b, strict=True))


def test_strips_give_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = clip(2, 64, 300)
    enhancer = Enhancer(weights(), precision="fp32")
    whole = enhancer.examine(frames[0].planes, None, frames[1].planes, frames[0].coded, 8).residual
    monkeypatch.setattr(enhance, "_WHOLE", 1000)
    monkeypatch.setattr(enhance, "_STRIP", 64)
    monkeypatch.setattr(enhance, "_HALO", 64)
    parts = enhancer.examine(frames[0].planes, None, frames[1].planes, frames[0].coded, 8).residual
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(whole, parts, strict=True))


def test_the_quantiser_is_estimated_where_it_is_not_told() -> None:
    frame = clip(1)[0]
    enhancer = Enhancer(weights())
    for coded in (None, CodedAs("B"), CodedAs()):
        found = enhancer.examine(frame.planes, None, None, coded, 8)
        assert not found.read and 0 <= found.qp <= 51


@pytest.mark.parametrize(
    ("qp", "read", "strength"),
    [(0, True, 0), (19, True, 0), (22, True, 0.5), (25, True, 1), (51, True, 1), (21, False, 0), (29, False, 1)],
)
def test_blind_strength(qp: float, read: bool, strength: float) -> None:
    assert Enhanced((), qp, read).blind_strength == pytest.approx(strength)


def test_apply_rounds_clips_and_leaves_alone() -> None:
    plane = np.array([[10, 250, 3]], np.uint8)
    change = np.array([[0.5, 20, -20]], np.float32)
    y, u, v = apply((plane,) * 3, (change,) * 3, (1, 0, 0.5), 8)
    assert y.tolist() == [[11, 255, 0]] and u is plane and v.tolist() == [[10, 255, 0]]
    assert apply((plane.astype(np.uint16),) * 3, (change,) * 3, (1, 1, 1), 10)[0].tolist() == [[11, 270, 0]]


def test_neighbours() -> None:
    frames = clip(3)
    found = [[f and f.pts for f in group] for group in with_neighbours(frames)]
    assert found == [[None, 0, 5], [0, 5, 10], [5, 10, None]]
    assert list(with_neighbours([])) == []


def test_frames_keep_their_times_and_strength_0_keeps_their_pixels() -> None:
    frames = clip(3)
    enhancer = Enhancer(weights())
    out = list(enhance_frames(enhancer, iter(frames), lambda frame, found: (0, 0, 0)))
    assert all(
        np.array_equal(a, b) for x, y in zip(frames, out, strict=True) for a, b in zip(x.planes, y.planes, strict=True)
    )
    full = list(enhance_frames(enhancer, iter(frames), lambda frame, found: (1, 1, 1)))
    again = list(enhance_frames(enhancer, iter(frames), lambda frame, found: (1, 1, 1)))
    assert [(f.pts, f.duration) for f in full] == [(f.pts, f.duration) for f in frames]
    assert not np.array_equal(full[1].y, frames[1].y)
    assert all(np.array_equal(a.y, b.y) for a, b in zip(full, again, strict=True))


def test_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NVC_WEIGHTS", raising=False)
    with pytest.raises(ModelError, match="quality"):
        open_enhancer(preset="quality")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError):
            Enhancer(weights(), device="cuda")
