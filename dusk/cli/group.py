"""``dusk group``."""

import argparse

from dusk.cli.command import Command, Context, answer, subcommands, verb


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List groups with their routers.", "dusk group list", _list)
    show = verb(verbs, "show", "Show one group.", "dusk group show office", _show)
    create = verb(verbs, "create", "Make a group in your draft.", "dusk group create office", _create)
    delete = verb(verbs, "delete", "Delete a group in your draft.", "dusk group delete office", _delete)
    add = verb(verbs, "add", "Put routers into a group.", "dusk group add office attic hall", _add)
    remove = verb(verbs, "remove", "Take routers out of a group.", "dusk group remove office hall", _remove)
    for parser_of_verb in (show, create, delete, add, remove):
        parser_of_verb.add_argument("name", metavar="NAME")
    for parser_of_verb in (add, remove):
        parser_of_verb.add_argument("devices", metavar="DEVICE", nargs="+")


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    groups = context.call("group.list")["groups"]
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


COMMANDS = {"group": Command("Routers that belong together.", "dusk group add office attic", _arguments)}
