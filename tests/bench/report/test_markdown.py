"""Markdown of a run."""

from nvc.bench.compare import METRICS
from nvc.bench.report.markdown import markdown


def test_every_comparison_has_its_table(results: dict) -> None:
    text = markdown(results)
    pairs = {(c["test"], c["anchor"]) for c in results["comparisons"]}
    assert text.count("| sequence |") == len(pairs)
    assert text.count("**mean, natural**") == len(pairs)
    assert "nvc bench run public --out DIR --sequences FOLDER\n" in text
    assert "### nvc neural against x265 veryslow\n" in text and text.count("ffmpeg -noautorotate") >= 5


def test_weak_numbers_are_marked_with_their_reason(results: dict) -> None:
    one = next(c for c in results["comparisons"] if c["metric"] == "vmaf")
    one["overlap"], one["monotone"] = 0.4, False
    text = markdown(results)
    assert (
        f"* {one['sequence']}, {METRICS['vmaf']}: a curve does not rise with its rate; the curves overlap by 40%"
        in text
    )


def test_warnings_come_first(results: dict) -> None:
    text = markdown({**results, "warnings": ["Beauty is left out: missing"], "failed": ["x: broken"]})
    assert text.index("* Beauty is left out: missing") < text.index("* failed: x: broken") < text.index("## In short")
