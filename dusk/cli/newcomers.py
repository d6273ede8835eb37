"""``dusk device approve`` and its like: who comes, who goes, and as what."""

import argparse
import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dusk.cli.bounded import read_bounded
from dusk.cli.client import Json
from dusk.cli.command import Context, verb
from dusk.cli.draft import report, wait_for_change
from dusk.cli.health import length_of
from dusk.cli.options import UsageError
from dusk.cli.people import act_row, done, outcome_of, timeout_argument
from dusk.cli.refresh import refresh
from dusk.cli.voiding import check_before, ended, since_arguments, undo
from dusk.counting import counted
from dusk.errors import Refused
from dusk.listing import listed

if TYPE_CHECKING:
    from dusk.cli.command import Verbs

EXPECTED_PER_CALL = 250
"""Lines of a file that go into one change."""
ASKS_S_MAX = 90.0
"""A router that waits asks each 30 s: who did not for so long may ask no more."""
_FILE_BYTES_MAX = 4 * 1024 * 1024
_COLUMNS = ("label", "name", "groups")
_NOTHING: Json = {"label": "", "name": "", "groups": [], "variables": {}}
_SHOWN_MAX = 5
"""Of labels, in a note."""


def add_verbs(verbs: "Verbs") -> None:
    """Add the verbs that let devices in, and take them out."""
    _add_approve(verbs)
    reject = verb(
        verbs,
        "reject",
        "Turn away routers that wait; the join key alone lets them in no more.",
        "dusk device reject 3f2a91c0",
        _reject,
    )
    reject.add_argument("names", metavar="NAME|ID", nargs="+")
    expect = verb(
        verbs,
        "expect",
        "Say which routers will come: a line each of label, name, groups (with spaces between), and "
        "variables as NAME=VALUE. They are named and grouped when they are approved; --remove takes labels "
        "back.",
        "dusk device expect routers.csv",
        _expect,
    )
    expect.add_argument("file", metavar="FILE.csv", nargs="?")
    expect.add_argument(
        "--remove", action="append", default=[], metavar="LABEL", help="expect none with this label any more"
    )
    rename = verb(verbs, "rename", "Give a router another name.", "dusk device rename ap-3 attic", _rename)
    rename.add_argument("name", metavar="NAME")
    rename.add_argument("new_name", metavar="NEW")
    replace = verb(
        verbs,
        "replace",
        "Let a router, one that waits or a member, have all that another one had; that one is removed.",
        "dusk device replace attic 3f2a91c0",
        _replace,
    )
    replace.add_argument("old", metavar="OLD")
    replace.add_argument("new", metavar="NEW")
    remove = verb(
        verbs,
        "remove",
        "Take routers out of the cluster, for good. They keep their settings.",
        "dusk device remove attic",
        _remove,
    )
    remove.add_argument("names", metavar="NAME", nargs="+")
    remove.add_argument(
        "--wipe-managed", action="store_true", help="managed secrets come off, now or when it comes back"
    )
    since_arguments(remove)
    for one in (reject, expect, rename, replace, remove):
        timeout_argument(one)


def _add_approve(verbs: "Verbs") -> None:
    approve = verb(
        verbs,
        "approve",
        "Let routers in that wait. One that comes back after a reset has its former place again.",
        "dusk device approve --all",
        _approve,
    )
    approve.add_argument("names", metavar="NAME|ID", nargs="*", help="as in `dusk device list`")
    approve.add_argument("--all", action="store_true", help="all that wait")
    approve.add_argument(
        "--rebind",
        action="store_true",
        help="with --all: those that look like an absent router, too; each gets that one's place",
    )
    approve.add_argument("--name", default="", metavar="N", help="its name, as a router of its own")
    approve.add_argument("--group", action="append", default=[], metavar="G", help="a further group")
    timeout_argument(approve)


# --- letting in ------------------------------------------------------------------------------------


