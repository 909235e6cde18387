"""nvc bench: words become calls; what the benches do is tested beside them."""

from dataclasses import asdict
from types import SimpleNamespace

import pytest

from nvc.bench import compare, gop, motion, rd, rd_text, report, speed
from nvc.bench import run as bench_run


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list:
    """Calls of the benches as (name, arguments, keywords)."""
    seen: list = []
    report = SimpleNamespace(to_dict=lambda: {"number": 1})

    def fake(name: str, fields: dict):
        def work(*arguments, emit=None, **keywords):
            seen.append((name, arguments, keywords))
            if emit:
                emit({"type": "progress", "done": 1, "total": 2, **fields})
            return report

        return work

    point = {"source": "clip", "encoder": "nvc", "setting": 20, "bytes": 1000, "psnr_611": 33.0}
    monkeypatch.setattr(rd, "run_rd", fake("rd", point))
    monkeypatch.setattr(gop, "run_gop", fake("gop", {}))
    monkeypatch.setattr(speed, "run_speed", fake("speed", {"size": "4x4", "encode_fps": 1.0, "decode_fps": 2.0}))
    monkeypatch.setattr(motion, "run_motion", fake("motion", {"source": "clip"}))
    monkeypatch.setattr(motion, "format_motion", lambda report: "motion table")
    monkeypatch.setattr(rd_text, "format_rd", lambda report: "rd table")
    monkeypatch.setattr(gop, "format_gop", lambda report: "gop table")
    monkeypatch.setattr(speed, "format_speed", lambda report: "speed table")
    return seen


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("rd a.mp4", ("rd", (["a.mp4"],), {"extra": []})),
        (
            "rd a b --qualities 20 28 --anchor veryslow --frames 8 --keyint 16 --mode layered --structure ld"
            " --device cpu",
            (
                "rd",
                (["a", "b"],),
                {"extra": ["--device=cpu"], "qualities": [20, 28], "anchor": "veryslow", "frames": 8, "keyint": 16,
                 "mode": "layered", "structure": "ld"},
            ),
        ),
        ("rd a --disable merge --disable obmc", ("rd", (["a"],), {"extra": [], "disable": ["merge", "obmc"]})),
        ("rd a --qualities 20,28 --crfs 20,24 28", ("rd", (["a"],), {"extra": [], "qualities": [20, 28],
                                                                     "crfs": [20, 24, 28]})),
        ("rd a --open-gop --jobs 1", ("rd", (["a"],), {"extra": [], "open_gop": True, "jobs": 1})),
        ("gop a.nvc", ("gop", ("a.nvc",), {})),
        ("gop a.nvc --source a.mkv", ("gop", ("a.nvc",), {"source": "a.mkv"})),
        ("speed", ("speed", (), {})),
        ("speed --sizes 64x64,96x64 128x96 --frames 5 --quality 20",
         ("speed", (), {"sizes": ["64x64", "96x64", "128x96"], "frames": 5, "quality": 20})),
        ("motion a b", ("motion", (["a", "b"],), {})),
        ("motion a --distances 1,2 4 --frames 17 --quality 20 --disable obmc",
         ("motion", (["a"],), {"distances": [1, 2, 4], "frames": 17, "quality": 20, "disable": ["obmc"]})),
        ("speed --threads 1 --precision fp32", ("speed", (), {"threads": 1, "precision": "fp32"})),
    ],
)  # fmt: skip
def test_words_become_calls(calls: list, run, line: str, call: tuple) -> None:
    code, out, _ = run("bench", *line.split())
    assert (code, out) == (0, f"{call[0]} table\n")
    assert calls == [call]


