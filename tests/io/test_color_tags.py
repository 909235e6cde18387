"""FFmpeg's side data in VideoInfo's terms."""

import struct

import pytest

from nvc.io.color_tags import is_mirrored, mastering_text, parse_content_light, parse_mastering, rotation_of
from nvc.types import MasteringDisplay

RED, GREEN, BLUE, WHITE = (34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)


def mastering(primaries=1, luminance=1, denominator=50000) -> bytes:
    points = [v for pair in (RED, GREEN, BLUE, WHITE) for x in pair for v in (x, denominator)]
    return struct.pack("<22i", *points, 50, 10000, 1000, 1, primaries, luminance)


def test_mastering_display():
    display = parse_mastering(mastering())
    assert display == MasteringDisplay((GREEN, BLUE, RED, WHITE), (10000000, 50))
    assert mastering_text(display) == "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        mastering()[:80],
        mastering(primaries=0),
        mastering(luminance=0),
        mastering(denominator=0),
        mastering(denominator=1),
    ],
)
def test_unusable_mastering_display(data):
    assert parse_mastering(data) is None


@pytest.mark.parametrize(
    "data, want", [(struct.pack("<2I", 1000, 400), (1000, 400)), (bytes(8), None), (b"1234", None), (b"\xff" * 8, None)]
)
def test_content_light(data, want):
    assert parse_content_light(data) == want


@pytest.mark.parametrize(
    "degrees, want",
    [
        (None, (0, True)),
        (0, (0, True)),
        (-90, (270, True)),
        (180, (180, True)),
        (-180, (180, True)),
        (44, (0, False)),
        (91.0, (90, False)),
    ],
)
def test_rotation(degrees, want):
    assert rotation_of(degrees) == want


@pytest.mark.parametrize(
    "matrix, want", [((1, 0, 0, 1), False), ((0, 1, -1, 0), False), ((-1, 0, 0, 1), True), ((0, 1, 1, 0), True)]
)
def test_mirror(matrix, want):
    a, b, c, d = (v << 16 for v in matrix)
    assert is_mirrored(struct.pack("<9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)) is want
    assert is_mirrored(b"") is False
