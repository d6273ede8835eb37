"""``dusk draft`` and ``dusk commit``."""

import argparse
import sys
import time
from collections.abc import Collection

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, duration, within
from dusk.cli.effects import effects_text
from dusk.cli.options import UsageError
from dusk.cli.pages import every
from dusk.cli.refresh import refresh
from dusk.cli.table import printable, shortened, terminal_width
from dusk.counting import counted
from dusk.errors import Refused
from dusk.limits import MEMBERS_MAX

TIMEOUT_S = 60.0
_GRACE_S = 10.0
"""Longer than the daemon waits, so that its answer arrives."""
_APPLIED_POLL_S = 0.2
_GOES_ON = "goes on without you; see `dusk log` and `dusk device list`"
"""What Ctrl-C cannot take back, since the daemon has it."""
_OVER = frozenset({"failed", "held", "off", "offline"})
"""What ends the wait for a router that has not the version in effect."""
_NOT_REACHED = "not reached yet"
"""A router that waits for its wave, or for a person to start the rollout: it gets the version later."""
_LATER = _OVER | {_NOT_REACHED}
_LACKING = "waiting-for-secret"
_HANDED_OVER_S = 5.0
"""So long another router has time to hand a secret over; who waits longer waits for a person."""
_STILL = {"committed": "waits"}
"""A state that is of an earlier version, as people read it."""


def _draft_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "dusk draft [-h] [show]\n       dusk draft discard [TARGET [KEY]]"
    parser.add_argument("what", nargs="?", choices=("show", "discard"), default="show", help="default: show")
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help="discard only this heading")
    parser.add_argument("key", nargs="?", default="", metavar="KEY", help="discard only this below it")
    parser.set_defaults(run=_draft)


