"""``dusk effective``."""

import argparse

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
    rows = [(o["key"], o["verb"], o["value"], o["origin"]) for o in result["options"]]
    context.table(("KEY", "IS", "VALUE", "ORIGIN"), rows, result, f"nothing of {what} is managed")
    return 0


COMMANDS = {
    "effective": Command(
        "Show which settings of a router are managed, and which policy each comes from.",
        "dusk effective attic wireless",
        _arguments,
        _effective,
    )
}
