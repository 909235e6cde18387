from fractions import Fraction

import pytest

from nvc.codec.intra_coders import choose_intra_coder, intra_use, make_intra, make_intra_decoder
from nvc.errors import FormatError, UsageError
from nvc.types import VideoInfo


def test_what_is_not_there_is_said(monkeypatch) -> None:
    monkeypatch.setattr("nvc.codec.intra_coders.vvenc", lambda: None)
    with pytest.raises(UsageError, match="no VVenC"):
        choose_intra_coder("vvc")
    assert intra_use().backend == "hevc" and "no VVenC" in intra_use().reason
    assert choose_intra_coder("auto") == choose_intra_coder("hevc") == "hevc"
    monkeypatch.setattr("nvc.codec.intra_coders.vvenc", lambda: "ffmpeg")
    assert choose_intra_coder("vvc") == "vvc"


def test_unknown_coders_are_refused(monkeypatch) -> None:
    with pytest.raises(FormatError, match="unknown intra coder"):
        make_intra_decoder("jpeg", b"", 8)
    monkeypatch.setattr("nvc.codec.intra_vvc.can_decode", lambda: False)
    with pytest.raises(FormatError, match="no VVC decoder"):
        make_intra_decoder("vvc", b"", 8)


def test_auto_is_vvc_where_that_can_be_and_worth_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nvc.codec.intra_coders.vvenc", lambda: "ffmpeg")
    monkeypatch.setattr("nvc.codec.intra_coders.can_decode", lambda: True)
    assert choose_intra_coder("auto") == choose_intra_coder("auto", "ld", "slow") == "vvc"
    assert choose_intra_coder("auto", "intra") == choose_intra_coder("auto", "ra", "fast") == "hevc"
    assert intra_use().backend == "vvc"
    assert choose_intra_coder("vvc", "intra", "fast") == "vvc" and choose_intra_coder("hevc") == "hevc"


@pytest.mark.parametrize(("preset", "want"), [("fast", "medium"), ("medium", "slow"), ("slow", "slow")])
def test_the_preset_and_the_offset_reach_the_coder(preset: str, want: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple] = []
    for name in ("VvcIntra", "HevcIntra"):
        monkeypatch.setattr(f"nvc.codec.intra_coders.{name}", lambda info, *rest, **named: made.append((rest, named)))
    info = VideoInfo(64, 48, Fraction(1, 25))
    make_intra("vvc", info, preset, -4)
    make_intra("hevc", info, preset, -3)
    assert made == [((want, -4), {}), ((), {"chroma_offset": -3})]
