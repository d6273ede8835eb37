"""``dusk device``: the routers of the cluster, and those that want to be."""

import argparse

from dusk.cli import newcomers, ordering
from dusk.cli.client import Json
from dusk.cli.command import Command, Context, subcommands, verb
from dusk.cli.health import ASK_S_MAX, asked_health, health_rows, length_of
from dusk.cli.pages import every
from dusk.cli.refresh import refresh
from dusk.counting import counted


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List the routers of the cluster, and those that wait.", "dusk device list", _list)
    show = verb(
        verbs,
        "show",
        "Show what is known of one router, and how it is.",
        "dusk device show attic",
        _show,
    )
    show.add_argument("name", metavar="NAME", help="its name, or its id")
    packages = verb(
        verbs,
        "packages",
        "Ask one router which packages it has installed, and in which versions.",
        "dusk device packages attic",
        _packages,
    )
    packages.add_argument("name", metavar="NAME", help="its name, or its id")
    ordering.add_verbs(verbs)
    newcomers.add_verbs(verbs)


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    refresh(context)
    devices = every(context, "device.list", "devices", "name")
    pending = every(context, "device.pending", "pending", "id")
    expected = every(context, "device.expected", "expected", "label")
    rows = [
        (
            d["name"],
            d["role"],
            "yes" if d["online"] else "no",
            d["applied"],
            d["apply"],
            d["drift"] or "-",
            _groups(d) or "-",
            d["label"],
        )
        for d in devices
    ]
    rows += [(_waiting_name(p), "pending", _asks(p), "-", _why(p), "-", "-", p["label"]) for p in pending]
    rows += [
        (e["name"] or "-", "expected", "no", "-", "-", "-", " ".join(e["groups"]) or "-", e["label"])
        for e in expected
    ]
    context.table(
        ("NAME", "ROLE", "ONLINE", "VERSION", "APPLY", "DRIFT", "GROUPS", "LABEL"),
        rows,
        [*devices, *pending, *expected],
        "there is no router yet",
    )
    if pending:
        context.note("`dusk device approve ID`, or --all, lets in who is pending; `reject ID` turns away")
    return 0


def _groups(device: Json) -> str:
    """Name a router's groups; that it says itself to be of one is told, for it reads no secrets by that."""
    return ", ".join([*device["groups"], *(f"{name} (by facts)" for name in device["groups_by_facts"])])


def _waiting_name(pending: Json) -> str:
    name = pending["name"]
    return f"{pending['id'][:8]}{f' ({name})' if name else ''}"


def _asks(pending: Json) -> str:
    """Say whether a router asks still: one whose join was taken back is listed for two hours."""
    ago = pending["seen_s_ago"]
    return "asks" if ago <= newcomers.ASKS_S_MAX else f"asked {length_of(int(ago))} ago"


def _why(pending: Json) -> str:
    if not pending["like"]:
        return {"joinkey-used-up": "key used up"}.get(pending["why"], "new")
    return f"looks like {pending['like']} ({'online' if pending['like_online'] else 'absent'})"


def _show(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    device: Json = context.call("device.show", name=arguments.name)
    health, reason = (None, "") if device.get("retired") else asked_health(context, arguments.name)
    rows: list[tuple[str, object]] = []
    for name, value in device.items():
        if isinstance(value, dict):
            rows += [(f"{name} {key}", _plain(item)) for key, item in value.items()]
        else:
            rows.append((name, _plain(value)))
    rows += [("health", reason)] if reason else []
    rows += health_rows(health) if health else []
    context.fields(rows, {**device, "health": health, "health_reason": reason})
    return 0


def _packages(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    ticket = context.asked("device.packages", name=arguments.name)["ticket"]
    told: Json = context.client.wait(ticket, ASK_S_MAX)
    rows = [(one["name"], one["version"]) for one in told["packages"]]
    context.table(("NAME", "VERSION"), rows, told, f"nothing is installed on {arguments.name}, it says")
    if rows and not context.json:
        left = told["count"] - len(rows)
        more = f", of which {left} had no room in its answer" if left else ""
        packages = counted(told["count"], "package")
        context.note(f"{packages}{more}; hash {told['hash']}, the same where all of them are")
    return 0


def _plain(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    return "-" if value in (None, "") else str(value)


COMMANDS = {"device": Command("The routers of the cluster.", "dusk device list", _arguments)}
