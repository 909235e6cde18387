"""x265 at our bytes: one more point for each sequence, at the CRF that gives as many bytes as a point of ours.

Curves are compared by their points; pictures, bits by frame and quality by frame only say something at equal bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nvc.bench.anchors import crf_for_bytes
from nvc.bench.jobs import Job
from nvc.bench.lines import matched_pair

CLOSE = 0.03  # a share of bytes by which the point may miss ours before a second is tried


@dataclass(frozen=True, slots=True)
class Match:
    """ours: the point that is shown; anchor: id of x265's line; points: that line's jobs on the same sequence."""

    ours: Job
    anchor: str
    points: tuple[Job, ...]


def matches_of(jobs: Iterable[Job]) -> tuple[Match, ...]:
    """One match for each sequence that has a point to show and at least two of x265."""
    jobs = tuple(jobs)
    found = []
    for ours in (job for job in jobs if job.crop):
        mine = [job for job in jobs if job.sequence == ours.sequence]
        pair = matched_pair([job.line for job in mine])
        points = tuple(job for job in mine if pair and job.line == pair[1].id)
        if pair and pair[0].id == ours.line and len(points) > 1:
            found.append(Match(ours, pair[1].id, points))
    return tuple(found)


def match_job(match: Match, results: Mapping[Job, dict]) -> Job | None:
    """The next job that comes closer to our bytes, None where what there is is close, or nothing more can be done.

    results   of all jobs so far, those that this function gave among them
    """
    if match.ours not in results:
        return None
    wanted = results[match.ours]["bytes"]
    tried = {job: found for job, found in results.items() if _is_try(match, job)}
    if any(abs(found["bytes"] / wanted - 1) <= CLOSE for found in tried.values()):
        return None
    known = {float(job.setting): results[job]["bytes"] for job in match.points if job in results}
    known |= {float(job.setting): found["bytes"] for job, found in tried.items()}
    if len(known) < 2:
        return None
    one = match.ours
    job = Job(one.sequence, match.anchor, crf_for_bytes(list(known.items()), wanted), one.keyint, one.frames, crop=True)
    return None if job in tried else job


def best_try(match: Match, results: Mapping[Job, dict]) -> dict | None:
    """The result that is closest to our bytes, None where there is none."""
    tried = [found for job, found in results.items() if _is_try(match, job)]
    wanted = results[match.ours]["bytes"] if match.ours in results else 0
    return min(tried, key=lambda found: abs(found["bytes"] - wanted), default=None)


def _is_try(match: Match, job: Job) -> bool:
    return job.crop and (job.sequence, job.line) == (match.ours.sequence, match.anchor)
