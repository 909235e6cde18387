"""Counting the errors of the scene-cut rule."""

import numpy as np
import pytest

from nvc.errors import InputError
from nvc.train.cuts import CLIP, CutErrors, count_errors


def still(seed: int, frames: int = CLIP) -> list[np.ndarray]:
    picture = np.random.default_rng(seed).integers(0, 256, (6, 8)).astype(np.float32)
    return [picture] * frames


def test_still_clips_of_different_scenes_have_no_errors() -> None:
    assert count_errors([still(1), still(2)], 10) == CutErrors(2 * (CLIP - 1), 0, 10, 0)


def test_both_kinds_of_error_are_counted() -> None:
    flicker = [still(k)[0] for k in range(CLIP)]
    assert count_errors([flicker, still(0)], 10) == CutErrors(2 * (CLIP - 1), CLIP - 1, 10, 10)


def test_the_step_to_the_next_clip_of_a_file_does_not_count() -> None:
    assert count_errors([still(1) + still(3), still(2)], 1).false == 0


def test_one_video_is_not_enough() -> None:
    with pytest.raises(InputError, match="two videos"):
        count_errors([still(1)], 5)
