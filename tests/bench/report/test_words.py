"""Words of the report."""

import pytest

from nvc.bench.report.words import HEADLINES, claims, conditions, marks, pairs_of, percent, sequences_of, speeds

GOOD = {"monotone": True, "overlap": 0.9, "test_points": 5, "anchor_points": 6, "akima": -10.2, "percent": -10.0,
        "reason": ""}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"monotone": False}, ["a curve does not rise with its rate"]),
        ({"overlap": 0.5}, ["the curves overlap by 50%"]),
        ({"test_points": 3}, ["3 points"]),
        ({"akima": -12.0}, ["by Akima's curve it is −12.0 %"]),
        ({"akima": None, "percent": None, "reason": "why"}, ["why"]),
        ({"overlap": 0.1, "test_points": 2, "akima": None}, ["the curves overlap by 10%", "2 points"]),
    ],
)
def test_marks(change: dict, words: list[str]) -> None:
    assert marks({**GOOD, **change}) == words


def test_percent() -> None:
    assert [percent(v) for v in (-1.25, 3.0, None)] == ["−1.2 %", "+3.0 %", "–"]


def test_claims_are_the_headlines(results: dict) -> None:
    found = claims(results)
    assert [says for _, says, _ in found][0] == "nvc neural against x265 veryslow" and len(found) == len(HEADLINES)
    assert all(number.startswith("−2") for number, _, _ in found)
    assert "mean of 2 natural sequences; worst" in found[0][2]


def test_claims_without_a_number(results: dict) -> None:
    for mean in results["means"]:
        mean.update(percent=None)
    number, _, behind = claims(results)[0]
    assert number == "no mean" and "one of them has no number" in behind


def test_order_and_conditions(results: dict) -> None:
    assert sequences_of(results)[-1] == "screen_text"
    assert pairs_of(results)[: len(HEADLINES)] == list(HEADLINES)
    assert conditions(results) == "32 frames of each, an I frame every 32"
    assert speeds(results)[0] == {"line": "nvc-ra", "size": "64x64", "encode": 8.5, "decode": 34.0}
