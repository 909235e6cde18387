"""The documents: links lead somewhere, and commands they show are commands."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nvc.cli.options import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_say_nothing_of_the_machine_they_were_written_on(page: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:work|root|home|opt)/\S*", page.read_text()) == []


def test_commands_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    code = re.findall(r"```\n(.*?)```|`([^`\n]+)`", text, flags=re.DOTALL)
    shown = {word for block in code for word in re.findall(r"^nvc (\w+)", "\n".join(block), flags=re.MULTILINE)}
    modules = {path.stem for path in (ROOT / "nvc" / "cli").glob("*.py")}
    assert {"encode", "decode", "info"} <= shown <= modules


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands below a parser that have no commands below them."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in below:
        for one in action.choices.values():
            yield from leaves(one)
    if not below:
        yield parser


@pytest.mark.parametrize("parser", list(leaves(build_parser(COMMANDS))), ids=lambda p: p.prog)
def test_every_command_and_option_is_described(parser: argparse.ArgumentParser) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    assert re.search(rf"^{parser.prog}\b|`{parser.prog}\b", text, re.MULTILINE)
    options = {word for action in parser._actions for word in action.option_strings} - {"-h", "--help"}
    assert {word for word in options if not re.search(rf"`{word}\b|, {word}\b", text)} == set()
