import json
from xml.etree import ElementTree

import pytest

from nvc.errors import InputError
from nvc.train.plot import curves, plot, svg

LOG = [
    {"stage": "first", "event": "start", "step": 0},
    {"stage": "first", "event": "step", "step": 50, "elapsed": 1800, "change": 20},
    {"stage": "first", "event": "step", "step": 100, "elapsed": 3600, "change": 0.0},
    {"stage": "first", "event": "step", "step": 100, "elapsed": 3600, "change": -10},
    {"stage": "first", "event": "cost", "step": 100, "change": -5},
    {"stage": "second", "event": "step", "step": 50, "elapsed": 1800, "change": -20},
    {"stage": "second", "event": "evaluation", "step": 50, "off": -7.0, "x265": None},
]


def test_curves_go_on_from_stage_to_stage():
    found = curves(LOG)
    assert found["training cost"] == [(0.5, 20), (1.0, -10), (1.5, -20)]
    assert found["validation cost"] == [(1.0, -5)] and found["BD-rate off"] == [(1.5, -7.0)]
    assert "BD-rate x265" not in found


def test_the_picture_is_svg_with_all_curves(tmp_path):
    (tmp_path / "log.ndjson").write_text("".join(json.dumps(line) + "\n" for line in LOG))
    tree = ElementTree.parse(plot(tmp_path))
    lines = tree.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 3
    words = [text.text for text in tree.findall(".//{http://www.w3.org/2000/svg}text")]
    assert "BD-rate off" in words and "1.50 h" in words


def test_points_lie_within_the_picture():
    tree = ElementTree.fromstring(svg({"training cost": [(0.0, 500.0), (0.1, 20.0), (0.2, -3.0)]}))
    line = tree.find(".//{http://www.w3.org/2000/svg}polyline")
    assert line is not None
    points = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    assert all(0 <= x <= 860 and 0 <= y <= 420 for x, y in points) and points[0][0] < points[2][0]


def test_a_folder_without_a_log_is_refused(tmp_path):
    with pytest.raises(InputError, match="log.ndjson"):
        plot(tmp_path)


def test_a_log_of_the_enhancement_is_refused(tmp_path):
    (tmp_path / "log.ndjson").write_text(json.dumps({"step": 500, "loss": 1.1}))
    with pytest.raises(InputError, match="no numbers"):
        plot(tmp_path)
