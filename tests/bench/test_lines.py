"""Lines: whose command says what."""

import pytest

from nvc.bench.lines import LINES, comparisons, encode_command, encode_words, line_by_id, matched_pair, ours_of
from nvc.bench.sequences import load_profile
from nvc.errors import UsageError


def command(name: str, setting: float = 30) -> dict[str, str]:
    words = encode_command(line_by_id(name), "file:a", "file:b", setting, keyint=32, frames=17, pixel_format="yuv420p")
    return dict(zip(words, words[1:], strict=False))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x265-medium", {"-preset": "medium", "-tune": "psnr", "-crf": "30", "-f": "hevc"}),
        ("x265-veryslow", {"-preset": "veryslow", "-tune": "psnr", "-pix_fmt": "yuv420p"}),
        ("x265-plain", {"-preset": "medium", "-crf": "30", "-x265-params":
                        "info=0:log-level=none:pools=none:frame-threads=1:wpp=0"}),
        ("svt-av1-6", {"-preset": "6", "-g": "32", "-svtav1-params": "irefresh-type=2:scd=0:lp=1:tune=1"}),
        ("vvenc-faster", {"-preset": "faster", "-qp": "30", "-qpa": "0", "-pix_fmt": "yuv420p10le"}),
    ],
)  # fmt: skip
def test_commands(name: str, options: dict[str, str]) -> None:
    found = command(name)
    assert options.items() <= found.items()
    assert found["-frames:v"] == "17" and found["-i"] == "file:a"


def test_what_lines_differ_in() -> None:
    assert "-tune" not in command("x265-plain")
    params = {name: command(name)["-x265-params"] for name in ("x265-veryslow", "x265-veryslow-ld")}
    assert "keyint=32:min-keyint=32:scenecut=0:open-gop=0" in params["x265-veryslow"]
    assert "bframes" not in params["x265-veryslow"] and "bframes=0:" in params["x265-veryslow-ld"]
    assert "open-gop=1" in command("x265-veryslow-open")["-x265-params"]
    assert "intraperiod=32:decodingrefreshtype=idr:threads=1" in command("vvenc-faster")["-vvenc-params"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nvc-ra", "nvc encode SOURCE OUT --quality 40 --mode neural --keyint 32 --frames 8 --threads 1 --no-audio"),
        ("nvc-ld", "--structure ld"),
        ("layered-veryslow", "--mode layered --keyint 32 --frames 8 --threads 1 --base-preset veryslow"),
        ("x265-medium", "ffmpeg"),
    ],
)
def test_words_to_read(name: str, words: str) -> None:
    found = encode_words(line_by_id(name), 40, keyint=32, frames=8, pixel_format="yuv420p")
    assert words in found and "SOURCE" in found and "OUT" in found


def test_ids_are_unique_and_against_known_lines() -> None:
    ids = [line.id for line in LINES]
    assert len(set(ids)) == len(ids)
    assert all(line_by_id(other).id != line.id for line in LINES for other in line.against)
    with pytest.raises(UsageError, match="nvc-ra"):
        line_by_id("x264")


def test_headlines_are_the_lines_of_the_contract() -> None:
    heads = {line.id: line_by_id(line.against[0]).role for line in LINES if line.is_ours}
    assert heads == {"nvc-ra": "b", "nvc-ld": "c", "layered-medium": "a", "layered-veryslow": "b"}
    assert {line_by_id(other).role for other in line_by_id("nvc-ra").against} >= {"a", "b", "d"}
    assert ours_of(line_by_id("nvc-ld"), 64).structure == "ld"


def test_settings_by_family() -> None:
    profile = load_profile("smoke")
    assert line_by_id("nvc-ra").settings(profile) == profile.qualities
    assert line_by_id("x265-plain").settings(profile) == profile.crfs
    assert line_by_id("svt-av1-6").settings(profile) == profile.av1_crfs
    assert line_by_id("vvenc-faster").settings(profile) == profile.vvc_qps


def test_comparisons_of_what_is_there() -> None:
    pairs = comparisons(("nvc-ra", "x265-medium", "x265-veryslow", "svt-av1-6"))
    assert [(a.id, b.id) for a, b in pairs] == [
        ("nvc-ra", "x265-veryslow"), ("nvc-ra", "x265-medium"), ("nvc-ra", "svt-av1-6"), ("svt-av1-6", "x265-veryslow"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ids", "pair"),
    [
        (("x265-medium", "nvc-ra", "x265-veryslow"), ("nvc-ra", "x265-veryslow")),
        (("x265-medium", "nvc-ra", "svt-av1-6"), ("nvc-ra", "x265-medium")),
        (("layered-medium", "x265-medium", "nvc-ld"), ("layered-medium", "x265-medium")),
        (("nvc-ra", "svt-av1-6"), None),
        (("svt-av1-6", "x265-veryslow"), None),
    ],
)
def test_the_pair_at_equal_bytes_is_ours_and_x265(ids: tuple, pair: tuple | None) -> None:
    found = matched_pair(ids)
    assert (found and (found[0].id, found[1].id)) == pair


def test_a_crf_may_have_decimals() -> None:
    assert command("x265-veryslow", 28.4)["-crf"] == "28.4"
