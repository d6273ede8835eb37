"""Help can be typed as it stands, and who typed half a command is told the rest."""

import argparse
import shlex
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from dusk.cli.main import MODULES
from dusk.cli.parser import Parser
from tests.cli.test_pages import check

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

LINE_MAX = 80


def examples() -> Iterator[str]:
    """Yield the example of each command and of each verb."""
    for name, module in MODULES.items():
        command = import_module(f"dusk.cli.{module}").COMMANDS[name]
        yield command.example
        parser = Parser()
        if command.arguments is not None:
            command.arguments(parser)
        yield from verbs_of(parser)


def verbs_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the examples of a noun's verbs."""
    for action in parser._actions:  # argparse shows them nowhere else
        if isinstance(action.choices, dict):
            for verb in action.choices.values():
                yield str(verb.epilog).removeprefix("example:\n").strip()


def test_each_example_is_a_command_that_fits_a_terminal() -> None:
    for example in examples():
        assert max(map(len, example.splitlines())) <= LINE_MAX - 2, example
        for line in example.replace("\\\n", " ").splitlines():
            words = shlex.split(line.partition(" > ")[0])
            check(words[words.index("dusk") + 1 :])


def test_examples_are_not_broken_on_a_narrow_terminal(dusk: "Dusk", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = dusk("set", "--help").out
    for line in import_module("dusk.cli.settings").COMMANDS["set"].example.splitlines():
        assert line in shown


@pytest.mark.parametrize(
    ("noun", "verbs"), [("policy", "list, show, delete"), ("device", "list, show"), ("rollout", "list, show")]
)
def test_a_noun_without_a_verb_names_its_verbs(dusk: "Dusk", noun: str, verbs: str) -> None:
    done = dusk(noun)
    assert done.code == 2
    assert f"say what to do: {verbs}" in done.err


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("drift", "dusk drift revert DEVICE"),
        ("draft", "dusk draft discard [TARGET [KEY]]"),
        ("grant", "dusk grant remove PREFIX"),
    ],
)
def test_the_usage_shows_verbs(dusk: "Dusk", command: str, usage: str) -> None:
    assert usage in dusk(command, "--help").out


def test_a_far_guess_is_not_made(dusk: "Dusk") -> None:
    assert "do you mean" not in dusk("guest").err
    assert "do you mean 'status'" in dusk("statsu").err


def test_recover_says_that_it_does_one_thing(dusk: "Dusk") -> None:
    done = dusk("recover", "--user", "carol", "--check")
    assert done.code == 2
    assert "give one of these: --user NEW (the new owner), --check, or --join HEAD" in done.err
