"""``dusk join``."""

import argparse
import sys
from pathlib import Path

from dusk.cli.command import Command, Context
from dusk.cli.options import UsageError
from dusk.errors import Refused

_LINE_BYTES_MAX = 64 * 1024


def _arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", metavar="F", help="the file with the join key; - is standard input")
    source.add_argument("source", nargs="?", metavar="-", help="read the key from standard input")


def _join(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.source not in (None, "-"):
        raise UsageError(
            "a join key is a secret and never an argument; use --file F, or - for standard input"
        )
    from dusk.cli import founding
    from dusk.daemon import privileges
    from dusk.keys.joinkey import parse_join_line

    line = _read(arguments.file or "-").strip()
    key = parse_join_line(line)
    account = privileges.account_for_daemon()
    founding.check_no_cluster(context.root)
    privileges.prepare_folders(str(context.root), account)
    path = founding.store_join_line(context.root, line)
    document = {"cluster": key.cluster_id.hex(), "joinkey": key.id, "file": str(path)}
    context.say(f"stored in {path}; {_tell_daemon(context, line)}", document)
    return 0


def _tell_daemon(context: Context, line: str) -> str:
    """Hand the key to a daemon that runs; one that starts later reads the file itself."""
    try:
        context.call("join", line=line)
    except Refused as error:
        if error.code == "no-daemon":
            return "the daemon joins when it starts"
        return f"the daemon that runs here does not take it now ({error.reason}); restart it"
    return "the daemon is joining; see `dusk status`"


def _read(name: str) -> str:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(_LINE_BYTES_MAX)
        else:
            with Path(name).open("rb") as stream:
                data = stream.read(_LINE_BYTES_MAX)
    except OSError as error:
        raise Refused("join-file", f"cannot read {name}: {error.strerror}") from None
    return data.decode("ascii", errors="replace")


COMMANDS = {
    "join": Command(
        "Store a join key; the daemon joins with it. The key comes from a file or standard input, "
        "never as an argument.",
        "dusk join --file office.key",
        _arguments,
        _join,
    )
}
