"""``dusk demo``."""

import argparse

from dusk.cli.command import Command, Context, within


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=within(1, 1000), default=5, metavar="N", help="how many routers (5)")
    parser.add_argument("--once", action="store_true", help="run through, report, end; else until Ctrl-C")


def _demo(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.demo import run

    return run(arguments.nodes, once=arguments.once, as_json=context.json)


COMMANDS = {
    "demo": Command(
        "Run a whole cluster on this machine: real daemons, real multicast, real files, in a "
        "temporary folder. Nothing is left behind.",
        "dusk demo --once",
        _arguments,
        _demo,
    )
}
