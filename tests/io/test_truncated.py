"""Whether a file ends before its own structure does."""

import io

import pytest

from nvc.io.truncated import has_box, is_cut


def box(kind: bytes, size: int) -> bytes:
    return (size + 8).to_bytes(4, "big") + kind + bytes(size)


@pytest.mark.parametrize(
    "container_format, codec", [("matroska", "ffv1"), ("mp4", "libx264"), ("avi", "mjpeg"), ("webm", "libvpx-vp9")]
)
def test_real_files(clip, container_format, codec):
    file = io.BytesIO()
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip(count=3, codec=codec, pix_fmt=pix_fmt).write(file, container_format)
    data = file.getvalue()
    assert is_cut(io.BytesIO(data)) is False
    for size in (1, 10, len(data) // 3):
        assert is_cut(io.BytesIO(data[:-size])) is True


@pytest.mark.parametrize(
    "data, want",
    [
        (box(b"ftyp", 8) + box(b"mdat", 100), False),
        (box(b"ftyp", 8) + box(b"mdat", 100) + bytes(5), False),
        (box(b"ftyp", 8) + box(b"mdat", 100) + bytes(5000), False),
        (box(b"ftyp", 8) + box(b"mdat", 100) + b"\0\0\1\2mo", True),
        (box(b"ftyp", 8) + b"\0\0\0\0mdat" + bytes(40), False),
        (box(b"ftyp", 8) + b"\0\0\0\1mdat" + (116).to_bytes(8, "big") + bytes(100), False),
        (box(b"ftyp", 8) + b"\0\0\0\1mdat" + (117).to_bytes(8, "big") + bytes(100), True),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(9), None),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x85" + bytes(5), False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x85" + bytes(4), True),
        (b"", None),
        (b"\x1a\x45\xdf\xa3", None),
        (b"FLV" + bytes(60), None),
    ],
)
def test_structures(data, want):
    assert is_cut(io.BytesIO(data)) is want


def test_has_box():
    file = io.BytesIO(box(b"ftyp", 8) + box(b"mdat", 100))
    assert has_box(file, b"mdat") and not has_box(file, b"moov")
