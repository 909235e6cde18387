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
    frames = load_run(folder).frames
    point = next(one for one in results["matched"] if one["sequence"] == "walk")
    html = frame_figures(results, frames, "walk")
    assert html.count('<g class="bar">') == 2 * 17 and html.count("<svg") == 2
    assert "quality 36" in html and "base 58%" not in html and "latents" in html
    assert f"x265 veryslow, CRF {point['setting']} (" in html and "at about equal bytes" in html
    assert html.count('<rect class="l-x265-veryslow"') == 17 and "x265 veryslow: P: 9,000 bits" in html
    frames[point["id"]]["pictures"] = None
    assert frame_figures(results, frames, "walk").count('<g class="bar">') == 17
    assert frame_figures(results, {}, "walk") == ""


def test_frames_of_a_run_without_a_point_at_our_bytes(folder: Path, results: dict) -> None:
    results["matched"] = []
    ours = next(p for p in results["points"] if p["id"] == "walk/nvc-ra/36")
    # ours is far from every point of x265 that is left
    results["points"] = [ours, next(p for p in results["points"] if p["id"] == "walk/x265-veryslow/20")]
    html = frame_figures(results, load_run(folder).frames, "walk")
    assert "quality 36" in html and "x265 veryslow, CRF 20 (" in html
    assert "the rates differ" in html and html.count('<g class="bar">') == 2 * 17


def test_a_metric_that_nobody_measured_has_no_chart(results: dict) -> None:
    for point in results["points"]:
        point["quality"]["xpsnr"] = None
    assert rd_figures(results, "walk").count("<svg") == 3 * (len(METRICS) - 1)
    assert "xpsnr" not in difference_figures(results)


def test_no_figure_without_a_chart() -> None:
    assert figure("title", "", "") == ""
