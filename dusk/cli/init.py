"""``dusk init``: a cluster out of nothing, without a daemon."""

import argparse
import socket
from pathlib import Path

from dusk.cli.command import Command, Context, duration
from dusk.errors import DuskError, Refused

CYCLE_S_DEFAULT = 5.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cluster",
        metavar="NAME",
        required=True,
        help="its name, for people: any line of up to 63 bytes, spaces too; `dusk cluster set name=...` gives"
        " another one",
    )
    parser.add_argument("--user", metavar="USER", required=True, help="its owner: you")
    parser.add_argument(
        "--password-file", metavar="F", help="read the owner's password from F (at least 10 characters)"
    )
    parser.add_argument(
        "--phrase-file",
        metavar="F",
        help="write the recovery phrase to F (0600) instead of showing it once",
    )
    parser.add_argument(
        "--cycle", type=duration, default=CYCLE_S_DEFAULT, metavar="TIME", help="time between beats (5s)"
    )
    parser.add_argument(
        "--no-auto-backup",
        action="store_true",
        help="owners name each backup by `dusk role backup`; without this, the first router that an owner "
        "approves becomes it",
    )


def _init(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli import founding
    from dusk.control.founding import check_names
    from dusk.daemon import privileges
    from dusk.daemon.founding import check_free
    from dusk.daemon.identity import wanted_name

    check_names(arguments.cluster, arguments.user, arguments.cycle)
    account = privileges.account_for_daemon()
    check_free(context.root)
    _check_no_daemon(context)
    try:
        password = _password(arguments)
        phrase = _phrase(arguments.phrase_file)
    except KeyboardInterrupt:
        raise Refused("stopped", "stopped; nothing was made") from None
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
        privileges.prepare_folders(str(context.root), account)
        made = founding.write_as(account, plan)
    except BaseException as error:  # Ctrl-C, too; it goes on upwards
        is_sure = isinstance(error, DuskError) and getattr(error, "code", "") != founding.UNKNOWN
        if arguments.phrase_file is not None and (is_sure or _is_nothing_here(context.root)):
            Path(arguments.phrase_file).unlink(missing_ok=True)  # a phrase of nothing would mislead
        raise
    document = {"cluster": made.cluster, "device": made.device, "name": made.name, "user": arguments.user}
    context.fields([*document.items()], document)
    if made.name != plan.device_name:
        context.note(f"names have a-z, 0-9 and -, so {plan.device_name!r} became {made.name}")
    if not context.json:
        context.note("the cluster is made; start the daemon, then `dusk login " + arguments.user + "`")
    return 0


def _is_nothing_here(root: Path) -> bool:
    """Tell whether no cluster was made after all: one that was needs its phrase."""
    from dusk.daemon.founding import check_no_cluster

    try:
        check_no_cluster(root)
    except Refused:
        return False
    return True


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


_PHRASE_TEXT = (
    "Your recovery phrase. Write it on paper: it is shown this once. Whoever has it can make a new owner of"
    " the cluster when all passwords are lost: `dusk recover`."
)


def _phrase(file: str | None) -> str:
    """Make the phrase; show it and have it typed again, or write it to a file."""
    from dusk.cli.phrases import new_phrase

    undone = "nothing was made, run `dusk init` again"
    return new_phrase(file, _PHRASE_TEXT, "--phrase-file", undone)


COMMANDS = {
    "init": Command(
        "Make a cluster with this router as its first, and you as its owner. The recovery phrase is "
        "shown once and checked by typing it again. Needs no daemon and leaves no session.",
        "dusk init --cluster home --user ann",
        _arguments,
        _init,
    )
}