def _approve(context: Context, arguments: argparse.Namespace) -> int:
    if bool(arguments.names) == arguments.all:
        raise UsageError("name the routers to let in, or say --all")
    if arguments.name and len(arguments.names) != 1:
        raise UsageError("--name is for one router")
    if arguments.rebind and not arguments.all:
        raise UsageError("--rebind goes with --all; who is named gets its former place anyway")
    refresh(context)
    expected, waiting = context.call("device.expected"), context.call("device.pending")["pending"]
    answers: list[Json] = []
    while not answers or (arguments.all and answers[-1]["left"] and _is_in_log(answers[-1])):
        answers.append(_approve_some(context, arguments))
    devices = [device for answer in answers for device in answer["devices"]]
    skipped, rebinds, proposal = answers[-1]["skipped"], answers[-1]["rebinds"], answers[-1].get("proposal")
    label = "let in" if proposal is None else "proposed"
    rows: list[tuple[str, object]] = [(label, _who(device)) for device in devices]
    for each in skipped:
        context.note(f"dusk: {each['id'][:8]} ({each['label']}) is not let in: {each['reason']}")
    for each in rebinds:
        who = each["id"][:8]
        context.note(
            f"dusk: {who} ({each['label']}) is left out: it looks like {each['like']}, which is absent, and"
            f" would get its place. A label can be copied: `dusk device approve {who}` says that it is that"
            " router, --all --rebind says it of all"
        )
    _tell_odd(context, devices, expected, waiting)
    result = {**answers[-1], "devices": devices}
    if not devices:
        context.say("nobody is let in", result)
        return 1
    code = report(context, result, rows)
    if proposal is not None and result["left"]:
        context.note(f"{counted(result['left'], 'router')} more wait: say it again when this was signed")
    return code or (1 if skipped or rebinds else 0)


def _is_in_log(answer: Json) -> bool:
    """Tell whether those that one change took are members, so that the next one can take more."""
    return answer["state"] != "queued" and answer.get("proposal") is None


def _tell_odd(context: Context, devices: Sequence[Json], expected: Json, waiting: Sequence[Json]) -> None:
    """Say who of those that are let in may never come, and that none of them is one that is expected."""
    labels = {one["label"] for one in expected["expected"]}
    if devices and labels and not expected["more"] and labels.isdisjoint(one["label"] for one in devices):
        context.note(
            f"dusk: {counted(len(labels), 'router')} expected, and none of these has the label of one, nor"
            " name and groups of it: `dusk device list` shows them"
        )
    silent_s = {one["id"]: int(one["seen_s_ago"]) for one in waiting if one["seen_s_ago"] > ASKS_S_MAX}
    for device in devices:
        if device["id"] in silent_s:
            context.note(
                f"dusk: {device['name']} has not asked for {length_of(silent_s[device['id']])}: it is off, or"
                f" its join was taken back; if it never comes, `dusk device remove {device['name']}`"
            )


def _who(device: Json) -> str:
    """Say as what a router is let in, and which one that is: a name it may have chosen itself."""
    label = f", label {device['label']}" if device["label"] else ""
    said = [f"{device['text']} ({device['id'][:8]}{label})"]
    said += [
        f"{name}={value if isinstance(value, str) else ' '.join(value)}"
        for name, value in device["variables"].items()
    ]
    return ", ".join(said)


def _approve_some(context: Context, arguments: argparse.Namespace) -> Json:
    """Let in as many as one change takes."""
    started = context.signed(
        "device.approve",
        names=arguments.names,
        all=arguments.all,
        with_rebinds=arguments.rebind,
        name=arguments.name,
        groups=arguments.group,
        timeout_s=arguments.timeout,
    )
    for line in started["notes"]:
        context.note(line)
    told = {name: started[name] for name in ("devices", "skipped", "rebinds", "left")}
    if started["ticket"] is None:
        return {"seq": 0, "hash": "", "state": "unchanged", **told}
    return {**wait_for_change(context, started["ticket"], arguments.timeout), **told}