@pytest.mark.parametrize("line", ["rd a", "speed", "motion a"])
def test_progress(calls: list, run, objects, line: str) -> None:
    assert run("bench", *line.split())[2].startswith("1/2  ")
    code, found = objects("bench", *line.split())
    assert code == 0 and [o["type"] for o in found] == ["start", "progress", "done"]
    assert (found[0]["command"], found[0]["message"]) == ("bench", line.split()[0])
    assert found[-1]["number"] == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rd a --qualities 20,x", "whole number"),
        ("rd a --qualities ,", "at least one"),
        ("motion a --distances -1", "whole number"),
        ("run smoke", "--out"),
        ("sequences", "ACTION"),
        ("", "BENCH"),
    ],
)
def test_words_that_cannot_be_taken(run, line: str, words: str) -> None:
    code, _, err = run("bench", *line.split())
    assert code == 2 and words in err


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list:
    """Calls of run_profile as (arguments, keywords); one comparison comes of each."""
    seen: list = []
    one = compare.Comparison("clip", "nvc-ra", "x265-medium", "psnr_611", -5.0, 0.9, 30, 40, "", "", True, 5, 6)

    def work(*arguments, emit, **keywords) -> dict:
        seen.append((arguments, keywords))
        emit({"type": "warning", "message": "Beauty is left out"})
        emit({"type": "progress", "done": 1, "total": 1, "job": "clip/nvc-ra/32", "bytes": 10, "psnr_611": 30.0})
        return {"points": [1], "comparisons": [asdict(one)], "means": [], "warnings": ["Beauty is left out"]}

    monkeypatch.setattr(bench_run, "run_profile", work)
    return seen


def test_run(results: list, run, objects) -> None:
    words = "bench run uvg --out x --sequences y --resume --jobs 1 --only a/* --lines nvc-ra x265-medium --frames 9"
    code, out, err = run(*words.split(), "--qualities", "20,30")
    assert code == 0 and "nvc neural against x265 medium" in out and "-5.0 %" in out
    assert "warning: Beauty is left out" in err and "1/1  clip/nvc-ra/32: 10 bytes" in err and "bench report x" in err
    assert results == [
        (
            ("uvg", "x"),
            {
                "resume": True,
                "overwrite": False,
                "sequences": "y",
                "jobs": 1,
                "only": ["a/*"],
                "lines": ["nvc-ra", "x265-medium"],
                "frames": 9,
                "qualities": [20, 30],
            },
        )
    ]
    code, found = objects("bench", "run", "smoke", "--out", "x")
    assert code == 0 and [o["type"] for o in found] == ["start", "warning", "progress", "done"]
    assert found[-1]["comparisons"][0]["percent"] == -5.0


def test_report_and_compare(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "write_page", lambda folder: f"{folder}/index.html")
    monkeypatch.setattr(report, "write_markdown", lambda folder, file: file)
    assert run("bench", "report", "x", "--markdown", "y.md")[:2] == (0, "x/index.html\ny.md\n")
    monkeypatch.setattr(report, "load_run", lambda folder: SimpleNamespace(results=folder))
    monkeypatch.setattr(compare, "compare_runs", lambda a, b: [])
    assert run("bench", "compare", "a", "b")[0] == 0


def test_sequences_add(run, objects, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVC_PROFILES", str(tmp_path / "profiles"))
    clip = tmp_path / "clip_64x48_25.yuv"
    clip.write_bytes(bytes(2 * 64 * 48 * 3 // 2))
    words = ("bench", "sequences", "add", "mine", str(clip))
    code, out, _ = run(*words, "--frames", "2", "--title", "Two frames")
    assert code == 0 and "mine: 1 of 1 sequences can be measured" in out
    assert run(*words)[0] == 2
    code, found = objects(*words, "-y", "--raw", "32x24@25")
    assert code == 0 and found[-1]["profile"] == "mine" and found[-1]["sequences"][0]["frames"] == 8
    code, out, _ = run("bench", "sequences", "list")
    assert code == 0 and "mine: 1 own file" in out and str(clip) in out
    assert run("bench", "sequences", "check", "mine")[0] == 0
    clip.unlink()
    assert run("bench", "sequences", "check", "mine")[0] == 3


def test_sequences(run, objects, tmp_path) -> None:
    code, out, _ = run("bench", "sequences", "list")
    assert code == 0 and "BQTerrace_1920x1080*.yuv" in out
    assert run("bench", "sequences", "check", "smoke")[0] == 0
    code, out, err = run("bench", "sequences", "check", "hevc-e", "--sequences", str(tmp_path))
    assert code == 3 and "NO Johnny" in err and "FourPeople, Johnny, KristenAndSara cannot be measured" in err
    code, found = objects("bench", "sequences", "check", "hevc-e", "--sequences", str(tmp_path))
    assert code == 3 and [o["type"] for o in found] == ["start", "found", "error"]
    assert len(found[1]["sequences"]) == 3
