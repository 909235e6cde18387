"""From a coded video to a better one: pictures, times, what is carried, and that nothing half done is left."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from nvc.errors import CorruptError, InputError, LimitError, ModelError, UsageError
from nvc.io import open_video
from nvc.io.demux import open_demuxer
from nvc.models.enhance import PRESETS, EnhanceModel
from nvc.models.enhance_weights import save_enhance
from nvc.pipeline import Limits, decode_file, encode_file
from nvc.pipeline.enhance_file import enhance_file, enhance_memory
from nvc.types import Settings, VideoInfo


@pytest.fixture(autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    torch.manual_seed(0)
    model = EnhanceModel(PRESETS["fast"])
    with torch.no_grad():
        model.leave.weight.normal_(std=0.02)
    path = tmp_path_factory.mktemp("weights") / "e.safetensors"
    name = save_enhance(path, model, half=True)
    monkeypatch.setenv("NVC_WEIGHTS", str(path))
    return name


def frames_of(source):
    with open_video(source) as video:
        return list(video)


def test_sound_and_times_are_kept(sample: Path, tmp_path: Path, weights: str) -> None:
    out = tmp_path / "out.mkv"
    done = enhance_file(sample, out, frames=6, codec="ffv1", strength=1.0)
    got, want = frames_of(out), frames_of(sample)[:6]
    assert done.frames == len(got) == 6 and done.weights == weights and done.strength == 1
    assert set(done.to_dict()) == {"frames", "seconds", "fps", "strength", "weights"}
    times = [[frame.pts * frame.info.time_base for frame in frames] for frames in (got, want)]
    assert np.allclose(*(np.array(column, float) for column in times), atol=1e-3)
    assert not np.array_equal(got[2].y, want[2].y)
    with open_demuxer(out) as demuxer:
        kinds = [stream.kind for stream in demuxer.carried]
        packets = [item for kind, item in demuxer if kind == "carried"]
    assert kinds == ["audio"] and packets
    assert os.listdir(tmp_path) == ["out.mkv"]


def test_pristine_input_stays_as_it_is(sample: Path) -> None:
    out = BytesIO()
    done = enhance_file(sample, out, format="y4m", frames=4, strength=0)
    assert [f.y.tobytes() for f in frames_of(out.getvalue())] == [f.y.tobytes() for f in frames_of(sample)[:4]]
    assert done.strength == 0


def test_the_same_twice_and_a_reference(layered: Path, clip: Path) -> None:
    outs = [BytesIO(), BytesIO()]
    results = [enhance_file(layered, out, format="y4m", reference=clip, frames=9) for out in outs]
    assert outs[0].getvalue() == outs[1].getvalue()
    assert results[0].psnr_before > 25 and results[0].psnr_after != results[0].psnr_before
    assert results[0].strength > 0


def test_a_reference_that_does_not_fit(sample: Path, clip: Path, layered: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reference is"):
        enhance_file(layered, tmp_path / "a.y4m", reference=sample)
    with open_video(clip, frames=2) as video:
        from nvc.io import open_writer

        with open_writer(tmp_path / "two.y4m", video.info) as writer:
            for frame in video:
                writer.write(frame)
    done = enhance_file(layered, tmp_path / "b.y4m", reference=tmp_path / "two.y4m", frames=4)
    assert "the reference has 2 frames, the input 4" in done.warnings


@pytest.mark.parametrize(
    ("options", "error"),
    [({"preset": "best"}, UsageError), ({"strength": 1.5}, UsageError), ({"strength": "some"}, UsageError),
     ({"preset": "quality"}, ModelError), ({"limits": Limits(max_pixels=10)}, LimitError),
     ({"limits": Limits(max_memory=10)}, LimitError), ({"limits": Limits(max_frames=3)}, LimitError)],
)  # fmt: skip
def test_what_is_refused(clip: Path, tmp_path: Path, options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        enhance_file(clip, tmp_path / "out.y4m", **options)
    assert os.listdir(tmp_path) == []


def test_places(clip: Path, coded: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="same file"):
        enhance_file(clip, clip, overwrite=True)
    with pytest.raises(UsageError, match="decode"):
        enhance_file(coded, tmp_path / "out.y4m")
    with pytest.raises(InputError):
        enhance_file(tmp_path / "none.mp4", tmp_path / "out.y4m")
    (tmp_path / "there.y4m").write_bytes(b"x")
    with pytest.raises(UsageError, match="exists"):
        enhance_file(clip, tmp_path / "there.y4m")


def test_a_cut_input_is_enhanced_as_far_as_it_goes(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.y4m"
    cut.write_bytes(clip.read_bytes()[: -(64 * 48)])
    with pytest.raises(CorruptError, match="25 whole frames"):
        enhance_file(cut, tmp_path / "out.y4m")
    assert len(frames_of(tmp_path / "out.y4m")) == 25


def test_memory_does_not_follow_the_picture() -> None:
    small, large = (enhance_memory(VideoInfo(side, side, 1)) for side in (2048, 8192))
    assert small < large < 4 * small


def test_layered_files_decode_with_and_without(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    done = encode_file(sample, path, Settings(quality=5, keyint=5), frames=5)
    assert done.weights != "none"
    monkeypatch.delenv("NVC_WEIGHTS")
    outs = [BytesIO(), BytesIO()]
    decode_file(path, outs[0], format="y4m", enhance=False)
    encode_file(sample, tmp_path / "b.mp4", Settings(quality=5, keyint=5, disable=frozenset({"networks"})), frames=5)
    decode_file(tmp_path / "b.mp4", outs[1], format="y4m")
    assert outs[0].getvalue() == outs[1].getvalue()
