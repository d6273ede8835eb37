"""``dusk joinkey``."""

import argparse
import re
import sys
import time
from collections.abc import Iterator

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, duration, subcommands, verb, within
from dusk.cli.draft import TIMEOUT_S, report, wait_for_change
from dusk.cli.newcomers import all_done
from dusk.cli.people import timeout_argument
from dusk.cli.refresh import refresh

_LIKE_MAC = re.compile(r"[0-9a-f:?]*(\*[0-9a-f:?]*)*")
"""A pattern that a MAC address may be like; it matches in one way only."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    create = verb(
        verbs,
        "create",
        "Make a join key: one line that lets routers join, within the limits given here.",
        "dusk joinkey create --uses 10 --group office --file office.key",
        _create,
    )
    create.add_argument("--file", metavar="F", required=True, help="where the key goes (0600); - prints it")
    create.add_argument(
        "--uses", type=within(1, 10_000), default=1, metavar="N", help="how many routers it lets in (1)"
    )
    create.add_argument(
        "--expires",
        type=duration,
        metavar="TIME",
        help="dead after this time, such as 7d; needs a clock set by NTP",
    )
    create.add_argument("--group", action="append", default=[], metavar="G", help="group of who joins")
    create.add_argument(
        "--auto",
        action="store_true",
        help="let them in without an approval (else: dusk device approve)",
    )
    create.add_argument("--label", action="append", default=[], metavar="PATTERN", help="only such hardware")
    create.add_argument(
        "--rebind",
        choices=("ask", "auto", "never"),
        default="ask",
        help="whether one that comes back after a factory reset gets its former place: ask a person (ask),"
        " auto (once the former one was silent for 36 cycles; only labels given here; no secrets until a"
        " person approves it), never",
    )
    create.add_argument(
        "--name",
        default="",
        metavar="TEMPLATE",
        help="names, such as ap-{n}: {n} is a number, {name} what the router calls itself",
    )
    create.add_argument(
        "--timeout", type=duration, default=TIMEOUT_S, metavar="TIME", help="wait so long at most (60s)"
    )
    verb(verbs, "list", "List join keys with their limits and uses.", "dusk joinkey list", _list)
    revoke = verb(
        verbs,
        "revoke",
        "End a join key: it lets nobody in any more.",
        "dusk joinkey revoke 3f2a91c0 --with-devices",
        _revoke,
    )
    revoke.add_argument("id", metavar="ID")
    revoke.add_argument(
        "--with-devices",
        action="store_true",
        help="remove all routers that joined by it, too; one that leads stays, and you are told what to do",
    )
    timeout_argument(revoke)


def _create(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.passwords import check_new, check_writable, write_secret

    if arguments.file != "-":
        check_new(arguments.file)
        check_writable(arguments.file)
    odd = [label for label in arguments.label if _LIKE_MAC.fullmatch(label) is None]
    if odd:
        said = ", ".join(odd)
        context.note(f"no MAC address is like {said}: routers show them in lower case, with colons")
    started = context.signed(
        "joinkey.create",
        uses=arguments.uses,
        expires_s=int(arguments.expires or 0),
        groups=arguments.group,
        auto=arguments.auto,
        labels=arguments.label,
        rebind=arguments.rebind,
        name=arguments.name,
        timeout_s=arguments.timeout,
    )
    result = wait_for_change(context, started["ticket"], arguments.timeout)
    line, proposal = result.pop("line"), result.get("proposal")
    for note in result.pop("notes", []):
        context.note(note)
    if proposal:
        kept = "the line above" if arguments.file == "-" else arguments.file
        context.note(f"dusk: the key lets nobody in before others have signed it; keep {kept} until then")
    if arguments.file == "-":
        sys.stdout.write(line + "\n")
        return 0 if result["state"] != "queued" else 1
    write_secret(arguments.file, line + "\n")
    result["file"] = arguments.file
    rows: list[tuple[str, object]] = [("proposed", proposal)] if proposal else []
    return report(context, result, [*rows, ("id", result["id"]), ("file", arguments.file)])


def _revoke(context: Context, arguments: argparse.Namespace) -> int:
    answers: list[Json] = []
    code = all_done(context, _revocations(context, arguments, answers), arguments.timeout)
    return code or (1 if answers[-1]["stays"] else 0)


def _revocations(context: Context, arguments: argparse.Namespace, answers: list[Json]) -> Iterator[Json]:
    """Revoke, and remove as many devices as one change takes, until all are removed that can be."""
    left = True
    while left:
        started = context.signed(
            "joinkey.revoke",
            id=arguments.id,
            with_devices=arguments.with_devices,
            timeout_s=arguments.timeout,
        )
        answers.append(started)
        yield started
        left = bool(started["left"])


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    refresh(context)
    keys = context.call("joinkey.list")["joinkeys"]
    rows = [
        (
            k["id"],
            k["state"],
            f"{k['used']}/{k['uses']}",
            k["pending"],
            k["mode"],
            time.strftime("%Y-%m-%d %H:%M", time.localtime(k["expires"])) if k["expires"] else "never",
            " ".join(k["groups"]) or "-",
            " ".join(k["labels"]) or "any",
            k["rebind"],
            k["name"] or "-",
        )
        for k in keys
    ]
    context.table(
        ("ID", "STATE", "USED", "PENDING", "MODE", "EXPIRES", "GROUPS", "LABELS", "REBIND", "NAME"),
        rows,
        keys,
        "there is no join key; make one with `dusk joinkey create`",
    )
    return 0


COMMANDS = {"joinkey": Command("Keys with which routers join.", "dusk joinkey create --file F", _arguments)}
