"""Child processes: every measured encode and decode is a fresh process on real files."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nvc
from nvc import errors

_CODE_ENDINGS = (".py", ".json", ".npz", ".safetensors")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@lru_cache(maxsize=1)
def ffmpeg_exe() -> str:
    """Path of the ffmpeg binary that all anchors and all reading of pictures use."""
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


@lru_cache(maxsize=1)
def ffmpeg_version() -> str:
    """First words of ``ffmpeg -version``: the version alone."""
    first = run([ffmpeg_exe(), "-version"]).stdout.decode(errors="replace").splitlines()[0]
    return first.split(" Copyright")[0]


def code_hash() -> str:
    """12 hex digits of the codec's own files: code, tables and weights. It changes when any of them does."""
    digest = hashlib.sha256()
    for room in ("nvc", "nvc.io", "nvc.motion"):
        spec = find_spec(room)
        for place in list(spec.submodule_search_locations or ())[:1] if spec else ():
            files = (p for p in Path(place).rglob("*") if p.suffix in _CODE_ENDINGS)
            for path in sorted(files):
                digest.update(f"{room} {path.relative_to(place)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def file_url(path: str | Path) -> str:
    """A name that ffmpeg takes as a file whatever characters are in it."""
    return "file:" + os.path.abspath(path)


def module_command(module: str, *arguments: str) -> list[str]:
    """Command line of a module of this package under this Python; -P keeps the working folder off its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(threads: int | None = None) -> dict[str, str]:
    """Environment of a child: it finds this same package; ``threads`` holds every numeric library to that number."""
    env = dict(os.environ)
    home = str(Path(nvc.__file__).resolve().parent.parent)
    env["PYTHONPATH"] = os.pathsep.join(p for p in (home, env.get("PYTHONPATH", "")) if p)
    if threads is not None:
        env.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    return env


def run(
    command: Sequence[str], *, threads: int | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a child to its end, with its output kept as bytes.

    Raises an error of the class (and exit code) that the child ended with, naming its last line.
    """
    result = subprocess.run(list(command), env=environment(threads), input=stdin, capture_output=True)
    if result.returncode:
        raise child_error(command, result.returncode, result.stderr, result.stdout)
    return result


def child_error(command: Sequence[str], code: int, stderr: bytes, stdout: bytes = b"") -> errors.NvcError:
    """The error that a child's exit code and last words stand for; with --json those are an object on stdout."""
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    told = _told_error(stdout)
    lines += [told] if told else []
    name = " ".join(command[3 : 5 if "nvc" in command else 4]) if "-m" in command[:3] else Path(command[0]).name
    message = f"{name} ended with {code}: {lines[-1] if lines else 'no message'}"
    kinds: tuple[type[errors.NvcError], ...] = (errors.UsageError, errors.InputError, errors.FormatError)
    kinds += (errors.CorruptError, errors.ModelError, errors.DeviceError, errors.LimitError)
    # only our own command line's codes mean anything here
    by_code = {kind.exit_code: kind for kind in kinds} if "nvc" in command else {}
    return by_code.get(code, errors.NvcError)(message)


def _told_error(stdout: bytes) -> str:
    """Message of the error object that stdout ends with, "" where there is none."""
    last = stdout.rstrip().rpartition(b"\n")[2]
    try:
        found = json.loads(last) if last.startswith(b"{") else {}
    except ValueError:
        return ""
    return str(found.get("message", "")) if found.get("type") == "error" else ""
