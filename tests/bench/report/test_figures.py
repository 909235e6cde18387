"""Figures: which curves stand in which chart."""

from pathlib import Path

from nvc.bench.compare import METRICS
from nvc.bench.report import load_run
from nvc.bench.report.figures import difference_figures, figure, frame_figures, rd_figures


def test_a_chart_for_each_group_and_metric(results: dict) -> None:
    html = rd_figures(results, "walk")
    assert html.count("<svg") == 3 * len(METRICS)
    for metric in METRICS:
        assert html.count(f'class="by-metric {metric}"') == 3
    assert html.count('data-job="walk/nvc-ra/36"') == len(METRICS)
    assert "quality 36: " in html and "CRF 28: " in html and "QP 28: " in html
    assert "screen_text" not in html


def test_differences_hold_a_curve_for_each_sequence(results: dict) -> None:
    html = difference_figures(results)
    assert html.count("<svg") == 4 * len(METRICS)
    assert "a&lt;b&gt;&amp;c" in html and "<b>" not in html and "walk" in html
    assert "screen_text" not in html


def test_bits_and_quality_by_frame(folder: Path, results: dict) -> None:
    html = frame_figures(results, load_run(folder).frames, "walk")
    assert html.count('<g class="bar">') == 2 * 17 and html.count("<svg") == 2
    assert "quality 36" in html and "base 58%" not in html and "latents" in html
    assert "x265 veryslow, " in html
    assert frame_figures(results, {}, "walk") == ""


def test_no_figure_without_a_chart() -> None:
    assert figure("title", "", "") == ""
