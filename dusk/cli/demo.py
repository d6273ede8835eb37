"""``dusk demo``."""

import argparse
from importlib.util import find_spec

from dusk.cli.command import Command, Context, within
from dusk.errors import Refused


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=within(1, 1000), default=5, metavar="N", help="how many routers (5)")
    parser.add_argument("--once", action="store_true", help="run through, report, end; else until Ctrl-C")
    parser.add_argument("--port", type=within(0, 65535), default=0, metavar="P", help="of the page (any)")


def _demo(context: Context, arguments: argparse.Namespace) -> int:
    if find_spec("dusk.demo") is None:
        raise Refused(
            "no-demo", "the demo is not part of this installation; it is in package dusk-extras on OpenWrt"
        )
    from dusk.demo import run

    return run(arguments.nodes, once=arguments.once, as_json=context.json, port=arguments.port)


COMMANDS = {
    "demo": Command(
        "Run a whole cluster on this machine: real daemons, real multicast, real files, and the page in "
        "your browser, in a temporary folder. Nothing is left behind.",
        "dusk demo --once",
        _arguments,
        _demo,
    )
}
