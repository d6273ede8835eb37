"""``dusk conflicts`` and ``dusk resolve``."""

import argparse

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, duration
from dusk.cli.draft import TIMEOUT_S, report, wait_for_change
from dusk.cli.history import when

ID_CHARACTERS = 12
"""Of a change's id: enough to name it."""


def _list(context: Context, _arguments: object) -> int:
    found = context.call("conflict.list")["conflicts"]
    if context.json:
        context.say("", found)
        return 0
    if not found:
        context.note("there is nothing to decide")
    context.say("\n\n".join(map(_text, found)))
    return 0


def _text(conflict: Json) -> str:
    """Show both sides of a conflict: A stands, B was lost."""
    lines = [
        f"{conflict['id'][:ID_CHARACTERS]}  version {conflict['seq']}, {conflict['outcome']}",
        f"  B is {_who(conflict)}",
        f"  it came into this log at {when(conflict)}, too late; it may have been made before A",
    ]
    for row in conflict["records"]:
        lines += [
            f"  {row['where']} {row['item']}",
            f"    A: {_value(row['a'])}  ({_origin(row['by'])})",
            f"    B: {_value(row['b'])}",
        ]
    return "\n".join(lines)


def _origin(by: Json | None) -> str:
    """Say who wrote what stands; of a version that was compacted only the number is known."""
    if by is None:
        return "nobody has written it"
    if not by["author"]:
        return f"version {by['seq']}, which was compacted"
    return f"version {by['seq']} of {when(by)}, {_who(by)}"


def _who(entry: Json) -> str:
    message = f": {entry['message']}" if entry["message"] else ""
    return f"by {entry['author']} on {entry['device']}{message}"


def _value(value: object) -> str:
    return "nothing" if value is None else str(value)


def _resolve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as `dusk conflicts` shows it")
    parser.add_argument("--take", choices=("A", "B"), required=True, help="A: what stands; B: what was lost")
    parser.add_argument(
        "--timeout", type=duration, default=TIMEOUT_S, metavar="TIME", help="wait so long at most (60s)"
    )


def _resolve(context: Context, arguments: argparse.Namespace) -> int:
    result = context.signed(
        "conflict.resolve", id=arguments.id, take=arguments.take, timeout_s=arguments.timeout
    )
    for line in result.get("notes", []):
        context.note(line)
    outcome = wait_for_change(context, result["ticket"], arguments.timeout)
    return report(context, {**outcome, "text": result["text"]}, [("decided", result["text"])])


COMMANDS = {
    "conflicts": Command(
        "List the changes that came too late, as on the other side of a cut network: what stands now (A), "
        "what they wanted (B), by whom and when.",
        "dusk conflicts",
        arguments=None,
        run=_list,
    ),
    "resolve": Command(
        "Decide a conflict: A keeps what stands, B takes what was lost. Either is a new change of yours.",
        "dusk resolve 4f2a90c17be0 --take B",
        _resolve_arguments,
        _resolve,
    ),
}
