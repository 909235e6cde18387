"""x265 at our bytes: which points, which CRF, and when to stop."""

from dataclasses import replace

from nvc.bench.jobs import Job
from nvc.bench.match import best_try, match_job, matches_of

OURS = Job("clip", "nvc-ra", 36, 32, 17, crop=True)
X265 = tuple(Job("clip", "x265-veryslow", crf, 32, 17) for crf in (24, 28, 32))


def size(crf: float) -> int:
    """6 CRF halve the rate."""
    return round(1e6 * 2 ** (-crf / 6))


RESULTS = {job: {"bytes": size(job.setting)} for job in X265}


def test_one_match_for_each_sequence_with_its_points() -> None:
    other = replace(OURS, sequence="b")
    (match,) = matches_of([OURS, *X265, other, replace(X265[0], sequence="b")])
    assert (match.ours, match.anchor, match.points) == (OURS, "x265-veryslow", X265)
    assert matches_of([replace(OURS, crop=False), *X265]) == matches_of([OURS, X265[0]]) == ()
    medium = tuple(replace(job, line="x265-medium") for job in X265)
    assert matches_of([OURS, *medium])[0].anchor == "x265-medium"


def test_the_crf_that_gives_our_bytes() -> None:
    (match,) = matches_of([OURS, *X265])
    results = {**RESULTS, OURS: {"bytes": size(29.5)}}
    job = match_job(match, results)
    assert (job.line, job.setting, job.crop, job.frames, job.keyint) == ("x265-veryslow", 29.5, True, 17, 32)
    assert job.id == "clip/x265-veryslow/29.5" and job.file_name == "clip.x265-veryslow.29.5.json"
    close = {**results, job: {"bytes": int(size(29.5) * 1.029)}}
    assert match_job(match, close) is None and best_try(match, close) is close[job]


def test_a_miss_is_tried_again_with_what_it_taught() -> None:
    (match,) = matches_of([OURS, *X265])
    results = {**RESULTS, OURS: {"bytes": size(29.5)}}
    first = match_job(match, results)
    results[first] = {"bytes": int(size(29.5) * 0.9)}
    second = match_job(match, results)
    assert second.setting < 29.5
    results[second] = {"bytes": int(size(29.5) * 1.05)}
    assert best_try(match, results) is results[second]


def test_nothing_to_match() -> None:
    (match,) = matches_of([OURS, *X265])
    assert match_job(match, RESULTS) is None and best_try(match, RESULTS) is None
    assert match_job(match, {OURS: {"bytes": 5}, X265[0]: {"bytes": 9}}) is None
    results = {**RESULTS, OURS: {"bytes": 10}}
    job = match_job(match, results)
    assert job.setting == 51.0 and match_job(match, {**results, job: {"bytes": 2000}}) is None
