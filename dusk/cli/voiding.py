"""``--compromised-since``: what a thief did with somebody's key is shown, and undone."""

import argparse
import re
import time
from typing import TYPE_CHECKING

from dusk.cli.command import Context
from dusk.cli.draft import report, wait_for_change
from dusk.counting import counted
from dusk.errors import Refused

if TYPE_CHECKING:
    from dusk.cli.client import Json

_PLAN_S = 3600.0
"""How long the log may take to be read again; a router with a long one needs minutes."""
_ROUNDS_MAX = 64
"""Changes that undo one thief: each puts back some thousand records."""
_DIGITS_MAX = 16
_UNASKED = "--yes, which undoes without asking"


def since_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a verb its ``--compromised-since``."""
    parser.add_argument(
        "--compromised-since",
        type=_since,
        metavar="SEQ",
        help="the key was in a thief's hands since this version of `dusk log`, or since a time such as "
        "2026-05-31 or 2026-05-31T14:30: first the key ends, for good and without asking, then what it "
        "changed from then on is shown, and undone",
    )
    parser.add_argument("--yes", action="store_true", help="undo without asking")


def _since(text: str) -> "dict[str, int]":
    """Read a version's number, or a time of this machine's zone."""
    if text.isascii() and text.isdigit() and len(text) < _DIGITS_MAX and int(text):
        return {"since": int(text)}
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?", text, re.ASCII):
        try:
            form = "%Y-%m-%dT%H:%M" if "T" in text else "%Y-%m-%d"
            return {"since_time": max(1, int(time.mktime(time.strptime(text, form))))}
        except (ValueError, OverflowError):
            pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither a version nor a time; write 120, 2026-05-31 or 2026-05-31T14:30"
    )


def check_before(context: Context, arguments: argparse.Namespace) -> None:
    """Refuse what is known to be wrong before a key ends, which is for good.

    Raises:
        Refused: ``no-version``, ``compacted``, or ``no-terminal`` where somebody is to be asked.
    """
    since, nothing = arguments.compromised_since, "Nothing was done"
    if since.get("since_time", 0) > time.time():
        raise Refused("no-version", f"there is no version of then or later: that is still to come. {nothing}")
    if "since" in since:
        status = context.call("status")
        newest, floor = status["head"]["seq"], status["checkpoint"]
        if since["since"] > newest:
            raise Refused(
                "no-version", f"there is no version {since['since']}; the newest here is {newest}. {nothing}"
            )
        if since["since"] <= floor:
            raise Refused(
                "compacted",
                f"versions up to {floor} were compacted: what was changed up to then cannot be undone."
                f" {nothing}: say --compromised-since {floor + 1}",
            )
    if not (arguments.yes or context.signs_here):
        from dusk.cli.passwords import check_terminal

        check_terminal(_UNASKED)


def ended(context: Context, started: "Json", timeout_s: float) -> None:
    """Wait until the key has ended in the log; nothing is undone while it may go on.

    Raises:
        Refused: ``not-ended``: the change waits for others, or for the master.
    """
    for line in started.get("notes") or []:
        context.note(line)
    if started["ticket"] is None:
        return
    result = wait_for_change(context, started["ticket"], timeout_s)
    context.note(f"{started['text']}: {result['state']}")
    if result["state"] == "queued" or str(started["text"]).startswith("proposed"):
        raise Refused(
            "not-ended", "the key has not ended yet, so nothing is undone; say the same again when it has"
        )


def undo(context: Context, arguments: argparse.Namespace, **whom: str) -> int:
    """Show what is void of a key that has ended, ask, and undo it.

    Args:
        context: of this run.
        arguments: with ``compromised_since``, ``yes`` and ``timeout``.
        whom: ``user``, with ``old_key`` or without, or ``device``.
    """
    shown: Json | None = None
    done: Json | None = None
    for _round in range(_ROUNDS_MAX):
        started = context.signed("void.plan", **whom, **arguments.compromised_since)
        plan = context.client.wait(started["ticket"], _PLAN_S)
        is_over = not plan["voided_count"] and not plan["edits"]
        if shown is None:
            shown = plan
            _show(context, plan)
            if is_over:
                context.say(
                    f"nothing is void: no change since version {plan['since']} counted by that key alone",
                    {**plan, "seq": 0, "hash": "", "state": "unchanged"},
                )
                return 0
            _ask(context, arguments)
        elif is_over and done is not None:
            break
        started = context.signed("void.submit", plan=plan["plan"], timeout_s=arguments.timeout)
        done = _signed(context, started, shown, arguments.timeout)
        if not started["left_edits"] or done["state"] == "queued" or started["text"].startswith("proposed"):
            break
        context.note(f"{started['text']}: {done['state']}")
    else:
        raise Refused("too-large", "more is to be undone than a few changes hold; say the same again")
    return report(context, done, [("done", done["text"])])


def _signed(context: Context, started: "Json", shown: "Json", timeout_s: float) -> "Json":
    """Wait for a void; return what became of it, and what was shown before the first."""
    for line in started["notes"]:
        context.note(line)
    told = {name: shown[name] for name in ("since", "voided", "voided_count", "edits", "kept", "left")}
    return {**wait_for_change(context, started["ticket"], timeout_s), "text": started["text"], **told}


def _show(context: Context, plan: "Json") -> None:
    """Say on standard error what would be void, what is put back, and what is not."""
    for one in plan["voided"]:
        context.note(f"void: version {one['seq']} by {one['author']}: {one['message']}")
    more = plan["voided_count"] - len(plan["voided"])
    if more:
        context.note(f"void: {more} more")
    if plan["edits"]:
        context.note(f"put back, {counted(plan['edits'], 'record')}:\n{plan['diff']}")
    for one in plan["kept"]:
        context.note(f"stays: {one['where']} {one['item']}, which version {one['seq']} changed since")
    for one in plan["left"]:
        context.note(f"not undone: {one['where']} {one['item']}: {one['why']}")


def _ask(context: Context, arguments: argparse.Namespace) -> None:
    if arguments.yes or context.signs_here:  # who signs with a key of his own is asked what he signs
        return
    from dusk.cli.passwords import ask_yes

    if not ask_yes("Undo this?", _UNASKED):
        raise Refused("not-signed", "nothing was undone; the key has ended all the same")
