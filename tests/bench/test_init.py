"""The sample clip is there, with its licence."""

from nvc.bench import sample_path


def test_sample_and_its_licence() -> None:
    assert sample_path().stat().st_size > 100_000
    assert "CC BY 3.0" in sample_path().with_name("LICENCE.md").read_text()
