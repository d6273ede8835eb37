"""``dusk effective``."""

import argparse
from collections.abc import Iterator

from dusk.cli.client import Json
from dusk.cli.command import Command, Context
from dusk.cli.health import ASK_S_MAX, length_of
from dusk.errors import Refused


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="a router's name")
    parser.add_argument("key", metavar="KEY", nargs="?", help="only this option, section or package")
    parser.add_argument(
        "--reveal", action="store_true", help="show secrets too; needs a login, and the system log says so"
    )


def _effective(context: Context, arguments: argparse.Namespace) -> int:
    ask = context.signed if arguments.reveal else context.call
    result = ask("effective", device=arguments.device, key=arguments.key, reveal=arguments.reveal)
    there = _there(context, arguments.device, arguments.key or "")
    what = f"{arguments.device} {arguments.key or ''}".rstrip()
    rows = [(o["key"], o["verb"], o["value"], _origin(o["origins"])) for o in result["options"]]
    context.table(
        ("KEY", "IS", "VALUE", "ORIGIN"), rows, {**result, **there}, f"nothing of {what} is managed"
    )
    if not context.json:
        _show_files(context, there)
    return 0


def _there(context: Context, device: str, key: str) -> Json:
    """Return what the router says right now that its files are, or its last word of them, and why."""
    started = context.asked("effective.ask", device=device, key=key)
    try:
        answer = context.client.wait(started["ticket"], ASK_S_MAX)
    except Refused as refusal:
        return {"files": None, "report": started["report"], "reason": refusal.reason}
    return {"files": answer["files"], "in_effect": answer["head"]}


def _show_files(context: Context, there: Json) -> None:
    if there["files"] is None:
        context.note(f"{there['reason']}; {_report(there['report'])}")
        return
    rows = [(o["key"], o["value"], o["origin"] or "-") for one in there["files"] for o in one["options"]]
    if rows:
        print()
        context.table(("IN THE FILES THERE", "IS", "MANAGED BY"), rows, None, "")
    for one in there["files"]:
        context.note(_file(one, there["in_effect"]))


def _file(file: Json, head: int) -> str:
    """Say how a file stands."""
    if file["why"]:
        return f"{file['package']} {file['why']}"
    if file["state"] == "none":
        return f"{file['package']}: there is no such file there"
    if file["in_effect"]:
        return f"{file['package']} is there as version {head} made it"
    return f"{file['package']} is there, and nothing of it is in effect, or somebody changed it since"


def _report(report: Json | None) -> str:
    """Say what a router reported last, signed by it: hashes that tell one file from another, and no more."""
    if report is None:
        return "nothing was heard of it yet"
    files = ", ".join(f"{one['package']} {one['hash'][:8]}" for one in report["files"]) or "no files"
    drift = f", {report['drift']} changed by hand" if report["drift"] else ""
    ago = length_of(int(report["seen_s_ago"]))
    return f"its last word, {ago} ago: version {report['head']} in effect, as {files}{drift}"


def _origin(origins: list[Json]) -> str:
    """Say which layers had a part in an option, and through which groups and variables."""
    return ", ".join(" ".join([one["section"], *_through(one)]) for one in origins)


def _through(origin: Json) -> Iterator[str]:
    if origin["groups"]:
        several = "s" if len(origin["groups"]) > 1 else ""
        yield f"by group{several} {' '.join(origin['groups'])}"
    used = [f"${{{one['name']}}} of {one['of']}" for one in origin["variables"]]
    if used:
        yield f"with {' '.join(used)}"


COMMANDS = {
    "effective": Command(
        "Show which settings of a router are managed, and where each comes from: policy, group, variables;"
        " and what its files say, where it answers, or its last word of them.",
        "dusk effective attic wireless.default_radio0.ssid",
        _arguments,
        _effective,
    )
}
