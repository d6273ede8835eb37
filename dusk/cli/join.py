"""``dusk join``."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dusk.cli.command import Command, Context
from dusk.cli.draft import report, wait_for_change
from dusk.cli.options import UsageError
from dusk.cli.people import timeout_argument
from dusk.errors import Refused

if TYPE_CHECKING:
    from dusk.cli.client import Json

_LINE_BYTES_MAX = 64 * 1024
_CANCEL_S_MAX = 30.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", metavar="F", help="the file with the join key; - is standard input")
    source.add_argument(
        "--by-hand",
        action="store_true",
        help="without a key: you let this router in yourself, over ssh to a router of the cluster (--via)",
    )
    source.add_argument(
        "--cancel",
        action="store_true",
        help="take back a join that was begun: its key and all that it fetched go, and nothing else",
    )
    source.add_argument("source", nargs="?", metavar="-", help="read the key from standard input")
    parser.add_argument("--user", metavar="USER", help="with --by-hand: log in as USER for this alone")
    parser.add_argument("--password-file", metavar="F", help="read the password from the first line of F")
    parser.add_argument("--name", default="", metavar="N", help="with --by-hand: its name in the cluster")
    parser.add_argument(
        "--group", action="append", default=[], metavar="G", help="with --by-hand: a group of it"
    )
    timeout_argument(parser)


def _join(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.by_hand:
        return _join_by_hand(context, arguments)
    if arguments.user or arguments.password_file or arguments.name or arguments.group:
        raise UsageError("--user, --password-file, --name and --group go with --by-hand")
    if context.signs_here or context.via is not None:
        raise UsageError("join is for this machine; --key-file and --via go with --by-hand")
    if arguments.cancel:
        return _cancel(context)
    if arguments.source not in (None, "-"):
        raise UsageError(
            "a join key is a secret and never an argument; use --file F, or - for standard input"
        )
    from dusk.keys.joinkey import parse_join_line

    line = _read(arguments.file or "-").strip()
    key = parse_join_line(line)
    document = {"cluster": key.cluster_id.hex(), "joinkey": key.id}
    try:
        context.call("join", line=line)
    except Refused as error:
        if error.code in ("busy", "in-cluster", "storage"):
            raise
        path = _store(context, line, is_stopped=error.code == "no-daemon")
        then = f"the daemon that runs here does not take it now ({error.reason}); restart it"
        if error.code == "no-daemon":
            then = "the daemon joins when it starts"
        context.say(f"stored in {path}; {then}", {**document, "file": str(path)})
    else:
        context.say("the key is stored, and the daemon is joining; see `dusk status`", document)
    return 0


def _store(context: Context, line: str, *, is_stopped: bool) -> Path:
    """Store a key for a daemon that starts later; where none runs, none may begin meanwhile."""
    from dusk.cli import founding
    from dusk.daemon import privileges
    from dusk.daemon.founding import check_no_cluster

    account = privileges.account_for_daemon()
    check_no_cluster(context.root)
    privileges.prepare_folders(str(context.root), account)
    if not is_stopped:
        return founding.store_join_line(context.root, line)
    with founding.alone(context.root):
        check_no_cluster(context.root)  # somebody may have made one meanwhile
        return founding.store_join_line(context.root, line)


def _cancel(context: Context) -> int:
    """Take a join back: by the daemon, which knows how far it is; where none runs, here."""
    try:
        context.client.wait(context.call("join.cancel")["ticket"], _CANCEL_S_MAX)
    except Refused as error:
        if error.code != "no-daemon":
            raise
        from dusk.cli import founding
        from dusk.daemon import privileges

        founding.cancel_as(privileges.account_for_daemon(), context.root)
    context.note(
        "where it has asked, it is pending for two hours yet: `dusk device reject` there turns it away"
    )
    context.say("this router joins no cluster any more, and is in none, as before", {"joining": False})
    return 0


def _join_by_hand(context: Context, arguments: argparse.Namespace) -> int:
    """Have this router's daemon ask, and let it in on a router of the cluster, in one go."""
    from dusk.cli.client import Client

    if context.via is None:
        raise UsageError("--by-hand needs a router of the cluster: --via ssh://[USER@]HOST")
    if context.signs_here and arguments.user:
        raise UsageError("--user logs in with a password; with --key-file nobody logs in")
    here = Client(context.root)
    try:
        contact = context.call("join.contact")["line"]
        asked = here.call("join.request", line=contact)
        started = _admit(context, arguments, asked["request"])
        result = wait_for_change(context, started["ticket"], arguments.timeout)
        here.call("join", line=contact)
    finally:
        here.close()
    for line in started["notes"]:
        context.note(line)
    result = {**result, "device": asked["device"], "devices": started["devices"]}
    let_in, then = ("let in", "is joining")
    if result.get("proposal") is not None:
        let_in, then = ("proposed", "joins once others have signed that")
    rows: list[tuple[str, object]] = [(let_in, device["text"]) for device in started["devices"]]
    return report(context, result, [*rows, ("here", f"the daemon {then}; see `dusk status`")])


def _admit(context: Context, arguments: argparse.Namespace, request: str) -> "Json":
    """Approve this router as who is logged in there, or logs in for this alone."""
    from dusk.cli.session import log_in

    params: Json = {
        "request": request,
        "name": arguments.name,
        "groups": arguments.group,
        "timeout_s": arguments.timeout,
    }
    if arguments.user is None:
        started: Json = context.signed("device.admit", **params)
        return started
    token = log_in(context, arguments.user, arguments.password_file)
    try:
        started = context.call("device.admit", token=token, **params)
    finally:
        context.call("session.logout", token=token)
    return started


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
        "never as an argument. Or, with --by-hand, let this router in without a key, as who you are in the "
        "cluster: dusk --via ssh://root@attic join --by-hand --user ann",
        "dusk join --file office.key",
        _arguments,
        _join,
    )
}
