"""From points to BD-rates, means and differences."""

import pytest

from nvc.bench.compare import (
    METRICS,
    compare_results,
    compare_runs,
    curve_points,
    format_comparisons,
    means_of,
    metrics_of,
    percent_words,
    rate_difference,
)
from nvc.errors import UsageError


def points(sequence: str, line: str, factor: float, qualities=(30.0, 33.0, 36.0, 39.0), first: float = 1000) -> list:
    """A curve whose rate doubles every three dB, times a factor."""
    return [
        {"sequence": sequence, "line": line, "setting": k, "bytes": round(factor * first * 2 ** ((q - 30) / 3)),
         "quality": dict.fromkeys(METRICS, q)}
        for k, q in enumerate(qualities)
    ]  # fmt: skip


def run_of(*results: dict) -> dict:
    names = dict.fromkeys(r["sequence"] for r in results)
    return {"schema": 1, "sequences": [{"name": n, "sha256": n} for n in names], "points": list(results)}


def test_a_factor_is_found_by_every_metric() -> None:
    found = compare_results([*points("a", "x265-veryslow", 1), *points("a", "nvc-ra", 0.8)])
    assert [(one.test, one.anchor, one.metric) for one in found] == [("nvc-ra", "x265-veryslow", m) for m in METRICS]
    assert all(one.percent == pytest.approx(-20, abs=0.1) and one.monotone for one in found)
    assert all(one.akima is None or one.akima == pytest.approx(-20, abs=0.1) for one in found)
    assert (found[0].overlap, found[0].test_points, found[0].low) == (1, 4, 30)


def test_curves_without_a_number_say_why() -> None:
    anchor = points("a", "x265-veryslow", 1)
    falling = [{**p, "quality": dict.fromkeys(METRICS, q)}
               for p, q in zip(points("a", "nvc-ra", 1), (30, 35, 34, 39), strict=True)]  # fmt: skip
    bad = compare_results([*anchor, *falling])[0]
    assert bad.percent is None and not bad.monotone and "does not rise" in bad.reason
    far = compare_results([*anchor, *points("a", "nvc-ra", 1, (38.0, 40.0, 42.0, 44.0))])[0]
    assert far.percent is None and far.overlap < 0.6 and far.monotone
    few = compare_results([*anchor, *points("a", "nvc-ra", 1, (30.0,))])[0]
    assert few.percent is None and "at least 2 points" in few.reason


def test_screen_content_is_in_no_mean() -> None:
    results = []
    for name, factor in (("a", 0.8), ("b", 1.1), ("screen_c", 3)):
        results += points(name, "x265-veryslow", 1) + points(name, "nvc-ra", factor)
    mean = means_of(compare_results(results))[0]
    assert mean.percent == pytest.approx(-5, abs=0.1) and mean.sequences == 2
    assert (mean.best_sequence, mean.worst_sequence) == ("a", "b")
    assert mean.screen[0][0] == "screen_c" and mean.screen[0][1] == pytest.approx(200, abs=0.5)


def test_a_mean_hides_no_sequence_without_a_number() -> None:
    results = points("a", "x265-veryslow", 1) + points("a", "nvc-ra", 0.8)
    results += points("b", "x265-veryslow", 1) + points("b", "nvc-ra", 0.8, (50.0, 52.0, 54.0, 56.0))
    mean = means_of(compare_results(results))[0]
    assert mean.percent is None and mean.sequences == 2 and mean.worst_sequence == "a"
    assert percent_words(None) == "none" and percent_words(-1.26) == "-1.3 %"


def test_rate_difference_over_quality() -> None:
    a, t = (curve_points(points("a", "nvc-ra", f), "a", "nvc-ra", "vmaf") for f in (1, 1.5))
    found = rate_difference(a, t, steps=10)
    assert len(found) == 11 and (found[0][0], found[-1][0]) == (30, 39)
    assert all(percent == pytest.approx(50, abs=0.2) for _, percent in found)
    assert rate_difference(a, t[:1]) == rate_difference(a, [(b, q + 50) for b, q in t]) == []


def test_two_runs() -> None:
    before = run_of(*points("a", "nvc-ra", 1), *points("a", "x265-medium", 1), *points("b", "nvc-ra", 1))
    after = run_of(*points("a", "nvc-ra", 0.9), *points("a", "x265-medium", 1))
    found = compare_runs(before, after)
    assert [(one.sequence, one.test) for one in found[:: len(METRICS)]] == [("a", "nvc-ra"), ("a", "x265-medium")]
    assert found[0].percent == pytest.approx(-10, abs=0.1)
    assert "second run against first" in format_comparisons(found)


def test_runs_that_cannot_be_compared() -> None:
    one = run_of(*points("a", "nvc-ra", 1))
    other = {**one, "sequences": [{"name": "a", "sha256": "another clip"}]}
    with pytest.raises(UsageError, match="not the same clip"):
        compare_runs(one, other)
    with pytest.raises(UsageError, match="share no"):
        compare_runs(one, run_of(*points("b", "nvc-ra", 1)))
    with pytest.raises(UsageError, match="schema"):
        compare_runs(one, {**one, "schema": 99})


def test_text_has_a_row_for_each_sequence_and_the_mean() -> None:
    results = []
    for name in ("a", "b"):
        results += points(name, "x265-veryslow", 1) + points(name, "nvc-ra", 0.8)
    text = format_comparisons(compare_results(results))
    assert (
        "nvc neural against x265 veryslow" in text
        and "mean, natural" in text
        and text.count("-20.0 %") == 3 * len(METRICS)
    )


def test_a_metric_that_some_points_lack() -> None:
    results = points("a", "x265-veryslow", 1) + points("a", "nvc-ra", 0.8)
    for one in results:
        one["quality"] = {**one["quality"], "xpsnr": None}
    assert metrics_of(results) == tuple(m for m in METRICS if m != "xpsnr")
    assert {one.metric for one in compare_results(results)} == set(METRICS) - {"xpsnr"}
    assert "XPSNR" not in format_comparisons(compare_results(results))
    results += points("b", "x265-veryslow", 1) + points("b", "nvc-ra", 0.8)
    found = {(one.sequence, one.metric): one for one in compare_results(results)}
    assert found["b", "xpsnr"].percent == pytest.approx(-20, abs=0.1)
    assert found["a", "xpsnr"].percent is None and "at least 2 points" in found["a", "xpsnr"].reason
    mean = next(m for m in means_of(found.values()) if m.metric == "xpsnr")
    assert mean.percent is None and mean.sequences == 2


def test_runs_are_compared_by_what_both_measured() -> None:
    before, after = (run_of(*points("a", "nvc-ra", f)) for f in (1, 0.9))
    for one in before["points"]:
        del one["quality"]["ms_ssim_db"]
    assert {one.metric for one in compare_runs(before, after)} == set(METRICS) - {"ms_ssim_db"}
