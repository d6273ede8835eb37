"""``dusk grant``, ``section`` and ``cluster``: who may change what, and the cluster's own settings."""

import argparse
from collections.abc import Container, Sequence

from dusk.cli.command import Command, Context, subcommands, verb, within
from dusk.cli.people import done, timeout_argument

# --- grants ----------------------------------------------------------------------------------------


def _grant_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "dusk grant PREFIX --user U [LIMITS]\n       dusk grant list\n       dusk grant remove PREFIX"
    )
    parser.add_argument(
        "prefix", metavar="PREFIX", help="policy/wifi, policy, device/attic/config, ...; or list, or remove"
    )
    parser.add_argument("of", metavar="PREFIX", nargs="?", default="", help="of remove: which")
    parser.add_argument(
        "--user", action="append", default=[], metavar="U", help="who may; for several, again"
    )
    parser.add_argument(
        "--threshold",
        type=within(1, 64),
        default=1,
        metavar="N",
        help="so many of them must sign together (1)",
    )
    parser.add_argument(
        "--package",
        action="append",
        metavar="P",
        help="only settings of this UCI package; or file:/PATH: no grant has a file that it does not name",
    )
    parser.add_argument("--group", action="append", metavar="G", help="only for routers of this group")
    parser.add_argument(
        "--max-priority", type=within(0, 999), metavar="N", help="the highest priority of an assignment"
    )
    timeout_argument(parser)


def _grant(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if arguments.prefix == "list":
        return _grant_list(context)
    if arguments.prefix == "remove":
        if not arguments.of:
            raise UsageError("grant remove: say which, as `dusk grant list` shows it")
        started = context.signed("grant.remove", prefix=arguments.of, timeout_s=arguments.timeout)
        return done(context, started, arguments.timeout)
    if arguments.of:
        raise UsageError(f"{arguments.of!r}: a grant is for one prefix; who may is said by --user")
    started = context.signed(
        "grant.set",
        prefix=arguments.prefix,
        users=arguments.user,
        threshold=arguments.threshold,
        packages=arguments.package,
        groups=arguments.group,
        max_priority=arguments.max_priority,
        timeout_s=arguments.timeout,
    )
    code = done(context, started, arguments.timeout)
    _tell_assignment(context, arguments.prefix, arguments.user)
    return code


def _tell_assignment(context: Context, prefix: str, users: Sequence[str]) -> None:
    """Say that for whom a policy is stands elsewhere: who was granted a policy alone cannot assign it."""
    kind, _, name = prefix.strip("/").partition("/")
    if kind != "policy" or not users:
        return
    places = ("assignment", f"assignment/{name}")
    grants = [g for g in context.call("grant.list")["grants"] if g["prefix"] in places and g["in_force"]]
    if not any(set(users) <= set(g["users"]) for g in grants):
        context.note(
            f"for whom that is, owners say: `dusk grant {places[bool(name)]}` with the same people and limits"
            " lets them assign it, too"
        )


def _grant_list(context: Context) -> int:
    grants = context.call("grant.list")["grants"]
    gone = {user["name"] for user in context.call("user.list")["users"] if user["disabled"]}
    rows = [
        (
            g["prefix"],
            f"{g['threshold']} of {' '.join(_named(g['users'], gone))}" if g["users"] else "owners only",
            _limits(g),
            "owners"
            if g["under"] is None
            else f"{' '.join(g['by'])} under {g['under']}" + ("" if g["in_force"] else ", ended"),
        )
        for g in grants
    ]
    context.table(
        ("PREFIX", "WHO", "WITHIN", "GRANTED BY"),
        rows,
        grants,
        "nothing is granted: only owners change anything; `dusk grant PREFIX --user U` grants",
    )
    if grants:
        context.note("an owner counts for each as who is named there, also where more owners sign all else")
    return 0


def _named(users: Sequence[str], gone: Container[str]) -> list[str]:
    """Mark who was disabled: the grant names them still, and they sign nothing more."""
    return [f"{name}(disabled)" if name in gone else name for name in users]


def _limits(grant: "dict[str, object]") -> str:
    said = []
    for name in ("packages", "groups"):
        listed = grant[name]
        if isinstance(listed, list):
            said.append(f"{name} {' '.join(listed) or 'none'}")
    if grant["max_priority"] is not None:
        said.append(f"priority up to {grant['max_priority']}")
    return ", ".join(said) or "no limits"


# --- sections --------------------------------------------------------------------------------------


def _section_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    listed = verb(
        verbs, "list", "List the sections of the datastore.", "dusk section list policy", _section_list
    )
    listed.add_argument("prefix", metavar="PREFIX", nargs="?", default="")
    show = verb(
        verbs,
        "show",
        "Show a section: its records, what last wrote them, whose keys may.",
        "dusk section show policy/wifi",
        _section_show,
    )
    show.add_argument("path", metavar="PATH")


def _section_list(context: Context, arguments: argparse.Namespace) -> int:
    sections, more, after = [], True, ""
    while more:
        page = context.call("section.list", prefix=arguments.prefix, after=after)
        sections += page["sections"]
        more, after = page["more"], sections[-1]["path"] if sections else ""
    rows = [(s["title"], s["records"], s["who"]) for s in sections]
    context.table(("SECTION", "RECORDS", "MAY BE CHANGED BY"), rows, sections, "there is no such section")
    return 0


def _section_show(context: Context, arguments: argparse.Namespace) -> int:
    page = context.call("section.show", path=arguments.path)
    records, whole = list(page["records"]), page
    while page["more"]:
        page = context.call("section.show", path=arguments.path, after=records[-1]["key"])
        records += page["records"]
    rows: list[tuple[str, object]] = [
        ("section", whole["title"]),
        ("hash", whole["hash"]),
        ("may", whole["who"]),
    ]
    rows += [(r["key"], f"{r['says']}  (version {r['version'] or '?'})") for r in records]
    context.fields(rows, {**whole, "records": records, "more": False})
    return 0


# --- the cluster -----------------------------------------------------------------------------------


def _cluster_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "show", "Show the cluster's own settings.", "dusk cluster show", _cluster_show)
    put = verb(verbs, "set", "Change them, all in one change.", "dusk cluster set cycle=2s", _cluster_set)
    put.add_argument("pairs", metavar="KEY=VALUE", nargs="+")
    timeout_argument(put)


def _cluster_show(context: Context, _arguments: argparse.Namespace) -> int:
    settings = context.call("cluster.show")["settings"]
    rows = [(s["name"], s["value"] or "-", s["help"]) for s in settings]
    context.table(("KEY", "VALUE", "IS"), rows, {s["name"]: s["value"] for s in settings}, "")
    return 0


def _cluster_set(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    values = []
    for pair in arguments.pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r}: write KEY=VALUE")
        values.append({"name": name, "values": [value]})
    started = context.signed("cluster.set", values=values, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


COMMANDS = {
    "grant": Command(
        "Let people change a part: everything whose section begins with PREFIX, within limits. The longest"
        " prefix decides. Owners may always; whoever has a grant passes on at most what he has. For whom"
        " policy/wifi is stands in assignment/wifi: to assign it, too, somebody needs a grant for both.",
        "dusk grant policy/wifi --user alice --package wireless --group aps",
        _grant_arguments,
        _grant,
    ),
    "section": Command(
        "The sections of the datastore, and whose keys may sign.", "dusk section list", _section_arguments
    ),
    "cluster": Command("The cluster's own settings.", "dusk cluster show", _cluster_arguments),
}
