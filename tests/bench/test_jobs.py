"""Jobs: which there are, and when a kept result may be used."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from nvc.bench import jobs
from nvc.bench.jobs import Job, job_key, plan_jobs, read_result, read_results, write_json
from nvc.bench.planes import Picture
from nvc.bench.sequences import Found, load_profile
from nvc.errors import InputError, OutputError, UsageError

PICTURE = Picture(64, 64, 8, Fraction(25))
JOB = Job("clip", "nvc-ra", 32, 32, 17)


def found(*names: str) -> tuple[Found, ...]:
    return tuple(Found(name, Path(f"{name}.mkv"), PICTURE, None) for name in names)


def test_plan_holds_every_point_once_and_long_ones_first() -> None:
    profile = load_profile("smoke")
    planned = plan_jobs(profile, found("a", "b"))
    assert len(planned) == len(set(planned)) == 2 * 4 * len(profile.lines)
    assert planned[0] == Job("a", "vvenc-faster", 22, 32, 32)
    assert [job.sequence for job in planned] == ["a"] * 36 + ["b"] * 36


def test_only_takes_patterns() -> None:
    profile = load_profile("smoke")
    planned = plan_jobs(profile, found("a", "b"), ["b/nvc-*/*", "a/x265-plain/22"])
    assert {job.line for job in planned if job.sequence == "b"} == {"nvc-ra", "nvc-ld"}
    assert [job.id for job in planned if job.sequence == "a"] == ["a/x265-plain/22"]
    with pytest.raises(UsageError, match="c/"):
        plan_jobs(profile, found("a"), ["c/*"])


def test_key_changes_with_all_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [job_key(JOB, PICTURE, "source", "code")]
    keys += [job_key(replace(JOB, **change), PICTURE, "source", "code")
             for change in ({"setting": 33}, {"keyint": 64}, {"frames": 16}, {"line": "nvc-ld"})]  # fmt: skip
    keys += [job_key(JOB, PICTURE, "other", "code"), job_key(JOB, PICTURE, "source", "other")]
    monkeypatch.setattr(jobs, "MEASURE", jobs.MEASURE + 1)
    keys += [job_key(JOB, PICTURE, "source", "code")]
    assert len(set(keys)) == len(keys)


def test_our_code_is_no_part_of_a_foreign_key() -> None:
    job = replace(JOB, line="x265-medium")
    assert job_key(job, PICTURE, "source", "one") == job_key(job, PICTURE, "source", "other")
    ten = replace(PICTURE, bit_depth=10)
    assert job_key(job, ten, "source", "one") != job_key(job, PICTURE, "source", "one")


def test_results_are_used_under_their_key_only(tmp_path: Path) -> None:
    assert read_result(tmp_path, JOB, "key") is None
    write_json(tmp_path / JOB.file_name, {"key": "key", "bytes": 5})
    assert read_result(tmp_path, JOB, "key") == {"key": "key", "bytes": 5}
    assert read_result(tmp_path, JOB, "other") is None
    (tmp_path / JOB.file_name).write_text("{broken")
    assert read_result(tmp_path, JOB, "key") is None
    with pytest.raises(InputError, match="not a result"):
        read_results(tmp_path)


def test_nothing_is_left_beside_what_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", [1])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.json"]
    assert json.loads((tmp_path / "a" / "b.json").read_text()) == [1]
    with pytest.raises(OutputError, match="cannot write"):
        write_json(tmp_path / "a" / "b.json" / "c.json", [1])


@pytest.mark.parametrize("name", ["a b/c", "ä", "a:b", "a_b"])
def test_file_names_are_plain_and_differ(name: str) -> None:
    file = replace(JOB, sequence=name).file_name
    assert file.isascii() and not set(file) & set(" /:\\")
    assert file != replace(JOB, sequence=name + "?").file_name


def test_the_middle_of_ours_is_shown() -> None:
    profile = load_profile("smoke")
    shown = [job.id for job in plan_jobs(profile, found("a", "b")) if job.crop]
    assert shown == ["a/nvc-ra/40", "b/nvc-ra/40"]
    assert not any(job.crop for job in plan_jobs(replace(profile, lines=("nvc-ra", "svt-av1-6")), found("a")))
    keys = {job_key(replace(JOB, crop=crop), PICTURE, "source", "code") for crop in (False, True)}
    assert len(keys) == 2


def test_names_of_jobs_with_decimals() -> None:
    names = [replace(JOB, setting=setting).file_name for setting in (4, 28, 28.0, 28.4)]
    assert names == ["clip.nvc-ra.04.json", "clip.nvc-ra.28.json", "clip.nvc-ra.28.0.json", "clip.nvc-ra.28.4.json"]
