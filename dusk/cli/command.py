"""What a command is, and what it is given to work with."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dusk.errors import Refused

if TYPE_CHECKING:
    import argparse

    from dusk.cli.client import Client, Json
    from dusk.cli.outside import Outside
    from dusk.cli.via import Via

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names it nowhere else
    """A noun's verbs, as argparse keeps them."""

_DURATION = r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)"
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Context:
    """One run of the command line: where, how to print, and the connection to the daemon."""

    __slots__ = ("_client", "_outside", "json", "root", "via")

    def __init__(self, root: Path, *, json: bool, via: "Via | None" = None) -> None:
        self.root = root
        self.json = json
        self.via = via
        self._client: Client | None = None
        self._outside: Outside | None = None

    @property
    def place(self) -> Path:
        """What a session belongs to: the root here, or a router elsewhere."""
        return self.root if self.via is None else Path(f"/ssh:{self.via.name}:{self.via.port}{self.via.root}")

    @property
    def client(self) -> "Client":
        """The connection to the daemon; loaded and opened by who needs it (`dusk daemon` stays bare)."""
        if self._client is None:
            from dusk.cli.client import Client

            self._client = Client(self.root, self.via)
        return self._client

    @property
    def has_asked(self) -> bool:
        """Whether a daemon was asked for something in this run."""
        return self._client is not None

    def close(self) -> None:
        """Close what was opened, a session too that only this command needed."""
        if self._outside is not None:
            self._outside.close()
        if self._client is not None:
            self._client.close()

    def sign_with(self, file: str, *, is_unseen: bool) -> None:
        """Sign what this command does with the key in a file, which the daemon never gets."""
        from dusk.cli.outside import Outside

        self._outside = Outside(self.call, self.note, file, is_unseen=is_unseen)

    @property
    def signs_here(self) -> bool:
        """Whether this command signs by itself, and shows what it signs."""
        return self._outside is not None

    def agree_to_orders(self, names: Sequence[str], kind: str, for_s: int) -> None:
        """Where this command signs by itself, show the orders of a list, and ask for one yes to all."""
        if self._outside is not None:
            self._outside.agree_to_orders(names, kind, for_s)

    @property
    def has_session(self) -> bool:
        """Whether somebody is logged in on this terminal, or gave a key file."""
        from dusk.cli import tokens

        return self.signs_here or tokens.load(self.place) is not None

    def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 — JSON is what it is
        """Call a method that needs no session."""
        return self.client.call(method, **params)

    def asked(self, method: str, **params: Any) -> Any:  # noqa: ANN401 — JSON is what it is
        """Call a method that asks another device, in the share of who is logged in here, if anybody is."""
        from dusk.cli import tokens

        return self.client.call(method, token=tokens.load(self.place) or "", **params)

    def signed(self, method: str, **params: Any) -> Any:  # noqa: ANN401 — JSON is what it is
        """Call a method as the person who is logged in on this terminal, or whose key file is given."""
        if self._outside is not None:
            return self._outside.call(method, params)
        from dusk.cli import tokens

        token = tokens.load(self.place)
        if token is None:
            self.client.reach()
            raise Refused("no-session", "nobody is logged in on this terminal; run `dusk login USER`")
        return self.client.call(method, token=token, **params)

    def say(self, text: str, document: object = None) -> None:
        """Print a text for people, or with ``--json`` the document."""
        from dusk.cli import table

        if self.json:
            print(table.shown_json({} if document is None else document))
        elif text:
            print(table.shown(text))

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[object]], document: object, empty: str
    ) -> None:
        """Print rows as a table, or with ``--json`` the document; without rows say ``empty`` beside it."""
        if self.json:
            self.say("", document)
        elif rows:
            from dusk.cli import table

            print(table.render(headings, rows, table.terminal_width()))
        else:
            self.note(empty)

    def fields(self, rows: Sequence[tuple[str, object]], document: object) -> None:
        """Print names with values, one a line, or with ``--json`` the document."""
        if self.json:
            self.say("", document)
            return
        from dusk.cli import table

        indent = max((len(name) for name, _ in rows), default=0) + len(table.GAP)
        width = table.terminal_width()
        for name, value in rows:
            print(table.field(name, table.printable(str(value)), indent, width))

    def note(self, text: str) -> None:
        """Say something beside the result, on standard error."""
        from dusk.cli import table

        print(table.wrapped(table.shown(text), table.terminal_width(sys.stderr)), file=sys.stderr)


Run = Callable[[Context, Any], int]
"""Takes the context and an ``argparse.Namespace``; returns the exit code."""


class Command(NamedTuple):
    """A word after ``dusk``: its help, an example, its arguments, what it does.

    Without ``arguments`` it takes none; without ``run`` each of its verbs sets its own.
    """

    help: str
    example: str
    arguments: "Callable[[argparse.ArgumentParser], None] | None" = None
    run: Run | None = None


def subcommands(parser: "argparse.ArgumentParser") -> "Verbs":
    """Prepare a noun's verbs."""
    return parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")


def verb(verbs: "Verbs", name: str, text: str, example: str, run: Run) -> "argparse.ArgumentParser":
    """Add a verb to a noun and return its parser."""
    from dusk.cli.formatter import HelpFormatter

    parser = verbs.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example:\n  {example}",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def duration(text: str) -> float:
    """Read a length of time such as ``5s``, ``500ms``, ``2h`` or ``7d``, in seconds."""
    import argparse
    import re

    found = re.fullmatch(_DURATION, text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 500ms, 30s, 5m, 2h or 7d")
    return float(found[1]) * _UNIT_S[found[2]]


def within(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers between two bounds."""
    import argparse

    def read(text: str) -> int:
        if (
            not text.isascii()
            or not text.isdigit()
            or len(text) > len(str(high))
            or not low <= int(text) <= high
        ):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return read


def answer(context: Context, result: "Json") -> int:
    """Print what an edit of the draft did."""
    for line in result.get("notes", []):
        context.note(line)
    context.say(result.get("text", ""), result)
    return 0
