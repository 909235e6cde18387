"""nvc: a neural video codec that decodes the same symbols on every machine."""

from pathlib import Path as _Path

__version__ = "0.1.0"

# In a checkout the rooms io, motion and bench lie beside this package; an installed wheel holds them inside.
_root = _Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file() and (_root / "io" / "__init__.py").is_file():
    __path__.append(str(_root))


def __getattr__(name: str):
    """Public names on first use, so that ``import nvc`` loads neither torch nor av."""
    if name in ("encode", "decode", "enhance", "open"):
        from nvc import api

        return getattr(api, name)
    if name in ("Encoder", "Decoder"):
        from nvc import api

        return getattr(api, name)
    raise AttributeError(f"module 'nvc' has no attribute {name!r}")
