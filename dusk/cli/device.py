"""``dusk device``."""

import argparse

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, subcommands, verb

REFRESH_S = 5.0
"""Longer than the daemon takes in any case."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List the routers of the cluster.", "dusk device list", _list)
    show = verb(verbs, "show", "Show all that is known of one router.", "dusk device show attic", _show)
    show.add_argument("name", metavar="NAME", help="its name, or its id")


def refresh(context: Context) -> None:
    """Wait shortly for what the master knows; without it what this router knows is shown, with its age."""
    context.client.wait(context.call("device.refresh")["ticket"], REFRESH_S)


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    refresh(context)
    devices = context.call("device.list")["devices"]
    rows = [
        (
            d["name"],
            d["role"],
            "yes" if d["online"] else "no",
            d["applied"],
            d["apply"],
            " ".join(d["groups"]),
        )
        for d in devices
    ]
    context.table(
        ("NAME", "ROLE", "ONLINE", "VERSION", "APPLY", "GROUPS"), rows, devices, "there is no router yet"
    )
    return 0


def _show(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    device: Json = context.call("device.show", name=arguments.name)
    rows: list[tuple[str, object]] = []
    for name, value in device.items():
        if isinstance(value, dict):
            rows += [(f"{name} {key}", _plain(item)) for key, item in value.items()]
        else:
            rows.append((name, _plain(value)))
    context.fields(rows, device)
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
