"""``dusk var``."""

import argparse

from dusk.cli.command import Command, Context, answer, subcommands, verb
from dusk.cli.options import UsageError
from dusk.cli.pages import every
from dusk.cli.settings import is_typed, read_value, split_pair

_SCOPE = "cluster, group/NAME or device/NAME; the nearest to the router wins"


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    give = verb(
        verbs,
        "set",
        "Give variables a value in your draft; settings use them as ${NAME}. A NAME twice makes a list.",
        "dusk var set device/attic channel=11",
        _set,
    )
    take = verb(verbs, "unset", "Remove variables.", "dusk var unset device/attic channel", _unset)
    show = verb(verbs, "list", "List variables.", "dusk var list cluster", _list)
    for parser_of_verb in (give, take):
        parser_of_verb.add_argument("scope", metavar="SCOPE", help=_SCOPE)
    show.add_argument("scope", metavar="SCOPE", nargs="?", help=f"{_SCOPE}; without it all")
    give.add_argument("pairs", metavar="NAME=VALUE", nargs="+", help="VALUE may be @FILE, or -")
    give.add_argument(
        "--secret", action="store_true", help="seal it; the value comes by @FILE or -, and is shown to nobody"
    )
    take.add_argument("names", metavar="NAME", nargs="+")


def _set(context: Context, arguments: argparse.Namespace) -> int:
    values: dict[str, list[str]] = {}
    for pair in arguments.pairs:
        name, value = split_pair(pair)
        if value is None:
            raise UsageError(f"{name}: a value is missing; write {name}=VALUE")
        if arguments.secret and is_typed(value):
            raise UsageError(
                f"{name}: a secret does not stand in the arguments; write {name}=@FILE or {name}=-"
            )
        values.setdefault(name, []).append(read_value(value, name))
    rows = [{"name": name, "values": found} for name, found in values.items()]
    result = context.signed("var.set", scope=arguments.scope, variables=rows, secret=arguments.secret)
    return answer(context, result)


def _unset(context: Context, arguments: argparse.Namespace) -> int:
    return answer(context, context.signed("var.unset", scope=arguments.scope, names=arguments.names))


def _list(context: Context, arguments: argparse.Namespace) -> int:
    variables = every(context, "var.list", "variables", "scope name", scope=arguments.scope)
    rows = [(v["scope"], v["name"], v["value"]) for v in variables]
    context.table(
        ("SCOPE", "NAME", "VALUE"),
        rows,
        variables,
        "there is no variable in the log; make one with `dusk var set`",
    )
    return 0


COMMANDS = {"var": Command("Variables: what differs from router to router.", "dusk var list", _arguments)}
