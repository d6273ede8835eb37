"""The parser of one command's arguments; only loaded where there are some."""

import argparse
from typing import NoReturn

from dusk.cli.command import Command
from dusk.cli.formatter import HelpFormatter
from dusk.cli.options import UsageError


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and where to read on."""

    def error(self, message: str) -> NoReturn:
        """Raise with one line; who named no verb is told which there are."""
        if message.endswith("required: VERB"):
            verbs = [name for action in self._actions for name in action.choices or ()]
            message = f"say what to do: {', '.join(verbs)}"
        raise UsageError(f"{message}; see `{self.prog} --help`")


def parse(name: str, command: Command, words: list[str]) -> argparse.Namespace | int:
    """Parse the words behind a command.

    Returns:
        The arguments with ``run``; or an exit code where help was printed.

    Raises:
        UsageError: wrong arguments.
    """
    parser = Parser(
        prog=f"dusk {name}",
        description=command.help,
        epilog=f"example:\n  {command.example}",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=command.run)
    if command.arguments is not None:
        command.arguments(parser)
    try:
        return parser.parse_args(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
