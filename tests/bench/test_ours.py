"""Command lines of our own codec, and what its last line must be."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench import ours
from nvc.bench.ours import Ours, decode_nvc, encode_nvc, nvc_point
from nvc.errors import InputError, NvcError


def test_encode_words() -> None:
    words = Ours("layered", "ld", 16, ("merge", "obmc"), ("--hash",)).encode_words(28, 9, 1)
    assert words == [
        *("--quality", "28", "--mode", "layered", "--keyint", "16", "--structure", "ld", "--frames", "9"),
        *("--threads", "1", "--disable", "merge", "--disable", "obmc", "--hash"),
    ]
    assert Ours().encode_words(0, None, None) == ["--quality", "0", "--mode", "neural", "--keyint", "32"]


@pytest.mark.parametrize("said", ["", '{"type": "progress"}', "words"])
def test_an_end_without_done_is_an_error(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(ours, "module_command", lambda *words: ["echo", said])
    with pytest.raises(NvcError, match="without saying done"):
        encode_nvc("a", "b", [])


def test_the_done_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"type": "done", "frames": 3}
    monkeypatch.setattr(ours, "module_command", lambda *words: ["echo", '{"type": "start"}\n' + json.dumps(done)])
    assert decode_nvc("a", "b") == done


def test_a_missing_source_keeps_its_class(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        encode_nvc(tmp_path / "none.y4m", tmp_path / "out.nvc", [])


def test_a_real_point_counts_the_whole_file(y4m: Callable, tmp_path: Path) -> None:
    clip, words = y4m("a.y4m", 64, 48, 3), Ours(keyint=8)
    point = nvc_point(clip, words, 24, 3)
    assert (point.setting, point.quality.frames) == (24, 3)
    done = encode_nvc(clip, tmp_path / "out.nvc", [*words.encode_words(24, 3, 1), "--no-audio"], threads=1)
    assert point.bytes == (tmp_path / "out.nvc").stat().st_size == done["bytes"]
