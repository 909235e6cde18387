"""A picture of several frames side by side with labels, made of planes; the ffmpeg binary turns it into a PNG.

Labels are drawn with the small letters below, so no font has to be on the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvc.bench.child import ffmpeg_exe, file_url, run
from nvc.bench.planes import Planes
from nvc.errors import FormatError

# A sign a line: the sign, then seven rows of five dots.
_DRAWN = """\
 ..... ..... ..... ..... ..... ..... .....
%##... ##..# ...#. ..#.. .#... #..## ...##
(...#. ..#.. .#... .#... .#... ..#.. ...#.
).#... ..#.. ...#. ...#. ...#. ..#.. .#...
+..... ..#.. ..#.. ##### ..#.. ..#.. .....
,..... ..... ..... ..... .##.. ..#.. .#...
-..... ..... ..... ##### ..... ..... .....
...... ..... ..... ..... ..... .##.. .##..
/..... ....# ...#. ..#.. .#... #.... .....
0.###. #...# #..## #.#.# ##..# #...# .###.
1..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.
2.###. #...# ....# ...#. ..#.. .#... #####
3.###. #...# ....# ..##. ....# #...# .###.
4...#. ..##. .#.#. #..#. ##### ...#. ...#.
5##### #.... ####. ....# ....# #...# .###.
6.###. #...# #.... ####. #...# #...# .###.
7##### ....# ...#. ..#.. .#... .#... .#...
8.###. #...# #...# .###. #...# #...# .###.
9.###. #...# #...# .#### ....# #...# .###.
:..... .##.. .##.. ..... .##.. .##.. .....
A.###. #...# #...# ##### #...# #...# #...#
B####. #...# #...# ####. #...# #...# ####.
C.###. #...# #.... #.... #.... #...# .###.
D####. #...# #...# #...# #...# #...# ####.
E##### #.... #.... ####. #.... #.... #####
F##### #.... #.... ####. #.... #.... #....
G.###. #...# #.... #.### #...# #...# .###.
H#...# #...# #...# ##### #...# #...# #...#
I.###. ..#.. ..#.. ..#.. ..#.. ..#.. .###.
J....# ....# ....# ....# ....# #...# .###.
K#...# #..#. #.#.. ##... #.#.. #..#. #...#
L#.... #.... #.... #.... #.... #.... #####
M#...# ##.## #.#.# #.#.# #...# #...# #...#
N#...# ##..# ##..# #.#.# #..## #..## #...#
O.###. #...# #...# #...# #...# #...# .###.
P####. #...# #...# ####. #.... #.... #....
Q.###. #...# #...# #...# #.#.# #..#. .##.#
R####. #...# #...# ####. #.#.. #..#. #...#
S.###. #...# #.... .###. ....# #...# .###.
T##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..
U#...# #...# #...# #...# #...# #...# .###.
V#...# #...# #...# #...# .#.#. .#.#. ..#..
W#...# #...# #...# #.#.# #.#.# ##.## #...#
X#...# #...# .#.#. ..#.. .#.#. #...# #...#
Y#...# #...# .#.#. ..#.. ..#.. ..#.. ..#..
Z##### ....# ...#. ..#.. .#... #.... #####
"""
_GLYPHS = {
    line[0]: np.array([[dot == "#" for dot in row] for row in line[1:].split()], bool) for line in _DRAWN.splitlines()
}
_SCALE = 2
_LINE = 9 * _SCALE
_BAR = 3 * _LINE  # height of a label: two lines and air; even, since chroma has half the rows
_DARK, _LIGHT, _GREY = 24, 235, 128


@dataclass(frozen=True, slots=True)
class Panel:
    """One column: 8-bit planes of a frame and up to two lines of label."""

    planes: Planes
    label: tuple[str, ...]


def text_mask(text: str) -> np.ndarray:
    """(7 s, 6 s n) booleans of a line of n signs, s the scale. Signs without a drawing become spaces."""
    cells = [np.pad(_GLYPHS.get(sign, _GLYPHS[" "]), ((0, 0), (0, 1))) for sign in text.upper()]
    line = np.concatenate(cells, axis=1) if cells else np.zeros((7, 0), bool)
    return line.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)


def busiest_window(luma: np.ndarray, height: int, width: int) -> tuple[int, int]:
    """(top, left), multiples of 16, of the window of the given size with the most detail."""
    edges = np.abs(np.diff(luma.astype(np.int32), axis=1))
    tops = range(0, max(1, luma.shape[0] - height + 1), 16)
    lefts = range(0, max(1, luma.shape[1] - width + 1), 16)
    return max(
        ((top, left) for top in tops for left in lefts),
        key=lambda at: int(edges[at[0] : at[0] + height, at[1] : at[1] + width].sum()),
    )


def side_by_side(panels: Sequence[Panel]) -> Planes:
    """One 8-bit frame: for each panel a column of its label, the frame, and the busiest quarter at twice the size.

    The window is chosen on the first panel and is the same in all. Raises FormatError unless all panels are of one
    size with sides that are multiples of 4.
    """
    height, width = panels[0].planes[0].shape
    if height % 4 or width % 4 or any(panel.planes[0].shape != (height, width) for panel in panels):
        raise FormatError(f"panels must be of one size, sides multiples of 4, got {height}x{width} and others")
    window = busiest_window(panels[0].planes[0], height // 2, width // 2)
    columns = [_column(panel, window) for panel in panels]
    y, u, v = (np.concatenate(planes, axis=1) for planes in zip(*columns, strict=True))
    return y, u, v


def _column(panel: Panel, window: tuple[int, int]) -> Planes:
    height, width = panel.planes[0].shape
    bar = np.full((_BAR, width), _DARK, np.uint8)
    for i, line in enumerate(panel.label[:2]):
        mask = text_mask(line)[:, : width - 2 * _LINE]
        top = _LINE // 2 + i * (_LINE + _SCALE * 2)
        bar[top : top + mask.shape[0], _LINE : _LINE + mask.shape[1]][mask] = _LIGHT
    planes = []
    for i, plane in enumerate(panel.planes):
        shift = 0 if i == 0 else 1
        rows, columns = plane.shape
        top, left = window[0] >> shift, window[1] >> shift
        part = plane[top : top + rows // 2, left : left + columns // 2].repeat(2, axis=0).repeat(2, axis=1)
        label = bar if i == 0 else np.full((_BAR >> 1, columns), _GREY, np.uint8)
        planes.append(np.concatenate((label, plane, part)))
    y, u, v = planes
    return y, u, v


def write_png(planes: Planes, out: str | Path) -> None:
    """Write 8-bit 4:2:0 planes of even size as a PNG over whatever lies at ``out``."""
    height, width = planes[0].shape
    given = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-i", "pipe:"]
    made = ["-sws_flags", "bicubic+accurate_rnd+full_chroma_int", "-frames:v", "1", "-update", "1", "-y", file_url(out)]
    data = b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)
    run([ffmpeg_exe(), "-nostdin", "-v", "error", *given, "-c:v", "png", "-f", "image2", *made], stdin=data)
