"""nvc bench: words become calls; what the benches do is tested beside them."""

from types import SimpleNamespace

import pytest

from nvc.bench import gop, rd, rd_text, speed


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
        ("gop a.nvc", ("gop", ("a.nvc",), {})),
        ("speed", ("speed", (), {})),
        ("speed --threads 1 --precision fp32", ("speed", (), {"threads": 1, "precision": "fp32"})),
    ],
)  # fmt: skip
def test_words_become_calls(calls: list, run, line: str, call: tuple) -> None:
    code, out, _ = run("bench", *line.split())
    assert (code, out) == (0, f"{call[0]} table\n")
    assert calls == [call]


@pytest.mark.parametrize("line", ["rd a", "speed"])
def test_progress(calls: list, run, objects, line: str) -> None:
    assert run("bench", *line.split())[2].startswith("1/2  ")
    code, found = objects("bench", *line.split())
    assert code == 0 and [o["type"] for o in found] == ["progress", "done"]
    assert found[-1]["number"] == 1
