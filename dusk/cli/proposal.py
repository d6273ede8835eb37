"""``dusk proposals``, ``sign`` and ``withdraw``: changes that several people must sign."""

import argparse
import time
from pathlib import Path

from dusk.cli.client import Json
from dusk.cli.collected import confirm, read_line
from dusk.cli.command import Command, Context
from dusk.cli.people import done, timeout_argument


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", nargs="?", help="show this one with its differences")


def _list(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.id is not None:
        return _show(context, arguments.id)
    proposals = context.call("proposal.list")["proposals"]
    rows = [(p["id"], p["author"], " ".join(p["signed"]), p["message"], p["state"]) for p in proposals]
    context.table(("ID", "BY", "SIGNED", "WHY", "WAITS FOR"), rows, proposals, "nothing waits for signatures")
    return 0


def _show(context: Context, name: str) -> int:
    proposal = context.call("proposal.show", id=name)
    context.say(_described(proposal), proposal)
    return 0


def _described(proposal: Json) -> str:
    until = proposal["expires"]
    lines = [
        f"{proposal['id']}: {proposal['message']}",
        f"proposed by {proposal['author']}; signed by {', '.join(proposal['signed'])}",
        proposal["diff"],
        proposal["state"],
    ]
    if until:
        lines.append(f"ends on {time.strftime('%Y-%m-%d', time.localtime(until))}")
    return "\n".join(lines)


def _sign_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="ID|F", help="a proposal's id, or a file that `... --out F` wrote")
    parser.add_argument("--yes", action="store_true", help="sign without being asked")
    timeout_argument(parser)


def _sign(context: Context, arguments: argparse.Namespace) -> int:
    if not (arguments.yes or context.signs_here):
        context.signed("session.whoami")  # nobody is logged in: say so before asking for a yes
    if set(arguments.what) & set("./") or Path(arguments.what).exists():
        return _sign_file(context, arguments.what, is_sure=arguments.yes)
    if not arguments.yes:
        confirm(context, _described(context.call("proposal.show", id=arguments.what)))
    started = context.signed("proposal.sign", id=arguments.what, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


def _sign_file(context: Context, file: str, *, is_sure: bool) -> int:
    """Sign what a file holds: an order says so itself; what is neither is refused as no role."""
    from dusk.cli.ordering import sign_order
    from dusk.cli.role import sign_role
    from dusk.control.ordering import ARMOUR

    line = read_line(file)
    sign = sign_order if line.startswith(ARMOUR) else sign_role
    return sign(context, file, line, is_sure=is_sure)


def _withdraw_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as `dusk proposals` shows it")
    timeout_argument(parser)


def _withdraw(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed("proposal.withdraw", id=arguments.id, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


COMMANDS = {
    "proposals": Command(
        "List the changes that wait for signatures of others; with an ID, show one with its differences.",
        "dusk proposals",
        _list_arguments,
        _list,
    ),
    "sign": Command(
        "Sign a proposal, or a forced role or an order that several must sign. It says first what you sign;"
        " the last signature that a proposal needs sends it.",
        "dusk sign 3f9a6c01",
        _sign_arguments,
        _sign,
    ),
    "withdraw": Command(
        "Take a proposal back: your own, or as an owner anybody's.",
        "dusk withdraw 3f9a6c01",
        _withdraw_arguments,
        _withdraw,
    ),
}
