"""What README and `docs/` tell people to type is what the command line takes.

That it also does what they say is for `tests/network/test_pages_run.py`.
"""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from dusk.cli.command import Command
from dusk.cli.main import MODULES
from dusk.cli.options import UsageError, global_options
from dusk.cli.parser import parse
from tests.pages import PAGES, SHELL, blocks, inline

PLACEHOLDERS = {"SEQ": "12", "WHY": "why", "KEY=VALUE": "system.ntp.enabled=1"}
"""Words that stand for what a person puts there, where any other word would be refused."""
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def commands(page: Path) -> Iterator[str]:
    """Yield all lines of a page that begin with ``dusk``."""
    yield from (code for code in inline(page) if code.startswith("dusk "))
    for block in blocks(page):
        if block.language in SHELL:
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith("dusk "):
                    yield re.split(r" *(?:\d?>|\|)", line)[0]


def check(words: list[str]) -> None:
    """Have a command read its words; one that is only named needs no arguments.

    Raises:
        UsageError: it would refuse them.
    """
    _, (name, *rest) = global_options([PLACEHOLDERS.get(word, word) for word in words])
    if name.startswith("-"):
        return
    command: Command = import_module(f"dusk.cli.{MODULES[name]}").COMMANDS[name]
    try:
        parse(name, command, rest)
    except UsageError as error:
        is_named = len(rest) < 2 and re.search("are required|is required", str(error))
        if not is_named or any("=" in word for word in rest):
            raise


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_page_is_one_that_dusk_takes(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)[1:]
        try:
            check(words)
        except (UsageError, KeyError) as error:
            pytest.fail(f"{page.name}: {line}: {error}")


def test_a_command_that_dusk_would_refuse_is_found() -> None:
    for line in ("policy asign names", "group create", "set policy/a", "frobnicate", "commit --why"):
        with pytest.raises((UsageError, KeyError)):
            check([*line.split(), *(["x"] if line == "group create" else []), "--no-such"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_is_broken_over_two_lines(page: Path) -> None:
    assert [code for code in inline(page) if "\n" in code] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_by_a_test_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        assert block.language in SHELL | {"uci"}, block.text
    fences = len(re.findall(r"^```", page.read_text(), re.MULTILINE))
    assert fences == 2 * len(blocks(page)), "each is read"
