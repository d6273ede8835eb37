"""``dusk log``, ``show``, ``blame``, ``revert`` and ``verify``."""

import argparse
import time

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, within
from dusk.limits import NUMBER_MAX

LOG_ENTRIES_MAX = 200
"""A reply of the control socket holds no more."""


def _log_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-n",
        dest="count",
        type=within(1, LOG_ENTRIES_MAX),
        default=20,
        metavar="N",
        help=f"how many, up to {LOG_ENTRIES_MAX} (20)",
    )
    parser.add_argument(
        "--since", type=within(0, NUMBER_MAX), metavar="SEQ", help="only versions after this one"
    )


def _log(context: Context, arguments: argparse.Namespace) -> int:
    found = context.call("log.list", count=arguments.count, since=arguments.since)
    entries, compacted = found["entries"], found.get("compacted", 0)
    rows = [(e["seq"], when(e), _who(e), _became(e), e["message"]) for e in entries]
    context.table(
        ("VERSION", "TIME", "WHO", "OUTCOME", "WHY"),
        rows,
        entries,
        "there is no such version; `dusk status` shows the newest",
    )
    if compacted and len(entries) < arguments.count and not (arguments.since or 0) >= compacted:
        context.note(f"versions up to {compacted} were compacted: what they set is kept, who and when is not")
    return 0


def _who(entry: Json) -> str:
    """Say who signed: a router of a former version names the author alone."""
    return ", ".join(entry.get("signed") or [entry["author"]])


def _became(entry: Json) -> str:
    void = entry.get("void")
    return entry["outcome"] if void is None else f"void by {void}"


def _blame_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="TARGET", help="policy/NAME, device/NAME, group/NAME, user/NAME, cluster or trust"
    )


def _blame(context: Context, arguments: argparse.Namespace) -> int:
    found = context.call("log.blame", target=arguments.target)
    rows = [
        (
            f"{r['where']} {r['item']}",
            r["says"],
            r["seq"],
            when(r) if r["signed"] else "-",
            " ".join(r["signed"]) or "compacted",
            r["message"] if r.get("restored") is None else f"as in version {r['restored']}; {r['message']}",
        )
        for r in found["records"]
    ]
    context.table(("WHAT", "SAYS", "VERSION", "TIME", "SIGNED BY", "WHY"), rows, found["records"], "")
    if found["more"]:
        context.note(f"there is more; these are the first {len(rows)}")
    return 0


def when(entry: Json) -> str:
    """Return an entry's time for people; ``~`` where no trusted clock stood behind it."""
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["time"]))
    return text if entry["time_trusted"] else f"~{text}"


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "seq", type=within(1, NUMBER_MAX), metavar="SEQ", help="the version's number in `dusk log`"
    )


def _show(context: Context, arguments: argparse.Namespace) -> int:
    entry = context.call("log.show", seq=arguments.seq)
    if context.json:
        context.say("", entry)
        return 0
    names = ("seq", "kind", "author", "device", "outcome", "void", "hash", "message")
    rows: list[tuple[str, object]] = [("time", when(entry))]
    shown = {**entry, "author": _who(entry)}
    rows = [(name, shown[name]) for name in names if shown.get(name) not in (None, "")] + rows
    context.fields(rows, entry)
    if entry["diff"]:
        print()
        context.say(entry["diff"])
    return 0


def _revert_arguments(parser: argparse.ArgumentParser) -> None:
    from dusk.cli.people import timeout_argument

    parser.add_argument(
        "seq", type=within(1, NUMBER_MAX), metavar="SEQ", help="the version's number in `dusk log`"
    )
    parser.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        default="",
        help="of this alone, as `dusk show SEQ` names it: policy/NAME, device/NAME, … (default: all)",
    )
    parser.add_argument(
        "keys",
        metavar="KEY",
        nargs="*",
        default=[],
        help="and only these settings of it: options, or all of a section or package",
    )
    parser.add_argument(
        "-m", dest="message", metavar="MESSAGE", default="", help="why (default: which version)"
    )
    parser.add_argument(
        "--keep-later",
        action="store_true",
        help="leave what somebody has changed again since as it is, and put back the rest",
    )
    parser.add_argument("--yes", action="store_true", help="also if it touches the way to a router")
    timeout_argument(parser)


def _revert(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.people import done

    started = context.signed(
        "log.revert",
        seq=arguments.seq,
        target=arguments.target,
        keys=arguments.keys,
        message=arguments.message,
        keep_later=arguments.keep_later,
        yes=arguments.yes,
        timeout_s=arguments.timeout,
    )
    for row in started["kept"]:
        context.note(f"stays as it is: {row['where']} {row['item']}, by {row['by']}")
    if not context.json and started.get("diff"):
        context.say(started["diff"])
    return done(context, started, arguments.timeout)


def _verify(context: Context, _arguments: argparse.Namespace) -> int:
    from dusk.cli.verify import run

    return run(context)


COMMANDS = {
    "blame": Command(
        "Show of each setting who made it so: version, time, all who signed, and why.",
        "dusk blame policy/wifi",
        _blame_arguments,
        _blame,
    ),
    "log": Command(
        "List the versions: who changed what, and when they were written into the log. A ~ before a time: "
        "no time service had set the clock of the router that wrote it.",
        "dusk log -n 5",
        _log_arguments,
        _log,
    ),
    "revert": Command(
        "Put back what a version changed, setting by setting, as a new version of yours, sent at once: all "
        "of it, or what you name. What somebody changed again since is named; nothing is sent then, unless "
        "--keep-later is given.",
        "dusk revert 12\n  dusk revert 12 policy/wifi wireless.guest.ssid",
        _revert_arguments,
        _revert,
    ),
    "show": Command("Show one version with its differences.", "dusk show 12", _show_arguments, _show),
    "verify": Command(
        "Check the whole log on this router's disk from its first entry: every hash, signature and "
        "right. Needs no daemon.",
        "dusk verify",
        arguments=None,
        run=_verify,
    ),
}
