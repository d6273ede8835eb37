"""Runs one command: loads its module, reads its words, hands it what it works with."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from dusk.cli.command import Command, Context
from dusk.cli.options import UsageError
from dusk.errors import DuskError

_ON_THIS_MACHINE = ("daemon", "init", "verify", "backup", "simulate", "demo", "relay")
"""They do without a daemon, or are its end of the line."""
_WITHOUT_A_KEY = ("login", "logout", "recover", "key")
"""They have nothing to sign, or a key of their own."""


def run_command(root: str, module: str, words: list[str], options: Mapping[str, str]) -> int:
    """Run a command and return its exit code.

    Args:
        root: the folder that all paths are below.
        module: which of this package has it.
        words: its name, and what stands behind that.
        options: those of all commands: ``json``, ``via``, ``key-file``, ``unseen``.
    """
    name, via = words[0], options.get("via")
    command: Command = import_module(f"dusk.cli.{module}").COMMANDS[name]
    elsewhere = None
    if via is not None:
        from dusk.cli.via import parse_via

        elsewhere = parse_via(via)
        if name in _ON_THIS_MACHINE:
            raise UsageError(f"{name} works on this machine; run it on the router itself")
    if "key-file" in options and name in (*_ON_THIS_MACHINE, *_WITHOUT_A_KEY):
        raise UsageError(f"{name} signs nothing with a key file; leave out --key-file")
    if "unseen" in options and "key-file" not in options:
        raise UsageError("--unseen goes with --key-file")
    context = Context(Path(root).absolute(), json="json" in options, via=elsewhere)
    if "key-file" in options:
        context.sign_with(options["key-file"], is_unseen="unseen" in options)
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
