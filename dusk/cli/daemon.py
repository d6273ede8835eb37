"""``dusk daemon``."""

import argparse

from dusk.cli.command import Command, Context


def _daemon(context: Context, _arguments: argparse.Namespace) -> int:
    from dusk.daemon.main import run

    return run(str(context.root))


COMMANDS = {
    "daemon": Command(
        "Run the node in the foreground. SIGTERM stops it, SIGHUP rereads etc/config/dusk.",
        "dusk daemon",
        arguments=None,
        run=_daemon,
    )
}
