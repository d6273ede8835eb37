"""Runs one command: loads its module, reads its words, hands it what it works with."""

from importlib import import_module
from pathlib import Path

from dusk.cli.command import Command, Context
from dusk.cli.options import UsageError
from dusk.errors import DuskError

_ON_THIS_MACHINE = ("daemon", "init", "verify", "simulate", "demo", "relay")
"""They do without a daemon, or are its end of the line."""


def run_command(root: str, module: str, words: list[str], *, is_json: bool, via: str | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        root: the folder that all paths are below.
        module: which of this package has it.
        words: its name, and what stands behind that.
        is_json: whether it prints a document.
        via: where the daemon is, if not on this machine.
    """
    name = words[0]
    command: Command = import_module(f"dusk.cli.{module}").COMMANDS[name]
    elsewhere = None
    if via is not None:
        from dusk.cli.via import parse_via

        elsewhere = parse_via(via)
        if name in _ON_THIS_MACHINE:
            raise UsageError(f"{name} works on this machine; run it on the router itself")
    context = Context(Path(root).absolute(), json=is_json, via=elsewhere)
    try:
        return _run(context, name, command, words[1:])
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        if not context.has_asked:
            raise
        raise _unreadable(error) from error
    finally:
        context.close()


def _unreadable(error: Exception) -> DuskError:
    """Return what to say of an answer that has another form than every daemon of ours gives (A46)."""
    from dusk.daemon.mistakes import describe
    from dusk.errors import Refused

    what = describe(error).removeprefix("internal error: ")
    return Refused("bad-answer", f"the daemon's answer cannot be read; restart it ({what})")


def _run(context: Context, name: str, command: Command, words: list[str]) -> int:
    """Parse what stands behind a command, unless there is nothing to parse, and run it."""
    if command.arguments is None and command.run is not None and not words:
        return command.run(context, None)
    from dusk.cli.parser import parse

    parsed = parse(name, command, words)
    if isinstance(parsed, int):
        return parsed
    code: int = parsed.run(context, parsed)
    return code
