"""What a benchmark has to measure: one job for each point, and its result as one file that is never edited.

A result is used again only if the source's content, the whole command, the coder's version (of ours: its code) and the
way of measuring are the same: all of them are in its key.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from nvc.bench.anchors import x265_version
from nvc.bench.child import code_hash, ffmpeg_version
from nvc.bench.lines import LINES, Line, encode_words, line_by_id, matched_pair
from nvc.bench.planes import Picture
from nvc.bench.sequences import Found, Profile
from nvc.errors import InputError, OutputError, UsageError

SCHEMA = 1
MEASURE = 2  # raise this when the way a point is measured changes: older results are then not used
# The slowest first, so that no long job is left alone at the end.
_WEIGHT = {"vvenc": 0, "nvc": 1, "x265": 2, "svt-av1": 3}


@dataclass(frozen=True, slots=True)
class Job:
    """One point to measure: a sequence, a line, its setting (quality, CRF or QP), and how much of the source.

    crop   whether a part of a decoded frame is kept, to be looked at
    """

    sequence: str
    line: str
    setting: float
    keyint: int
    frames: int | None
    crop: bool = False

    @property
    def id(self) -> str:
        """sequence/line/setting, as --only takes it."""
        return f"{self.sequence}/{self.line}/{self.setting}"

    @property
    def file_name(self) -> str:
        """Name of its result file; what a file system may not like is replaced, and kept apart by a short hash."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", self.sequence)
        if plain != self.sequence:
            plain += "-" + hashlib.sha256(self.sequence.encode()).hexdigest()[:6]
        number = f"{self.setting:02d}" if isinstance(self.setting, int) else f"{self.setting:.1f}"
        return f"{plain}.{self.line}.{number}.json"

    def command(self, picture: Picture) -> str:
        """The encode's command as one line to read."""
        return encode_words(
            line_by_id(self.line), self.setting, keyint=self.keyint, frames=self.frames,
            pixel_format=picture.pixel_format,
        )  # fmt: skip


def plan_jobs(profile: Profile, found: Iterable[Found], only: Iterable[str] = ()) -> tuple[Job, ...]:
    """All jobs of a profile on the sequences at hand, sequence by sequence, long ones first.

    only   patterns such as "foreman*/nvc-ra/*"; () = all
    Raises UsageError if a pattern names nothing.
    """
    lines = [line_by_id(name) for name in profile.lines]
    pair = matched_pair(profile.lines)
    jobs = [
        Job(one.name, line.id, setting, profile.keyint, profile.frames, crop=_is_shown(profile, pair, line, setting))
        for one in found
        for line in sorted(lines, key=lambda line: (_WEIGHT[line.family], LINES.index(line)))
        for setting in sorted(set(line.settings(profile)))
    ]
    patterns = tuple(only)
    for pattern in patterns:
        if not any(fnmatch(job.id, pattern) for job in jobs):
            raise UsageError(
                f"{pattern!r} names no job; jobs are called like {jobs[0].id if jobs else 'clip/nvc-ra/32'}"
            )
    return tuple(job for job in jobs if not patterns or any(fnmatch(job.id, p) for p in patterns))


def _is_shown(profile: Profile, pair: tuple[Line, Line] | None, line: Line, setting: int) -> bool:
    """Whether this is the point of ours that is shown beside x265 at equal bytes: the middle of its qualities."""
    settings = sorted(set(line.settings(profile)))
    return pair is not None and line == pair[0] and setting == settings[len(settings) // 2]


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of what makes and measures the foreign points."""
    return {"x265": x265_version(), "ffmpeg": ffmpeg_version().removeprefix("ffmpeg version ")}


def coder_version(line: Line, code: str) -> str:
    """What a result of this line depends on beside its command; code is the hash of our own files."""
    foreign = versions()
    return f"ffmpeg {foreign['ffmpeg']}, x265 {foreign['x265']}" + (f", code {code}" if line.is_ours else "")


def job_key(job: Job, picture: Picture, source_hash: str, code: str | None = None) -> str:
    """Key of a job's result: 32 hex digits of everything it depends on. code None = as the files lie on disk now."""
    line = line_by_id(job.line)
    version = coder_version(line, code_hash() if code is None else code)
    words = json.dumps([SCHEMA, MEASURE, source_hash, job.id, job.command(picture), job.crop, version])
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def read_result(folder: str | Path, job: Job, key: str) -> dict | None:
    """The kept result of a job, or None where there is none, it cannot be read, or it is of other circumstances."""
    try:
        found = json.loads((Path(folder) / job.file_name).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("key") == key else None


def read_results(folder: str | Path) -> list[dict]:
    """All results of a folder of jobs by name. Raises InputError for one that cannot be read."""
    results = []
    for path in sorted(Path(folder).glob("*.json")):
        try:
            results.append(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a result: {error}") from error
    return results


def write_json(path: str | Path, value: object) -> None:
    """Write JSON beside and rename it, so that whoever reads it finds a whole file. Raises OutputError."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
            json.dump(value, file, indent=1)
            file.write("\n")
        os.replace(file.name, path)
        os.chmod(path, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
