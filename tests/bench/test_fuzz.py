"""The fuzzer itself: its damages are repeatable, its sums are right, and it reports what it is there to find."""

import random
from pathlib import Path

import pytest

from nvc.bench import fuzz
from nvc.container.unit import pack_short, pack_unit, read_head
from nvc.errors import CorruptError

STREAM = pack_unit(2, bytes(range(60))) + pack_short(5, b"short one") + pack_unit(3, b"x" * 300)


def test_the_same_number_gives_the_same_damage() -> None:
    assert fuzz.mutate(STREAM, random.Random("0/5")) == fuzz.mutate(STREAM, random.Random("0/5"))
    assert len({fuzz.mutate(STREAM, random.Random(f"0/{n}")) for n in range(40)}) > 30


@pytest.mark.parametrize("mutation", fuzz.MUTATIONS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("data", [STREAM, b"a"], ids=["stream", "one byte"])
def test_every_mutation_takes_every_stream(mutation: fuzz.Mutation, data: bytes) -> None:
    for n in range(30):
        mutation(bytearray(data), random.Random(n))


def test_seal_makes_every_sum_right() -> None:
    broken = bytearray(STREAM)
    for at in (20, len(STREAM) - 3, STREAM.index(b"short one")):
        broken[at] ^= 16
    sealed = fuzz.seal(bytes(broken))
    assert fuzz.seal(STREAM) == STREAM
    assert sealed != bytes(broken)
    assert sealed[20] == broken[20]
    assert [(at, head.sum) for at, head in fuzz._units(sealed)] == [
        (at, read_head(_repacked(sealed, at, head)).sum)  # type: ignore[union-attr]
        for at, head in fuzz._units(sealed)
    ]


def _repacked(data: bytes, at: int, head: fuzz.Head) -> bytes:
    payload = data[at + head.start : at + head.start + head.size]
    pack = pack_short if head.start < 14 else pack_unit
    return pack(head.kind, payload, head.flags)[:14]


@pytest.fixture
def small_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "make_corpus", lambda: {"small": STREAM})


def test_errors_of_ours_are_no_findings(small_corpus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CorruptError("damaged")

    monkeypatch.setattr(fuzz, "decode_file", refuse)
    monkeypatch.setattr(fuzz, "probe_file", lambda *_, **__: {})
    report = fuzz.run_fuzz(60, tries=20, folder=tmp_path)
    assert report.tries == 20 and report.findings == ()
    assert set(report.outcomes) == {"CorruptError", "frames"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [IndexError("out of range"), MemoryError(), fuzz._TooLong("no end")], ids=str)
def test_other_errors_are_kept(
    small_corpus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(fuzz, "outcome", fail)
    report = fuzz.run_fuzz(60, seed=4, tries=2, folder=tmp_path)
    assert [f.number for f in report.findings] == [0, 1]
    assert report.findings[0].error.startswith(type(error).__name__)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fuzz-4-0.bin", "fuzz-4-1.bin"]
    assert (tmp_path / "fuzz-4-0.bin").read_bytes() == report.findings[0].data


def test_exit_code(small_corpus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(fuzz, "outcome", lambda *_: "frames")
    words = ["--tries", "3", "--out", str(tmp_path)]
    assert fuzz.main(words) == 0
    assert "3 damaged streams, seed 0: 3 frames; 0 findings" in capsys.readouterr().out
    monkeypatch.setattr(fuzz, "outcome", lambda *_: 1 // 0)
    assert fuzz.main(words) == 1


def test_a_short_run_over_real_streams_finds_nothing(tmp_path: Path) -> None:
    report = fuzz.run_fuzz(60, tries=60, folder=tmp_path)
    assert [f"try {f.number} ({f.stream}): {f.error}" for f in report.findings] == []
    assert report.tries == sum(report.outcomes.values()) > 0
