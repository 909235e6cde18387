"""``nvc bench run``: measure a profile into a folder, one file for each point, to be gone on with after a stop."""

import json
import os
import platform
import re
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import nvc
from nvc.bench.anchors import content_hash
from nvc.bench.child import code_hash, ffmpeg_exe, file_url, module_command, run
from nvc.bench.compare import compare_results, means_of
from nvc.bench.jobs import SCHEMA, Job, job_key, plan_jobs, read_result, versions, write_json
from nvc.bench.lines import line_by_id
from nvc.bench.match import best_try, match_job, matches_of
from nvc.bench.planes import Picture
from nvc.bench.sequences import Found, Profile, find_sequences, load_profile, profile_names
from nvc.bench.xpsnr import has_xpsnr
from nvc.errors import InputError, NvcError, UsageError

Emit = Callable[[dict], None]
_FILES_ONLY = ("by_frame", "pictures", "crop")  # of a job's result: in its own file, not in results.json
_TRIES = 2  # to meet our bytes with x265


class Sources:
    """Sources as every coder reads them: videos as they are, .yuv as a y4m file made once and removed after its last
    job. A context manager."""

    def __init__(self, found: Iterable[Found], jobs: Iterable[Job], frames: int | None) -> None:
        self._found = {one.name: one for one in found}
        self._left = Counter(job.sequence for job in jobs)
        self._frames = frames
        self._locks = {name: threading.Lock() for name in self._found}
        self._work = tempfile.TemporaryDirectory(prefix="nvc-sources-")

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def take(self, name: str) -> Path:
        """Path of a sequence's source."""
        one = self._found[name]
        if not one.is_raw:
            return one.path  # type: ignore[return-value]
        out = Path(self._work.name) / f"{name}.y4m"
        with self._locks[name]:
            if not out.exists():
                part = out.with_suffix(".part")
                run(raw_command(one, file_url(one.path), file_url(part), self._frames))  # type: ignore[arg-type]
                part.rename(out)
        return out

    def done(self, name: str) -> None:
        """One job of a sequence is done; after the last its y4m file goes."""
        with self._locks[name]:
            self._left[name] -= 1
            if self._left[name] <= 0:
                (Path(self._work.name) / f"{name}.y4m").unlink(missing_ok=True)


def raw_command(one: Found, source: str, out: str, frames: int | None) -> list[str]:
    """The ffmpeg command that puts a head before the planes of a .yuv file; no sample changes."""
    import ffmpeg

    p = one.picture
    if p is None:
        raise InputError(f"{one.name}: size unknown")
    limit = {} if frames is None else {"frames:v": frames}
    stream = ffmpeg.input(
        source, f="rawvideo", video_size=(p.width, p.height), framerate=str(p.frame_rate), pix_fmt=p.pixel_format
    )
    stream = stream.output(out, f="yuv4mpegpipe", strict=-1, **limit)
    return stream.global_args("-nostdin", "-v", "error").overwrite_output().compile(cmd=ffmpeg_exe())


def run_profile(
    name: str,
    out: str | Path,
    *,
    sequences: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    jobs: int | None = None,
    only: Sequence[str] = (),
    lines: Sequence[str] = (),
    frames: int | None = None,
    keyint: int | None = None,
    qualities: Sequence[int] = (),
    emit: Emit | None = None,
) -> dict:
    """Measure a profile into ``out``: jobs/*.json, results.json. Returns what results.json holds.

    sequences    folder of the set's files; what it lacks is warned of by name and left out
    resume       go on with what ``out`` has: results of the same source, command and code are kept
    overwrite    drop what ``out`` has
    jobs         processes at a time, None = number of cores; each is single-threaded inside
    only, lines  patterns of jobs, ids of lines; () = all
    frames, keyint, qualities   in place of the profile's
    emit         called with one dict for each finished job and each warning, in this thread
    Raises UsageError for a folder that has results, InputError if no sequence is there; where jobs failed, NvcError
    that names the first, after all others are done and written.
    """
    profile = _asked(load_profile(name), lines, frames, keyint, qualities)
    found = find_sequences(profile, sequences)
    good, warnings = _usable(profile, found)
    warnings += [] if has_xpsnr() else ["XPSNR is left out: this ffmpeg binary has no filter for it"]
    for warning in warnings if emit else ():
        emit({"type": "warning", "message": warning})  # type: ignore[misc]
    every, asked = plan_jobs(profile, good), plan_jobs(profile, good, only)
    folder = Path(out)
    _prepare(folder, resume, overwrite)
    code = code_hash()
    hashes = {one.name: content_hash(one.path) for one in good}  # type: ignore[arg-type]
    head = _head(profile, found, hashes, code)
    at_once = jobs or os.cpu_count() or 1
    bench = _Bench(folder, resume, {one.name: one.picture for one in good}, hashes, code, at_once, emit)  # type: ignore
    done, failed = bench.done, bench.failed
    for job in every if resume else ():
        bench.keep(job)
    waiting = [job for job in asked if job not in done]
    planned = [job for job in every if job in waiting or job in done]
    try:
        with Sources(good, waiting, profile.frames) as sources:
            bench.total = len(planned) + len(matches_of(planned))
            if emit and done:
                emit({"type": "progress", "done": len(done), "total": bench.total, "kept": len(done)})
            bench.measure(waiting, sources)
            _match(bench, planned, sources)
    finally:
        if code_hash() != code:
            warnings.append("nvc's own files changed while it was measured: points are of different codes")
            if emit:
                emit({"type": "warning", "message": warnings[-1]})
        results = _results(head, [done[job] for job in planned if job in done], warnings, failed, len(planned))
        results["matched"] = _matched(done, planned)
        write_json(folder / "results.json", results)
    if failed:
        raise NvcError(f"{len(failed)} of {bench.total} jobs failed, the others are written; first: {failed[0]}")
    return results


