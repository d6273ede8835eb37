"""``dusk watch``: what the daemon tells, a line for each event, until Ctrl-C."""

import sys

from dusk.cli.client import Json
from dusk.cli.command import Command, Context


def _watch(context: Context, _arguments: object) -> int:
    """Print events as they come; Ctrl-C is how it is meant to end."""
    try:
        for name, params in context.client.events():
            _print(context, name, params)
    except KeyboardInterrupt:
        return 0
    return 0


def _print(context: Context, name: str, params: Json) -> None:
    text = " ".join(_text(name, params).splitlines())  # one line an event, whatever a reason says
    context.say(text, {"event": name, **params})
    sys.stdout.flush()  # who reads it through a pipe sees it now, too


def _text(name: str, params: Json) -> str:
    """Return an event for people."""
    if name == "progress":
        version = f"version {params['seq']}" if params["seq"] else "a change"
        why = f": {params['reason']}" if params["reason"] else ""
        return f"{version} {params['hash'][:12]} {params['state']}{why}"
    if name == "events.lost":
        return f"{params['count']} events came faster than they were read, and are lost"
    return f"{params['name']}: {params['text']}"


COMMANDS = {
    "watch": Command(
        "Show what happens at this router as it happens: changes on their way, applies, alarms. "
        "One line an event (with --json one document a line), until Ctrl-C.",
        "dusk watch",
        arguments=None,
        run=_watch,
    )
}
