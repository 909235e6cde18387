"""Test sets by name: which sequences they have, in which files people have them, and what of them is in a folder.

Nothing is downloaded. A profile is a .toml file in bench/profiles, or of one's own (nvc.bench.own_profiles); what a
folder lacks is said by name.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from nvc.bench import sample_path
from nvc.bench.own_profiles import RAW_ENDING, VIDEO_ENDINGS, add_profile, own_folder
from nvc.bench.planes import Picture, probe_picture
from nvc.errors import FormatError, InputError, NvcError, UsageError

SCREEN = "screen"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence of a set.

    files    patterns of the names it is known by
    frames   how many the whole file has, None where only reading it would tell
    path     of a file of one's own: where it is when no folder is given
    """

    name: str
    width: int
    height: int
    frame_rate: Fraction
    frames: int | None
    bit_depth: int
    files: tuple[str, ...]
    path: str = ""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one 4:2:0 frame in a .yuv file."""
        return self.width * self.height * 3 // 2 * (1 if self.bit_depth == 8 else 2)


@dataclass(frozen=True, slots=True)
class Profile:
    """What ``nvc bench run`` measures under a name.

    frames, keyint    of each sequence, from its start
    qualities         points of ours; crfs of x265, av1_crfs of SVT-AV1, vvc_qps of VVenC
    lines             ids of nvc.bench.lines
    sequence          the sequences of a known set; empty where ``sample`` (the clip that ships) or ``folder`` (every
                      video of the folder that is given) says what to take
    """

    name: str
    title: str
    about: str
    frames: int | None
    keyint: int
    qualities: tuple[int, ...]
    crfs: tuple[int, ...]
    av1_crfs: tuple[int, ...]
    vvc_qps: tuple[int, ...]
    lines: tuple[str, ...]
    sample: bool = False
    folder: bool = False
    sequence: tuple[Sequence, ...] = ()

    @property
    def needs_folder(self) -> bool:
        """Whether --sequences must say where its files are."""
        return self.folder or any(not one.path for one in self.sequence)


@dataclass(frozen=True, slots=True)
class Found:
    """A sequence and where it is.

    path      None where it is missing
    frames    of the whole file, None where only reading it would tell
    problem   why it cannot be measured, "" where it can; note: what is unusual about it
    """

    name: str
    path: Path | None
    picture: Picture | None
    frames: int | None
    problem: str = ""
    note: str = ""

    @property
    def is_raw(self) -> bool:
        """Whether the file is bare planes whose size only the set tells."""
        return self.path is not None and self.path.suffix.lower() == RAW_ENDING

    @property
    def is_screen(self) -> bool:
        """Screen content is a class of its own: it would own the mean."""
        return self.name.startswith(SCREEN)

    def to_dict(self) -> dict:
        """Plain values for JSON; the file by its name alone."""
        picture = None if self.picture is None else asdict(self.picture)
        if picture:
            picture["frame_rate"] = str(picture["frame_rate"])
        file = None if self.path is None else self.path.name
        return {"name": self.name, "file": file, "picture": picture, "frames": self.frames,
                "problem": self.problem, "note": self.note}  # fmt: skip


@dataclass(slots=True)
class _Folder:
    """Files below a folder by lower-case name, listed once."""

    path: Path
    files: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise InputError(f"{self.path}: no such folder")
        self.files = {p.name.lower(): p for p in sorted(self.path.rglob("*"), reverse=True) if p.is_file()}

    def first(self, patterns: Iterable[str]) -> Path | None:
        """The first file that any of the patterns names, whatever its case; the patterns are tried in order."""
        for pattern in patterns:
            found = sorted(n for n in self.files if Path(n).match(pattern.lower()))
            if found:
                return self.files[found[0]]
        return None


def profile_names() -> tuple[str, ...]:
    """Names of all profiles: smoke first, then a folder's clips, then the known sets, then one's own."""
    names = sorted(path.stem for path in _profile_folder().glob("*.toml"))
    names.sort(key=lambda n: (n != "smoke", n != "public", n))
    return (*names, *sorted(path.stem for path in own_folder().glob("*.toml") if path.stem not in names))


def load_profile(name: str) -> Profile:
    """A profile by its name. Raises UsageError for one that is not there, FormatError for one that cannot be read."""
    if name not in profile_names():
        raise UsageError(f"{name!r} is no profile; there are: {', '.join(profile_names())}")
    path = _profile_folder() / f"{name}.toml"
    path = path if path.exists() else own_folder() / path.name
    return _read_profile(path, path.stat().st_mtime_ns)


@lru_cache
def _read_profile(path: Path, _written: int) -> Profile:
    """The profile of a file; read anew when it was written since."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        sequences = tuple(_sequence(entry) for entry in values.pop("sequence", ()))
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        return Profile(name=path.stem, sequence=sequences, **{**values, **lists})
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{path}: not a profile: {error}") from error