def _asked(
    profile: Profile, lines: Sequence[str], frames: int | None, keyint: int | None, qualities: Sequence[int]
) -> Profile:
    """The profile with what was asked for in place of its own."""
    changes: dict = {"frames": frames, "keyint": keyint}
    changes = {key: value for key, value in changes.items() if value is not None}
    if qualities:
        changes["qualities"] = tuple(sorted(set(qualities)))
    if lines:
        changes["lines"] = tuple(line_by_id(line).id for line in lines)
    return replace(profile, **changes)


def _usable(profile: Profile, found: Sequence[Found]) -> tuple[tuple[Found, ...], list[str]]:
    """(sequences that can be measured, a warning for each that cannot)."""
    good, warnings = [], []
    for one in found:
        problem = one.problem
        if not problem and profile.frames and one.frames is not None and one.frames < profile.frames:
            problem = f"{one.frames} frames, {profile.frames} are needed"
        if problem:
            warnings.append(f"{one.name} is left out: {_without_folders(problem)}")
        else:
            good.append(one)
    if not good:
        names = ", ".join(one.name for one in found)
        hint = f"nvc bench sequences check {profile.name} says why"
        raise InputError(f"profile {profile.name}: none of its sequences can be measured ({names}); {hint}")
    return tuple(good), warnings


def _prepare(folder: Path, resume: bool, overwrite: bool) -> None:
    """Results are never mixed by accident: a folder that has some is gone on with or cleared on request only."""
    has = (folder / "results.json").exists() or any((folder / "jobs").glob("*.json"))
    if has and not resume:
        if not overwrite:
            raise UsageError(f"{folder} has results: go on with --resume, or drop them with --overwrite")
        shutil.rmtree(folder / "jobs", ignore_errors=True)
        for name in ("results.json", "index.html"):
            (folder / name).unlink(missing_ok=True)


def _head(profile: Profile, found: Iterable[Found], hashes: dict[str, str], code: str) -> dict:
    """What a run is, before any of its points."""
    words = {"nvc": f"{nvc.__version__} (code {code})", **versions(), "python": platform.python_version()}
    points = {n: list(getattr(profile, n)) for n in ("qualities", "crfs", "av1_crfs", "vvc_qps", "lines")}
    sequences = []
    for one in found:
        entry = {**one.to_dict(), "sha256": hashes.get(one.name), "screen": one.is_screen, "raw_command": None}
        if one.is_raw and one.picture is not None and one.name in hashes:
            command = raw_command(one, one.path.name, "SOURCE", profile.frames)  # type: ignore[union-attr]
            entry["raw_command"] = " ".join(["ffmpeg", *command[1:]])
        sequences.append(entry)
    about = {"name": profile.name, "title": profile.title, "frames": profile.frames, "keyint": profile.keyint}
    machine = f"{machine_name()}, {platform.system()} {platform.machine()}"
    return {"schema": SCHEMA, "profile": {**about, **points}, "versions": words, "machine": machine,
            "date": datetime.now(UTC).date().isoformat(), "sequences": sequences}  # fmt: skip


def machine_name() -> str:
    """Processor, where the system tells it, and number of cores."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        name = found.group(1).strip() if found else name
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores"


def _results(head: dict, done: list[dict], warnings: list[str], failed: list[str], planned: int) -> dict:
    """All of a run; points without their frames, which the files of the jobs have."""
    points = [_light(one) for one in done]
    compared = compare_results(points)
    means = [{**asdict(one), "screen": [list(pair) for pair in one.screen]} for one in means_of(compared)]
    return {**head, "warnings": warnings, "planned": planned, "failed": failed, "points": points,
            "comparisons": [asdict(one) for one in compared],
            "means": means}  # fmt: skip


def _light(result: dict) -> dict:
    """A job's result as results.json holds it."""
    return {name: value for name, value in result.items() if name not in _FILES_ONLY}


