"""Profiles of one's own: files or folders under a name, for ``nvc bench run NAME``. Nothing is copied."""

import glob
import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from nvc.bench.planes import Picture, probe_picture
from nvc.errors import InputError, OutputError, UsageError

RAW_ENDING = ".yuv"
VIDEO_ENDINGS = (".mkv", ".mp4", ".y4m", ".mov", ".webm")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SIZE = re.compile(r"(?<!\d)(\d+)x(\d+)(?!\d)")
_RATE = re.compile(r"(?<!\d)\d+x\d+_(\d+(?:\.\d+)?)|(?<![\d.])(\d+(?:\.\d+)?) ?(?:fps|hz)", re.I)
_RAW = re.compile(r"(\d+)x(\d+)@(\d+(?:[./]\d+)?)(?::(yuv420p|yuv420p10le))?")


def own_folder() -> Path:
    """Where profiles of one's own are kept: $NVC_PROFILES, else nvc/profiles in $XDG_CONFIG_HOME or ~/.config."""
    if own := os.environ.get("NVC_PROFILES"):
        return Path(own)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "nvc" / "profiles"


def add_profile(
    name: str,
    paths: Sequence[str | Path],
    base: Path,
    *,
    title: str = "",
    frames: int | None = None,
    keyint: int | None = None,
    raw: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a profile of these files; returns the path of its .toml.

    paths    videos, .yuv files, and folders (their videos and .yuv files, not those of folders below)
    base     the .toml that lines, points and other defaults come from
    raw      WxH@FPS[:yuv420p|yuv420p10le] of .yuv files; None = as their names say, like clip_416x240_50.yuv
    Raises UsageError for a name that cannot be or is taken, two files of one name, or a .yuv of unknown size;
    InputError for a path that is not there or holds no picture.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"a profile's name must be small letters, digits, - and _, got {name!r}")
    if (base.parent / f"{name}.toml").exists():
        raise UsageError(f"{name} is a profile that comes with nvc: choose another name")
    out = own_folder() / f"{name}.toml"
    if out.exists() and not overwrite:
        raise UsageError(f"{name} is there already ({out}): -y writes over it")
    files = _files(paths)
    if len({path.stem for path in files}) != len(files):
        twice = next(path.stem for path in files if [other.stem for other in files].count(path.stem) > 1)
        raise UsageError(f"two files are called {twice}: a sequence is known by its name")
    entries = [_entry(path, raw) for path in files]
    asked = {"title": title or f"{len(files)} own file{'s' if len(files) > 1 else ''}", "frames": frames,
             "keyint": keyint}  # fmt: skip
    _write(out, _text(base.read_text(), {k: v for k, v in asked.items() if v is not None}, entries))
    return out


def _files(paths: Iterable[str | Path]) -> list[Path]:
    """Files by absolute path; of folders those that end as videos do, by name."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in (*VIDEO_ENDINGS, RAW_ENDING))
            if not inside:
                raise InputError(f"no video at {path}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    return [Path(os.path.abspath(path)) for path in dict.fromkeys(found)]


def _entry(path: Path, raw: str | None) -> dict:
    """One [[sequence]] of the profile."""
    is_raw = path.suffix.lower() == RAW_ENDING
    picture = _raw_picture(path, raw) if is_raw else probe_picture(path)
    entry: dict = {"name": path.stem, "width": picture.width, "height": picture.height,
                   "frame_rate": str(picture.frame_rate), "bit_depth": picture.bit_depth,
                   "files": [glob.escape(path.name)], "path": str(path)}  # fmt: skip
    if is_raw:
        size = picture.width * picture.height * 3 // 2 * (1 if picture.bit_depth == 8 else 2)
        entry["frames"], rest = divmod(path.stat().st_size, size)
        if rest or not entry["frames"]:
            words = f"{picture.width}x{picture.height}, {picture.bit_depth} bit"
            raise UsageError(f"{path.name}: no whole number of frames of {words}; say what it is with --raw")
    return entry


def _raw_picture(path: Path, raw: str | None) -> Picture:
    """Size, rate and depth of bare planes, as asked or as the name says."""
    if raw is not None:
        if not (found := _RAW.fullmatch(raw)):
            raise UsageError(f"--raw must be like 416x240@50:yuv420p (or yuv420p10le), got {raw!r}")
        width, height, rate, layout = found.groups()
        return Picture(int(width), int(height), 10 if layout == "yuv420p10le" else 8, Fraction(rate))
    size, rates = _SIZE.search(path.stem), _RATE.search(path.stem)
    if size is None or rates is None:
        raise UsageError(f"{path.name}: size and rate are not in its name; say them with --raw 416x240@50:yuv420p")
    depth = 10 if re.search(r"10 ?_?bit|p10", path.stem, re.I) else 8
    return Picture(int(size[1]), int(size[2]), depth, Fraction(rates[1] or rates[2]))


def _text(base: str, asked: dict, entries: Iterable[dict]) -> str:
    """A profile's .toml: the base without what says where its sequences are, with what was asked for."""
    about = {**asked, "about": "Files of one's own, added by nvc bench sequences add."}
    skip = re.compile(rf"({'|'.join([*about, 'folder', 'sample'])}) *=")
    lines = [f"{key} = {_value(value)}" for key, value in about.items()]
    lines += [line for line in base.partition("[[sequence]]")[0].rstrip().splitlines() if not skip.match(line)]
    for entry in entries:
        lines += ["", "[[sequence]]", *(f"{key} = {_value(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def _value(value: str | int | list[str]) -> str:
    """A value of TOML: JSON's strings, numbers and lists are TOML's too, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
