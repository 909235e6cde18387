"""Tables of the page."""

from nvc.bench.report.tables import command_list, matrix, point_table, source_table, speed_table


def test_weak_cells_are_marked(results: dict) -> None:
    assert "marked" not in matrix(results, "psnr_y").replace('class="bad marked"', "")
    one = next(c for c in results["comparisons"] if (c["metric"], c["test"]) == ("psnr_y", "nvc-ra"))
    one.update(percent=None, overlap=0.1, reason="the curves overlap by 10%, less than 60%", akima=None)
    html = matrix(results, "psnr_y")
    assert '<td class="marked"' in html and "–<small>the curves overlap by 10%</small>" in html


def test_matrix_has_a_row_for_each_sequence_and_the_mean(results: dict) -> None:
    html = matrix(results, "vmaf")
    ours, beside = html.split("Beside, ")
    assert ours.count("<tr><td>") == 3 and ours.count("mean, natural") == 1
    assert ours.index("walk") < ours.index("screen_text")
    assert beside.count('colspan="1"') == 2


def test_grounds(results: dict) -> None:
    assert command_list(results).count("<h3>") == len(results["profile"]["lines"])
    assert "64x64, 8 bit, 25 fps" in source_table(results)
    assert point_table(results).count("<tr>") == len(results["points"]) + len(results["matched"]) + 1
    assert "<td>64x64</td><td>8.50</td><td>34.0</td>" in speed_table(results)
    missing = {**results["sequences"][0], "picture": None, "file": None, "sha256": None, "problem": "missing: no file"}
    assert "missing: no file" in source_table({**results, "sequences": [missing]})


def test_a_quality_that_a_point_lacks_is_a_dash(results: dict) -> None:
    results["points"][0]["quality"]["xpsnr"] = None
    assert point_table(results).count("<td>–</td>") == 1
