"""nvc info."""

import json
from pathlib import Path

FIELDS = {
    "format", "width", "height", "fps", "frames", "duration", "mode", "structure", "keyint", "weights", "bytes",
    "video_bytes", "overhead_bytes", "gops", "pictures",
}  # fmt: skip


def test_json_is_one_object(run, coded: Path) -> None:
    code, out, err = run("info", coded, "--json")
    assert (code, err, len(out.splitlines())) == (0, "", 1)
    assert FIELDS <= set(json.loads(out))


def test_text(run, coded: Path) -> None:
    code, out, err = run("info", coded)
    assert (code, err) == (0, "")
    assert "64x48" in out and "20 frames" in out and "networks" in out
    assert [line.split()[:2] for line in out.splitlines()[-3:]] == [["0", "8"], ["8", "8"], ["16", "4"]]


def test_units(run, objects, coded: Path) -> None:
    _, (found,) = objects("info", coded, "--units")
    assert sum(unit["bytes"] for unit in found["units"]) == coded.stat().st_size
    lines = run("info", coded, "--units")[1].splitlines()
    assert len(lines) > len(found["units"]) and lines[-1].split()[-1] == "tail"


def test_damage_is_a_warning(run, objects, damaged: Path) -> None:
    code, _, err = run("info", damaged)
    assert code == 0 and "damaged at byte" in err
    code, found = objects("info", damaged)
    assert code == 0 and found[0]["frames"] < 20 and found[0]["warnings"]


def test_what_is_not_ours(objects, clip: Path) -> None:
    code, found = objects("info", clip)
    assert (code, found[0]["type"], found[0]["code"]) == (4, "error", 4)


def test_a_layered_file_says_only_what_is_known(run, objects, clip: Path, tmp_path: Path) -> None:
    for name in ("out.mp4", "out.nvc"):
        assert run("encode", clip, tmp_path / name, "--mode", "layered", "--structure", "ld", "--keyint", 9)[0] == 0
    _, (found,) = objects("info", tmp_path / "out.mp4")
    assert [found[k] for k in ("mode", "structure", "keyint", "quality")] == ["layered", None, None, None]
    assert run("info", tmp_path / "out.mp4")[1].splitlines()[0].split(maxsplit=1)[1] == "mp4, layered"
    _, (found,) = objects("info", tmp_path / "out.nvc")
    assert [found[k] for k in ("mode", "structure", "keyint", "quality")] == ["layered", "ld", 9, 32]
