"""``dusk init``: a cluster out of nothing, without a daemon."""

import argparse
import os
import socket
from pathlib import Path

from dusk.cli.command import Command, Context, duration
from dusk.errors import Refused

CYCLE_S_DEFAULT = 5.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cluster", metavar="NAME", required=True, help="the cluster's name, for people")
    parser.add_argument("--user", metavar="USER", required=True, help="its owner: you")
    parser.add_argument("--password-file", metavar="F", help="read the owner's password from F")
    parser.add_argument(
        "--phrase-file", metavar="F", help="write the recovery phrase to F (0600) instead of showing it once"
    )
    parser.add_argument(
        "--cycle", type=duration, default=CYCLE_S_DEFAULT, metavar="TIME", help="time between beats (5s)"
    )
    parser.add_argument(
        "--no-auto-backup",
        action="store_true",
        help="no router becomes the backup by itself; `dusk role backup` names it",
    )


def _init(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli import founding
    from dusk.daemon import privileges
    from dusk.daemon.identity import wanted_name

    founding.check_names(arguments.cluster, arguments.user, arguments.cycle)
    account = privileges.account_for_daemon()
    founding.check_free(context.root)
    _check_no_daemon(context)
    password = _password(arguments)
    phrase = _phrase(arguments.phrase_file)
    privileges.prepare_folders(str(context.root), account)
    plan = founding.Plan(
        root=context.root,
        cluster=arguments.cluster,
        user=arguments.user,
        password=password,
        phrase=phrase,
        cycle_ms=round(arguments.cycle * 1000),
        device_name=wanted_name(context.root, socket.gethostname()),
        auto_backup=not arguments.no_auto_backup,
    )
    try:
        made = founding.write_as(account, plan)
    except BaseException:
        if arguments.phrase_file is not None:
            Path(arguments.phrase_file).unlink(missing_ok=True)  # a phrase of nothing would mislead
        raise
    document = {"cluster": made.cluster, "device": made.device, "name": made.name, "user": arguments.user}
    context.fields([*document.items()], document)
    if not context.json:
        context.note("the cluster is made; start the daemon, then `dusk login " + arguments.user + "`")
    return 0


def _check_no_daemon(context: Context) -> None:
    try:
        context.call("status")
    except Refused as error:
        if error.code in ("no-daemon", "no-permission"):
            return
    raise Refused("daemon-runs", f"a daemon runs at {context.root}; stop it, init, and start it again")


def _password(arguments: argparse.Namespace) -> str:
    from dusk.cli.passwords import read_password

    return read_password(arguments.password_file, f"a password for {arguments.user}", twice=True)


def _phrase(file: str | None) -> str:
    """Make the phrase; show it and have it typed again, or write it to a file."""
    from dusk.cli.passwords import ask_line, write_secret
    from dusk.keys.phrase import ENTROPY_BYTES, phrase_from_entropy

    phrase = phrase_from_entropy(os.urandom(ENTROPY_BYTES))
    if file is not None:
        path = Path(file)
        if path.is_file() and path.stat().st_size:
            raise Refused("file-exists", f"{file} is there already and is not overwritten; choose another")
        write_secret(file, phrase + "\n")
        return phrase
    instead = "--phrase-file FILE"
    words = phrase.split()
    rows = [
        "  ".join(f"{n + 1:2} {words[n]:<9}" for n in range(first, first + 6)) for first in (0, 6, 12, 18)
    ]
    text = (
        "Your recovery phrase. Write it on paper: it is shown this once, and it is what helps when\n"
        "every password or every router is lost.\n\n" + "\n".join(rows) + "\n\nThe whole phrase again: "
    )
    if ask_line(text, instead).lower().split() != words:
        raise Refused("phrase-differs", "that is not the phrase; nothing was made, run `dusk init` again")
    return phrase


COMMANDS = {
    "init": Command(
        "Make a cluster with this router as its first, and you as its owner. The recovery phrase is "
        "shown once and checked by typing it again. Needs no daemon and leaves no session.",
        "dusk init --cluster home --user ann",
        _arguments,
        _init,
    )
}
