"""``dusk leave``: this router leaves its cluster by its own root's word."""

import argparse
from typing import TYPE_CHECKING

from dusk.cli.command import Command, Context
from dusk.cli.options import UsageError
from dusk.cli.people import timeout_argument
from dusk.errors import Refused

if TYPE_CHECKING:
    from dusk.cli.client import Json

_MARGIN_S = 10.0
"""For the daemon's own answer behind the time that it waits."""
_SECRETS = (
    "what was set by the cluster stays in its files, secrets too: an owner's next commit seals those anew,"
    " and they are to be changed at their source"
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("other", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--keep-config", action="store_true", help=argparse.SUPPRESS)  # they stay without it
    parser.add_argument(
        "--restore-local",
        action="store_true",
        help="have its files be as they were before Dusk changed them, where it remembers that; then leave",
    )
    parser.add_argument("--yes", action="store_true", help="leave without being asked")
    timeout_argument(parser)


def _leave(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.other is not None:
        raise UsageError(
            "leave is for the router where it is typed: run it there; or an owner takes it out of the cluster"
            f" by `dusk device remove {arguments.other}`"
        )
    if context.via is not None:
        raise Refused("not-over-ssh", "leave is for the router where it is typed: run it there, as root")
    if not arguments.yes:
        _ask(context)
    params = {"restore_local": True} if arguments.restore_local else {}
    started = context.call("device.leave", timeout_s=arguments.timeout, **params)
    result: Json = context.client.wait(started["ticket"], arguments.timeout + _MARGIN_S)
    result = {**result, "device": started["device"]}
    if not result["left"]:
        context.say(f"{started['device']} has not left yet: {result['missing']}", result)
        return 1
    if not arguments.restore_local:
        context.note(_SECRETS)
    context.say(f"{started['device']} left the cluster; `dusk join --file F` lets it into one again", result)
    return 0


def _ask(context: Context) -> None:
    """Ask before this router goes for good: which one it is follows from where the command is typed.

    Raises:
        Refused: ``not-left``, or ``no-terminal``: nobody can be asked, so it stays.
    """
    from dusk.cli.passwords import ask_yes

    here = context.call("status")
    if not ask_yes(f"{here['name']} leaves the cluster {here['cluster']} for good. Leave?", "--yes"):
        raise Refused("not-left", f"{here['name']} stays in the cluster {here['cluster']}")


COMMANDS = {
    "leave": Command(
        "Take this router out of its cluster, for good. Its files stay as they are, unless --restore-local is"
        " said; what it has of the cluster is removed, its key too, so that it comes back as a new router"
        " only. No login is needed. Another router: `dusk device remove`.",
        "dusk leave",
        _arguments,
        _leave,
    )
}
