"""``dusk effective``."""

import argparse
from collections.abc import Iterator

from dusk.cli.client import Json
from dusk.cli.command import Command, Context


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="a router's name")
    parser.add_argument("key", metavar="KEY", nargs="?", help="only this option, section or package")
    parser.add_argument(
        "--reveal", action="store_true", help="show secrets too; needs a login, and the system log says so"
    )


def _effective(context: Context, arguments: argparse.Namespace) -> int:
    ask = context.signed if arguments.reveal else context.call
    result = ask("effective", device=arguments.device, key=arguments.key, reveal=arguments.reveal)
    what = f"{arguments.device} {arguments.key or ''}".rstrip()
    rows = [(o["key"], o["verb"], o["value"], _origin(o["origins"])) for o in result["options"]]
    context.table(("KEY", "IS", "VALUE", "ORIGIN"), rows, result, f"nothing of {what} is managed")
    return 0


def _origin(origins: list[Json]) -> str:
    """Say which layers had a part in an option, and through which groups and variables."""
    return ", ".join(" ".join([one["section"], *_through(one)]) for one in origins)


def _through(origin: Json) -> Iterator[str]:
    if origin["groups"]:
        several = "s" if len(origin["groups"]) > 1 else ""
        yield f"by group{several} {' '.join(origin['groups'])}"
    used = [f"${{{one['name']}}} of {one['of']}" for one in origin["variables"]]
    if used:
        yield f"with {' '.join(used)}"


COMMANDS = {
    "effective": Command(
        "Show which settings of a router are managed, and where each comes from: policy, group, variables.",
        "dusk effective attic wireless.default_radio0.ssid",
        _arguments,
        _effective,
    )
}
