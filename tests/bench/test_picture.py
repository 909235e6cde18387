"""The comparison picture: labels, the same window in every column, a PNG that can be read."""

from pathlib import Path

import numpy as np
import pytest

from nvc.bench.picture import Panel, busiest_window, side_by_side, text_mask, write_png
from nvc.bench.planes import PlaneReader
from nvc.errors import FormatError


def planes(height: int = 64, width: int = 128, value: int = 100) -> tuple:
    """Flat planes with a busy corner at the bottom right."""
    y = np.full((height, width), value, np.uint8)
    y[height // 2 :, width // 2 :] = np.indices((height // 2, width // 2)).sum(0) % 2 * 200
    chroma = np.full((height // 2, width // 2), 128, np.uint8)
    return y, chroma, chroma


def test_every_letter_is_drawn_and_differs() -> None:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:%()+-/"
    drawn = {text_mask(sign).tobytes() for sign in signs}
    assert len(drawn) == len(signs)
    assert text_mask("a").tobytes() == text_mask("A").tobytes()
    assert not text_mask("\u00e9 ").any()


def test_window_goes_where_the_detail_is() -> None:
    assert busiest_window(planes()[0], 32, 64) == (32, 64)


def test_columns_hold_label_frame_and_window() -> None:
    panels = [Panel(planes(value=v), ("one", "two")) for v in (100, 60, 30)]
    y, u, v = side_by_side(panels)
    bar = y.shape[0] - 128
    assert y.shape == (bar + 128, 384) and u.shape == v.shape == ((bar + 128) // 2, 192)
    assert (y[:bar, :128] == 235).any()
    for i, panel in enumerate(panels):
        column = y[bar:, 128 * i : 128 * (i + 1)]
        assert np.array_equal(column[:64], panel.planes[0])
        assert np.array_equal(column[64::2, ::2], panel.planes[0][32:, 64:])


def test_panels_must_be_alike() -> None:
    for panels in ([Panel(planes(), ()), Panel(planes(32), ())], [Panel(planes(62), ())]):
        with pytest.raises(FormatError):
            side_by_side(panels)


def test_png_can_be_read(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    write_png(planes(), out)
    write_png(planes(value=80), out)
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with PlaneReader(out) as reader:
        y = next(iter(reader))[0]
    assert abs(int(y[4, 4]) - 80) < 3
