"""nvc: a neural video codec that decodes the same symbols on every machine."""

import hashlib as _hashlib
import os as _os
from pathlib import Path as _Path

__version__ = "0.1.0"


def _compiled_here() -> None:
    """Give the compiled kernels of a checkout a folder named after their sources.

    numba looks at the file of a function only, not at those it calls: after a change of one file it would go on with
    stale code of another. An installed wheel has all its files from one moment.
    """
    digest = _hashlib.sha256()
    for room in ("nvc/entropy", "nvc/codec", "nvc/models", "motion"):
        for path in sorted((_root / room).glob("*.py")):
            digest.update(path.read_bytes())
    cache = _Path(_os.environ.get("XDG_CACHE_HOME") or _os.path.expanduser("~/.cache"))
    _os.environ.setdefault("NUMBA_CACHE_DIR", str(cache / "nvc" / f"kernels-{digest.hexdigest()[:16]}"))


# In a checkout the rooms io, motion and bench lie beside this package; an installed wheel holds them inside.
_root = _Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file() and (_root / "io" / "__init__.py").is_file():
    __path__.append(str(_root))
    _compiled_here()


def __getattr__(name: str):
    """Public names on first use, so that ``import nvc`` loads neither torch nor av."""
    if name in ("encode", "decode", "enhance", "open"):
        from nvc import api

        return getattr(api, name)
    if name in ("Encoder", "Decoder"):
        from nvc import api

        return getattr(api, name)
    raise AttributeError(f"module 'nvc' has no attribute {name!r}")
