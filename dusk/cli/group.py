"""``dusk group``."""

import argparse

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, answer, subcommands, verb
from dusk.cli.options import UsageError
from dusk.cli.pages import every


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List groups with their routers.", "dusk group list", _list)
    show = verb(verbs, "show", "Show one group.", "dusk group show office", _show)
    create = verb(verbs, "create", "Make a group in your draft.", "dusk group create office", _create)
    delete = verb(verbs, "delete", "Delete a group in your draft.", "dusk group delete office", _delete)
    add = verb(verbs, "add", "Put routers into a group.", "dusk group add office attic hall", _add)
    remove = verb(verbs, "remove", "Take routers out of a group.", "dusk group remove office hall", _remove)
    select = verb(
        verbs,
        "select",
        "Take in all routers with these facts; no secret is for them by that. Without facts: no more.",
        "dusk group select outdoor board=cudy,wr3000 board=glinet,gl-x3000 bands=5g",
        _select,
    )
    readers = verb(
        verbs,
        "readers",
        "List routers that groups take in by facts, and who of them may read secrets.",
        "dusk group readers outdoor",
        _readers,
    )
    readers.add_argument("name", metavar="NAME", nargs="?", default="", help="of one group alone")
    allow = verb(
        verbs,
        "allow",
        "Let routers that a group takes in by facts read its secrets.",
        "dusk group allow outdoor porch",
        _allow,
    )
    deny = verb(
        verbs,
        "deny",
        "Take back that routers may read the secrets of a group.",
        "dusk group deny outdoor porch",
        _deny,
    )
    for parser_of_verb in (show, create, delete, add, remove, select, allow, deny):
        parser_of_verb.add_argument("name", metavar="NAME")
    select.add_argument(
        "facts",
        metavar="FACT=VALUE",
        nargs="*",
        help="all facts must hold; of one that is named again any value",
    )
    for parser_of_verb in (add, remove, deny):
        parser_of_verb.add_argument("devices", metavar="DEVICE", nargs="+")
    allow.add_argument("devices", metavar="DEVICE", nargs="*", help="routers that you know to be these")
    allow.add_argument(
        "--selected", action="store_true", help="all that wait now; `dusk draft` shows which these are"
    )


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    groups = every(context, "group.list", "groups", "name")
    rows = [(g["name"], len(g["devices"]), " ".join(g["devices"])) for g in groups]
    context.table(
        ("NAME", "COUNT", "ROUTERS"),
        rows,
        groups,
        "there is no group in the log; make one with `dusk group create NAME`",
    )
    return 0


def _show(context: Context, arguments: argparse.Namespace) -> int:
    group = context.call("group.show", name=arguments.name)
    rows: list[tuple[str, object]] = [
        ("name", group["name"]),
        ("routers", " ".join(group["devices"]) or "-"),
        ("selects", " ".join(f"{o['fact']}={v}" for o in group["selects"] for v in o["values"]) or "-"),
        ("policies", " ".join(group["policies"]) or "-"),
    ]
    rows += [(f"var {name}", value) for name, value in group["variables"].items()]
    context.fields(rows, group)
    return 0


def _create(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("group.create", name=arguments.name))


def _delete(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("group.delete", name=arguments.name))


def _add(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("group.add", name=arguments.name, devices=arguments.devices))


def _remove(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("group.remove", name=arguments.name, devices=arguments.devices))


def _select(context: Context, arguments: argparse.Namespace) -> int:
    facts: dict[str, list[str]] = {}
    for pair in arguments.facts:
        fact, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair}: write FACT=VALUE")
        facts.setdefault(fact, []).append(value)
    rows = [{"fact": fact, "values": values} for fact, values in facts.items()]
    return answer(
        context, context.signed("group.select", name=arguments.name, **({"facts": rows} if rows else {}))
    )


def _readers(context: Context, arguments: argparse.Namespace) -> int:
    found = context.call("group.readers", name=arguments.name)["readers"]
    rows = [(r["group"], r["device"], "yes" if r["selected"] else "no", _reads(r)) for r in found]
    context.table(
        ("GROUP", "ROUTER", "BY FACTS", "SECRETS"),
        rows,
        found,
        "no group takes in routers by facts; who is a member by name reads its secrets",
    )
    return 0


def _reads(row: Json) -> str:
    return "allowed" if row["allowed"] else "waits" if row["waits"] else "-"


def _allow(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.selected == bool(arguments.devices):
        raise UsageError("name routers, or say --selected for all that wait")
    return answer(context, context.signed("group.allow", name=arguments.name, devices=arguments.devices))


def _deny(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("group.deny", name=arguments.name, devices=arguments.devices))


COMMANDS = {"group": Command("Routers that belong together.", "dusk group add office attic", _arguments)}