@dataclass
class _Bench:
    """Runs jobs, several at a time, and keeps their results.

    pictures, hashes   of each sequence
    at_once            processes at a time
    done, failed       results by job; messages of those that failed
    total              how many jobs there are, for the progress
    """

    folder: Path
    resume: bool
    pictures: dict[str, Picture]
    hashes: dict[str, str]
    code: str
    at_once: int
    emit: Emit | None
    done: dict[Job, dict] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    total: int = 0

    def key(self, job: Job) -> str:
        """Key of a job's result."""
        return job_key(job, self.pictures[job.sequence], self.hashes[job.sequence], self.code)

    def keep(self, job: Job) -> bool:
        """Take a job's result from before, where there is one that still counts; whether there is."""
        kept = read_result(self.folder / "jobs", job, self.key(job))
        if kept:
            self.done[job] = kept
        return kept is not None

    def measure(self, waiting: Sequence[Job], sources: Sources) -> None:
        """Run the jobs; their results are written and in ``done``, messages of those that failed in ``failed``."""
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(self.at_once))
            stack.callback(lambda: pool.shutdown(wait=False, cancel_futures=True))
            futures = {pool.submit(_run_job, job, sources): job for job in waiting}
            for future in as_completed(futures):
                self._take(futures[future], future)

    def _take(self, job: Job, future: Future) -> None:
        about: dict = {"type": "progress", "job": job.id}
        try:
            found = future.result()
        except NvcError as error:
            self.failed.append(f"{job.id}: {_without_folders(str(error))}")
            about["failed"] = str(error)
        else:
            self.done[job] = _kept(job, self.key(job), self.pictures[job.sequence], found)
            write_json(self.folder / "jobs" / job.file_name, self.done[job])
            about |= {"bytes": found["bytes"], "psnr_611": found["quality"]["psnr_611"]}
        number = len(self.done) + len(self.failed)
        self.total = max(self.total, number)
        if self.emit:
            self.emit({**about, "done": number, "total": self.total})


def _match(bench: _Bench, planned: Sequence[Job], sources: Sources) -> None:
    """Measure x265 at our bytes, for each sequence that has the points for it."""
    asked: set[Job] = set()
    for _ in range(_TRIES):
        jobs = [job for match in matches_of(planned) if (job := match_job(match, bench.done)) and job not in asked]
        asked.update(jobs)
        bench.measure([job for job in jobs if not (bench.resume and bench.keep(job))], sources)


def _matched(done: dict[Job, dict], planned: Sequence[Job]) -> list[dict]:
    """What results.json says of x265 at our bytes: the point, and the id of ours."""
    found = ((match, best_try(match, done)) for match in matches_of(planned))
    return [{**_light(best), "ours": match.ours.id} for match, best in found if best]


def _without_folders(text: str) -> str:
    """A message without the folders of this machine: results are passed on."""
    return re.sub(r"(?:file:)?(?:[A-Za-z]:)?[\\/](?:[^\s\\/:'\"]+[\\/])+", "", text)


def _run_job(job: Job, sources: Sources) -> dict:
    """One job in a process of its own."""
    try:
        asked = {name: getattr(job, name) for name in ("line", "setting", "keyint", "frames", "crop")}
        words = json.dumps({**asked, "source": str(sources.take(job.sequence))})
        said = run(module_command("nvc.bench.job_worker", words), threads=1).stdout.decode()
        return json.loads(said.strip().splitlines()[-1])
    finally:
        sources.done(job.sequence)


def _kept(job: Job, key: str, picture, found: dict) -> dict:
    """A result as its file holds it."""
    rate = found["bytes"] * 8 / 1000 / (found["frames"] / float(picture.frame_rate))
    head = {"schema": SCHEMA, "id": job.id, "key": key, "sequence": job.sequence, "line": job.line}
    return {**head, "setting": job.setting, "command": job.command(picture), "kbps": round(rate, 3), **found}


def progress_words(fields: dict) -> str:
    """A line of text for the progress that ``emit`` was called with."""
    head = f"{fields['done']}/{fields['total']}  "
    if "kept" in fields:
        return f"{head}kept from before"
    if "failed" in fields:
        return f"{head}{fields['job']}: FAILED: {fields['failed']}"
    return f"{head}{fields['job']}: {fields['bytes']:,} bytes, {fields['psnr_611']:.2f} dB"


def rerun_words(results: dict, pattern: str) -> str:
    """The command that measures some jobs of a run again; FOLDER stands for the folder of the sequences."""
    profile = results["profile"]
    words = ["nvc bench run", profile["name"], "--out", "DIR"]
    stored = load_profile(profile["name"]) if profile["name"] in profile_names() else None  # another one's own
    words += ["--sequences", "FOLDER"] if stored is None or stored.needs_folder else []
    for name in ("frames", "keyint"):
        words += [f"--{name}", str(profile[name])] if profile[name] != getattr(stored, name, None) else []
    if stored is None or tuple(profile["qualities"]) != stored.qualities:
        words += ["--qualities", *map(str, profile["qualities"])]
    return " ".join([*words, "--only", f"'{pattern}'"])
