"""A run as a whole: what is measured, kept, gone on with and said."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nvc.bench import run as bench_run
from nvc.bench.compare import METRICS
from nvc.bench.jobs import Job
from nvc.bench.own_profiles import own_folder
from nvc.bench.run import Sources, progress_words, raw_command, rerun_words, run_profile
from nvc.bench.sequences import add_own, find_sequences, load_profile
from nvc.errors import InputError, NvcError, UsageError

LINES = ("nvc-ra", "x265-medium", "x265-veryslow")


def fake_result(job: Job) -> dict:
    """A point on a curve whose rate doubles every 3 dB; ours needs half of x265's."""
    psnr = 20 + job.setting / 3 if job.line.startswith("nvc") else 50 - job.setting / 2
    rate = int((500 if job.line.startswith("nvc") else 1000) * 2 ** ((psnr - 30) / 3)) + 10
    quality = dict.fromkeys((*METRICS, "psnr_u", "psnr_v"), psnr)
    return {"bytes": rate, "sha256": "a" * 64, "decoded_sha256": "b" * 64, "frames": 32, "quality": quality,
            "by_frame": {}, "pictures": None, "crop": None, "encode_seconds": 2.0, "decode_seconds": 0.5}  # fmt: skip


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of jobs that ran; nothing is coded."""
    seen: list[str] = []

    def work(job: Job, sources: Sources) -> dict:
        seen.append(job.id)
        if job.setting == 99:
            raise NvcError("ffmpeg ended with 1: /home/someone/secret/clip.mkv is broken")
        return fake_result(job)

    monkeypatch.setattr(bench_run, "_run_job", work)
    return seen


@pytest.fixture
def clips(y4m: Callable, tmp_path: Path) -> Path:
    y4m("walk.y4m", 64, 64, 2)
    y4m("screen_a.y4m", 64, 64, 2)
    return tmp_path


def test_a_run_writes_a_file_for_each_job_and_all_results(ran: list, clips: Path, tmp_path: Path) -> None:
    events: list[dict] = []
    out = tmp_path / "out"
    results = run_profile("public", out, sequences=clips, lines=LINES, qualities=(50, 30, 40, 60), emit=events.append)
    # and one of x265 at our bytes for each sequence
    assert len(ran) == len(set(ran)) == len(list((out / "jobs").iterdir())) == 2 * (4 + 6 + 6) + 2
    assert [one["ours"] for one in results["matched"]] == ["screen_a/nvc-ra/50", "walk/nvc-ra/50"]
    assert json.loads((out / "results.json").read_text()) == results
    assert events[-1]["done"] == events[-1]["total"] == 34 and "dB" in progress_words(events[-1])
    mean = next(m for m in results["means"] if (m["anchor"], m["metric"]) == ("x265-veryslow", "psnr_611"))
    assert (
        mean["percent"] == pytest.approx(-50, abs=2) and mean["sequences"] == 1 and mean["screen"][0][0] == "screen_a"
    )
    text = (out / "results.json").read_text()
    assert str(tmp_path) not in text and "SOURCE" in text
    assert {"nvc", "x265", "ffmpeg", "python"} == results["versions"].keys()
    job = json.loads((out / "jobs" / "walk.nvc-ra.40.json").read_text())
    assert (job["id"], job["kbps"]) == ("walk/nvc-ra/40", round(job["bytes"] * 8 / 1000 / (32 / 25), 3))


def test_resume_measures_only_what_is_not_there(ran: list, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_profile("public", out, sequences=clips, lines=LINES)
    (out / "jobs" / "walk.nvc-ra.36.json").unlink()
    with pytest.raises(UsageError, match="--resume"):
        run_profile("public", out, sequences=clips, lines=LINES)
    before, events = len(ran), []
    again = run_profile("public", out, sequences=clips, lines=LINES, resume=True, emit=events.append)
    assert ran[before:] == ["walk/nvc-ra/36"]
    assert again["points"] == first["points"]
    assert progress_words(events[0]).endswith("kept from before")
    some = run_profile("public", out, sequences=clips, lines=LINES, resume=True, only=["walk/*"])
    assert some["points"] == first["points"] and len(ran) == before + 1
    run_profile("public", out, sequences=clips, lines=("nvc-ra",), only=["walk/*"], overwrite=True)
    assert len(list((out / "jobs").iterdir())) == 5


def test_resume_sees_another_source_and_other_code(
    ran: list, clips: Path, y4m: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run_profile("public", out, sequences=clips, lines=LINES)
    before = len(ran)
    y4m("walk.y4m", 64, 64, 3)
    run_profile("public", out, sequences=clips, lines=LINES, resume=True)
    assert {job.split("/")[0] for job in ran[before:]} == {"walk"}
    before = len(ran)
    monkeypatch.setattr(bench_run, "code_hash", lambda: "other")
    run_profile("public", out, sequences=clips, lines=LINES, resume=True)
    assert {job.split("/")[1] for job in ran[before:]} == {"nvc-ra"}


def test_a_job_that_fails_stops_no_other(ran: list, clips: Path, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "out"
    broken = (99, 36, 28)
    with pytest.raises(NvcError, match="1 of 3 jobs failed.*walk/nvc-ra/99"):
        run_profile("public", out, sequences=clips, lines=("nvc-ra",), qualities=broken, only=["walk/*"])
    results = json.loads((out / "results.json").read_text())
    assert len(results["points"]) == 2 and results["planned"] == 3
    assert "clip.mkv is broken" in results["failed"][0] and "/home" not in results["failed"][0]


def test_code_that_changes_meanwhile_is_told(ran: list, clips: Path, tmp_path: Path, monkeypatch) -> None:
    hashes = iter(("before", "after"))
    monkeypatch.setattr(bench_run, "code_hash", lambda: next(hashes))
    events: list[dict] = []
    results = run_profile("public", tmp_path / "out", sequences=clips, lines=LINES, emit=events.append)
    assert "changed while" in results["warnings"][-1]
    assert events[-1] == {"type": "warning", "message": results["warnings"][-1]}


def test_sequences_that_are_not_there_are_named(ran: list, y4m: Callable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="BasketballPass, BlowingBubbles"):
        run_profile("hevc-d", tmp_path / "out", sequences=tmp_path)
    y4m("BQSquare_416x240_60.y4m", 416, 240, 1)
    (tmp_path / "RaceHorses_416x240_30.yuv").write_bytes(bytes(5 * 149_760))
    results = run_profile("hevc-d", tmp_path / "out", sequences=tmp_path, frames=96, lines=LINES)
    assert [w.split(" is left out: ")[0] for w in results["warnings"]] == [
        "BasketballPass",
        "BlowingBubbles",
        "RaceHorses",
    ]
    assert results["warnings"][-1].endswith("5 frames, 96 are needed")
    assert {p["sequence"] for p in results["points"]} == {"BQSquare"}


def test_raw_files_get_a_head_once_and_go_after_the_last_job(tmp_path: Path) -> None:
    (tmp_path / "RaceHorses_416x240_30.yuv").write_bytes(bytes(range(256)) * (3 * 149_760 // 256))
    profile = load_profile("hevc-d")
    found = find_sequences(profile, tmp_path)
    jobs = [Job("RaceHorses", "x265-medium", crf, 32, 2) for crf in (20, 30)]
    with Sources(found, jobs, 2) as sources:
        path = sources.take("RaceHorses")
        assert sources.take("RaceHorses") == path
        head, _, body = path.read_bytes().partition(b"\n")
        assert head.startswith(b"YUV4MPEG2 W416 H240 F30:1") and len(body) == 2 * (149_760 + len(b"FRAME\n"))
        assert body[6:262] == bytes(range(256))
        sources.done("RaceHorses")
        assert path.exists()
        sources.done("RaceHorses")
        assert not path.exists()
    assert "rawvideo" in raw_command(found[-1], "a", "b", None)


def test_a_raw_file_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "BQSquare_416x240_60.yuv").write_bytes(bytes(range(256)) * (2 * 149_760 // 256))
    results = run_profile("hevc-d", tmp_path / "out", sequences=tmp_path, frames=2, only=["BQSquare/x265-medium/40"])
    (point,) = results["points"]
    assert point["frames"] == 2 and point["kbps"] == pytest.approx(point["bytes"] * 8 / 1000 / (2 / 60), abs=1e-3)
    assert "BQSquare_416x240_60.yuv SOURCE" not in results["sequences"][2]["raw_command"]
    assert results["sequences"][2]["raw_command"].startswith("ffmpeg -f rawvideo")


def test_how_to_measure_again(ran: list, clips: Path, tmp_path: Path) -> None:
    results = run_profile("public", tmp_path / "out", sequences=clips, lines=LINES, frames=2, qualities=(20, 30))
    assert rerun_words(results, "walk/*") == (
        "nvc bench run public --out DIR --sequences FOLDER --frames 2 --qualities 20 30 --only 'walk/*'"
    )


def test_x265_at_our_bytes_is_kept_and_no_point(ran: list, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_profile("public", out, sequences=clips, lines=LINES, only=["walk/*"])
    (one,) = first["matched"]
    ours = next(p for p in first["points"] if p["id"] == one["ours"])
    assert abs(one["bytes"] / ours["bytes"] - 1) < 0.03 and one["line"] == "x265-veryslow"
    assert one["id"] not in {p["id"] for p in first["points"]} and first["planned"] == len(first["points"])
    assert "crop" not in one and f"-crf {one['setting']}" in one["command"]
    before = len(ran)
    again = run_profile("public", out, sequences=clips, lines=LINES, only=["walk/*"], resume=True)
    assert len(ran) == before and again["matched"] == first["matched"]


def test_a_run_without_the_points_for_it_has_none_at_our_bytes(ran: list, clips: Path, tmp_path: Path) -> None:
    results = run_profile("public", tmp_path / "out", sequences=clips, lines=LINES, only=["walk/nvc-ra/*"])
    assert results["matched"] == [] and len(ran) == 5


def test_a_missing_filter_is_told_once(ran: list, clips: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bench_run, "has_xpsnr", lambda: False)
    events: list[dict] = []
    results = run_profile("public", tmp_path / "out", sequences=clips, lines=LINES, emit=events.append)
    told = [e["message"] for e in events if e["type"] == "warning"]
    assert told == results["warnings"] and len(told) == 1 and told[0].startswith("XPSNR is left out")


def test_a_profile_of_one_s_own(ran: list, clips: Path, tmp_path: Path) -> None:
    add_own("mine", [clips / "walk.y4m"], frames=2)
    results = run_profile("mine", tmp_path / "out", lines=LINES, qualities=(20, 30))
    assert {p["sequence"] for p in results["points"]} == {"walk"}
    assert rerun_words(results, "*") == "nvc bench run mine --out DIR --qualities 20 30 --only '*'"
    (own_folder() / "mine.toml").unlink()
    assert rerun_words(results, "*") == (
        "nvc bench run mine --out DIR --sequences FOLDER --frames 2 --keyint 32 --qualities 20 30 --only '*'"
    )
