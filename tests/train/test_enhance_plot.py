import json
from xml.etree import ElementTree

import pytest

from nvc.errors import InputError
from nvc.train.enhance_plot import enhance_curves, enhance_svg, plot_enhance

SVG = "{http://www.w3.org/2000/svg}"
LOG = [
    {"step": 500, "seconds": 50.0, "loss": 1.2, "skipped": 0},
    {"step": 1000, "seconds": 99.0, "loss": 5.0, "skipped": 0},
    {"step": 1000, "seconds": 100.0, "loss": 1.1, "skipped": 0},
    {"step": 1000, "seconds": 100.0, "validation": {"gain": 0.2, "x265": -0.1, "x264": None, "pristine": -4.0}},
    {"step": 1500, "seconds": 150.0, "loss": float("nan"), "skipped": 500},
    {"step": 1700, "seconds": 170.0, "validation": {"gain": 0.4, "x265": 0.3, "x264": None}, "done": True},
]


def test_curves_over_steps_take_the_last_of_each_and_leave_out_what_is_no_number():
    assert enhance_curves(LOG) == {
        "training loss": [(500, 1.2), (1000, 1.1)],
        "gain, QP 25 and up": [(1000, 0.2), (1700, 0.4)],
        "x265": [(1000, -0.1), (1700, 0.3)],
    }


def test_gains_and_loss_have_panels_of_their_own(tmp_path):
    (tmp_path / "log.ndjson").write_text("".join(json.dumps(line) + "\n" for line in LOG))
    target = plot_enhance(tmp_path)
    assert target == tmp_path / "curve.svg"
    gains, loss = ElementTree.parse(target).findall(f"{SVG}g")
    assert len(gains.findall(f"{SVG}polyline")) == 2 and len(loss.findall(f"{SVG}polyline")) == 1
    assert {"0.40 dB", "-0.10 dB", "step 0", "1,700"} <= {text.text for text in gains.findall(f"{SVG}text")}
    assert {"1.100", "1.200", "1,700"} <= {text.text for text in loss.findall(f"{SVG}text")}
    assert gains.attrib["transform"] != loss.attrib["transform"]


@pytest.mark.parametrize("curves", [{"training loss": [(500.0, 1.2)]}, {"x265": [(0.0, 0.0)]}])
def test_a_single_point_lies_within_the_picture(curves):
    line = ElementTree.fromstring(enhance_svg(curves)).find(f".//{SVG}polyline")
    assert line is not None
    x, y = map(float, line.attrib["points"].split(","))
    assert 0 <= x <= 860 and 0 <= y <= 420


@pytest.mark.parametrize("line", [{"stage": "first", "event": "step", "step": 5, "loss": 2.0}, {"step": 5}])
def test_a_log_without_its_numbers_is_refused(tmp_path, line):
    with pytest.raises(InputError, match="no log.ndjson"):
        plot_enhance(tmp_path)
    (tmp_path / "log.ndjson").write_text(json.dumps(line))
    with pytest.raises(InputError, match="no numbers of the enhancement"):
        plot_enhance(tmp_path)
