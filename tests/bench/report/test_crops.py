"""Pictures side by side."""

import base64
from pathlib import Path

from nvc.bench.report import load_run
from nvc.bench.report.crops import crop_figure, matched_point


def test_source_ours_and_x265(folder: Path, results: dict) -> None:
    html = crop_figure(results, load_run(folder).frames, "walk")
    assert html.count('<img src="data:image/png;base64,') == 3
    point = matched_point(results, "walk")
    data = [base64.b64encode(words.encode()).decode() for words in ("SOURCE", "walk/nvc-ra/36", point["id"])]
    order = [html.index(f"base64,{words}") for words in data]
    assert order == sorted(order)
    assert point["ours"] == "walk/nvc-ra/36" and f"CRF {point['setting']}" in html and "quality 36" in html
    ours = next(p for p in results["points"] if p["id"] == point["ours"])
    assert abs(point["bytes"] / ours["bytes"] - 1) < 0.03 and f"{point['bytes']:,} bytes" in html
    assert "source, frame 6" in html and "this frame" in html


def test_none_without_both_pictures(folder: Path, results: dict) -> None:
    frames = load_run(folder).frames
    frames[matched_point(results, "walk")["id"]]["crop"] = None
    assert crop_figure(results, frames, "walk") == crop_figure(results, {}, "walk") == ""
    assert crop_figure({**results, "matched": []}, frames, "walk") == crop_figure(results, frames, "none") == ""
