"""``dusk role`` and ``dusk sign``."""

import argparse

from dusk.cli.client import Json
from dusk.cli.collected import check_out, confirm, read_line, write_line
from dusk.cli.command import Command, Context, duration, verb
from dusk.cli.draft import TIMEOUT_S, report, wait_for_change
from dusk.cli.people import act_row
from dusk.cli.refresh import refresh


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs; without one it is shown")
    master = verb(
        verbs,
        "master",
        "Say which router leads. Normally the present master hands over to it, after 20 calm cycles. With "
        "--here --force this router leads at once, whether the others are there or not: for when the master "
        "is gone for good. The other routers that are heard follow in the succession; those that are not "
        "may lead no longer, and are not waited for.",
        "dusk role master hall",
        _master,
    )
    master.add_argument("device", nargs="?", metavar="DEVICE", help="its name, or its id")
    master.add_argument("--here", action="store_true", help="this router")
    master.add_argument("--force", action="store_true", help="at once and without the old master")
    master.add_argument(
        "--backup", action="append", metavar="D", help="with --force: who follows; may be repeated"
    )
    files = master.add_mutually_exclusive_group()
    files.add_argument(
        "--out", metavar="F", help="with --force: write it to F, for other owners to `dusk sign`"
    )
    files.add_argument(
        "--in", dest="signed", metavar="F", help="with --force: take what F says, signed by enough"
    )
    backup = verb(
        verbs,
        "backup",
        "Say which routers take over when the master fails, the first of them first. It replaces those that "
        "there were.",
        "dusk role backup hall roof",
        _backup,
    )
    backup.add_argument("devices", nargs="*", metavar="DEVICE", help="names, or ids")
    backup.add_argument("--none", action="store_true", help="nobody takes over")
    for parser_of_verb in (master, backup):
        parser_of_verb.add_argument(
            "--timeout", type=duration, default=TIMEOUT_S, metavar="TIME", help="wait so long at most (60s)"
        )


def _show(context: Context, _arguments: argparse.Namespace) -> int:
    refresh(context)
    result = context.call("role.show")
    rows = [
        ("-" if h["place"] is None else h["place"] + 1, h["name"], _role(h), h["head"] or "-", _state(h))
        for h in result["holders"]
    ]
    context.table(("PLACE", "NAME", "ROLE", "VERSION", "STATE"), rows, result, "nobody may lead")
    if not context.json:
        context.say(f"version {result['head']}, final up to {result['settled']}")
    for line in result["notes"]:
        context.note(line)
    return 0


def _role(holder: Json) -> str:
    """Return what a holder is in the succession: all but who leads stand by."""
    return "backup" if holder["role"] == "member" else str(holder["role"])


def _state(holder: Json) -> str:
    """Say what a holder is waited for, if it is."""
    if holder["frozen"]:
        return "frozen: it signed two histories"
    if not holder["online"]:
        seen_s = holder["seen_s_ago"]
        return "not heard" if seen_s is None else f"not heard for {seen_s:.0f} s"
    if not holder["head"]:
        return "heard, and has not told its version"
    if holder["behind"]:
        return f"{holder['behind']} behind"
    return "acknowledging" if holder["awaited"] else "up to date"


def _backup(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if arguments.none == bool(arguments.devices):
        raise UsageError("name the routers that take over, or give --none; see `dusk role backup --help`")
    result = context.signed("role.backups", devices=arguments.devices, timeout_s=arguments.timeout)
    return _await(context, result, arguments.timeout)


def _master(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if arguments.force:
        if not arguments.here or arguments.device is not None:
            raise UsageError(
                "a role is forced on the router that is to lead: dusk role master --here --force"
            )
        return _force(context, arguments)
    if (
        arguments.here == (arguments.device is not None)
        or arguments.out
        or arguments.signed
        or arguments.backup
    ):
        raise UsageError("name one router, or give --here; --out, --in and --backup go with --force")
    device = context.call("status")["device"] if arguments.here else arguments.device
    result = context.signed("role.master", device=device, timeout_s=arguments.timeout)
    return _await(context, result, arguments.timeout)


def _force(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if arguments.signed is not None:
        if arguments.backup:
            raise UsageError("who follows stands in the file already")
        result = context.call("role.submit", line=read_line(arguments.signed), timeout_s=arguments.timeout)
        return _await(context, result, arguments.timeout)
    if arguments.out is not None:
        return _collect(context, arguments)
    result = context.signed("role.force", backups=arguments.backup, timeout_s=arguments.timeout)
    return _await(context, result, arguments.timeout)


def _collect(context: Context, arguments: argparse.Namespace) -> int:
    check_out(arguments.out)
    result = context.signed("role.force", backups=arguments.backup, collect=True)
    return _keep(context, result, arguments.out)


def _await(context: Context, result: Json, timeout_s: float) -> int:
    """Say what was asked for and what follows from it, and wait for its outcome."""
    for line in result["notes"]:
        context.note(line)
    if result["ticket"] is None:
        context.say(result["text"], {"seq": 0, "hash": "", "state": "unchanged", "text": result["text"]})
        return 0
    outcome = wait_for_change(context, result["ticket"], timeout_s)
    done = {**outcome, "text": result["text"]}
    return report(context, done, [act_row(done, "role")])


# --- files with roles ------------------------------------------------------------------------------


def sign_role(context: Context, file: str, line: str, *, is_sure: bool) -> int:
    """Add a signature to what `dusk role master --here --force --out F` wrote; ask first, unless sure."""
    shown = context.call("role.read", line=line)
    if not is_sure:
        shown_text = f"{shown['message']}; signed by {', '.join(shown['signed'])}\n{shown['diff']}"
        confirm(context, shown_text)
    result = context.signed("role.sign", line=line)
    return _keep(context, result, file)


def _keep(context: Context, result: Json, file: str) -> int:
    """Write a role with its signatures back to its file, and say what is missing."""
    write_line(file, result["line"])
    missing = result["missing"]
    rows: list[tuple[str, object]] = [
        ("role", result["message"]),
        ("file", file),
        ("signed", ", ".join(result["signed"])),
        ("missing", missing),
    ]
    context.fields(rows, {**result, "file": file})
    if missing:
        context.note(f"{missing} more of the owners must sign: `dusk sign {file}`, on any router")
    else:
        context.note(f"on {result['leads']}: dusk role master --here --force --in {file}")
    return 0


COMMANDS = {
    "role": Command(
        "Show who leads the cluster, who would take over, and what is final: on the disks of all of them.",
        "dusk role",
        _arguments,
        _show,
    ),
}