def _draft(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.what == "discard":
        result = context.signed("draft.discard", target=arguments.target, key=arguments.key)
        count = result["discarded"]
        context.say(f"discarded {counted(count, 'edit')}" if count else "the draft was empty", result)
        return 0
    if arguments.target:
        raise UsageError("`dusk draft` shows the whole draft; only `draft discard` takes a TARGET")
    result = context.signed("draft.show")
    problems = result["problems"]
    for line in problems:
        context.note(f"dusk: cannot be committed: {line}")
    effects = effects_text(result["effects"], result["effects_more"])
    shown = [part for part in (result["text"], effects) if part]
    context.say("\n\n".join(shown) or "the draft is empty", result)
    for line in result["marked"]:
        context.note(f"! {line}: `dusk commit --yes` sends it")
    for line in result["notes"]:
        if line not in problems:
            context.note(line)
    return 1 if problems else 0


def _commit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", dest="message", metavar="MESSAGE", required=True, help="why, for people")
    parser.add_argument(
        "--timeout", type=duration, default=TIMEOUT_S, metavar="TIME", help="wait so long at most (60s)"
    )
    parser.add_argument(
        "--yes", action="store_true", help="also what touches the way by which Dusk reaches a router"
    )
    parser.add_argument(
        "--rollout",
        nargs="+",
        default=["all"],
        metavar=("all|canary|waves", "WAVE"),
        help="who gets it when: `all` at once; `canary` on one router first, or on those that you name; "
        "`waves 10%%,50%%` up to such shares of the routers, or groups by name. The rest comes last; each "
        "wave waits until the one before has it in effect (`dusk rollout show`)",
    )
    parser.add_argument(
        "--failures",
        type=within(0, MEMBERS_MAX),
        default=0,
        metavar="N",
        help="so many routers may fail before a rollout stops (0); with --together, so many may be missing",
    )
    parser.add_argument(
        "--together",
        action="store_true",
        help="for what must change everywhere at once, as the VLAN by which routers reach each other: all "
        "get ready, then switch in one moment; who hears the others no more goes back, and if the one that "
        "leads or most of them did not follow, all do",
    )
    parser.add_argument("--hold", action="store_true", help="reach nobody until `dusk rollout start`")
    parser.add_argument(
        "--wait",
        choices=("applied",),
        help="wait until every router that is online has it; exit 1 if one fails",
    )


def _commit(context: Context, arguments: argparse.Namespace) -> int:
    end_s = time.monotonic() + arguments.timeout
    started = context.signed(
        "draft.commit",
        message=arguments.message,
        yes=arguments.yes,
        timeout_s=arguments.timeout,
        **_rollout(arguments),
    )
    for line in started.get("notes", []):
        context.note(line)
    result = wait_for_change(context, started["ticket"], arguments.timeout)
    result["notes"] = started.get("notes", [])
    if not arguments.wait or result["state"] == "queued" or result.get("proposal"):
        return _sent(context, result, is_awaited=bool(arguments.wait))
    if not context.json:  # whoever waits, or stops waiting, knows by then what was sent
        report(context, result)
        sys.stdout.flush()
    # Who switch together do so soon, or the rollout stops; waves take as long as they take.
    is_soon = arguments.together and not arguments.hold
    result["devices"] = _wait_applied(context, result, end_s, _OVER if is_soon else _LATER)
    if context.json:
        report(context, result)
    return _applied_by(context, result["devices"], is_together=arguments.together)


def _sent(context: Context, result: Json, *, is_awaited: bool) -> int:
    """Say what became of a commit; exit 1 if somebody waits for what is only proposed."""
    proposal = result.get("proposal")
    code = report(context, result, [("proposed", proposal)] if proposal else [])
    if proposal and is_awaited:
        context.note(f"dusk: nothing is applied before others have signed it: `dusk sign {proposal}`")
        return 1
    return code


def _applied_by(context: Context, devices: list[Json], *, is_together: bool) -> int:
    """Say who has a version in effect, and who has not and why; exit 1 if that is for a person to see to."""
    context.note(progress(devices))
    away = [d["name"] for d in devices if d["state"] == "offline"]
    if away:
        context.note(f"offline, and applies it when it is heard again: {', '.join(away)}")
    later = {} if is_together else {d["name"]: d for d in devices if d["state"] == _NOT_REACHED}
    if later:
        shows = sorted({f"`dusk rollout show {d['rollout']}`" for d in later.values()})
        context.note(f"waits for its wave: {', '.join(later)}; {', '.join(shows)}")
    failed = [d["name"] for d in devices if not d["done"] and d["name"] not in (*away, *later)]
    if failed:
        shown = "`dusk rollout show`" if is_together else f"`dusk device show {failed[0]}`"
        why = f"{shown} says why"
        context.note(f"dusk: not applied everywhere: {', '.join(failed)}; {why}")
    return 1 if failed else 0


def _rollout(arguments: argparse.Namespace) -> Json:
    """Return how a change is to reach the routers, as the daemon takes it."""
    how, *parts = arguments.rollout
    if how not in ("all", "canary", "waves"):
        raise UsageError(f"--rollout {how}: all, canary or waves")
    if arguments.together and (how != "all" or parts):
        raise UsageError("--together: all at once, so there are no waves")
    how = "together" if arguments.together else how
    if arguments.failures and how == "all" and not arguments.hold:
        raise UsageError("--failures is of --rollout, --together or --hold: it goes to all at once otherwise")
    waves = [wave for part in parts for wave in part.split(",") if wave]
    said = {"rollout": how, "waves": waves, "failures": arguments.failures, "hold": arguments.hold}
    return said if (how, arguments.hold) != ("all", False) or waves else {}


def wait_for_change(context: Context, ticket: str, timeout_s: float) -> Json:
    """Wait for a change's outcome, showing how far it is on a terminal."""
    shown = _Line()
    try:
        return context.client.wait(
            ticket, timeout_s + _GRACE_S, lambda p: shown.put(str(p.get("text") or p.get("state") or ""))
        )
    except KeyboardInterrupt:
        raise Refused("stopped", f"stopped waiting; the change is signed and {_GOES_ON}") from None
    finally:
        shown.clear()


def report(context: Context, result: Json, more: list[tuple[str, object]] | None = None) -> int:
    """Print seq, hash and state; a queued change says what is missing and exits 1."""
    rows: list[tuple[str, object]] = [*(more or ())]
    rows += [(name, result[name] or "-") for name in ("seq", "hash", "state")]
    context.fields(rows, result)
    if result["state"] != "queued":
        return 0
    missing = result.get("missing") or "no router that may write has answered"
    context.note(f"dusk: the change is kept here and is sent as soon as possible; missing: {missing}")
    return 1


def _wait_applied(context: Context, result: Json, end_s: float, over: Collection[str]) -> list[Json]:
    """Wait until each router that is online has this version in effect, or is in a state that ends that."""
    shown, asked_s = _Line(), time.monotonic()
    try:
        while True:
            refresh(context)
            devices = [_applied(d, result["seq"]) for d in every(context, "device.list", "devices", "name")]
            shown.put(progress(devices))
            waiting = {d["state"] for d in devices if not d["done"] and d["state"] not in over}
            now_s = time.monotonic()
            if waiting != {_LACKING}:
                asked_s = now_s
            if not waiting or now_s > min(end_s, asked_s + _HANDED_OVER_S):
                return devices
            time.sleep(_APPLIED_POLL_S)
    except KeyboardInterrupt:
        raise Refused("stopped", f"stopped waiting; version {result['seq']} {_GOES_ON}") from None
    finally:
        shown.clear()


def progress(devices: list[Json]) -> str:
    """Return how many routers have a version, then those that have not, each with its state."""
    done = sum(1 for device in devices if device["done"])
    rest = [f"{d['name']} {_STILL.get(d['state'], d['state'])}" for d in devices if not d["done"]]
    return f"{done} of {len(devices)} have applied it" + (f"; {', '.join(rest)}" if rest else "")


def _applied(device: Json, seq: int) -> Json:
    """Say how far one router is; that it fails or lacks a secret counts of this version or a later one."""
    done = device["applied"] >= seq
    state = "applied" if done else device["apply"] if device["online"] else "offline"
    if device["rollout"] is not None and not done and device["online"]:
        state = _NOT_REACHED
    elif state in ("failed", _LACKING) and device["judged"] < seq:
        state = "waiting"
    return {"name": device["name"], "done": done, "state": state, "rollout": device["rollout"]}


class _Line:
    """One line on a terminal that is written over, so it is cut where that ends; nothing elsewhere."""

    def __init__(self) -> None:
        self._text = ""
        self._on = sys.stderr.isatty()

    def put(self, text: str) -> None:
        if self._on and text != self._text:
            width = terminal_width(sys.stderr)
            sys.stderr.write(f"\r\x1b[K{shortened(printable(text), width - 1 if width else None)}")
            sys.stderr.flush()
            self._text = text

    def clear(self) -> None:
        if self._text:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._text = ""


COMMANDS = {
    "draft": Command(
        "Show what your draft would change, as differences; `draft discard` forgets it, "
        "`draft discard TARGET [KEY]` what stands there below that heading.",
        "dusk draft discard policy/wifi wireless.default_radio0.ssid",
        _draft_arguments,
    ),
    "commit": Command(
        "Sign your draft as one change and send it to all routers. Prints its position (seq), its "
        "hash and how safe it is: durable (on two routers), local (on this one), queued (exit 1).",
        "dusk commit -m 'new name for the guest network'",
        _commit_arguments,
        _commit,
    ),
}
