"""Words of the command line: what is there, what is refused, and what becomes of it."""

import pytest

from nvc.cli.encode import TOOLS
from nvc.cli.options import COMMANDS, build_parser, device_of, gigabytes, limits_of, settings_of
from nvc.errors import UsageError
from nvc.pipeline.limits import Limits
from nvc.types import TOOLS as KNOWN_TOOLS
from nvc.types import Settings

EVERYWHERE = (
    "--json --quiet --debug -y --overwrite --device --threads --precision --max-pixels --max-frames --max-memory"
)
OWN = {
    "encode": "-q --quality --bitrate --target-psnr --mode --structure --keyint --mini-gop --start --frames --preset"
    " --intra --base --base-preset --video-stream --no-audio --hash --disable --raw --resume --verify",
    "decode": "--codec --crf --start --frames --on-damage --strict --enhance --no-enhance --hash",
    "info": "--units",
    "verify": "--deep",
    "doctor": "",
    "bench rd": "--qualities --crfs --anchor --open-gop --frames --keyint --mode --structure --disable --without"
    " --preset --intra --jobs",
    "bench gop": "--source",
    "bench speed": "--sizes --frames --quality --preset --disable",
}


def parse(line: str):
    words = line.split()
    return build_parser(words).parse_args(words)


def options_of(command: str) -> set[str]:
    parser = build_parser(command.split())
    for word in command.split():
        parser = parser._subparsers._group_actions[0].choices[word]
    return {name for action in parser._actions for name in action.option_strings} - {"-h", "--help"}


@pytest.mark.parametrize("command", OWN)
def test_options_are_exactly_those(command: str) -> None:
    assert options_of(command) == {*OWN[command].split(), *EVERYWHERE.split()}


def test_every_command_has_its_options_tested() -> None:
    elsewhere = {"enhance", "train"}  # test_enhance.py, test_train.py
    assert {name.split()[0] for name in OWN} == set(COMMANDS) - elsewhere


@pytest.mark.parametrize(
    "line",
    [
        "encode a b --bitrate 500 -q 3",
        "encode a b --bitrate 0",
        "encode a b --target-psnr many",
        "encode a b --preset faster",
        "encode a b --intra av1",
        "encode a b --base av1",
        "encode a b --workers 2",
        "encode a b --qual 3",
        "encode a b --over",
        "encode a b -q -1",
        "encode a b -q 1.5",
        "encode a b --keyint 0",
        "encode a b --max-memory none",
        "encode a",
        "encode a b c",
        "decode a b --enhance 1",
        "decode a b --on-damage ignore",
        "decode a b --codec av1",
        "bench run smoke",
        "bench rd",
        "bench rd a --anchor fast",
        "bench",
        "weights list",
        "in.mp4 out.nvc",
        "",
    ],
)
def test_what_is_not_there_is_a_usage_error(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line)


def test_files_without_a_command_get_a_hint() -> None:
    with pytest.raises(UsageError, match="nvc encode IN OUT"):
        parse("in.mp4 out.nvc")


def test_settings_keep_the_defaults_of_settings() -> None:
    assert settings_of(parse("encode a b")) == Settings()


def test_settings_take_what_is_given() -> None:
    line = "encode a b -q 7 --mode layered --structure ld --keyint 9 --mini-gop 8 --base-preset fast --hash --threads 2"
    got = settings_of(parse(line + " --device cpu --precision fp32 --disable merge --disable obmc"))
    want = Settings(
        quality=7, mode="layered", structure="ld", keyint=9, mini_gop=8, base_preset="fast", hash=True, threads=2,
        device="cpu", precision="fp32", disable=Settings().disable | {"merge", "obmc"},
    )  # fmt: skip
    assert got == want


@pytest.mark.parametrize("line", ["--mini-gop 9", "-q 64", "--disable magic", "--keyint 70000"])
def test_settings_check_the_rest(line: str) -> None:
    with pytest.raises(UsageError):
        settings_of(parse(f"encode a b {line}"))


def test_the_help_names_every_tool() -> None:
    assert tuple(TOOLS.split(", ")) == KNOWN_TOOLS


def test_limits() -> None:
    assert limits_of(parse("info a")) == Limits()
    line = "info a --max-pixels 100 --max-frames 5 --max-memory 1.5"
    assert limits_of(parse(line)) == Limits(100, 5, 1_500_000_000)


def test_gigabytes_are_thousands() -> None:
    assert gigabytes("0.25") == 250_000_000


def test_device_words_are_left_out_where_not_given() -> None:
    assert device_of(parse("decode a b")) == {}
    assert device_of(parse("decode a b --threads 3 --device cpu")) == {"threads": 3, "device": "cpu"}
