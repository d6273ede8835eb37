"""``dusk policy``."""

import argparse

from dusk.cli.command import Command, Context, answer, subcommands, verb, within
from dusk.cli.pages import every

PRIORITY_DEFAULT = 100


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List policies and to whom they apply.", "dusk policy list", _list)
    show = verb(verbs, "show", "Show a policy's settings.", "dusk policy show wifi", _show)
    delete = verb(verbs, "delete", "Delete a policy in your draft.", "dusk policy delete wifi", _delete)
    rename = verb(verbs, "rename", "Rename a policy in your draft.", "dusk policy rename wifi wlan", _rename)
    assign = verb(
        verbs,
        "assign",
        "Say in your draft to whom a policy applies. A new policy applies to nobody until then.",
        "dusk policy assign wifi --group office --priority 200",
        _assign,
    )
    unassign = verb(
        verbs, "unassign", "Let a policy apply to nobody.", "dusk policy unassign wifi", _unassign
    )
    unassign.add_argument(
        "--restore-local",
        action="store_true",
        help="have each router go back to what it had before Dusk changed it, where no other policy speaks",
    )
    propose = verb(
        verbs,
        "propose",
        "Make a policy, in your draft, of what several routers say alike in their own settings, and assign it"
        " to them; what differs stays with each. No router's settings change by it.",
        "dusk policy propose office attic barn cellar",
        _propose,
    )
    for parser_of_verb in (show, delete, rename, assign, unassign, propose):
        parser_of_verb.add_argument("name", metavar="NAME")
    rename.add_argument("new_name", metavar="NEW")
    propose.add_argument(
        "routers",
        metavar="ROUTER",
        nargs="*",
        help="of which; else all that have settings of their own",
    )
    propose.add_argument("--group", default="", metavar="G", help="of the routers of a group")
    whom = assign.add_mutually_exclusive_group(required=True)
    whom.add_argument("--all", action="store_true", help="to every router, also later ones")
    whom.add_argument("--group", action="append", metavar="G", help="to a group; may be repeated")
    whom.add_argument("--device", action="append", metavar="D", help="to a router; may be repeated")
    assign.add_argument(
        "--priority", type=within(0, 999), metavar="N", help=f"0 to 999, the higher wins ({PRIORITY_DEFAULT})"
    )


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    policies = every(context, "policy.list", "policies", "name")
    rows = [
        (p["name"], p["settings"], p["to"], "-" if p["priority"] is None else p["priority"], p["devices"])
        for p in policies
    ]
    context.table(
        ("NAME", "SETTINGS", "TO", "PRIORITY", "ROUTERS"),
        rows,
        policies,
        "there is no policy in the log; make one with `dusk set policy/NAME KEY=VALUE`",
    )
    return 0


def _show(context: Context, arguments: argparse.Namespace) -> int:
    result = context.call("policy.show", name=arguments.name)
    context.say(result["text"], result)
    return 0


def _delete(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("policy.delete", name=arguments.name))


def _rename(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("policy.rename", name=arguments.name, new_name=arguments.new_name))


def _assign(context: Context, arguments: argparse.Namespace) -> int:
    kind = "all" if arguments.all else "groups" if arguments.group else "devices"
    result = context.signed(
        "policy.assign",
        name=arguments.name,
        to=kind,
        names=arguments.group or arguments.device or [],
        priority=arguments.priority,
    )
    return answer(context, result)


def _unassign(context: Context, arguments: argparse.Namespace) -> int:
    params = {"name": arguments.name, **({"restore_local": True} if arguments.restore_local else {})}
    return answer(context, context.signed("policy.unassign", **params))


def _propose(context: Context, arguments: argparse.Namespace) -> int:
    result = context.signed(
        "policy.propose", name=arguments.name, group=arguments.group, devices=arguments.routers
    )
    return answer(context, result)


COMMANDS = {
    "policy": Command(
        "Settings for many routers: which there are, and to whom they apply.", "dusk policy list", _arguments
    )
}
