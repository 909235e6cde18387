"""Text of subtitle packets in the forms of .mp4 and .mkv."""

import pytest

from nvc.io.subtitles import convert, target_codec


@pytest.mark.parametrize(
    "codec, is_mp4, want",
    [("subrip", True, "mov_text"), ("mov_text", True, ""), ("ass", True, "mov_text"), ("hdmv_pgs_subtitle", True, None)]
    + [("subrip", False, ""), ("mov_text", False, "subrip"), ("ass", False, ""), ("hdmv_pgs_subtitle", False, "")],
)
def test_targets(codec, is_mp4, want):
    assert target_codec(codec, is_mp4) == want


@pytest.mark.parametrize(
    "data, source, target, want",
    [
        (b"Hi <b>you</b>\n2 < 3", "subrip", "mov_text", b"\0\x0cHi you\n2 < 3"),
        (b"0,0,Default,,0,0,0,,{\\i1}One{\\i0}, two\\Nthree", "ass", "mov_text", b"\0\x0eOne, two\nthree"),
        ("ä".encode(), "webvtt", "mov_text", b"\0\x02" + "ä".encode()),
        (b"\0\x02Hi\0\0\0\x10styl", "mov_text", "subrip", b"Hi"),
        (b"\0\0", "mov_text", "subrip", None),
        (b"", "mov_text", "subrip", None),
    ],
)
def test_packets(data, source, target, want):
    assert convert(data, source, target) == want
