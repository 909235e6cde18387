"""Benchmarks that a sceptic can run again: rate and distortion against x265, bits by frame, speed."""

from pathlib import Path


def sample_path() -> Path:
    """The sample clip that ships with the package (its licence lies beside it as LICENCE.md)."""
    return Path(__file__).resolve().parent / "data" / "sample.mp4"