def add_own(name: str, paths: Iterable[str | Path], **options) -> Profile:
    """Keep files under a name, measured as the profile public is; options as of own_profiles.add_profile."""
    add_profile(name, tuple(paths), _profile_folder() / "public.toml", **options)
    return load_profile(name)


def _profile_folder() -> Path:
    return Path(__file__).resolve().parent / "profiles"


def _sequence(values: dict) -> Sequence:
    rate = Fraction(values["frame_rate"])
    return Sequence(**{"frames": None, **values, "frame_rate": rate, "files": tuple(values["files"])})


def find_sequences(profile: Profile, folder: str | Path | None) -> tuple[Found, ...]:
    """Where each sequence of a profile is, in the profile's order; missing and wrong ones are among them.

    folder   searched with all folders below it; None for a profile that needs none
    Raises UsageError if a folder is needed and none is given, InputError if it is not there or holds no video.
    """
    if profile.sample:
        return (_found_video(sample_path()),)
    if folder is None and not profile.needs_folder:
        return tuple(_found_known(one, Path(one.path) if Path(one.path).is_file() else None)
                     for one in profile.sequence)  # fmt: skip
    if folder is None:
        raise UsageError(f"profile {profile.name} needs --sequences DIR, the folder that holds {profile.title}")
    if profile.folder:
        root = Path(folder)
        paths = sorted(p for p in root.iterdir() if p.suffix.lower() in VIDEO_ENDINGS) if root.is_dir() else []
        if not paths:
            raise InputError(f"no video at {folder}")
        return tuple(_found_video(path) for path in paths)
    files = _Folder(Path(folder))
    return tuple(_found_known(sequence, files.first(sequence.files)) for sequence in profile.sequence)


def _found_video(path: Path) -> Found:
    try:
        picture = probe_picture(path)
    except NvcError as error:
        return Found(path.stem, path, None, None, str(error))
    problem = ""
    if picture.width % 2 or picture.height % 2:
        problem = f"x265 takes even sizes only, got {picture.width}x{picture.height}"
    return Found(path.stem, path, picture, None, problem)


def _found_known(sequence: Sequence, path: Path | None) -> Found:
    wanted = Picture(sequence.width, sequence.height, sequence.bit_depth, sequence.frame_rate)
    if path is None:
        return Found(sequence.name, None, wanted, None, f"missing: no file {' or '.join(sequence.files)}")
    if path.suffix.lower() != RAW_ENDING:
        found = _found_video(path)
        same = found.picture is None or (found.picture.plane_shapes, found.picture.bit_depth) == (
            wanted.plane_shapes,
            wanted.bit_depth,
        )
        problem = found.problem if same else f"pictures must be {_words(wanted)}, got {_words(found.picture)}"
        return Found(sequence.name, path, found.picture, None, problem)
    return Found(sequence.name, path, wanted, *_raw_frames(sequence, path.stat().st_size))


def _raw_frames(sequence: Sequence, size: int) -> tuple[int, str, str]:
    """(whole frames of a .yuv file, what is wrong with it, what is unusual about it)."""
    frames, rest = divmod(size, sequence.frame_bytes)
    if rest or not frames:
        want = f"{sequence.width}x{sequence.height}, {sequence.bit_depth} bit"
        return frames, f"{size:,} bytes are no whole number of frames of {sequence.frame_bytes:,} bytes ({want})", ""
    if frames != sequence.frames:
        return frames, "", f"{frames} frames, the set's file has {sequence.frames}"
    return frames, "", ""


def _words(picture: Picture | None) -> str:
    return "unknown" if picture is None else f"{picture.width}x{picture.height}, {picture.bit_depth} bit"


def format_profiles() -> str:
    """All profiles and their sequences as text; no trailing newline."""
    lines = []
    for name in profile_names():
        profile = load_profile(name)
        frames = "all" if profile.frames is None else str(profile.frames)
        lines.append(f"{name}: {profile.title}; {frames} frames, I frame every {profile.keyint}")
        lines.append(f"  {profile.about}")
        for s in profile.sequence:
            size = f"{s.width}x{s.height}"
            count = "" if s.frames is None else f"{s.frames:>5} frames"
            lines.append(
                f"  {s.name:<16}{size:>10} {float(s.frame_rate):>4g} fps{count}{s.bit_depth:>3} bit  "
                f"{s.path or s.files[0]}"
            )
    return "\n".join(lines)


def format_found(profile: Profile, found: Iterable[Found]) -> str:
    """What a folder has of a profile, as text; no trailing newline."""
    found = tuple(found)
    lines = []
    for one in found:
        file = one.path.name if one.path else "-"
        lines.append(
            f"  {'ok' if not one.problem else 'NO':<3}{one.name:<20}{file}  {one.problem or one.note}".rstrip()
        )
    good = sum(not one.problem for one in found)
    return "\n".join([f"{profile.name}: {good} of {len(found)} sequences can be measured", *lines])