def _reject(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    started = context.signed("device.reject", names=arguments.names, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


# --- expected --------------------------------------------------------------------------------------


def _expect(context: Context, arguments: argparse.Namespace) -> int:
    if (arguments.file is None) != bool(arguments.remove):
        raise UsageError("give FILE.csv, or --remove LABEL of `dusk device list`")
    if arguments.file is None:
        devices = [{**_NOTHING, "label": label} for label in arguments.remove]
    else:
        devices = read_expected(arguments.file)
        _warn(context, [device["label"] for device in devices])
    parts = (devices[at : at + EXPECTED_PER_CALL] for at in range(0, len(devices), EXPECTED_PER_CALL))
    return all_done(
        context,
        (_expect_some(context, some, arguments) for some in parts),
        arguments.timeout,
    )


def _expect_some(context: Context, devices: Sequence[Json], arguments: argparse.Namespace) -> Json:
    started: Json = context.signed(
        "device.expect", devices=devices, forget=arguments.file is None, timeout_s=arguments.timeout
    )
    return started


def _warn(context: Context, labels: Sequence[str]) -> None:
    """Say which labels no hardware shows: whoever mistyped one would wait for that router for ever."""
    from dusk.control.expecting import is_mac

    odd = [label for label in labels if not is_mac(label)]
    if odd:
        context.note(
            f"no MAC address: {listed(odd, _SHOWN_MAX)}; that is for a router whose label is just so in"
            " `dusk device list`, letter by letter"
        )


def all_done(context: Context, starts: Iterable[Json], timeout_s: float) -> int:
    """Wait for what was signed in several changes, one after the other, and say what became of the last."""
    results: list[Json] = []
    noted = set[str]()
    for started in starts:
        notes = [line for line in started["notes"] if line not in noted]
        noted.update(notes)
        results.append(outcome_of(context, {**started, "notes": notes}, timeout_s))
        if results[-1]["state"] == "queued":
            break
    text = "; ".join(result["text"] for result in results)
    return report(context, {**results[-1], "text": text}, [act_row(result) for result in results])


def read_expected(file: str) -> list[Json]:
    """Read who is expected, a line each.

    Raises:
        Refused: ``cannot-read``, or ``bad-file`` naming the line.
    """
    try:
        text = read_bounded(file, _FILE_BYTES_MAX).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("bad-file", f"{file} is no UTF-8 text") from None
    if len(text) > _FILE_BYTES_MAX:
        raise Refused("bad-file", f"{file} is too large")
    from dusk.control.expecting import folded

    found = [_expected(cells, f"{file}:{number}", header) for number, cells, header in _lines(text)]
    if not found:
        raise Refused("bad-file", f"{file} has no line of label,name,groups")
    found = [{**row, "label": folded(row["label"])} for row in found]
    labels = [row["label"] for row in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise Refused("bad-file", f"{file} has the label {twice} twice")
    return found


def _lines(text: str) -> Iterator[tuple[int, list[str], Sequence[str]]]:
    """Yield number, cells and the names of the columns of each line that says something."""
    header: Sequence[str] = _COLUMNS
    reader = csv.reader(text.splitlines())
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if not any(stripped) or stripped[0].startswith("#"):
            continue
        if stripped[0].lower() == "label":
            header = [cell.lower() for cell in stripped]
            continue
        yield reader.line_num, stripped, header


def _expected(cells: Sequence[str], where: str, header: Sequence[str]) -> Json:
    row: Json = {**_NOTHING, "groups": [], "variables": {}}
    for place, cell in enumerate(cells):
        column = header[place] if place < len(header) else ""
        if column in ("label", "name"):
            row[column] = cell
        elif column == "groups":
            row["groups"] = cell.replace(";", " ").split()
        elif cell:
            name, value = _variable(column, cell, where)
            row["variables"][name] = value
    if not row["label"]:
        raise Refused(
            "bad-file", f"{where}: no label; a line is label,name,groups and NAME=VALUE of variables"
        )
    if set(row["label"]) & set(";\t"):
        raise Refused(
            "bad-file",
            f"{where}: {';' if ';' in row['label'] else 'a tab'} separates here: save the list with commas"
            " between label, name and groups",
        )
    return row


def _variable(column: str, cell: str, where: str) -> tuple[str, str]:
    """Read a variable: the column is named for it, or the cell says ``NAME=VALUE``."""
    if column and column not in ("var", "var="):
        return column.removeprefix("var=").removeprefix("var:"), cell
    name, equals, value = cell.partition("=")
    if not equals:
        raise Refused("bad-file", f"{where}: {cell!r} is no variable; write NAME=VALUE")
    return name.strip(), value.strip()


# --- members ---------------------------------------------------------------------------------------


def _rename(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed(
        "device.rename", name=arguments.name, new_name=arguments.new_name, timeout_s=arguments.timeout
    )
    return done(context, started, arguments.timeout)


def _replace(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    started = context.signed(
        "device.replace", old=arguments.old, new=arguments.new, timeout_s=arguments.timeout
    )
    return done(context, started, arguments.timeout)


def _remove(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.compromised_since is not None:
        return _remove_stolen(context, arguments)
    started = context.signed(
        "device.remove",
        names=arguments.names,
        wipe_managed=arguments.wipe_managed,
        timeout_s=arguments.timeout,
    )
    return done(context, started, arguments.timeout)


def _remove_stolen(context: Context, arguments: argparse.Namespace) -> int:
    """Remove a router that was in a thief's hands, unless it was before; then undo what its key did."""
    if len(arguments.names) != 1:
        raise UsageError("--compromised-since is for one router")
    (name,) = arguments.names
    if not context.call("device.show", name=name)["retired"]:
        check_before(context, arguments)
        started = context.signed(
            "device.remove", names=[name], wipe_managed=arguments.wipe_managed, timeout_s=arguments.timeout
        )
        ended(context, started, arguments.timeout)
    return undo(context, arguments, device=name)
